"""Following somebody, and no longer; answering those who ask to follow."""

import re
from collections.abc import Sequence
from typing import Final

from fedispace.accounts import follows as rows
from fedispace.accounts.follows import Follows
from fedispace.accounts.models import Account
from fedispace.accounts.models import Follow as FollowRow
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.accounts.relationships import Relationship, is_unwanted, relationship
from fedispace.accounts.standing import require_at_home
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Forbidden, Invalid, NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Accept, Follow, Reject, Undo
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import Ids

MAX_LANGUAGES: Final = 50
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}")


class Following:
    """What our people do about following."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        people: People,
        follows: Follows,
        notifier: Notifier,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._people = people
        self._follows = follows
        self._notifier = notifier

    async def follow(
        self,
        by: Account,
        target_id: int,
        *,
        boosts: bool | None = None,
        notify: bool | None = None,
        languages: Sequence[str] | None = None,
    ) -> Relationship:
        """Follow an account, or change what of it one sees and is told; repeating it is fine.

        `boosts` says whether its boosts are shown, `notify` whether one is told of each of its posts,
        and `languages` which of its posts are shown (none named: all). What is None stays as it is.
        One of ours is followed at once, or asked if it is locked. One of another server is asked,
        and followed when its Accept comes.
        """
        async with self._db.transaction() as tx:
            target = await self._people.by_id(tx, target_id)
            await self._require_may_follow(tx, by, target)
            follow = await rows.between(tx, by.id, target.id)
            if follow is None:
                follow = self._new(by, target)
                tx.add(follow)
                await tx.flush()
                await self._ask(tx, by, target, follow)
            if boosts is not None:
                follow.show_boosts = boosts
            if notify is not None:
                follow.notify = notify
            if languages is not None:
                follow.languages = _languages(languages) or None
            await tx.flush()
            return await relationship(tx, by.id, target.id, self._clock.now())

    async def unfollow(self, by: Account, target_id: int) -> Relationship:
        """Stop following, or take a request back; repeating it is fine."""
        async with self._db.transaction() as tx:
            target = await self._people.by_id(tx, target_id)
            follow = await rows.between(tx, by.id, target.id)
            if follow is not None:
                await self._follows.end(tx, follow)
                if not target.local:
                    await self._tell(tx, by, target, self._undo(follow, by, target))
            return await relationship(tx, by.id, target.id, self._clock.now())

    async def authorize(self, by: Account, follower_id: int) -> Relationship:
        """Let somebody who asked follow `by`; raises `NotFound` when nobody asked."""
        async with self._db.transaction() as tx:
            follower = await self._people.by_id(tx, follower_id)
            follow = await rows.between(tx, follower.id, by.id)
            if follow is None:
                raise NotFound("There is no such request.")
            if not follow.accepted:
                await self._follows.accept(tx, follow)
                await self._notifier.withdraw(tx, to_id=by.id, type="follow_request", by_id=follower.id)
                await self._notifier.notify(tx, to=by, type="follow", by_id=follower.id)
                if not follower.local:
                    await self._tell(tx, by, follower, self._accept(follow, follower, by))
            return await relationship(tx, by.id, follower.id, self._clock.now())

    async def reject(self, by: Account, follower_id: int) -> Relationship:
        """Turn down somebody's request to follow `by`, or remove a follower; repeating it is fine."""
        async with self._db.transaction() as tx:
            follower = await self._people.by_id(tx, follower_id)
            follow = await rows.between(tx, follower.id, by.id)
            if follow is not None:
                await self.turn_away(tx, by, follower, follow)
            return await relationship(tx, by.id, follower.id, self._clock.now())

    async def turn_away(self, tx: Tx, by: Account, follower: Account, follow: FollowRow) -> None:
        """End somebody's follow of `by`, or their wish for it, inside the caller's transaction; tell them."""
        await self._follows.end(tx, follow)
        if not follower.local:
            await self._tell(tx, by, follower, self._reject(follow, follower, by))

    async def _require_may_follow(self, tx: Tx, by: Account, target: Account) -> None:
        if target.is_suspended:
            raise NotFound("There is no such account.")
        require_at_home(by)
        if target.moved_to_uri is not None and await rows.between(tx, by.id, target.id) is None:
            raise Forbidden("This account has moved; follow the new one.")
        if target.id == by.id:
            raise Forbidden("One cannot follow oneself.")
        if await is_unwanted(tx, by=target.id, target=by.id) or await is_unwanted(
            tx, by=by.id, target=target.id
        ):
            raise Forbidden("This account cannot be followed.")

    def _new(self, by: Account, target: Account) -> FollowRow:
        id_ = self._ids.next()
        return FollowRow(
            id=id_,
            account_id=by.id,
            target_id=target.id,
            uri=self._addresses.activity(id_),
            accepted=False,
            show_boosts=True,
            created_at=self._clock.now(),
        )

    async def _ask(self, tx: Tx, by: Account, target: Account, follow: FollowRow) -> None:
        if not target.local:
            await self._tell(tx, by, target, _follow(follow, by, target))
        elif target.locked:
            await self._notifier.notify(tx, to=target, type="follow_request", by_id=by.id)
        else:
            await self._follows.accept(tx, follow)
            await self._notifier.notify(tx, to=target, type="follow", by_id=by.id)

    async def _tell(
        self, tx: Tx, by: Account, whom: Account, activity: Follow | Undo | Accept | Reject
    ) -> None:
        await self._outbox.send(tx, by.id, activity, Audience(actors=(whom.id,)))

    def _undo(self, follow: FollowRow, by: Account, target: Account) -> Undo:
        return Undo(
            id=self._addresses.activity(self._ids.next()),
            actor=Uri(by.uri),
            object=Uri(follow.uri),
            inner=_follow(follow, by, target),
            to=(Uri(target.uri),),
        )

    def _accept(self, follow: FollowRow, follower: Account, by: Account) -> Accept:
        return Accept(
            id=self._addresses.activity(self._ids.next()),
            actor=Uri(by.uri),
            object=Uri(follow.uri),
            inner=_follow(follow, follower, by),
            to=(Uri(follower.uri),),
        )

    def _reject(self, follow: FollowRow, follower: Account, by: Account) -> Reject:
        return Reject(
            id=self._addresses.activity(self._ids.next()),
            actor=Uri(by.uri),
            object=Uri(follow.uri),
            inner=_follow(follow, follower, by),
            to=(Uri(follower.uri),),
        )


def _languages(given: Sequence[str]) -> list[str]:
    """Return the languages of a follow, each once; raises `Invalid` for what names none."""
    named = list(dict.fromkeys(each.strip() for each in given if each.strip()))
    if len(named) > MAX_LANGUAGES or not all(_LANGUAGE.fullmatch(each) for each in named):
        raise Invalid("That is not a list of languages.", field="languages")
    return named


def _follow(follow: FollowRow, follower: Account, target: Account) -> Follow:
    return Follow(id=Uri(follow.uri), actor=Uri(follower.uri), object=Uri(target.uri), to=(Uri(target.uri),))
