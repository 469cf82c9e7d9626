"""Sets right what we believe about who of us follows whom elsewhere (FEP-8fcf).

With a post for followers its author's server sends a digest of those followers it has on ours. When ours
is another, a job reads the list at that very server and goes by it: a follow of ours that it does not
have is over (it would otherwise go on showing posts that are no longer meant for us), one it has that
nobody here knows of is taken back.

Their list has to have the digest they stated, so half a list, or one of something else, changes nothing.
Only people of ours count in it, and only the follows of the one actor whose server said so.
"""

from collections import OrderedDict
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import select

from fedispace.accounts.follows import Follows
from fedispace.accounts.models import Account, Follow
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Gone, Invalid, NotFound, Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow
from fedispace.federation.origin import same_origin
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.requests import SignedRequests
from fedispace.federation.synchronization import MAX_FOLLOWERS, Stated, digest_of, parse
from fedispace.federation.vocab.activities import Follow as FollowActivity
from fedispace.federation.vocab.activities import Undo
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import Ids
from fedispace.queue.jobs import Arguments, Jobs, Task

log = structlog.get_logger()

TASK: Final = "accounts.synchronize_follows"
GRACE: Final = timedelta(hours=1)
"""How long ago a follow must have been asked for to be missed: its Accept and the list may cross."""
COOLDOWN: Final = timedelta(minutes=15)
UNDONE_AT_ONCE: Final = 500
BATCH: Final = 100
ACTORS_IN_MEMORY: Final = 4096


class FollowSynchronization:
    """Compares digests that arrive, and reads the lists behind those that differ."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        jobs: Jobs,
        requests: SignedRequests,
        follows: Follows,
        outbox: Outbox,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._jobs = jobs
        self._requests = requests
        self._follows = follows
        self._outbox = outbox
        self._looked: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def tasks(self) -> dict[str, Task]:
        return {TASK: self.synchronize}

    async def heard(self, sender: str, header: str) -> None:
        """Compare what the server of `sender` says of our people with what we have."""
        try:
            stated = parse(header)
        except Invalid as error:
            log.info("synchronization.dropped", reason="schema", actor=sender, detail=error.detail)
            return
        if not same_origin(stated.url, sender) or self._is_answered(sender, stated.digest):
            return
        async with self._db.reading() as tx:
            actor = await _actor(tx, sender)
            if actor is None or actor.followers != stated.collection:
                return
            ours = await _digest(tx, actor.id)
        self._looked[sender] = stated.digest, self._clock.monotonic()
        self._looked.move_to_end(sender)
        if len(self._looked) > ACTORS_IN_MEMORY:
            self._looked.popitem(last=False)
        if ours not in (stated.digest, None):
            await self._look_later(sender, stated)

    def _is_answered(self, sender: str, digest: str) -> bool:
        """Tell whether this very digest was looked at just now."""
        looked = self._looked.get(sender)
        if looked is None:
            return False
        return self._clock.monotonic() - looked[1] < COOLDOWN.total_seconds() and looked[0] == digest

    async def _look_later(self, sender: str, stated: Stated) -> None:
        log.info("synchronization.differs", actor=sender)
        arguments = {"actor": sender, "url": stated.url, "digest": stated.digest}
        async with self._db.transaction() as tx:
            await self._jobs.enqueue(tx, TASK, arguments, unique_key=f"synchronize {sender}")

    async def synchronize(self, arguments: Arguments) -> None:
        """Read the list and go by it, if it is what was announced and we still have another one."""
        sender, digest = arguments["actor"], arguments["digest"]
        async with self._db.reading() as tx:
            actor = await _actor(tx, sender)
            ours = None if actor is None else await _digest(tx, actor.id)
        if actor is None or ours in (digest, None):
            return
        try:
            listed = _items((await self._requests.document(arguments["url"])).document)
        except (NotFound, Gone, Refused, Invalid) as error:
            log.info("synchronization.unavailable", actor=sender, detail=error.detail)
            return
        if listed is None or digest_of(listed) != digest:
            log.info("synchronization.dropped", reason="digest", actor=sender)
            return
        if not all(self._addresses.is_ours(each) for each in listed):
            log.info("synchronization.dropped", reason="not_ours", actor=sender)
            return
        await self._end_what_they_do_not_have(actor, listed)
        await self._undo_what_we_do_not_have(actor, listed)

    async def _end_what_they_do_not_have(self, actor: ActorRow, listed: set[str]) -> None:
        before = self._clock.now() - GRACE
        async with self._db.reading() as tx:
            rows = await tx.execute(
                select(Follow.id, Account.uri)
                .join(Account, Account.id == Follow.account_id)
                .where(
                    Follow.target_id == actor.id,
                    Follow.accepted.is_(True),
                    Follow.created_at < before,
                    Account.domain == "",
                )
            )
            over = [id_ for id_, uri in rows if uri not in listed]
        for start in range(0, len(over), BATCH):
            some = over[start : start + BATCH]
            async with self._db.transaction() as tx:
                for follow in await tx.scalars(select(Follow).where(Follow.id.in_(some))):
                    log.info("synchronization.ended", actor=actor.uri, follow=follow.uri)
                    await self._follows.end(tx, follow)

    async def _undo_what_we_do_not_have(self, actor: ActorRow, listed: set[str]) -> None:
        """Take back what nobody here asked for; what somebody did ask for has been accepted, it seems."""
        expected, undone = sorted(listed), 0
        for start in range(0, len(expected), BATCH):
            some = expected[start : start + BATCH]
            async with self._db.transaction() as tx:
                accounts = await tx.scalars(
                    select(Account).where(Account.uri.in_(some), Account.domain == "")
                )
                for account in accounts.all():
                    follow = await tx.scalar(
                        select(Follow).where(Follow.account_id == account.id, Follow.target_id == actor.id)
                    )
                    if follow is None and undone < UNDONE_AT_ONCE:
                        undone += 1
                        await self._undo(tx, account, actor)
                    elif follow is not None and not follow.accepted:
                        await self._follows.accept(tx, follow)

    async def _undo(self, tx: Tx, account: Account, actor: ActorRow) -> None:
        log.info("synchronization.undone", actor=actor.uri, account=account.uri)
        by, target = Uri(account.uri), Uri(actor.uri)
        never = FollowActivity(id=self._addresses.activity(self._ids.next()), actor=by, object=target)
        undo = Undo(
            id=self._addresses.activity(self._ids.next()),
            actor=by,
            object=never.id,
            inner=never,
            to=(target,),
        )
        await self._outbox.send(tx, account.id, undo, Audience(actors=(actor.id,)))


async def _actor(tx: Tx, uri: str) -> ActorRow | None:
    return await tx.scalar(
        select(ActorRow).where(ActorRow.uri == uri, ~ActorRow.local, ActorRow.gone_at.is_(None))
    )


async def _digest(tx: Tx, actor_id: int) -> str | None:
    """Return the digest of our people who follow an actor; None for too many to compare."""
    rows = await tx.scalars(
        select(Account.uri)
        .join(Follow, Follow.account_id == Account.id)
        .where(Follow.target_id == actor_id, Follow.accepted.is_(True), Account.domain == "")
        .limit(MAX_FOLLOWERS)
    )
    ids = rows.all()
    return None if len(ids) >= MAX_FOLLOWERS else digest_of(ids)


def _items(document: dict[str, Any]) -> set[str] | None:
    """Return the ids in a list, None for what is no list of ids."""
    found = document.get("orderedItems", document.get("items"))
    if type(found) is not list or len(found) > MAX_FOLLOWERS:
        return None
    ids = [each.get("id") if type(each) is dict else each for each in found]
    return {each for each in ids if type(each) is str} if all(type(each) is str for each in ids) else None
