"""Deciding about another server, and reading what was decided."""

from typing import Final, Literal, get_args

from sqlalchemy import delete, select

from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.errors import Invalid, NotFound
from fedispace.hosts import normalize_host
from fedispace.moderation.models import DomainRule
from fedispace.moderation.silence import mark_all_of

Severity = Literal["silence", "suspend", "noop"]
"""`suspend` takes and sends nothing; `silence` hides from those who do not follow; `noop` is a note."""

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
MAX_COMMENT: Final = 2000


async def set_rule(
    tx: Tx,
    clock: Clock,
    domain: str,
    severity: str,
    *,
    private_comment: str = "",
    public_comment: str = "",
) -> None:
    """Decide about `domain` and everything below it; a later decision replaces an earlier one."""
    if severity not in SEVERITIES:
        raise Invalid(f"A severity is one of {', '.join(SEVERITIES)}.", field="severity")
    said = {
        "severity": severity,
        "private_comment": private_comment[:MAX_COMMENT],
        "public_comment": public_comment[:MAX_COMMENT],
    }
    name = normalize_host(domain.strip())
    row = {"domain": name, "created_at": clock.now(), **said}
    await tx.execute(
        insert(tx, DomainRule).values(row).on_conflict_do_update(index_elements=["domain"], set_=said)
    )
    await mark_all_of(tx, name)


async def remove_rule(tx: Tx, domain: str) -> None:
    """Take a decision back; raises `NotFound` when there was none."""
    removed = await tx.scalar(
        delete(DomainRule)
        .where(DomainRule.domain == normalize_host(domain.strip()))
        .returning(DomainRule.domain)
    )
    if removed is None:
        raise NotFound("There is no rule for this domain.")
    await mark_all_of(tx, removed)


async def all_rules(tx: Tx) -> list[DomainRule]:
    """Return every decision, by domain."""
    return list((await tx.scalars(select(DomainRule).order_by(DomainRule.domain))).all())
