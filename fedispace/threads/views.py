"""Posts with all that is shown beside them, read for a whole page at once."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from fedispace.accounts.models import Account
from fedispace.accounts.moved import successors
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.threads.models import Bookmark, ConversationMute, Favourite, Mention, Pin, Status
from fedispace.threads.polls import PollView, poll_views
from fedispace.threads.quote_views import NOBODY_QUOTES, Quotable, quotables, standings

_posts: Final = table_of(Status).c
_mentioned: Final = table_of(Mention).c
_liked: Final = table_of(Favourite).c
_kept: Final = table_of(Bookmark).c
_pins: Final = table_of(Pin).c
_hushed: Final = table_of(ConversationMute).c


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """A post as a viewer sees it. A boost has its original in `boost` and nothing else of its own.

    `moved` is whom its author has become.

    `pinned` is told of the viewer's own posts only. `space_uri` is the object the post is about, when it
    announces one.
    """

    status: Status
    account: Account
    moved: Account | None
    boost: "StatusView | None"
    mentions: list[Account]
    favourited: bool
    boosted: bool
    bookmarked: bool
    pinned: bool
    space_uri: str | None
    poll: PollView | None = None
    muted: bool = False
    quote: "QuoteView | None" = None
    quotable: Quotable = NOBODY_QUOTES


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteView:
    """How a post's quote stands for the viewer, and what it quotes if they may see that.

    The quote of what is quoted is told (`quoted_id`) and not drawn: `view` is one level deep.
    """

    state: str
    quoted_id: int | None
    view: StatusView | None


async def view(
    tx: Tx, statuses: Sequence[Status], viewer_id: int | None, *, deep: bool = True
) -> list[StatusView]:
    """Return the posts with what belongs to them, in their order; the number of queries is constant.

    The posts must already be visible to the viewer. A boost whose original is gone is left out. Unless
    it is `deep`, what is quoted is named only.
    """
    if not statuses:
        return []
    originals = await _originals(tx, statuses)
    shown = [*statuses, *originals.values()]
    mentions = await _mentions(tx, [status.id for status in shown])
    named = {account_id for ids in mentions.values() for account_id in ids}
    accounts = await _accounts(tx, named | {status.account_id for status in shown})
    moved = await successors(tx, list(accounts.values()))
    theirs = [status.id for status in shown if status.boost_of_id is None]
    favourited = await _favourited(tx, theirs, viewer_id)
    boosted = await _boosted(tx, theirs, viewer_id)
    bookmarked = await _bookmarked(tx, theirs, viewer_id)
    pinned = await _pinned(tx, [s.id for s in shown if s.account_id == viewer_id], viewer_id)
    polls = await poll_views(tx, shown, viewer_id)
    muted = await _muted(tx, [status.conversation_id for status in shown], viewer_id)

    quotes = await _quotes(tx, shown, viewer_id, deep=deep)
    quotable = await quotables(tx, [s for s in shown if s.boost_of_id is None], viewer_id)

    def one(status: Status, boost: StatusView | None = None) -> StatusView:
        acted_on = status.id if boost is None else boost.status.id
        return StatusView(
            status=status,
            account=accounts[status.account_id],
            moved=moved.get(status.account_id),
            boost=boost,
            mentions=[accounts[id_] for id_ in mentions[status.id] if id_ in accounts],
            favourited=acted_on in favourited,
            boosted=acted_on in boosted,
            bookmarked=acted_on in bookmarked,
            pinned=status.id in pinned,
            space_uri=status.subject_uri,
            poll=polls.get(status.id),
            muted=(status if boost is None else boost.status).conversation_id in muted,
            quote=quotes.get(status.id),
            quotable=quotable.get(acted_on, NOBODY_QUOTES),
        )

    views: list[StatusView] = []
    for status in statuses:
        if status.boost_of_id is None:
            views.append(one(status))
        elif status.boost_of_id in originals:
            views.append(one(status, one(originals[status.boost_of_id])))
    return views


async def _quotes(
    tx: Tx, shown: Sequence[Status], viewer_id: int | None, *, deep: bool
) -> dict[int, QuoteView]:
    found = await standings(tx, shown, viewer_id)
    quoted = {standing.quoted.id: standing.quoted for standing in found.values() if standing.quoted}
    drawn = await view(tx, list(quoted.values()), viewer_id, deep=False) if deep and quoted else []
    views = {each.status.id: each for each in drawn}
    return {
        status_id: QuoteView(
            state=standing.state,
            quoted_id=None if standing.quoted is None else standing.quoted.id,
            view=None if standing.quoted is None else views.get(standing.quoted.id),
        )
        for status_id, standing in found.items()
    }


async def view_one(tx: Tx, status: Status, viewer_id: int | None) -> StatusView:
    """Return one post with what belongs to it."""
    return (await view(tx, [status], viewer_id))[0]


_ids: Final = bindparam("ids", expanding=True, type_=BigId)
_viewer: Final = bindparam("viewer", type_=BigId)
_STATUSES: Final = select(Status).where(Status.id.in_(_ids))
_ACCOUNTS: Final = select(Account).where(Account.id.in_(_ids))
_MENTIONS: Final = (
    select(_mentioned.status_id, _mentioned.account_id)
    .where(_mentioned.status_id.in_(_ids))
    .order_by(_mentioned.status_id, _mentioned.account_id)
)
_FAVOURITED: Final = select(_liked.status_id).where(_liked.account_id == _viewer, _liked.status_id.in_(_ids))
_MUTED: Final = select(_hushed.conversation_id).where(
    _hushed.account_id == _viewer, _hushed.conversation_id.in_(_ids)
)
_BOOSTED: Final = select(_posts.boost_of_id).where(_posts.account_id == _viewer, _posts.boost_of_id.in_(_ids))

_BOOKMARKED: Final = select(_kept.status_id).where(_kept.account_id == _viewer, _kept.status_id.in_(_ids))
_PINNED: Final = select(_pins.status_id).where(_pins.account_id == _viewer, _pins.status_id.in_(_ids))


async def _originals(tx: Tx, statuses: Sequence[Status]) -> dict[int, Status]:
    wanted = {status.boost_of_id for status in statuses if status.boost_of_id is not None}
    if not wanted:
        return {}
    rows = await tx.scalars(_STATUSES, {"ids": list(wanted)})
    return {status.id: status for status in rows}


async def _accounts(tx: Tx, ids: Collection[int]) -> dict[int, Account]:
    rows = await tx.scalars(_ACCOUNTS, {"ids": list(ids)})
    return {account.id: account for account in rows}


async def _mentions(tx: Tx, ids: Sequence[int]) -> defaultdict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    for status_id, account_id in await tx.core(_MENTIONS, {"ids": ids}):
        found[status_id].append(account_id)
    return found


async def _favourited(tx: Tx, ids: Sequence[int], viewer_id: int | None) -> set[int]:
    if viewer_id is None:
        return set()
    rows = await tx.core(_FAVOURITED, {"viewer": viewer_id, "ids": ids})
    return set(rows.scalars())


async def _boosted(tx: Tx, ids: Sequence[int], viewer_id: int | None) -> set[int]:
    if viewer_id is None:
        return set()
    rows = await tx.core(_BOOSTED, {"viewer": viewer_id, "ids": ids})
    return set(rows.scalars())


async def _bookmarked(tx: Tx, ids: Sequence[int], viewer_id: int | None) -> set[int]:
    if viewer_id is None:
        return set()
    rows = await tx.core(_BOOKMARKED, {"viewer": viewer_id, "ids": ids})
    return set(rows.scalars())


async def _pinned(tx: Tx, ids: Sequence[int], viewer_id: int | None) -> set[int]:
    if viewer_id is None or not ids:
        return set()
    rows = await tx.core(_PINNED, {"viewer": viewer_id, "ids": ids})
    return set(rows.scalars())


async def _muted(tx: Tx, ids: Sequence[int], viewer_id: int | None) -> set[int]:
    """Return those of some conversations that the viewer muted."""
    if viewer_id is None:
        return set()
    rows = await tx.core(_MUTED, {"viewer": viewer_id, "ids": ids})
    return set(rows.scalars())
