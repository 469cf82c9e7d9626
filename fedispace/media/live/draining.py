"""In which order an SFU that is about to end sends people away.

Room by room, evenly over the time there is, so that the one that takes over does not meet everybody at
once. A room goes as one, speakers and listeners within a second: whoever stayed behind would hear
nobody.
"""

from collections.abc import Iterable

ROOM_SECONDS = 1.0


def order_of(sessions: Iterable[tuple[str, str]], seconds: float) -> list[tuple[float, str]]:
    """Return when each of these (session, room) goes, in seconds from now, the first first."""
    rooms: dict[str, list[str]] = {}
    for session, room in sessions:
        rooms.setdefault(room, []).append(session)
    last = max(0.0, seconds - ROOM_SECONDS)
    spread = min(ROOM_SECONDS, seconds)
    plan: list[tuple[float, str]] = []
    for number, members in enumerate(rooms.values()):
        begins = last * number / len(rooms)
        plan += [(begins + spread * place / len(members), name) for place, name in enumerate(members)]
    return sorted(plan)
