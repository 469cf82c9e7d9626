"""Voting in a poll, ours or another server's.

A vote travels as a Note with the option's `name`, the poll in `inReplyTo` and no content, to the poll's
author alone, one for each choice. It is counted and never becomes a post: nobody is shown who chose what.

Whoever votes in a poll of ours must be allowed to see it. What is not counted (a second vote where one
may choose once, a vote after the end, one for what is not asked, one by a stranger) is dropped, and all
are answered alike.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import add_new
from fedispace.errors import Conflict, Invalid, NotFound, Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Create
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs
from fedispace.threads.models import Poll, PollVote, Status
from fedispace.threads.polls import Polls, is_over, locked
from fedispace.threads.sanitize import storable
from fedispace.threads.visibility import may_see, require_visible

TELL: Final = "threads.tell_poll"
TOLD_EVERY: Final = timedelta(minutes=3)


def is_vote(note: Note) -> bool:
    """Tell whether a note is a vote and no post."""
    return (
        note.type == "Note"
        and bool(note.name)
        and note.in_reply_to is not None
        and not note.content
        and not note.attachments
    )


class Voting:
    """Counts votes."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        people: People,
        jobs: Jobs,
        polls: Polls,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._people = people
        self._jobs = jobs
        self._polls = polls

    async def vote(self, by: Account, poll_id: int, choices: Iterable[int]) -> Status:
        """Vote, and return the post that asks.

        Repeating a vote changes nothing. Raises `NotFound` when `by` may not see the poll, `Invalid`
        for choices that are none, and `Conflict` when it is over or `by` has chosen.
        """
        chosen = list(dict.fromkeys(choices))
        async with self._db.transaction() as tx:
            status = await require_visible(tx, by.id, poll_id)
            poll = await locked(tx, status.id)
            if poll is None:
                raise NotFound("There is no such poll.")
            if not chosen or not all(0 <= choice < len(poll.options) for choice in chosen):
                raise Invalid("That is not among the options.", field="choices")
            if len(chosen) > 1 and not poll.multiple:
                raise Invalid("Only one option can be chosen.", field="choices")
            earlier = await _chosen(tx, poll.id, by.id)
            new = [choice for choice in chosen if choice not in earlier]
            if not new:
                return status
            if status.account_id == by.id:
                raise Conflict("You cannot vote in your own poll.")
            if is_over(poll, self._clock.now()):
                raise Conflict("The poll has already ended.")
            if earlier and not poll.multiple:
                raise Conflict("You have already voted on this poll.")
            author = await self._people.by_id(tx, status.account_id)
            for choice in new:
                id_ = self._ids.next()
                uri = parse_uri(f"{by.uri}#votes/{id_}")
                await self._count(tx, poll, by.id, choice, id_, uri, is_first=not earlier)
                earlier = {*earlier, choice}
                if not author.local:
                    await self._send(tx, by, author, status, uri, poll.options[choice])
            await self._after(tx, status, poll)
        return status

    async def receive(self, tx: Tx, sender: str, note: Note) -> None:
        """Count the vote of somebody of another server; raises `Refused` for what does not count."""
        status = (await tx.scalars(select(Status).where(Status.uri == note.in_reply_to))).one_or_none()
        if status is None or not status.local or note.attributed_to != sender:
            raise _not_counted()
        voter = await self._people.ensure(tx, sender)
        if voter.suspended_at is not None or not await may_see(tx, voter.id, status):
            raise _not_counted()
        poll = await locked(tx, status.id)
        name = storable(note.name or "")
        if poll is None or name not in poll.options or is_over(poll, self._clock.now()):
            raise _not_counted()
        choice = poll.options.index(name)
        earlier = await _chosen(tx, poll.id, voter.id)
        if choice in earlier or (earlier and not poll.multiple):
            raise _not_counted()
        await self._count(tx, poll, voter.id, choice, self._ids.next(), note.id, is_first=not earlier)
        await self._after(tx, status, poll)

    async def _count(
        self, tx: Tx, poll: Poll, voter_id: int, choice: int, id_: int, uri: str, *, is_first: bool
    ) -> None:
        """Write a vote and add it up; the poll is locked, and its unique keys say what is new."""
        row = {
            "id": id_,
            "poll_id": poll.id,
            "account_id": voter_id,
            "choice": choice,
            "uri": uri,
            "created_at": self._clock.now(),
        }
        if await add_new(tx, PollVote, row) == 0:
            raise _not_counted()
        tallies = list(poll.tallies)
        tallies[choice] += 1
        poll.tallies = tallies
        if is_first and poll.voters_count is not None:
            poll.voters_count += 1
        await tx.flush()

    async def _after(self, tx: Tx, status: Status, poll: Poll) -> None:
        """Have the news told: of a poll of ours a while later, with what else is voted until then."""
        if not status.local:
            await self._polls.close_later(tx, poll)
            return
        await tell_later(tx, self._jobs, poll, self._clock.now())

    async def _send(
        self, tx: Tx, by: Account, author: Account, status: Status, uri: Uri, option: str
    ) -> None:
        vote = Note(
            id=uri,
            attributed_to=parse_uri(by.uri),
            name=option,
            in_reply_to=parse_uri(status.uri),
            to=(parse_uri(author.uri),),
        )
        create = Create(id=parse_uri(f"{uri}/activity"), actor=vote.attributed_to, object=vote, to=vote.to)
        await self._outbox.send(tx, by.id, create, Audience(actors=(author.id,)))


async def tell_later(tx: Tx, jobs: Jobs, poll: Poll, now: datetime) -> None:
    """Have the news of a poll of ours told a while later, with what else happens to it until then."""
    at = next_telling(now)
    key = f"{TELL} {poll.id} {int(at.timestamp())}"
    await jobs.enqueue(tx, TELL, {"poll": poll.id}, run_at=at, unique_key=key)


def next_telling(now: datetime) -> datetime:
    """Return the end of the stretch of time `now` lies in; votes of one stretch are told together.

    A vote that comes while the news of the last stretch are written belongs to the next one.
    """
    seconds = int(TOLD_EVERY.total_seconds())
    return now + timedelta(seconds=seconds - now.timestamp() % seconds)


async def _chosen(tx: Tx, poll_id: int, account_id: int) -> set[int]:
    rows = await tx.scalars(
        select(PollVote.choice).where(PollVote.poll_id == poll_id, PollVote.account_id == account_id)
    )
    return set(rows)


def _not_counted() -> Refused:
    return Refused("vote", "That vote does not count.", status=202)
