"""What a subscriber receives, whichever it is: the programme, or the stage's slots without his own voice."""

from dataclasses import dataclass
from typing import Protocol

from fedispace.media.live.fanout import Slot
from fedispace.media.live.path import Address
from fedispace.media.live.room import Room
from fedispace.media.live.slots import Seat


class Subscription(Protocol):
    """One subscriber's streams, from the end of the handshake to the end of the session."""

    @property
    def ssrcs(self) -> tuple[int, ...]:
        """Their sources."""

    def move(self, address: Address) -> None:
        """Send to another address."""

    def report(self, now: float) -> bytes | None:
        """Return the sender report on them, once something was sent."""

    def protect(self, wanted: bool) -> None:
        """Send what makes up for losses along, or no longer."""

    def end(self) -> None:
        """Send no more."""


@dataclass(frozen=True, slots=True)
class Listening:
    """To the programme."""

    room: Room
    slot: Slot

    @property
    def ssrcs(self) -> tuple[int, ...]:
        return (self.room.ssrc,)

    def move(self, address: Address) -> None:
        self.room.fanout.move(self.slot, address)

    def report(self, now: float) -> bytes | None:
        return self.room.sender_report(self.slot, now)

    def protect(self, wanted: bool) -> None:
        self.room.fanout.protect(self.slot, wanted)

    def end(self) -> None:
        self.room.fanout.remove(self.slot)


@dataclass(frozen=True, slots=True)
class OnStage:
    """To the others on stage."""

    room: Room
    seat: Seat

    @property
    def ssrcs(self) -> tuple[int, ...]:
        return self.room.slots.ssrcs[: len(self.seat.ears)]

    def move(self, address: Address) -> None:
        self.room.slots.move(self.seat, address)

    def report(self, now: float) -> bytes | None:
        return self.room.slots_report(self.seat, now)

    def protect(self, wanted: bool) -> None:
        """The slots have no redundancy: each of them is another voice."""

    def end(self) -> None:
        self.room.slots.remove(self.seat)
