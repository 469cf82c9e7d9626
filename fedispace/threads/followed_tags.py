"""Hashtags somebody follows, and how much each has been used lately."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import case, delete, func, select

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import Invalid, NotFound
from fedispace.ids import Ids, id_at
from fedispace.threads.models import Status, StatusTag, TagFollow
from fedispace.threads.tags import MAX_NAME, key_of

DAYS: Final = 7
MAX_FOLLOWED: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How many public posts had a hashtag on one day (UTC), and of how many people."""

    day: date
    uses: int
    accounts: int


class FollowedTags:
    """Follows of hashtags. Both steps may be repeated."""

    def __init__(self, db: Database, ids: Ids, clock: Clock) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock

    async def follow(self, by: Account, name: str) -> str:
        """Read public posts with a hashtag in the home timeline; return its name as it is kept."""
        spelled, key = _named(name)
        async with self._db.transaction() as tx:
            count = select(func.count()).where(TagFollow.account_id == by.id)
            if (await tx.scalar(count) or 0) >= MAX_FOLLOWED:
                raise Invalid(f"Nobody follows more than {MAX_FOLLOWED} hashtags.")
            row = {
                "id": self._ids.next(),
                "account_id": by.id,
                "name": spelled,
                "name_key": key,
                "created_at": self._clock.now(),
            }
            await tx.execute(insert(tx, TagFollow).values(row).on_conflict_do_nothing())
        return spelled

    async def unfollow(self, by: Account, name: str) -> str:
        """Read them there no longer."""
        spelled, key = _named(name)
        async with self._db.transaction() as tx:
            await tx.execute(
                delete(TagFollow).where(TagFollow.account_id == by.id, TagFollow.name_key == key)
            )
        return spelled


async def followed(tx: Tx, account_id: int, page: Page) -> list[TagFollow]:
    """Return the hashtags an account follows, newest first; pages go by the id of the follow."""
    rows = await tx.scalars(
        page.apply(select(TagFollow).where(TagFollow.account_id == account_id), TagFollow.id)
    )
    return page.newest_first(rows.all())


async def follows_tag(tx: Tx, account_id: int | None, name: str) -> bool:
    """Tell whether an account follows a hashtag."""
    if account_id is None:
        return False
    found = await tx.scalar(
        select(TagFollow.id).where(TagFollow.account_id == account_id, TagFollow.name_key == key_of(name))
    )
    return found is not None


async def usage(tx: Tx, name: str, now: datetime) -> list[Usage]:
    """Return how a hashtag was used in each of the last seven days, today first."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [midnight - timedelta(days=back) for back in range(DAYS)]
    back = case(*((Status.created_at >= day, index) for index, day in enumerate(days)), else_=DAYS)
    counted = (
        select(back.label("back"), func.count(), func.count(Status.account_id.distinct()))
        .join(StatusTag, StatusTag.status_id == Status.id)
        .where(
            StatusTag.name_key == key_of(name),
            StatusTag.status_id >= id_at(days[-1]),
            Status.visibility == "public",
        )
        .group_by("back")
    )
    found = {row[0]: (row[1], row[2]) for row in await tx.execute(counted)}
    return [
        Usage(day=day.date(), uses=found.get(index, (0, 0))[0], accounts=found.get(index, (0, 0))[1])
        for index, day in enumerate(days)
    ]


def spelled(name: str) -> str:
    """Return a hashtag's name as it is shown; raises `NotFound` for what can be none."""
    try:
        return _named(name)[0]
    except Invalid:
        raise NotFound("There is no such hashtag.") from None


def _named(name: str) -> tuple[str, str]:
    plain = name.strip().removeprefix("#")
    key = key_of(plain)
    if not key or len(plain) > MAX_NAME or any(each.isspace() for each in plain):
        raise Invalid("That is not a hashtag.", field="name")
    return plain, key
