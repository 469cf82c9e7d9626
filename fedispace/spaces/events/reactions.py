"""Reactions in a room: an emoji for a moment, counted with everybody else's and kept nowhere.

At most five of one person within two seconds; one more is refused and not counted. What came within a fifth
of a second goes to the room as one message, and each process tells its connections at most twice a second
(`room_events.py`), so a room of thousands that applauds costs what one that claps once costs.

With it go, to the other web processes alone, the names of those who reacted: so the limit is one for all of
them. What somebody sends to several within that fifth of a second they learn of when it has been told; from
then on that somebody waits.
"""

import asyncio
from collections import deque
from typing import Final

from fedispace.accounts import emojis
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, Invalid, RateLimited
from fedispace.ids import Ids
from fedispace.queue.bus import Bus
from fedispace.spaces import access, queries, roles
from fedispace.spaces.events.welcome import require_welcome
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.members import role_of
from fedispace.spaces.presence import topic
from fedispace.spaces.roles import Action

EMOJI: Final = ("👏", "❤️", "😂", "🎉", "🔥", "👍", "😮", "😢", "🤔", "💯", "🙏", "🚀")
MOST: Final = 5
WITHIN_SECONDS: Final = 2.0
_GATHER_SECONDS: Final = 0.2
_MOST_PEOPLE: Final = 20_000
_MOST_KINDS: Final = 50
_COUNTED: Final = "reactions.counted"
_SELECTOR: Final = "\ufe0f"
_PLAIN: Final = {emoji.replace(_SELECTOR, ""): emoji for emoji in EMOJI}


class Reactions:
    """Takes reactions and tells the rooms."""

    def __init__(self, *, db: Database, bus: Bus, clock: Clock, ids: Ids) -> None:
        self._db = db
        self._bus = bus
        self._clock = clock
        self._me = ids.token()
        self._listener: asyncio.Task[None] | None = None
        self._counted: list[tuple[int, int]] = []
        self._recent: dict[tuple[int, int], deque[float]] = {}
        self._counts: dict[int, dict[str, int]] = {}
        self._urls: dict[int, dict[str, str]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}

    async def start(self) -> None:
        """Begin to hear whose reactions other processes have taken."""
        is_open = asyncio.Event()
        self._listener = asyncio.create_task(self._listen(is_open), name="reactions of other processes")
        await is_open.wait()

    async def stop(self) -> None:
        task, self._listener = self._listener, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def react(self, account_id: int, space_id: int, emoji: str) -> None:
        """Have the room see somebody's reaction; raises why not."""
        self._count(space_id, account_id)
        async with self._db.reading() as tx:
            space = await require_welcome(tx, space_id, account_id)
            access.require_live(Phase(space.state))
            if (await queries.standing(tx, space, account_id)).is_unseen:
                return  # their server is silenced: they are not told so, and nobody is disturbed
            roles.require(await role_of(tx, space_id, account_id), Action.REACT)
            if space.paused_at is not None:
                raise Conflict("The room is paused.")
            name, url = await _named(tx, emoji)
        counts = self._counts.setdefault(space_id, {})
        if name in counts or len(counts) < _MOST_KINDS:
            counts[name] = counts.get(name, 0) + 1
            if url is not None:
                self._urls.setdefault(space_id, {})[name] = url
        self._counted.append((space_id, account_id))
        if space_id not in self._timers:
            loop = asyncio.get_running_loop()
            self._timers[space_id] = loop.call_later(_GATHER_SECONDS, self._tell, space_id)

    def _tell(self, space_id: int) -> None:
        del self._timers[space_id]
        counts, urls = self._counts.pop(space_id, {}), self._urls.pop(space_id, {})
        counted, self._counted = self._counted, []
        if counted:
            self._bus.publish(_COUNTED, {"by": self._me, "who": counted})
        if counts:
            told = {"event": "reactions", "counts": counts, **({"urls": urls} if urls else {})}
            self._bus.publish(topic(space_id), told)

    def _count(self, space_id: int, account_id: int) -> None:
        """Count one reaction, or raise `RateLimited` when there were five a moment ago."""
        now, recent = self._clock.monotonic(), self._recent_of(space_id, account_id)
        if len(recent) == MOST and now - recent[0] < WITHIN_SECONDS:
            raise RateLimited(f"At most {MOST} reactions in two seconds.", retry_after=int(WITHIN_SECONDS))
        recent.append(now)

    async def _listen(self, is_open: asyncio.Event) -> None:
        async with self._bus.subscribe(_COUNTED) as messages:
            is_open.set()
            async for _, message in messages:
                if message.get("by") != self._me:
                    now = self._clock.monotonic()
                    for space_id, account_id in message.get("who", ()):
                        self._recent_of(space_id, account_id).append(now)

    def _recent_of(self, space_id: int, account_id: int) -> deque[float]:
        """Return when somebody reacted last in a room, as far as it matters."""
        recent = self._recent.get((space_id, account_id))
        if recent is None:
            self._make_room(self._clock.monotonic())
            recent = self._recent[space_id, account_id] = deque(maxlen=MOST)
        return recent

    def _make_room(self, now: float) -> None:
        if len(self._recent) >= _MOST_PEOPLE:
            self._recent = {
                key: times
                for key, times in self._recent.items()
                if times and now - times[-1] < WITHIN_SECONDS
            }


async def _named(tx: Tx, emoji: str) -> tuple[str, str | None]:
    """Return a reaction as the room is told of it, with its picture if it is a custom emoji of ours."""
    known = _PLAIN.get(emoji.strip().replace(_SELECTOR, ""))
    if known is not None:
        return known, None
    if len(emoji) <= 102 and emoji.startswith(":") and emoji.endswith(":"):
        for custom in await emojis.ours_in(tx, emoji):
            if f":{custom['shortcode']}:" == emoji:
                return emoji, custom["url"]
    raise Invalid("A room does not know this reaction.", field="emoji")
