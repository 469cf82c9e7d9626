"""Calls about how far the asker has read."""

from fedispace.accounts import markers
from fedispace.accounts.markers import TIMELINES, Markers
from fedispace.accounts.models import Marker as Row
from fedispace.api.entities.marker import Marker
from fedispace.api.entities.shape import Parameters, RowId
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.clock import iso
from fedispace.db.engine import Database


class Timelines(Parameters, frozen=True, kw_only=True):
    timeline: list[str] = []


class ReadUpTo(Parameters, frozen=True, kw_only=True):
    last_read_id: RowId | None = None


class WriteMarkers(Parameters, frozen=True, kw_only=True):
    home: ReadUpTo | None = None
    notifications: ReadUpTo | None = None


class MarkerCalls(Calls):
    """Mastodon's `markers` methods."""

    routes = Routes()

    def __init__(self, *, db: Database, markers: Markers) -> None:
        self._db = db
        self._markers = markers

    @routes.get("/api/v1/markers", who=Who.PERSON, scope="read:statuses")
    async def read(self, call: Call[Timelines]) -> dict[str, Marker]:
        """Return how far the asker has read some timelines."""
        wanted = [each for each in call.given.timeline if each in TIMELINES]
        async with self._db.reading() as tx:
            return _shown(await markers.markers(tx, call.person.account.id, wanted))

    @routes.post("/api/v1/markers", who=Who.PERSON, scope="write:statuses")
    async def write(self, call: Call[WriteMarkers]) -> dict[str, Marker]:
        """Note how far the asker has read."""
        given = {"home": call.given.home, "notifications": call.given.notifications}
        read = {
            timeline: each.last_read_id
            for timeline, each in given.items()
            if each is not None and each.last_read_id is not None
        }
        return _shown(await self._markers.write(call.person.account, read))


def _shown(rows: list[Row]) -> dict[str, Marker]:
    return {
        row.timeline: Marker(
            last_read_id=row.last_read_id, version=row.version, updated_at=iso(row.updated_at)
        )
        for row in rows
    }
