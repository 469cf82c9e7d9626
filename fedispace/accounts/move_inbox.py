"""Other servers' people say that they moved.

The old account says so itself (push), or the new one does (pull: the old server may be gone, FEP-7628).
Either way the new account's own document, fetched for this very activity, must name the old one. When
the new one speaks, the old one must have named it as well, in the last document we have of it or in one
it still serves: otherwise anybody could take anybody's followers. And where the old one names it only
because it came from there, that is no leave to take its followers back there: a server one has left
would have the last word on them for ever.
"""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fedispace.accounts.models import Account
from fedispace.accounts.moves import THEIRS_AT_MOST_EVERY, Moves, has_moved_to, last_move
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation.addresses import Addresses
from fedispace.federation.resolve import Resolver
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.vocab.activities import Move
from fedispace.federation.vocab.uri import Uri
from fedispace.queue.jobs import Jobs, Task

TASK: Final = "accounts.confirm_move"


def _the_new_account(move: Move) -> Iterable[Uri]:
    return (move.target,)


class MoveInbox:
    """Takes Move activities."""

    routes = InboxRoutes()

    def __init__(
        self,
        db: Database,
        clock: Clock,
        addresses: Addresses,
        people: People,
        resolver: Resolver,
        jobs: Jobs,
        moves: Moves,
    ) -> None:
        self._db = db
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._resolver = resolver
        self._jobs = jobs
        self._moves = moves

    def tasks(self) -> dict[str, Task]:
        return {TASK: self.confirm}

    @routes.on(Move, needs=_the_new_account)
    async def moved(self, tx: Tx, verified: Verified[Move], found: Found) -> None:
        """Believe a move that both accounts stand for."""
        move, sender = verified.activity, verified.sender
        if sender not in (move.object, move.target) or self._addresses.is_ours(move.object):
            raise Refused("not_owner", "An account is moved by its owner.")
        target = await self._target(tx, move, found)
        if sender == move.target:
            origin = await self._people.by_uri(tx, move.object)
            if origin is not None:
                job = {"origin": origin.id, "target": target.id}
                await self._jobs.enqueue(tx, TASK, job, unique_key=f"{TASK}:{origin.id}:{target.id}")
            return
        origin = await self._people.ensure(tx, sender)
        await self._moves.record(tx, origin, target, at_most_every=THEIRS_AT_MOST_EVERY)

    async def confirm(self, arguments: Mapping[str, Any]) -> None:
        """Ask the old account whether the new one is its own, and move when it is."""
        async with self._db.reading() as tx:
            origin = await tx.get(Account, arguments["origin"])
            target = await tx.get(Account, arguments["target"])
        if origin is None or target is None:
            return
        with contextlib.suppress(Gone, Invalid, NotFound, Refused, Unavailable):
            await self._resolver.document(Uri(origin.uri))  # else what it said while it was there has to do
        async with self._db.transaction() as tx:
            row = await self._people.described(tx, origin)
            if row is None or target.uri not in (*row.also_known_as, row.moved_to):
                return
            if row.moved_to != target.uri and await has_moved_to(tx, target.id, origin.uri):
                return
            origin = await self._people.by_id(tx, origin.id)
            try:
                await self._moves.record(tx, origin, target, at_most_every=THEIRS_AT_MOST_EVERY)
            except Refused:
                return

    async def _target(self, tx: Tx, move: Move, found: Found) -> Account:
        """Return the new account, whose fresh document (or profile, when it is ours) names the old one."""
        if move.target == move.object:
            raise _unconfirmed("An account cannot move to itself.")
        if self._addresses.is_ours(move.target):
            target = await self._people.by_uri(tx, move.target)
            names = tuple[str, ...]() if target is None else tuple(target.also_known_as)
        else:
            described = found.actor(move.target)
            if described is None:
                raise _unconfirmed("The new account cannot be had.")
            target = await self._people.refresh(tx, described)
            names = described.also_known_as
        if target is None or target.is_suspended or move.object not in names:
            raise _unconfirmed("The new account does not name the old one.")
        if target.moved_to_uri is not None:
            raise _unconfirmed("The new account has itself moved away.")
        last = await last_move(tx, target.id)
        if last is not None and last.created_at > self._clock.now() - THEIRS_AT_MOST_EVERY:
            raise _unconfirmed("The new account has itself moved only recently.")
        return target


def _unconfirmed(detail: str) -> Refused:
    return Refused("move_unconfirmed", detail, status=403)
