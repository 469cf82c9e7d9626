"""Who speaks just now in the rooms, by the word of the SFUs.

Every web process hears every SFU, so each knows it by itself and tells its own connections; nothing goes
over the bus. Whoever is muted is not heard by the SFU either, and so never speaks.
"""

from collections.abc import Callable
from typing import Any, Final

from fedispace.media.live.messages import SessionEvent

_SILENCE: Final = 127
_ACCOUNT: Final = "account "


class Speaking:
    """Keeps the set of speakers of each room; `tell` is called when it becomes another."""

    def __init__(self, tell: Callable[[int, dict[str, Any]], None]) -> None:
        self._tell = tell
        self._rooms: dict[int, dict[str, int]] = {}

    def in_room(self, space_id: int) -> frozenset[int]:
        """Return the accounts that speak there now."""
        return frozenset(self._rooms.get(space_id, {}).values())

    def note(self, event: SessionEvent) -> None:
        """Take in what an SFU tells of a session."""
        if event.kind not in ("speaking", "disconnected") or not event.room.isdecimal():
            return
        room = int(event.room)
        before = self.in_room(room)
        sessions = self._rooms.setdefault(room, {})
        speaker = _account_of(event.participant)
        if event.kind == "speaking" and event.level < _SILENCE and speaker is not None:
            sessions[event.session] = speaker
        else:
            sessions.pop(event.session, None)
        if not sessions:
            del self._rooms[room]
        now = self.in_room(room)
        if now != before:
            self._tell(room, speaking_event(now))


def speaking_event(accounts: frozenset[int]) -> dict[str, Any]:
    """Return what a room is told about who speaks: all of them, each time."""
    return {"event": "speaking", "ids": sorted(str(account) for account in accounts)}


def _account_of(participant: str) -> int | None:
    number = participant.removeprefix(_ACCOUNT)
    return int(number) if number != participant and number.isdecimal() else None
