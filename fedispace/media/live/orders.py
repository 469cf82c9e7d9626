"""What was ordered about people who may come back: who is silenced, who was sent away, which room is over.

An order reaches those who are there at once; this is what those meet who come with something they were
given before. A grant lives a minute, so what was sent away without a ban, and a room that is over, need be
remembered no longer than that. Bans and mutes last as long as the room. All of it is bounded, the oldest
giving way: the web process, which knows, gives no tickets to whom it has banned.
"""

from datetime import datetime, timedelta
from typing import TypeVar

from fedispace.errors import Forbidden
from fedispace.media.live.grants import MAX_LIFE, Grant

_MOST = 20_000
_FOREVER = timedelta(days=3650)

_Person = tuple[str, str]
K = TypeVar("K")
V = TypeVar("V")


class Orders:
    """Pure: time is an argument. People are named as grants name them."""

    def __init__(self) -> None:
        self._muted: dict[_Person, None] = {}
        self._sent_away: dict[_Person, datetime] = {}
        self._closed: dict[str, datetime] = {}

    def mute(self, room: str, participant: str, muted: bool) -> None:
        """Remember that somebody is to be silent, or no longer."""
        self._muted.pop((room, participant), None)
        if muted:
            self._muted[room, participant] = None
            _bound(self._muted)

    def is_muted(self, room: str, participant: str) -> bool:
        return (room, participant) in self._muted

    def send_away(self, room: str, participant: str, now: datetime, *, banned: bool) -> None:
        """Have the grants that somebody holds open nothing; with a ban, no later ones either."""
        self._forget_the_past(now)
        self._sent_away.pop((room, participant), None)
        self._sent_away[room, participant] = now + (_FOREVER if banned else MAX_LIFE)
        _bound(self._sent_away)

    def readmit(self, room: str, participant: str) -> None:
        """Lift a ban."""
        self._sent_away.pop((room, participant), None)

    def close(self, room: str, now: datetime) -> None:
        """Have all grants for a room open nothing; forget what was ordered in it."""
        self._forget_the_past(now)
        for person in [person for person in self._muted if person[0] == room]:
            del self._muted[person]
        for person in [person for person in self._sent_away if person[0] == room]:
            del self._sent_away[person]
        self._closed[room] = now + MAX_LIFE
        _bound(self._closed)

    def require(self, grant: Grant) -> None:
        """Raise `Forbidden` if an order since `grant` was given, or a ban, stands against it."""
        sent_away = self._sent_away.get((grant.room, grant.participant))
        closed = self._closed.get(grant.room)
        for until in (sent_away, closed):
            if until is not None and grant.expires <= until:
                raise Forbidden("the grant was withdrawn")

    def _forget_the_past(self, now: datetime) -> None:
        for room in [room for room, until in self._closed.items() if until < now]:
            del self._closed[room]
        for person in [person for person, until in self._sent_away.items() if until < now]:
            del self._sent_away[person]


def _bound(orders: dict[K, V]) -> None:
    if len(orders) > _MOST:
        del orders[next(iter(orders))]
