"""What the guests of a Space of ours answer from their own servers, carried out as if said in the room.

A job, because the verb has a transaction of its own, after which the audio servers are told. If the room has
filled up meanwhile, the guest's server is told that the offer is none any more.
"""

from collections.abc import Mapping
from typing import Final, Protocol

import structlog

from fedispace.accounts.people import People
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, Forbidden, NotFound
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.spaces import members
from fedispace.spaces.fediverse.invitation_post import InvitationPost
from fedispace.spaces.models import Space
from fedispace.spaces.order_of_locks import take_space

log = structlog.get_logger()

TAKE_ANSWER: Final = "spaces.take_answer"


class Answering(Protocol):
    """The verb (`inviting.Inviting`)."""

    async def answer(self, by_id: int, space_id: int, *, accept: bool) -> None: ...


async def enqueue_answer(
    tx: Tx, jobs: Jobs, space_id: int, account_id: int, invite_uri: str, *, accept: bool
) -> None:
    """Have an answer carried out; the same answer twice is one."""
    await jobs.enqueue(
        tx,
        TAKE_ANSWER,
        {"space": space_id, "account": account_id, "invite": invite_uri, "accept": accept},
        unique_key=f"{TAKE_ANSWER} {invite_uri} {accept}",
    )


class GuestAnswers:
    """Runs the job."""

    def __init__(self, db: Database, people: People, answering: Answering, post: InvitationPost) -> None:
        self._db = db
        self._people = people
        self._answering = answering
        self._post = post

    def tasks(self) -> Mapping[str, Task]:
        return {TAKE_ANSWER: self.take}

    async def take(self, arguments: Arguments) -> None:
        """Carry out an answer to the offer that is open; an answer to an older one says nothing."""
        space_id, account_id = int(arguments["space"]), int(arguments["account"])
        async with self._db.reading() as tx:
            row = await members.member(tx, space_id, account_id)
            is_open = row is not None and row.invite_uri == arguments["invite"] and row.invited_as is not None
        if not is_open:
            return
        try:
            await self._answering.answer(account_id, space_id, accept=bool(arguments["accept"]))
        except (Conflict, Forbidden, NotFound) as refusal:
            log.info("space.answer_too_late", space=space_id, account=account_id, why=refusal.detail)
            await self._take_back(space_id, account_id, arguments["invite"])

    async def _take_back(self, space_id: int, account_id: int, invite: object) -> None:
        """Tell that an offer is none any more, unless it was taken, or made anew, meanwhile."""
        async with self._db.transaction() as tx:
            await take_space(tx, space_id)
            space, row = await tx.get(Space, space_id), await members.member(tx, space_id, account_id)
            if space is None or row is None or row.invite_uri != invite or row.invited_as is None:
                return
            guest = await self._people.by_id(tx, account_id)
            await self._post.withdrawn(tx, space, guest, row.invite_uri)
            row.invited_as = row.invite_uri = None
