"""What is known of Spaces. Whoever reads one for somebody reads it through here."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import BigInteger, ColumnElement, String, and_, bindparam, exists, func, or_, select

from fedispace.accounts.models import Account, Block, Follow
from fedispace.accounts.paging import Page
from fedispace.accounts.standing import is_shown
from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.moderation.reports import Room
from fedispace.moderation.silence import shut_out
from fedispace.spaces import access, safety
from fedispace.spaces.access import STRANGER, Standing
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Attendance, LiveSession, Member, Space
from fedispace.spaces.roles import MemberRole

_MAX_CONCERNED: Final = 2000
_MAX_NAMED: Final = 200
_MAX_ORGANIZERS: Final = 50
HEARD_WITHIN: Final = timedelta(days=1)
UNFINISHED: Final = (Phase.SCHEDULED, Phase.LIVE)
_spaces: Final = table_of(Space).c
_VIEWER: Final = bindparam("viewer", type_=BigInteger())
_HOST: Final = bindparam("host", type_=BigInteger())
_SPACE: Final = bindparam("space", type_=BigInteger())
_STANDING: Final = (
    select(
        Member.role,
        Member.removed_at,
        or_(Member.invited_as.is_not(None), Member.invite_uri.is_not(None)).label("offered"),
        exists()
        .where(Follow.account_id == _VIEWER, Follow.target_id == _HOST, Follow.accepted)
        .label("follows"),
        safety.is_blocked_by_host(_SPACE, _HOST, _VIEWER).label("blocked"),
        safety.is_shunned_by_host(_SPACE, _HOST, _VIEWER).label("shunned"),
        safety.is_blocked_by_stage(_SPACE, _VIEWER, Member.role).label("barred"),
        shut_out(_VIEWER).label("shut_out"),
        safety.is_unseen(_SPACE, _HOST, _VIEWER).label("unseen"),
        safety.is_banned_by_host(_SPACE, _HOST, _VIEWER).label("banned"),
        Account.suspended_at,
        Account.suspended_at_home,
    )
    .select_from(Account)
    .outerjoin(
        Member,
        and_(Member.space_id == _SPACE, Member.account_id == Account.id),
    )
    .where(Account.id == _VIEWER)
)
_LIVE: Final = select(_spaces.id).where(_spaces.local, _spaces.state == Phase.LIVE.value)
_ID_OF: Final = select(_spaces.id).where(_spaces.uri == bindparam("uri", type_=String()))


async def live_ids(tx: Tx) -> set[int]:
    """Return our Spaces that are live; asked every second or so, so it costs next to nothing."""
    return {row.id for row in await tx.core(_LIVE, {})}


async def space(tx: Tx, space_id: int, viewer_id: int | None) -> Space:
    """Return a Space that the viewer may see; raises `NotFound`."""
    found = (
        await tx.scalars(
            select(Space).join(Account, Account.id == Space.host_id).where(Space.id == space_id, is_shown())
        )
    ).one_or_none()
    if found is None:
        raise access.no_such_space()
    access.require_sight(access.parse_access(found.access), await standing(tx, found, viewer_id))
    return found


async def spaces(
    tx: Tx, viewer_id: int | None, state: Phase | None, page: Page, *, now: datetime
) -> list[Space]:
    """Return the Spaces listed for the viewer, newest first, of one state or of all.

    Of another server's, what has said nothing for a day is not listed as live, or to come: that server
    may be gone, and would have it live for ever.
    """
    statement = (
        select(Space).join(Account, Account.id == Space.host_id).where(_is_listed(viewer_id), is_shown())
    )
    statement = statement.where(or_(Space.state.not_in(UNFINISHED), is_under_way(now)))
    if state is not None:
        statement = statement.where(Space.state == state)
    rows = (await tx.scalars(page.apply(statement, Space.id))).all()
    return page.newest_first(rows)


async def spaces_of(tx: Tx, viewer_id: int | None, host_id: int, page: Page) -> list[Space]:
    """Return one host's Spaces that are listed for the viewer, newest first."""
    statement = select(Space).where(Space.host_id == host_id, _is_listed(viewer_id))
    rows = (await tx.scalars(page.apply(statement, Space.id))).all()
    return page.newest_first(rows)


async def by_uri(tx: Tx, uri: str) -> Space | None:
    """Return the Space of that ActivityPub id, whoever asks."""
    await tx.flush()
    id_ = (await tx.core(_ID_OF, {"uri": uri})).scalar()
    return None if id_ is None else await tx.get(Space, id_)


async def of_others_at(tx: Tx, address: str) -> Space | None:
    """Return the Space of another server that is known by this id or page, whoever asks."""
    rows = await tx.scalars(
        select(Space)
        .where(or_(Space.uri == address, Space.url == address), Space.local.is_(False))
        .order_by(Space.id)
        .limit(1)
    )
    return rows.one_or_none()


async def room_named(tx: Tx, addresses: Sequence[str]) -> Room | None:
    """Return the Space, known here, whose id or page is among these addresses (for reports)."""
    wanted = list(dict.fromkeys(addresses))[:_MAX_NAMED]
    row = (
        await tx.execute(
            select(Space.id, Space.host_id, Space.local)
            .where(or_(Space.uri.in_(wanted), Space.url.in_(wanted)))
            .order_by(Space.id)
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else Room(id=row.id, host_id=row.host_id, is_ours=row.local)


class Judged(Protocol):
    """A Space, as far as it matters to what somebody is to it."""

    @property
    def id(self) -> int: ...

    @property
    def host_id(self) -> int: ...

    @property
    def access(self) -> str: ...


async def standing(tx: Tx, of: Judged, viewer_id: int | None) -> Standing:
    """Return what the viewer is to a Space and to its host."""
    if viewer_id is None:
        return STRANGER
    await tx.flush()
    row = (await tx.core(_STANDING, {"space": of.id, "host": of.host_id, "viewer": viewer_id})).one()
    role = MemberRole.LISTENER if row.role is None else MemberRole(row.role)
    is_author = viewer_id == of.host_id
    return Standing(
        is_known=True,
        is_host=role is MemberRole.HOST,
        is_author=is_author,
        follows_host=row.follows,
        is_blocked=row.blocked and not is_author,
        is_domain_blocked=row.shunned and not is_author,
        is_barred=row.barred or row.shut_out,
        is_unseen=row.unseen,
        role=role,
        is_invited=row.role is not None
        and row.removed_at is None
        and (of.access == "invited" or role is not MemberRole.LISTENER or row.offered),
        is_removed=row.removed_at is not None,
        is_banned=row.banned,
        is_suspended=row.suspended_at is not None or row.suspended_at_home,
    )


def is_guest() -> ColumnElement[bool]:
    """The condition on a Space and a member that they are on its list of guests (`Standing.is_invited`).

    Whoever only did something in a room has a row as well. In a Space for followers that is no invitation:
    they were let in as followers. In one for guests nobody else gets as far.
    """
    return and_(
        Member.role.is_not(None),
        Member.removed_at.is_(None),
        or_(
            Space.access == "invited",
            Member.role != MemberRole.LISTENER,
            Member.invited_as.is_not(None),
            Member.invite_uri.is_not(None),
        ),
    )


def is_for() -> ColumnElement[bool]:
    """The rule of `access.may_see` as a condition on a Space, an account and the member of both (or none)."""
    follows = exists().where(
        Follow.account_id == Account.id, Follow.target_id == Space.host_id, Follow.accepted
    )
    return or_(
        Account.id == Space.host_id,
        and_(
            ~safety.is_blocked_by_host(Space.id, Space.host_id, Account.id),
            ~safety.is_shunned_by_host(Space.id, Space.host_id, Account.id),
            or_(
                Space.access.in_(sorted(access.OPEN_TO_ALL)),
                is_guest(),
                and_(Space.access == "followers", follows),
            ),
        ),
    )


def is_under_way(now: datetime) -> ColumnElement[bool]:
    """The condition that a Space is to come, or live, and of another server's that it was heard of lately."""
    is_recent = or_(Space.starts_at > now - HEARD_WITHIN, Space.updated_at > now - HEARD_WITHIN)
    return and_(Space.state.in_(UNFINISHED), or_(Space.local, is_recent))


def is_present() -> ColumnElement[bool]:
    """The condition on a session that somebody is there: connected, and not gone."""
    return and_(LiveSession.connected_at.is_not(None), LiveSession.ended_at.is_(None))


async def speakers_in(tx: Tx, space_ids: Sequence[int]) -> dict[int, list[int]]:
    """Return who is connected as a speaker, as account ids by Space, first come first."""
    rows = await tx.execute(
        select(LiveSession.space_id, LiveSession.account_id)
        .where(LiveSession.space_id.in_(space_ids), LiveSession.role == "speaker", is_present())
        .order_by(LiveSession.created_at)
    )
    found: dict[int, dict[int, None]] = {}
    for space_id, account_id in rows:
        if account_id is not None:
            found.setdefault(space_id, {})[account_id] = None
    return {space_id: list(ids) for space_id, ids in found.items()}


async def count_attendances(tx: Tx, space_id: int) -> int:
    """Count those who said that they will come."""
    return (
        await tx.scalar(
            select(func.count())
            .select_from(Attendance)
            .where(Attendance.space_id == space_id, Attendance.state == "coming")
        )
    ) or 0


async def concerned_ids(tx: Tx, space_id: int) -> tuple[int, ...]:
    """Return those of other servers who said that they will come, or are invited.

    Who was sent away, or may not see the Space any more, is told nothing more.
    """
    is_there = and_(Account.domain != "", Member.removed_at.is_(None), is_for())
    coming = await tx.scalars(
        select(Attendance.account_id)
        .join(Account, Account.id == Attendance.account_id)
        .join(Space, Space.id == Attendance.space_id)
        .outerjoin(Member, and_(Member.space_id == space_id, Member.account_id == Account.id))
        .where(Attendance.space_id == space_id, is_there)
        .limit(_MAX_CONCERNED)
    )
    invited = await tx.scalars(
        select(Member.account_id)
        .join(Account, Account.id == Member.account_id)
        .join(Space, Space.id == Member.space_id)
        .where(Member.space_id == space_id, is_there)
        .where(or_(Member.role != "listener", Member.invite_uri.is_not(None)))
        .limit(_MAX_CONCERNED)
    )
    return tuple(dict.fromkeys([*coming, *invited]))


async def organizers(tx: Tx, of: Space) -> list[Account]:
    """Return who hosts a Space of ours now, and the co-hosts in the order in which they came to it."""
    found = await tx.scalars(
        select(Account)
        .join(Member, Member.account_id == Account.id)
        .where(Member.space_id == of.id, Member.role.in_(("host", "cohost")), Member.removed_at.is_(None))
        .order_by(Member.role.desc(), Member.created_at, Member.account_id)
        .limit(_MAX_ORGANIZERS)
    )
    every = list(found)
    if await tx.scalar(select(exists().where(Member.space_id == of.id, Member.role == "host"))):
        return every
    maker = await tx.get(Account, of.host_id)
    return every if maker is None else [maker, *every]


async def unfinished(tx: Tx, host_id: int) -> Sequence[Space]:
    """Return the host's Spaces that are scheduled or live."""
    return (
        await tx.scalars(
            select(Space)
            .where(Space.host_id == host_id, Space.local)
            .where(Space.state.in_((Phase.SCHEDULED, Phase.LIVE)))
            .limit(100)
        )
    ).all()


def is_deserted(since: datetime) -> ColumnElement[bool]:
    """The condition on a Space of ours that it is live, and that nobody has been in it since then."""
    somebody = exists().where(
        LiveSession.space_id == Space.id,
        or_(LiveSession.ended_at.is_(None), LiveSession.ended_at > since),
    )
    return and_(Space.local, Space.state == Phase.LIVE, Space.started_at <= since, ~somebody)


def is_overdue(since: datetime) -> ColumnElement[bool]:
    """The condition on a Space of ours that it should have been opened by then, and never was."""
    return and_(Space.local, Space.state == Phase.SCHEDULED, Space.starts_at <= since)


def _is_listed(viewer_id: int | None) -> ColumnElement[bool]:
    """The rule of `access.py` as a condition on many rows."""
    public = Space.access == "public"
    if viewer_id is None:
        return public
    followed = select(Follow.target_id).where(Follow.account_id == viewer_id, Follow.accepted)
    blocking = select(Block.account_id).where(Block.target_id == viewer_id)
    invited = exists().where(Member.space_id == Space.id, Member.account_id == viewer_id, is_guest())
    return or_(
        Space.host_id == viewer_id,
        and_(
            Space.host_id.not_in(blocking),
            or_(
                public,
                and_(Space.access.in_(("unlisted", "followers")), Space.host_id.in_(followed)),
                invited,
            ),
        ),
    )
