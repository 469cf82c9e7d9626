"""The room's state as it is told to whoever comes: their own, or the one that all visitors share.

Visitors see the same, and after a restart all of them come back at once. So theirs is asked for once, and
again when something has happened in the room or a moment has passed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fedispace.clock import Clock
from fedispace.spaces.events.hub import Hub

RoomState = Callable[[int, int | None], Awaitable[object]]
"""What `GET /room` answers, for whoever asks."""

_SECONDS: Final = 1.0
_MOST: Final = 1000


class Greeting:
    """Gives out states."""

    def __init__(self, state: RoomState, hub: Hub, clock: Clock) -> None:
        self._state = state
        self._hub = hub
        self._clock = clock
        self._shared: dict[int, tuple[int, float, object]] = {}
        self._one_asks = asyncio.Lock()

    async def state(self, space_id: int, account_id: int | None) -> object:
        """Return the state for somebody who hears what happens from now on."""
        if account_id is not None:
            return await self._state(space_id, account_id)
        async with self._one_asks:
            number, now = self._hub.number(space_id), self._clock.monotonic()
            known = self._shared.get(space_id)
            if known is not None and known[0] == number and 0 <= now - known[1] < _SECONDS:
                return known[2]
            state = await self._state(space_id, None)
            if len(self._shared) >= _MOST:
                self._shared.clear()
            self._shared[space_id] = (number, now, state)
            return state
