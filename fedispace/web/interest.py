"""Who will come to a Space: how many, and whether the reader is among them."""

from collections.abc import Sequence

from sqlalchemy import func, select

from fedispace.db.engine import Tx
from fedispace.spaces.models import Attendance


async def interest_in(tx: Tx, space_ids: Sequence[int]) -> dict[int, int]:
    """Return how many said that they will come, by Space."""
    if not space_ids:
        return {}
    rows = await tx.execute(
        select(Attendance.space_id, func.count())
        .where(Attendance.space_id.in_(space_ids), Attendance.state != "refused")
        .group_by(Attendance.space_id)
    )
    return {row[0]: row[1] for row in rows}


async def coming_to(tx: Tx, space_ids: Sequence[int], viewer_id: int | None) -> set[int]:
    """Return to which of these Spaces the viewer will come."""
    if not space_ids or viewer_id is None:
        return set()
    rows = await tx.scalars(
        select(Attendance.space_id).where(
            Attendance.space_id.in_(space_ids),
            Attendance.account_id == viewer_id,
            Attendance.state != "refused",
        )
    )
    return set(rows)
