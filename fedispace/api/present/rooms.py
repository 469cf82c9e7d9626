"""Rooms, as our own API tells them."""

from fedispace.api.entities import room as entities
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.present.spaces import SpacePresenter
from fedispace.clock import iso
from fedispace.config import Spaces as Limits
from fedispace.spaces.roles import MemberRole
from fedispace.spaces.room import Hand, RoomView, Seat, You
from fedispace.spaces.sound.speaking import Speaking
from fedispace.spaces.verbs.pins import HeldUp


class RoomPresenter:
    """Presents a room with all who are named in it."""

    def __init__(
        self, spaces: SpacePresenter, accounts: AccountPresenter, limits: Limits, speaking: Speaking
    ) -> None:
        self._spaces = spaces
        self._accounts = accounts
        self._limits = limits
        self._speaking = speaking

    def room(self, view: RoomView) -> entities.RoomState:
        listeners = view.space.listener_count
        speaking = self._speaking.in_room(view.space.space.id)
        return entities.RoomState(
            space=self._spaces.space(view.space),
            you=self._you(view.you),
            stage=[self._seat(seat, is_speaking=seat.account.id in speaking) for seat in view.stage],
            stage_limit=self._limits.max_speakers,
            hands=entities.Hands(count=view.hand_count, queue=[self._hand(hand) for hand in view.queue]),
            listeners=entities.Listeners(
                count=listeners,
                shown=self._accounts.accounts(view.shown, {}),
                private=max(0, listeners - len(view.shown)),
            ),
            pins=[pin_of(pin) for pin in view.pins],
            is_paused=view.space.space.paused_at is not None,
            elapsed=view.elapsed,
            warnings=entities.Warnings(
                blocked_on_stage=view.blocked_on_stage,
                safety_buffer_seconds=self._limits.safety_buffer_seconds,
            ),
        )

    def _you(self, you: You) -> entities.You:
        row = you.row
        invited = None if row is None or row.invited_as is None else MemberRole(row.invited_as)
        return entities.You(
            account=None if you.account is None else self._accounts.account(you.account),
            role=you.standing.role.value,
            hand_position=you.hand_position,
            invited_as=None if invited is None else invited.value,
            is_muted=row is not None and row.muted_at is not None,
            may_unmute=row is None or row.may_unmute,
            has_mic_on=row is not None and row.has_mic_on,
            is_shown=row is not None and row.is_shown,
            may=[action.value for action in you.may],
        )

    def _seat(self, seat: Seat, *, is_speaking: bool) -> entities.Seat:
        return entities.Seat(
            account=self._accounts.account(seat.account),
            role=seat.role.value,
            is_muted=seat.is_muted,
            has_mic_on=seat.has_mic_on,
            is_speaking=is_speaking and not seat.is_muted,
            is_connected=seat.is_connected,
        )

    def _hand(self, hand: Hand) -> entities.Hand:
        return entities.Hand(account=self._accounts.account(hand.account), raised_at=iso(hand.raised_at))


def pin_of(held: HeldUp) -> entities.Pin:
    pin = held.pin
    return entities.Pin(
        id=str(pin.id),
        status_id=None if pin.status_id is None else str(pin.status_id),
        url=held.url,
        title=held.title,
        offset=pin.offset,
        pinned_by=str(pin.pinned_by),
    )
