"""Posts that stand on top of a profile: ActivityPub's `featured` collection (Mastodon's term).

Ours are pinned by their authors, at most five. Another server's come with `Add` and `Remove`, or by
reading the collection itself (`featured.py`); the newest twenty are kept.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, select

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import add_new
from fedispace.errors import Conflict, Forbidden, Invalid
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Add, Remove
from fedispace.federation.vocab.uri import parse_uri
from fedispace.ids import Ids
from fedispace.threads.asking import WAITS
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import Pin, Status
from fedispace.threads.visibility import require_visible, visible
from fedispace.threads.wire import addressees_of

MAX_PINS: Final = 5
MAX_THEIRS: Final = 20


class Pinning:
    """Pins of our own people. Both steps may be repeated; the repeat does nothing."""

    def __init__(self, db: Database, ids: Ids, clock: Clock, addresses: Addresses, outbox: Outbox) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox

    async def pin(self, by: Account, status_id: int) -> int:
        """Pin one of one's own posts and return its id; followers' servers are told.

        Raises `NotFound` for what `by` may not see, `Forbidden` for somebody else's post and for what
        must not stand on a profile, `Invalid` when there are five.
        """
        async with self._db.transaction() as tx:
            status = await _own(tx, by, status_id)
            if status.boost_of_id is not None or status.visibility == "direct":
                raise Forbidden("Only a post that others may find can be pinned.")
            if status.pending_approval:
                raise Conflict(WAITS)
            # Two that pin at once must not both find four there.
            await tx.execute(select(Account.id).where(Account.id == by.id).with_for_update())
            pinned = list(await tx.scalars(select(Pin.status_id).where(Pin.account_id == by.id)))
            if status.id in pinned:
                return status.id
            if len(pinned) >= MAX_PINS:
                raise Invalid(f"At most {MAX_PINS} posts can be pinned.", field="id")
            row = {
                "id": self._ids.next(),
                "account_id": by.id,
                "status_id": status.id,
                "created_at": self._clock.now(),
            }
            if await add_new(tx, Pin, row):
                await self._tell(tx, by, status, Add)
        return status.id

    async def unpin(self, by: Account, status_id: int) -> int:
        """Take one of one's own posts off the profile and return its id."""
        async with self._db.transaction() as tx:
            status = await _own(tx, by, status_id)
            gone = await tx.scalar(
                delete(Pin).where(Pin.account_id == by.id, Pin.status_id == status.id).returning(Pin.id)
            )
            if gone is not None:
                await self._tell(tx, by, status, Remove)
        return status.id

    async def _tell(self, tx: Tx, by: Account, status: Status, kind: type[Add] | type[Remove]) -> None:
        told = addressees_of(status, by, (), self._addresses)
        activity = kind(
            id=self._addresses.activity(self._ids.next()),
            actor=parse_uri(by.uri),
            object=parse_uri(status.uri),
            target=self._addresses.collection(by.uri, "featured"),
            to=told.to,
            cc=told.cc,
        )
        audience = Audience(public=is_distributable(status.visibility), followers=True)
        await self._outbox.send(tx, by.id, activity, audience)


async def _own(tx: Tx, by: Account, status_id: int) -> Status:
    status = await require_visible(tx, by.id, status_id)
    if status.account_id != by.id:
        raise Forbidden("Only one's own posts can be pinned.")
    return status


async def pinned(
    tx: Tx, viewer_id: int | None, account_id: int, page: Page | None = None
) -> Sequence[Status]:
    """Return an account's pinned posts that the viewer may see, last pinned first.

    They are one page; a client that goes on after it, by the ids it saw, gets nothing more.
    """
    page = page or Page(limit=MAX_THEIRS)
    statement = (
        select(Status)
        .join(Pin, Pin.status_id == Status.id)
        .where(Pin.account_id == account_id, visible(viewer_id))
        .order_by(Pin.id.desc())
        .limit(max(1, min(page.limit, MAX_THEIRS)))
    )
    at = page.cursors()
    rows = await tx.scalars(statement.where(Status.id < at["below"], Status.id > at["above"]))
    return rows.all()


async def pin_theirs(tx: Tx, ids: Ids, clock: Clock, status: Status) -> None:
    """Write that another server's person pinned their own post; beyond twenty the oldest goes."""
    row = {
        "id": ids.next(),
        "account_id": status.account_id,
        "status_id": status.id,
        "created_at": clock.now(),
    }
    if not await add_new(tx, Pin, row):
        return
    kept = select(Pin.id).where(Pin.account_id == status.account_id).order_by(Pin.id.desc()).limit(MAX_THEIRS)
    await tx.execute(
        delete(Pin)
        .where(Pin.account_id == status.account_id, Pin.id.not_in(kept))
        .execution_options(synchronize_session=False)
    )


async def unpin_theirs(tx: Tx, status: Status) -> None:
    """Write that another server's person took their post off their profile."""
    await tx.execute(delete(Pin).where(Pin.account_id == status.account_id, Pin.status_id == status.id))


async def replace_theirs(tx: Tx, ids: Ids, clock: Clock, account_id: int, posts: Sequence[Status]) -> None:
    """Make the pins of another server's person those of their collection, in its order."""
    await tx.execute(delete(Pin).where(Pin.account_id == account_id))
    for status in reversed(posts[:MAX_THEIRS]):
        await pin_theirs(tx, ids, clock, status)
