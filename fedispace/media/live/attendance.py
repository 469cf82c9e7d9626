"""Who is where, so that to let one more in costs the same whatever the size of the crowd."""

from collections import Counter, defaultdict

from fedispace.media.live.grants import Grant, Role
from fedispace.media.live.room import Room
from fedispace.media.live.session import Session
from fedispace.media.live.streams import Reader

Guest = Session | Reader


class Attendance:
    """The sessions of all rooms, by person and by room."""

    def __init__(self) -> None:
        self._own: defaultdict[tuple[str, Role, str], list[Guest]] = defaultdict(list)
        self._in_role: Counter[tuple[str, Role]] = Counter()
        self._in_room: Counter[Room] = Counter()

    def add(self, session: Guest) -> None:
        """Count a session in."""
        grant = session.grant
        self._own[grant.room, grant.role, grant.participant].append(session)
        self._in_role[grant.room, grant.role] += 1
        self._in_room[session.room] += 1

    def remove(self, session: Guest) -> None:
        """Count a session out."""
        grant = session.grant
        key = (grant.room, grant.role, grant.participant)
        self._own[key].remove(session)
        if not self._own[key]:
            del self._own[key]
        self._in_role[grant.room, grant.role] -= 1
        if not self._in_role[grant.room, grant.role]:
            del self._in_role[grant.room, grant.role]
        self._in_room[session.room] -= 1
        if not self._in_room[session.room]:
            del self._in_room[session.room]

    def own(self, grant: Grant) -> list[Guest]:
        """Return the sessions that the grant's participant has in that room and role, oldest first."""
        return list(self._own.get((grant.room, grant.role, grant.participant), ()))

    def count(self, grant: Grant) -> int:
        """Return how many sessions there are in that room and role."""
        return self._in_role[grant.room, grant.role]

    def is_empty(self, room: Room) -> bool:
        """Tell whether nobody is in `room`."""
        return room not in self._in_room
