"""What a viewer is shown of quotes: what a post quotes if they may see it, and whether they may quote it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from fedispace.accounts.models import Account, Block, DomainMute, Follow, Mute
from fedispace.accounts.paging import Page
from fedispace.db.base import BigId
from fedispace.db.engine import Tx
from fedispace.threads.audience import is_distributable, parse_visibility
from fedispace.threads.models import Status
from fedispace.threads.policies import Asker, Policy, depends_on_relations, verdict
from fedispace.threads.policy_wire import policy_of
from fedispace.threads.visibility import VIEWER, visible

SHOWN: Final = frozenset({"accepted", "blocked_account", "blocked_domain", "muted_account"})
"""The states in which the quoted post is handed out; in all but the first its reader asks for it."""

_ids: Final = bindparam("ids", expanding=True, type_=BigId)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a quote stands for a viewer (Mastodon's words), and the quoted post if they may see it."""

    state: str
    quoted: Status | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotable:
    """Who may quote a post, in the words of Mastodon's API, and whether the viewer may."""

    automatic: tuple[str, ...] = ()
    manual: tuple[str, ...] = ()
    viewer: str = "denied"


NOBODY_QUOTES: Final = Quotable()


async def standings(tx: Tx, statuses: Iterable[Status], viewer_id: int | None) -> dict[int, Standing]:
    """Return how the quotes among `statuses` stand, by the id of the post that quotes.

    A quoted post that the viewer may not see is as unknown to them here as anywhere else.
    """
    quoting = [status for status in statuses if status.quote_state is not None]
    if not quoting:
        return {}
    wanted = {status.quote_of_id for status in quoting if status.quote_of_id is not None}
    seen = {status.id: status for status in await _seen(tx, wanted, viewer_id)}
    unwanted = await _unwanted(tx, {status.account_id for status in seen.values()}, viewer_id)
    found: dict[int, Standing] = {}
    for status in quoting:
        state = str(status.quote_state)
        quoted = seen.get(status.quote_of_id or 0)
        if state == "accepted":
            if status.quote_of_id is None:
                state = "deleted"
            elif quoted is None:
                state = "unauthorized"
            else:
                state = unwanted.get(quoted.account_id, "accepted")
        found[status.id] = Standing(state=state, quoted=quoted)
    return found


async def quotables(tx: Tx, statuses: Sequence[Status], viewer_id: int | None) -> dict[int, Quotable]:
    """Return who may quote each of the posts; who follows whom is asked only where it matters."""
    policies = {status.id: policy_of(status) for status in statuses}
    related = {status.account_id for status in statuses if depends_on_relations(policies[status.id], "quote")}
    actor, followed, followers = "", set[int](), set[int]()
    if viewer_id is not None and related:
        followed = set(await tx.scalars(_FOLLOWED, {"viewer": viewer_id, "ids": list(related)}))
        followers = set(await tx.scalars(_FOLLOWING, {"viewer": viewer_id, "ids": list(related)}))
        actor = await tx.scalar(select(Account.uri).where(Account.id == viewer_id)) or ""
    found: dict[int, Quotable] = {}
    for status in statuses:
        policy, viewer = policies[status.id], "denied"
        if viewer_id is not None:
            asker = Asker(
                actor=actor,
                is_author=status.account_id == viewer_id,
                is_follower=status.account_id in followed,
                is_followed=status.account_id in followers,
            )
            said = verdict(policy, "quote", asker, parse_visibility(status.visibility))
            viewer = "denied" if said == "refused" else said
        found[status.id] = _quotable(policy, status.visibility, viewer)
    return found


async def quotes_of(tx: Tx, viewer_id: int, status_id: int, page: Page) -> list[Status]:
    """Return the posts that quote a post and were let do so, as far as the viewer may see them."""
    statement = select(Status).where(
        Status.quote_of_id == status_id, Status.quote_state == "accepted", visible(viewer_id)
    )
    return page.newest_first((await tx.scalars(page.apply(statement, Status.id))).all())


def _quotable(policy: Policy, visibility: str, viewer: str) -> Quotable:
    if not is_distributable(visibility):
        return Quotable(viewer=viewer)
    return Quotable(
        automatic=_words(policy.quote.automatic), manual=_words(policy.quote.manual), viewer=viewer
    )


def _words(parties: Collection[str]) -> tuple[str, ...]:
    known = [name for name in ("public", "followers") if name in parties]
    others = set(parties) - {"public", "followers", "author"}
    return (*known, "unsupported_policy") if others else tuple(known)


async def _seen(tx: Tx, ids: Collection[int], viewer_id: int | None) -> Sequence[Status]:
    if not ids:
        return []
    if viewer_id is None:
        return (await tx.scalars(_VISIBLE_TO_ALL, {"ids": list(ids)})).all()
    return (await tx.scalars(_VISIBLE, {"ids": list(ids), "viewer": viewer_id})).all()


async def _unwanted(tx: Tx, authors: Collection[int], viewer_id: int | None) -> dict[int, str]:
    """Return whom of the authors the viewer does not want to read, and why."""
    if viewer_id is None or not authors:
        return {}
    at = {"viewer": viewer_id, "ids": list(authors)}
    found = dict.fromkeys(await tx.scalars(_MUTED, at), "muted_account")
    found |= dict.fromkeys(await tx.scalars(_DOMAIN_MUTED, at), "blocked_domain")
    return found | dict.fromkeys(await tx.scalars(_BLOCKED, at), "blocked_account")


_VISIBLE_TO_ALL: Final = select(Status).where(Status.id.in_(_ids), visible(None))
_VISIBLE: Final = select(Status).where(Status.id.in_(_ids), visible(VIEWER))
_MUTED: Final = select(Mute.target_id).where(Mute.account_id == VIEWER, Mute.target_id.in_(_ids))
_BLOCKED: Final = select(Block.target_id).where(Block.account_id == VIEWER, Block.target_id.in_(_ids))
_DOMAIN_MUTED: Final = (
    select(Account.id)
    .join(DomainMute, DomainMute.domain == Account.domain)
    .where(DomainMute.account_id == VIEWER, Account.id.in_(_ids))
)
_FOLLOWED: Final = select(Follow.target_id).where(
    Follow.account_id == VIEWER, Follow.target_id.in_(_ids), Follow.accepted.is_(True)
)
_FOLLOWING: Final = select(Follow.account_id).where(
    Follow.target_id == VIEWER, Follow.account_id.in_(_ids), Follow.accepted.is_(True)
)
