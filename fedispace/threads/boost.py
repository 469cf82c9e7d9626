"""Passing a post on to one's own followers, and taking that back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People, Somebody
from fedispace.clock import Clock
from fedispace.db.base import BigId
from fedispace.db.engine import Database, Tx
from fedispace.db.removing import take_out
from fedispace.db.upsert import add_new
from fedispace.errors import Conflict, Forbidden
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Announce, Undo
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.ids import Ids
from fedispace.threads import counts
from fedispace.threads.asking import WAITS, Asking, waits
from fedispace.threads.audience import (
    Visibility,
    addressees,
    is_distributable,
    narrower,
    parse_visibility,
)
from fedispace.threads.known import Post
from fedispace.threads.models import Status
from fedispace.threads.visibility import require_visible
from fedispace.threads.wire import announce_of

_OF: Final = select(Status).where(
    Status.boost_of_id == bindparam("post", type_=BigId), Status.account_id == bindparam("by", type_=BigId)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBoost:
    """A boost about to be written, ours or another server's."""

    id: int
    uri: str
    visibility: Visibility
    at: datetime
    local: bool


def may_boost(by: Somebody, post: Post) -> bool:
    """Tell whether `by`, who may see the post, may pass it on: only what everybody may read, or one's own.

    A post for followers can be boosted by its author, to the same followers.
    """
    if is_distributable(post.visibility):
        return True
    return post.visibility == "private" and post.account_id == by.id


async def record(tx: Tx, notifier: Notifier, by: Account, original: Status, new: NewBoost) -> Status | None:
    """Write a boost; None when `by` boosts the post already."""
    return await tx.get(Status, new.id) if await write(tx, notifier, by, original, new) else None


async def write(tx: Tx, notifier: Notifier, by: Somebody, original: Post, new: NewBoost) -> bool:
    """Write a boost; False when `by` boosts the post already."""
    await tx.flush()
    row = {
        "id": new.id,
        "uri": new.uri,
        "url": new.uri,
        "account_id": by.id,
        "local": new.local,
        "type": "Announce",
        "boost_of_id": original.id,
        "thread_id": new.id,
        "thread_position": 1,
        "thread_length": 1,
        "conversation_id": new.id,
        "visibility": new.visibility,
        "tags": [],
        "attachments": [],
        "emojis": [],
        "created_at": new.at,
    }
    if await add_new(tx, Status, row) == 0:
        return False
    await counts.boosted(tx, original.id)
    await counts.posted(tx, by.id, new.visibility, new.at)
    if original.local:
        await notifier.notify_ours(
            tx, to_id=original.account_id, type="reblog", by_id=by.id, subject=original.id
        )
    return True


async def withdraw(tx: Tx, notifier: Notifier, boost: Post, original: Post) -> None:
    """Remove a boost and what was counted and told because of it."""
    await take_out(tx, Status, boost.id)
    await counts.unboosted(tx, original.id)
    await counts.removed(tx, boost.account_id, boost.visibility)
    await notifier.withdraw(
        tx, to_id=original.account_id, type="reblog", by_id=boost.account_id, subject=original.id
    )


async def boost_by(tx: Tx, account_id: int, original_id: int) -> Status | None:
    """Return the account's boost of a post, if it has one."""
    rows = await tx.scalars(_OF, {"post": original_id, "by": account_id})
    return rows.one_or_none()


class Boosting:
    """Boosts by our own people. Both steps may be repeated; the repeat does nothing."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        notifier: Notifier,
        people: People,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._notifier = notifier
        self._people = people
        self._asking = Asking(ids, clock, addresses, outbox, notifier, people)

    async def boost(self, by: Account, status_id: int, *, visibility: Visibility = "public") -> Status:
        """Boost a post and return the boost; or the post, while its author has yet to give leave.

        Raises `NotFound`, or `Forbidden` for a post that is not to be passed on.
        """
        if visibility == "direct":
            raise Forbidden("A boost is for others to see.")
        async with self._db.transaction() as tx:
            original = await original_of(tx, by.id, status_id)
            if original.pending_approval:
                raise Conflict(WAITS)
            if not may_boost(by, original):
                raise Forbidden("This post is not to be passed on.")
            earlier = await boost_by(tx, by.id, original.id)
            if earlier is not None:
                return earlier
            id_ = self._ids.next()
            new = NewBoost(
                id=id_,
                uri=f"{self._addresses.status(by.username, id_)}/activity",
                visibility=narrower(visibility, parse_visibility(original.visibility))
                if original.visibility == "private"
                else visibility,
                at=self._clock.now(),
                local=True,
            )
            answer = await self._asking.may(tx, "boost", by, original)
            if waits(answer, original):
                await self._ask(tx, by, original, new)
                return original
            boost = await record(tx, self._notifier, by, original, new)
            if boost is None:  # the same boost, committed by another process a moment ago
                boost = await boost_by(tx, by.id, original.id)
                assert boost is not None
                return boost
            author = await self._people.by_id(tx, original.account_id)
            announce = announce_of(boost, by, original, author, self._addresses)
            await self._outbox.send(tx, by.id, announce, _audience(boost, author))
        return boost

    async def unboost(self, by: Account, status_id: int) -> Status:
        """Take a boost of the post back, if there is one, and return the post."""
        async with self._db.transaction() as tx:
            original = await original_of(tx, by.id, status_id)
            boost = await boost_by(tx, by.id, original.id)
            if boost is not None:
                await self.withdraw_in(tx, by, boost, original)
            else:
                await self._asking.withdraw(tx, "boost", by, original)
        return original

    async def _ask(self, tx: Tx, by: Account, original: Status, new: NewBoost) -> None:
        author = await self._people.by_id(tx, original.account_id)
        told = addressees(new.visibility, self._addresses.collection(by.uri, "followers"), [Uri(author.uri)])
        announce = Announce(
            id=parse_uri(new.uri),
            actor=parse_uri(by.uri),
            object=parse_uri(original.uri),
            to=told.to,
            cc=told.cc,
            published=new.at,
        )
        wanted = {"id": new.id, "visibility": new.visibility, "at": new.at.isoformat()}
        await self._asking.act(tx, "boost", by, original, announce, subject=original.id, extra=wanted)

    async def withdraw_in(self, tx: Tx, by: Account, boost: Status, original: Status) -> None:
        """Take a boost back inside the caller's transaction, and say so to whom it was sent."""
        author = await self._people.by_id(tx, original.account_id)
        announce = announce_of(boost, by, original, author, self._addresses)
        undo = Undo(
            id=self._addresses.activity(self._ids.next()),
            actor=announce.actor,
            object=announce.id,
            inner=announce,
            to=announce.to,
            cc=announce.cc,
        )
        audience = _audience(boost, author)
        await withdraw(tx, self._notifier, boost, original)
        await self._outbox.send(tx, by.id, undo, audience)


async def original_of(tx: Tx, viewer_id: int, status_id: int) -> Status:
    """Return the post that acting on `status_id` acts on: itself, or what it passes on."""
    status = await require_visible(tx, viewer_id, status_id)
    if status.boost_of_id is None:
        return status
    return await require_visible(tx, viewer_id, status.boost_of_id)


def _audience(boost: Status, author: Account) -> Audience:
    return Audience(public=is_distributable(boost.visibility), followers=True, actors=(author.id,))
