"""Reactions as they are shown below a post: each emoji once, with its number and who."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, case, func, select

from fedispace.accounts.models import Account
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.threads.acted import person, shown_to
from fedispace.threads.models import Reaction

MAX_SHOWN: Final = 50
"""How many different emojis of a post are shown, the most used ones."""
MAX_PEOPLE: Final = 80

_rows: Final = table_of(Reaction).c
_viewer: Final = bindparam("viewer", type_=BigId)
_COUNTED: Final = (
    select(
        _rows.status_id,
        _rows.name,
        _rows.domain,
        func.max(_rows.icon),
        func.count(),
        func.max(case((_rows.account_id == _viewer, 1), else_=0)),
    )
    .where(_rows.status_id.in_(bindparam("ids", expanding=True, type_=BigId)))
    .group_by(_rows.status_id, _rows.name, _rows.domain)
    .order_by(_rows.status_id, func.count().desc(), func.min(_rows.id))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One emoji below a post. A custom one has an `icon`, and a `domain` unless it is ours."""

    name: str
    domain: str
    icon: str | None
    count: int
    mine: bool


async def tallies(tx: Tx, status_ids: Sequence[int], viewer_id: int | None) -> dict[int, list[Tally]]:
    """Return the reactions to some posts, in one query, the most used first."""
    found: defaultdict[int, list[Tally]] = defaultdict(list)
    if not status_ids:
        return found
    for status_id, name, domain, icon, count, mine in await tx.core(
        _COUNTED, {"ids": list(status_ids), "viewer": viewer_id or 0}
    ):
        if len(found[status_id]) < MAX_SHOWN:
            tally = Tally(name=name, domain=domain, icon=icon, count=count, mine=bool(mine))
            found[status_id].append(tally)
    return found


async def who(
    tx: Tx, viewer_id: int | None, status_id: int, now: datetime
) -> dict[tuple[str, str], list[Account]]:
    """Return by whom each emoji is, the first eighty of a post that the viewer wants to see."""
    rows = await tx.execute(
        select(Reaction.name, Reaction.domain, person)
        .join(person, person.id == Reaction.account_id)
        .where(Reaction.status_id == status_id, shown_to(viewer_id, now))
        .order_by(Reaction.id)
        .limit(MAX_PEOPLE)
    )
    found: defaultdict[tuple[str, str], list[Account]] = defaultdict(list)
    for name, domain, account in rows:
        found[name, domain].append(account)
    return found
