"""Writes very many deliveries at once: one statement for a batch, whose rows travel as one JSON text.

A row bound by itself costs the driver and SQLAlchemy several times what the database needs to write it,
and a post to twenty thousand servers is twenty thousand rows.
"""

import functools
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import JSON, BigInteger, ColumnElement, Text, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.sqlite import Insert

from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert_into
from fedispace.federation.models import Delivery

_deliveries = table_of(Delivery)


async def enqueue(
    tx: Tx,
    *,
    outbox_id: int,
    sender_id: int,
    band: int,
    now: datetime,
    rows: Iterable[tuple[int, str, str]],
) -> None:
    """Write deliveries, due at once, from (id, inbox, host); one that is there already stays as it is."""
    said = {
        "rows": msgspec.json.encode(list(rows)).decode(),
        "outbox_id": outbox_id,
        "sender_id": sender_id,
        "band": band,
        "now": now,
    }
    await tx.core(_enqueuing(tx.dialect_name), said)


@functools.cache
def _enqueuing(dialect: str) -> Insert:
    rows = bindparam("rows", type_=Text)
    parts: list[ColumnElement[Any]]
    if dialect == "postgresql":
        each = func.json_array_elements(cast(rows, JSON)).table_valued("value").render_derived()
        parts = [each.c.value.op("->>")(literal_column(str(place))) for place in range(3)]
    else:
        each = func.json_each(rows).table_valued("value")
        parts = [func.json_extract(each.c.value, literal_column(f"'$[{place}]'")) for place in range(3)]
    chosen = select(
        cast(parts[0], BigInteger),
        bindparam("outbox_id", type_=_deliveries.c.outbox_id.type),
        bindparam("sender_id", type_=_deliveries.c.sender_id.type),
        cast(parts[1], Text),
        cast(parts[2], Text),
        bindparam("now", type_=_deliveries.c.run_at.type),
        literal_column("0"),
        bindparam("band", type_=_deliveries.c.band.type),
    ).where(literal_column("1") == literal_column("1"))  # SQLite needs a WHERE before ON CONFLICT
    names = ["id", "outbox_id", "sender_id", "inbox", "host", "run_at", "attempts", "band"]
    return insert_into(dialect, Delivery).from_select(names, chosen).on_conflict_do_nothing()
