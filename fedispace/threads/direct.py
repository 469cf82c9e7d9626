"""Conversations held in direct posts, as each person of ours has them: Mastodon's `conversations`.

A row says that somebody wrote or got direct posts in a conversation, and which was the last. It is
written in the transaction that stores such a post, from the post's own rows, so that it does not matter
by which way the post came. What may be seen of it is not written down but asked when it is read: a block,
a mute, a deletion or an approval changes the list at once, and nothing can be left behind in it.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from fedispace.accounts.hiding import Id, blocks, mutes, shuns_domain
from fedispace.accounts.models import Account, Notification
from fedispace.accounts.paging import Page
from fedispace.clock import Clock
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert_into
from fedispace.errors import NotFound
from fedispace.threads.models import ConversationMute, DirectConversation, Mention, Status
from fedispace.threads.visibility import mentioned, unmuted, visible, wanted

MAX_PARTICIPANTS: Final = 50
LOOKED_AT: Final = 20
"""How many of the newest posts say whom one talks with, and whether any is unread."""
_rows: Final = table_of(DirectConversation)
_posts: Final = table_of(Status).alias("direct_post").c
_named: Final = table_of(Mention).alias("addressed").c
_people: Final = table_of(Account).alias("of_ours").c
_notices: Final = table_of(Notification).alias("held_back").c


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A conversation as somebody sees it in their list: whom with, and what was said last."""

    id: int
    cursor: int
    unread: bool
    participants: tuple[int, ...]
    last: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A post of a direct conversation, as far as it counts for the list."""

    id: int
    account_id: int


class DirectConversations:
    """What somebody does with the list of their direct conversations. Every step may be repeated."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def read(self, by: Account, conversation_id: int) -> Held:
        """Count everything in a conversation as read; return it. Raises `NotFound`."""
        async with self._db.transaction() as tx:
            row, held = await self._own(tx, by, conversation_id)
            row.read_through = max(row.read_through, row.last_status_id, held.last.id)
        return replace(held, unread=False)

    async def remove(self, by: Account, conversation_id: int) -> None:
        """Take a conversation off the list until somebody writes in it again. Raises `NotFound`."""
        async with self._db.transaction() as tx:
            row, held = await self._own(tx, by, conversation_id)
            row.removed_through = row.read_through = max(row.last_status_id, held.last.id)

    async def _own(self, tx: Tx, by: Account, conversation_id: int) -> tuple[DirectConversation, Held]:
        row = await tx.get(DirectConversation, (by.id, conversation_id))
        held = [] if row is None else await _held(tx, by.id, [row], self._clock.now())
        if row is None or not held:
            raise NotFound("There is no such conversation.")
        return row, held[0]


async def held_by(tx: Tx, viewer_id: int, page: Page, now: datetime) -> list[Held]:
    """Return the direct conversations somebody has, the one with the newest post first."""
    found = page.apply(
        select(DirectConversation).where(
            DirectConversation.account_id == viewer_id,
            exists().where(*_shown(viewer_id, now)),
        ),
        DirectConversation.last_status_id,
    )
    return await _held(tx, viewer_id, page.newest_first((await tx.scalars(found)).all()), now)


async def _held(tx: Tx, viewer_id: int, rows: Sequence[DirectConversation], now: datetime) -> list[Held]:
    posts = await _newest(tx, viewer_id, [row.conversation_id for row in rows], now)
    lasts = [each[0].id for each in posts.values()]
    found = await tx.scalars(select(Status).where(Status.id.in_(lasts)))
    statuses = {status.id: status for status in found}
    hushed = set(
        await tx.scalars(
            select(ConversationMute.conversation_id).where(
                ConversationMute.account_id == viewer_id, ConversationMute.conversation_id.in_(posts)
            )
        )
    )
    with_whom = await _participants(tx, viewer_id, posts)
    return [
        Held(
            id=id_,
            cursor=row.last_status_id,
            unread=id_ not in hushed
            and any(post.account_id != viewer_id and post.id > row.read_through for post in posts[id_]),
            participants=with_whom[id_],
            last=statuses[posts[id_][0].id],
        )
        for row in rows
        if (id_ := row.conversation_id) in posts
    ]


async def _newest(
    tx: Tx, viewer_id: int, conversations: Sequence[int], now: datetime
) -> dict[int, list[Said]]:
    """Return the newest posts that count in some conversations of the viewer's, the newest first."""
    place = func.row_number().over(partition_by=Status.conversation_id, order_by=Status.id.desc())
    shown = (
        select(Status.id, Status.conversation_id, Status.account_id, place.label("place"))
        .where(
            DirectConversation.account_id == viewer_id,
            DirectConversation.conversation_id.in_(conversations),
            *_shown(viewer_id, now),
        )
        .subquery()
        .c
    )
    statement = select(shown.id, shown.conversation_id, shown.account_id)
    rows = await tx.execute(statement.where(shown.place <= LOOKED_AT).order_by(shown.id.desc()))
    found: dict[int, list[Said]] = {}
    for id_, conversation_id, account_id in rows:
        found.setdefault(conversation_id, []).append(Said(id=id_, account_id=account_id))
    return found


async def _participants(
    tx: Tx, viewer_id: int, posts: Mapping[int, Sequence[Said]]
) -> dict[int, tuple[int, ...]]:
    """Return who wrote and got the newest posts of each conversation; with nobody else, the viewer."""
    ids = [post.id for each in posts.values() for post in each]
    mentions = await tx.execute(
        select(_named.status_id, _named.account_id)
        .where(_named.status_id.in_(ids), _named.silent.is_(False))
        .order_by(_named.account_id)
    )
    named: dict[int, list[int]] = {}
    for status_id, account_id in mentions:
        named.setdefault(status_id, []).append(account_id)
    found: dict[int, tuple[int, ...]] = {}
    for conversation_id, each in posts.items():
        everybody = dict.fromkeys(who for post in each for who in (post.account_id, *named.get(post.id, ())))
        everybody.pop(viewer_id, None)
        found[conversation_id] = tuple(everybody)[:MAX_PARTICIPANTS] or (viewer_id,)
    return found


def _shown(viewer_id: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a post counts in the viewer's list, beside a row of theirs.

    What one wrote only to people one blocks or mutes by now counts no more than what they wrote; and
    what the viewer's own rules hold back (a filtered notification) does not until they let it in.
    """
    return (
        Status.conversation_id == DirectConversation.conversation_id,
        Status.visibility == "direct",
        Status.boost_of_id.is_(None),
        Status.id > DirectConversation.removed_through,
        or_(Status.account_id == viewer_id, mentioned(Status, viewer_id)),
        or_(
            and_(Status.account_id != viewer_id, wanted(viewer_id), unmuted(viewer_id, now)),
            and_(Status.account_id == viewer_id, _is_to_somebody_wanted(viewer_id, now)),
        ),
        ~exists().where(
            _notices.subject == Status.id, _notices.account_id == viewer_id, _notices.filtered.is_(True)
        ),
        visible(viewer_id),
    )


def _is_to_somebody_wanted(viewer_id: Id, now: datetime) -> ColumnElement[bool]:
    to = _named.account_id
    is_hidden = or_(blocks(viewer_id, to), mutes(viewer_id, to, now), shuns_domain(viewer_id, to))
    return or_(
        ~exists().where(_named.status_id == Status.id),
        exists().where(_named.status_id == Status.id, ~is_hidden),
    )


def _through(marks: tuple[int, int], lasts: tuple[int, int]) -> int:
    """Return how far two conversations have been read (or removed) together."""
    behind = [mark for mark, last in zip(marks, lasts, strict=True) if mark < last]
    return min(behind) if behind else max(marks)


async def recount(tx: Tx, *conversations: int) -> None:
    """Find the last direct posts of conversations anew, after posts were deleted or moved between them."""
    for conversation_id in conversations:
        given = {"conversation": conversation_id}
        await tx.core(_UNPLACED, given)
        await tx.core(_filing(tx.dialect_name, "conversation"), given)
        await tx.core(_EMPTY, given)


async def joined(tx: Tx, part: int, whole: int) -> None:
    """File the posts of `part` that now belong to `whole`: all of them, or some.

    What was read or removed in both stays so; what was unread in either stays unread, and nothing that
    was not removed is hidden.
    """
    rows = await tx.scalars(select(DirectConversation).where(DirectConversation.conversation_id == part))
    for row in rows.all():
        other = await tx.get(DirectConversation, (row.account_id, whole))
        if other is None:
            other = DirectConversation(account_id=row.account_id, conversation_id=whole, last_status_id=0)
            other.read_through, other.removed_through = row.read_through, row.removed_through
            tx.add(other)
            continue
        lasts = row.last_status_id, other.last_status_id
        other.read_through = _through((row.read_through, other.read_through), lasts)
        other.removed_through = _through((row.removed_through, other.removed_through), lasts)
    await tx.flush()
    await recount(tx, part, whole)


async def file(tx: Tx, status_id: int) -> None:
    """Put a direct post that was just stored, or names more people now, into the lists of our people."""
    await tx.core(_filing(tx.dialect_name, "post"), {"post": status_id})


@functools.cache
def _filing(dialect: str, what: Literal["post", "conversation"]) -> Any:
    """Return the INSERT of a row for each of our people who wrote, or got, some direct posts.

    What one writes oneself one has read, and all before it.
    """
    column = _posts.id if what == "post" else _posts.conversation_id
    some = and_(column == bindparam(what, type_=BigId), _posts.visibility == "direct")
    nothing = literal_column("0", BigId)
    wrote = select(_posts.account_id, _posts.conversation_id, _posts.id, _posts.id.label("own")).where(some)
    got = select(_named.account_id, _posts.conversation_id, _posts.id, nothing).where(
        some, _named.status_id == _posts.id, _named.silent.is_(False)
    )
    each = wrote.union_all(got).subquery("theirs").c
    lasts = (
        select(each.account_id, each.conversation_id, func.max(each.id), func.max(each.own), nothing)
        .where(_people.id == each.account_id, _people.domain == "")
        .group_by(each.account_id, each.conversation_id)
    )
    columns = ["account_id", "conversation_id", "last_status_id", "read_through", "removed_through"]
    statement = insert_into(dialect, DirectConversation).from_select(columns, lasts)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["account_id", "conversation_id"],
        set_={
            name: case((new[name] > _rows.c[name], new[name]), else_=_rows.c[name])
            for name in ("last_status_id", "read_through")
        },
    )


_UNPLACED: Final = (
    _rows.update()
    .where(_rows.c.conversation_id == bindparam("conversation", type_=BigId))
    .values(last_status_id=0)
)
_EMPTY: Final = _rows.delete().where(
    _rows.c.conversation_id == bindparam("conversation", type_=BigId), _rows.c.last_status_id == 0
)
