"""Places for requests: so many under way at once, and so many at each host.

Most requests end within a fraction of a second; what hangs, hangs for fifteen. So a request that takes
longer than `PATIENCE` gives its place to the next and goes on among the slow ones, of which there may
be more, because they cost a socket and nothing else. Those who wait for a place are let in queue by
queue in turn (`bands.py`).

A host gets few places until it has answered quickly, and few again when it does not: one that hangs
holds two sockets, and nobody waits at its door but those who want to go there.
"""

import asyncio
import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 0.25
REMEMBERED: Final = 10_000


class Flights:
    """So many places, and room for so many more that turned out to be slow.

    No queue may hold the last few places: were all its hosts to hang, the others would wait for its
    time-outs.
    """

    def __init__(self, places: int, *, slow: int = 0) -> None:
        self._free = places
        self._most = places - places // 8
        self._slow_free = slow
        self._held: Counter[int] = Counter()
        self._waiting: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def are_full(self) -> bool:
        """Tell whether somebody waits for a place."""
        return bool(self._waiting)

    def of(self, band: int) -> "Flight":
        """Return a place for one request, to be entered."""
        return Flight(self, band)

    async def take(self, band: int) -> None:
        if band not in self._waiting and self._has_place_for(band):
            self._give(band)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(band, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(band)
            raise

    def _has_place_for(self, band: int) -> bool:
        return self._free > 0 and self._held[band] < self._most

    def _give(self, band: int) -> None:
        self._free -= 1
        self._held[band] += 1

    def give_back(self, band: int) -> None:
        """Free a place of this queue, for whose turn it is."""
        self._free += 1
        self._held[band] -= 1
        while (
            following := next((band for band in self._waiting if self._has_place_for(band)), None)
        ) is not None:
            self._let_in(following)

    def _let_in(self, band: int) -> None:
        """Give the next of this queue a place; the queue's turn is then the last."""
        queue = self._waiting.pop(band)
        turn = queue.popleft()
        if queue:
            self._waiting[band] = queue
        if not turn.done():
            self._give(band)
            turn.set_result(None)

    def step_aside(self, band: int) -> bool:
        """Move a request among the slow ones, if there is room."""
        if not self._slow_free:
            return False
        self._slow_free -= 1
        self.give_back(band)
        return True

    def end_slow(self) -> None:
        self._slow_free += 1


class Flight:
    """One request's place."""

    __slots__ = ("_aside", "_band", "_flights", "_timer", "is_slow")

    def __init__(self, flights: Flights, band: int) -> None:
        self._flights = flights
        self._band = band
        self._aside = False
        self.is_slow = False

    async def __aenter__(self) -> "Flight":
        await self._flights.take(self._band)
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._grow_slow)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._aside:
            self._flights.end_slow()
        else:
            self._flights.give_back(self._band)

    def _grow_slow(self) -> None:
        self.is_slow = True
        self._aside = self._flights.step_aside(self._band)


class Places:
    """So many places at each host; a host nobody is at, or waits for, costs nothing."""

    def __init__(self, *, first: int, quick: int) -> None:
        self._first = first
        self._quick = quick
        self._hosts: dict[str, Place] = {}
        self._answers_quickly: OrderedDict[str, None] = OrderedDict()

    def at(self, host: str) -> "Place":
        """Return the places at `host`, a context manager that so many are in at once."""
        place = self._hosts.get(host)
        if place is None:
            size = self._quick if host in self._answers_quickly else self._first
            place = self._hosts[host] = Place(size, lambda: self._hosts.pop(host, None))
        return place

    def answered(self, host: str, *, quickly: bool) -> None:
        """Learn how `host` answered just now."""
        if quickly:
            self._answers_quickly[host] = None
            self._answers_quickly.move_to_end(host)
            if len(self._answers_quickly) > REMEMBERED:
                self._answers_quickly.popitem(last=False)
        else:
            self._answers_quickly.pop(host, None)
        place = self._hosts.get(host)
        if place is not None:
            place.size = self._quick if quickly else self._first

    def crowded(self) -> list[str]:
        """Return the hosts at whose door somebody waits already."""
        return [host for host, place in self._hosts.items() if place.is_crowded]


class Place:
    """One host's places."""

    def __init__(self, size: int, forget: Callable[[], object]) -> None:
        self.size = size
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._forget = forget

    @property
    def is_crowded(self) -> bool:
        return bool(self._waiting)

    async def __aenter__(self) -> None:
        if self._inside < self.size and not self._waiting:
            self._inside += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            else:
                with contextlib.suppress(ValueError):  # somebody who left may have passed it over already
                    self._waiting.remove(turn)
                self._forget_if_empty()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self._inside -= 1
        while self._waiting and self._inside < self.size:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)
        self._forget_if_empty()

    def _forget_if_empty(self) -> None:
        if not self._inside and not self._waiting:
            self._forget()
