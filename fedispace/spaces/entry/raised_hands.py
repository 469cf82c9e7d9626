"""A reply with a raised hand asks to speak, from any server of the fediverse; deleting it lowers the hand.

    reply ✋ --(in its transaction: a job)--> hand up, by the rules of the room (`hands.py`) --> approved
        --> a link by direct message, for who is not in the room already (`entry_links.py`)

Whoever has no way into the room yet is asked nothing else: their own server vouches for the reply. The rules
are the room's own, so who may not ask is not heard, and nothing is said about it.
"""

import re
from collections.abc import Mapping
from typing import Final, Protocol

import structlog
from sqlalchemy import or_, select

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, Forbidden, NotFound
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.spaces.entry.entry_links import EntryLinks
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Pass, Space
from fedispace.threads.known import Post
from fedispace.threads.models import Status
from fedispace.threads.sanitize import plain
from fedispace.threads.talk import Spoken

log = structlog.get_logger()

RAISE: Final = "spaces.raise_hand"
LOWER: Final = "spaces.lower_hand"
_HANDS: Final = ("\u270b", "\U0001f64b", "\U0001f590")
"""Raised hand, person raising a hand, hand with fingers splayed; of any colour of skin."""
_HAND: Final = re.compile("[{}]".format("".join(_HANDS)))
_MOST_REPLIES: Final = 200


class Hands(Protocol):
    """The queue of a room, by its own rules (`hands.py`)."""

    async def raise_hand(self, by_id: int, space_id: int, *, up: bool) -> None:
        """Put somebody's hand up or down; raises `Conflict`, `Forbidden` or `NotFound`."""
        ...


def has_raised_hand(content: str) -> bool:
    """Tell whether a post's text has a raised hand in it: not in an address, not in a name of a picture.

    >>> has_raised_hand("<p>@alice ✋🏽 me!</p>"), has_raised_hand('<p><a href="https://x.example/✋">x</a></p>')
    (True, False)
    """
    return _HAND.search(content) is not None and _HAND.search(plain(content)) is not None


class HandsInReplies:
    """Looks for hands in what is said; a `threads.talk.Talk`. Most posts cost it one look at their text."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    async def said(self, tx: Tx, spoken: Spoken) -> None:
        """Have a hand raised if that is what a reply in a live Space says."""
        if not has_raised_hand(spoken.content):
            return
        space_id = await _space_of(tx, spoken.conversation_id, spoken.answers)
        if space_id is not None:
            await self._put(tx, RAISE, space_id, spoken.account_id)

    async def unsaid(self, tx: Tx, post: Post) -> None:
        """Have the hand lowered that a reply raised."""
        if post.in_reply_to_uri is None:
            return
        space_id = await _space_of(tx, post.conversation_id, post.in_reply_to_uri)
        if space_id is None:
            return
        content = await tx.scalar(select(Status.content).where(Status.id == post.id))
        if content is not None and has_raised_hand(content):
            await self._put(tx, LOWER, space_id, post.account_id)

    async def _put(self, tx: Tx, kind: str, space_id: int, account_id: int) -> None:
        """Write the job; many replies of one person make one."""
        about = {"space": space_id, "account": account_id}
        await self._jobs.enqueue(tx, kind, about, unique_key=f"{kind} {space_id} {account_id}")


class RaisedHands:
    """Raises and lowers them by the room's rules."""

    def __init__(self, db: Database, hands: Hands) -> None:
        self._db = db
        self._hands = hands

    def tasks(self) -> Mapping[str, Task]:
        """Return the jobs by their kind, for the pump."""
        return {RAISE: self.raise_hand, LOWER: self.lower_hand}

    async def raise_hand(self, arguments: Arguments) -> None:
        """Raise somebody's hand if a reply of theirs is still there that does."""
        space_id, account_id = int(arguments["space"]), int(arguments["account"])
        async with self._db.reading() as tx:
            if await _raised_by(tx, space_id, account_id) is None:
                return
        await self._put(account_id, space_id, up=True)

    async def lower_hand(self, arguments: Arguments) -> None:
        """Lower the hand of a reply that is gone, unless its author has raised it by another, too."""
        space_id, account_id = int(arguments["space"]), int(arguments["account"])
        async with self._db.reading() as tx:
            if await _raised_by(tx, space_id, account_id) is not None:
                return
        await self._put(account_id, space_id, up=False)

    async def _put(self, account_id: int, space_id: int, *, up: bool) -> None:
        try:
            await self._hands.raise_hand(account_id, space_id, up=up)
        except (Conflict, Forbidden, NotFound) as refusal:
            log.info("space.hand_not_heard", space=space_id, account=account_id, why=refusal.detail)


class CallUp:
    """Sends the way in to who raised a hand by a reply and was let on stage."""

    def __init__(self, clock: Clock, links: EntryLinks) -> None:
        self._clock = clock
        self._links = links

    async def on_stage(self, tx: Tx, space: Space, account_id: int) -> None:
        """Send the way in to somebody elsewhere who raised a hand by a reply and is not in the room."""
        account = await tx.get(Account, account_id)
        if account is None or account.local or await self._is_in(tx, space.id, account_id):
            return
        if await _raised_by(tx, space.id, account_id) is not None:
            await self._links.invite(tx, space, account_id)

    async def _is_in(self, tx: Tx, space_id: int, account_id: int) -> bool:
        held = select(Pass.token_hash).where(
            Pass.space_id == space_id,
            Pass.account_id == account_id,
            Pass.revoked_at.is_(None),
            Pass.expires_at > self._clock.now(),
        )
        return await tx.scalar(held.limit(1)) is not None


async def _space_of(tx: Tx, conversation_id: int, answers: str | None) -> int | None:
    """Return the live Space of ours that a conversation is about."""
    about = Space.id == conversation_id
    if answers is not None:
        about = or_(about, Space.uri == answers)
    statement = select(Space.id).where(about, Space.local, Space.state == Phase.LIVE).limit(1)
    found: int | None = await tx.scalar(statement)
    return found


async def _raised_by(tx: Tx, space_id: int, account_id: int) -> int | None:
    """Return the newest reply by which somebody raises a hand in a Space."""
    rows = await tx.execute(
        select(Status.id, Status.content)
        .join(Space, or_(Space.id == Status.conversation_id, Space.uri == Status.in_reply_to_uri))
        .where(Space.id == space_id, Status.account_id == account_id, ~Status.pending_approval)
        .order_by(Status.id.desc())
        .limit(_MOST_REPLIES)
    )
    return next((status_id for status_id, content in rows if has_raised_hand(content)), None)
