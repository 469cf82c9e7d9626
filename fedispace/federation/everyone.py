"""Where everybody listens whom we know: the audience of a deletion.

Read by host, whose index is walked in order, so that each actor is looked at once however many there
are; nearly every host is one shared inbox.
"""

from sqlalchemy import func, select

from fedispace.db.engine import Tx
from fedispace.federation.models import ActorRow

HOSTS_AT_ONCE = 100
INBOXES_AT_ONCE = 5000
"""Of hosts that share no inbox; what is beyond is somebody's thousand accounts on one server."""


async def inboxes_after(tx: Tx, cursor: str) -> tuple[list[str], str | None]:
    """Return the inboxes of the hosts that follow `cursor`, and the next cursor; None after the last."""
    remote = (~ActorRow.local, ActorRow.gone_at.is_(None))
    found = await tx.scalars(
        select(ActorRow.host)
        .where(ActorRow.host > cursor, *remote)
        .distinct()
        .order_by(ActorRow.host)
        .limit(HOSTS_AT_ONCE)
    )
    hosts = list(found)
    if not hosts:
        return [], None
    listening = func.coalesce(ActorRow.shared_inbox, ActorRow.inbox)
    inboxes = await tx.scalars(
        select(listening).where(ActorRow.host.in_(hosts), *remote).distinct().limit(INBOXES_AT_ONCE)
    )
    return sorted(inboxes), hosts[-1] if len(hosts) == HOSTS_AT_ONCE else None
