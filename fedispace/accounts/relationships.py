"""How one account stands to others, as Mastodon's Relationship has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import and_, or_, select

from fedispace.accounts.hiding import blocks, shuns_domain
from fedispace.accounts.models import Account, Block, DomainMute, Follow, Mute, PrivateNote
from fedispace.db.engine import Tx

MAX_IDS = 100

Relation = TypeVar("Relation", Follow, Block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """What the viewer has done to `id`, and the reverse. `requested` is a follow not yet accepted."""

    id: int
    following: bool = False
    showing_reblogs: bool = False
    notifying: bool = False
    languages: tuple[str, ...] | None = None
    followed_by: bool = False
    blocking: bool = False
    blocked_by: bool = False
    muting: bool = False
    muting_notifications: bool = False
    muting_expires_at: datetime | None = None
    requested: bool = False
    requested_by: bool = False
    domain_blocking: bool = False
    endorsed: bool = False
    note: str = ""


async def relationships(tx: Tx, viewer_id: int, ids: Sequence[int], now: datetime) -> list[Relationship]:
    """Return the viewer's relationship to each of `ids` (at most 100), in their order, as of `now`."""
    wanted = list(dict.fromkeys(ids))[:MAX_IDS]
    follows = await _between(tx, Follow, viewer_id, wanted)
    blocked = await _between(tx, Block, viewer_id, wanted)
    mutes = await _mutes(tx, viewer_id, wanted, now)
    notes = await _notes(tx, viewer_id, wanted)
    shunned = await _of_shunned_domains(tx, viewer_id, wanted)
    return [
        _relationship(
            id_,
            follow=follows.get((viewer_id, id_)),
            followed=follows.get((id_, viewer_id)),
            blocking=(viewer_id, id_) in blocked,
            blocked_by=(id_, viewer_id) in blocked,
            mute=mutes.get(id_),
            domain_blocking=id_ in shunned,
            note=notes.get(id_, ""),
        )
        for id_ in wanted
    ]


async def relationship(tx: Tx, viewer_id: int, id_: int, now: datetime) -> Relationship:
    """Return the viewer's relationship to one account, as of `now`."""
    return (await relationships(tx, viewer_id, [id_], now))[0]


async def is_blocked(tx: Tx, *, by: int, target: int) -> bool:
    """Tell whether the account `by` blocks `target`."""
    found = await tx.scalar(select(Block.id).where(Block.account_id == by, Block.target_id == target))
    return found is not None


async def is_unwanted(tx: Tx, *, by: int, target: int) -> bool:
    """Tell whether the account `by` blocks `target`, or the domain they are of."""
    return bool(await tx.scalar(select(or_(blocks(by, target), shuns_domain(by, target)))))


async def _between(
    tx: Tx, table: type[Relation], viewer_id: int, ids: Sequence[int]
) -> dict[tuple[int, int], Relation]:
    """Return the rows of `table` between the viewer and `ids`, both directions, by (who, whom)."""
    rows = await tx.scalars(
        select(table).where(
            or_(
                and_(table.account_id == viewer_id, table.target_id.in_(ids)),
                and_(table.target_id == viewer_id, table.account_id.in_(ids)),
            )
        )
    )
    return {(row.account_id, row.target_id): row for row in rows}


async def _mutes(tx: Tx, viewer_id: int, ids: Sequence[int], now: datetime) -> dict[int, Mute]:
    rows = await tx.scalars(
        select(Mute).where(
            Mute.account_id == viewer_id,
            Mute.target_id.in_(ids),
            or_(Mute.expires_at.is_(None), Mute.expires_at > now),
        )
    )
    return {row.target_id: row for row in rows}


async def _notes(tx: Tx, viewer_id: int, ids: Sequence[int]) -> dict[int, str]:
    rows = await tx.scalars(
        select(PrivateNote).where(PrivateNote.account_id == viewer_id, PrivateNote.target_id.in_(ids))
    )
    return {row.target_id: row.comment for row in rows}


async def _of_shunned_domains(tx: Tx, viewer_id: int, ids: Sequence[int]) -> frozenset[int]:
    rows = await tx.scalars(
        select(Account.id)
        .join(DomainMute, DomainMute.domain == Account.domain)
        .where(DomainMute.account_id == viewer_id, Account.id.in_(ids))
    )
    return frozenset(rows)


def _relationship(
    id_: int,
    *,
    follow: Follow | None,
    followed: Follow | None,
    blocking: bool,
    blocked_by: bool,
    mute: Mute | None,
    domain_blocking: bool,
    note: str,
) -> Relationship:
    following = follow is not None and follow.accepted
    languages = follow.languages if follow is not None and following else None
    return Relationship(
        id=id_,
        following=following,
        showing_reblogs=follow is not None and following and follow.show_boosts,
        notifying=follow is not None and following and follow.notify,
        languages=tuple(languages) if languages else None,
        followed_by=followed is not None and followed.accepted,
        requested=follow is not None and not following,
        requested_by=followed is not None and not followed.accepted,
        blocking=blocking,
        blocked_by=blocked_by,
        muting=mute is not None,
        muting_notifications=mute is not None and mute.notifications,
        muting_expires_at=mute.expires_at if mute is not None else None,
        domain_blocking=domain_blocking,
        note=note,
    )
