"""A room as whoever is in it, or looks in, sees it: the stage, the queue, who listens, what they may do."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select

from fedispace.accounts.models import Account, Block
from fedispace.accounts.standing import is_shown
from fedispace.db.engine import Tx
from fedispace.spaces import access, members, presence, queries, roles, views
from fedispace.spaces.access import Standing
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Member, Space
from fedispace.spaces.roles import Action, MemberRole
from fedispace.spaces.verbs.pins import HeldUp, pins
from fedispace.spaces.views import SpaceView


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Somebody on stage."""

    account: Account
    role: MemberRole
    is_muted: bool
    may_unmute: bool
    has_mic_on: bool
    is_connected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A hand that is up."""

    account: Account
    raised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class You:
    """What whoever looks is in the room; `row` is none for who has nothing particular."""

    account: Account | None
    standing: Standing
    row: Member | None
    hand_position: int | None
    may: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomView:
    """The whole room. `queue` is empty for whoever may not see it."""

    space: SpaceView
    you: You
    stage: tuple[Seat, ...]
    hand_count: int
    queue: tuple[Hand, ...]
    shown: tuple[Account, ...]
    pins: tuple[HeldUp, ...]
    blocked_on_stage: int
    elapsed: int


async def room_of(tx: Tx, space_id: int, viewer_id: int | None, now: datetime) -> RoomView:
    """Return the room of a Space of ours, for whoever may be in it; raises why they may not."""
    space = await queries.space(tx, space_id, viewer_id)
    if not space.local:
        raise access.no_such_space()
    standing = await queries.standing(tx, space, viewer_id)
    access.require_presence(access.parse_access(space.access), standing)
    [view] = await views.view(tx, [space])
    on_stage = await members.stage(tx, space_id)
    waiting = await members.hands(tx, space_id) if roles.may(standing.role, Action.SEE_HANDS) else ()
    shown = await members.shown(tx, space_id)
    ids = {row.account_id for row in (*on_stage, *waiting)} | set(shown)
    accounts = await _accounts(tx, ids if viewer_id is None else ids | {viewer_id})
    connected = await presence.connected_accounts(tx, space_id, "speaker")
    row = None if viewer_id is None else await members.member(tx, space_id, viewer_id)
    return RoomView(
        space=view,
        you=You(
            account=accounts.get(viewer_id or 0),
            standing=standing,
            row=row,
            hand_position=None if row is None else await members.hand_position(tx, row),
            may=_allowed(space, standing, row),
        ),
        stage=_seats(on_stage, accounts, connected),
        hand_count=await members.count_hands(tx, space_id),
        queue=tuple(
            Hand(account=accounts[hand.account_id], raised_at=hand.hand_at or now)
            for hand in waiting
            if hand.account_id in accounts
        ),
        shown=tuple(accounts[id_] for id_ in shown if id_ in accounts),
        pins=tuple(await pins(tx, space_id)),
        blocked_on_stage=await _blocked(tx, viewer_id, [seat.account_id for seat in on_stage]),
        elapsed=_elapsed(space, now),
    )


async def left_room(tx: Tx, space_id: int) -> RoomView:
    """Return what is left of a room for who declined to come, and may not see it any more: its name."""
    space = await tx.get(Space, space_id)
    if space is None:
        raise access.no_such_space()
    [view] = await views.view(tx, [space])
    return RoomView(
        space=replace(view, listener_count=0, speakers=()),
        you=You(account=None, standing=access.STRANGER, row=None, hand_position=None, may=()),
        stage=(),
        hand_count=0,
        queue=(),
        shown=(),
        pins=(),
        blocked_on_stage=0,
        elapsed=0,
    )


async def stage_of(tx: Tx, space_id: int) -> tuple[Seat, ...]:
    """Return who is on stage: the host, then co-hosts, then speakers, longest there first."""
    rows = await members.stage(tx, space_id)
    accounts = await _accounts(tx, {row.account_id for row in rows})
    return _seats(rows, accounts, await presence.connected_accounts(tx, space_id, "speaker"))


async def shown_of(tx: Tx, space_id: int) -> tuple[Account, ...]:
    """Return the listeners who are there and chose to be named."""
    ids = await members.shown(tx, space_id)
    accounts = await _accounts(tx, ids)
    return tuple(accounts[id_] for id_ in ids if id_ in accounts)


def _seats(
    rows: Sequence[Member], accounts: Mapping[int, Account], connected: Collection[int]
) -> tuple[Seat, ...]:
    return tuple(
        Seat(
            account=accounts[row.account_id],
            role=MemberRole(row.role),
            is_muted=row.muted_at is not None,
            may_unmute=row.may_unmute,
            has_mic_on=row.has_mic_on,
            is_connected=row.account_id in connected,
        )
        for row in rows
        if row.account_id in accounts
    )


def _allowed(space: Space, standing: Standing, row: Member | None) -> tuple[Action, ...]:
    """Return what somebody may do now, as far as one can tell before they try."""
    if not standing.is_known or Phase(space.state) in (Phase.ENDED, Phase.CANCELLED):
        return ()
    may = set(roles.allowed(standing.role))
    if space.speak_policy == "invited" or (space.speak_policy == "followers" and not standing.follows_host):
        may.discard(Action.RAISE_HAND)
    if space.paused_at is not None:
        may -= {Action.REACT, Action.SPEAK}
    if row is not None and row.muted_at is not None and not row.may_unmute:
        may.discard(Action.SPEAK)
    return tuple(action for action in Action if action in may)


async def _accounts(tx: Tx, ids: Collection[int]) -> dict[int, Account]:
    rows = await tx.scalars(select(Account).where(Account.id.in_(ids), is_shown()))
    return {account.id: account for account in rows}


async def _blocked(tx: Tx, viewer_id: int | None, stage: Collection[int]) -> int:
    """Return how many on stage the viewer blocks: told before they come in, not who."""
    if viewer_id is None:
        return 0
    statement = select(func.count()).select_from(Block)
    return await tx.scalar(statement.where(Block.account_id == viewer_id, Block.target_id.in_(stage))) or 0


def _elapsed(space: Space, now: datetime) -> int:
    """Return for how many seconds it has been, or was, live."""
    if space.started_at is None:
        return 0
    return max(0, int(((space.ended_at or now) - space.started_at).total_seconds()))
