"""Pins of a room."""

from fedispace.api.entities.room import Pin
from fedispace.api.entities.shape import ById, Parameters, RowId
from fedispace.api.present.rooms import pin_of
from fedispace.api.routing import Besides, Call, Calls, Dialect, Reply, Routes, Who
from fedispace.db.engine import Database
from fedispace.errors import Invalid
from fedispace.spaces.events.welcome import require_welcome
from fedispace.spaces.verbs.pins import Pinning, held_up, pins

_AT = "/api/fedispace/v1/spaces/{id}/room/pins"


class PutUp(Parameters, frozen=True, kw_only=True):
    id: RowId
    status_id: RowId | None = None
    url: str | None = None
    title: str = ""


class TakeDown(Parameters, frozen=True, kw_only=True):
    id: RowId
    pin_id: RowId


class RoomPinCalls(Calls):
    """What hosts hold up for everybody."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, db: Database, pinning: Pinning) -> None:
        self._db = db
        self._pinning = pinning

    @routes.get(_AT, who=Who.ANYONE, scope="read:statuses", besides=Besides.PASS)
    async def pins(self, call: Call[ById]) -> list[Pin]:
        """Return what is held up now, first put up first."""
        async with self._db.reading() as tx:
            await require_welcome(tx, call.given.id, call.viewer_id)
            return [pin_of(pin) for pin in await pins(tx, call.given.id)]

    @routes.post(_AT, who=Who.PERSON, scope="write:statuses", besides=Besides.PASS)
    async def pin(self, call: Call[PutUp]) -> Reply[Pin]:
        """Hold up a post that everybody may read, or a link; for hosts and co-hosts, five at a time."""
        given, by_id = call.given, call.account.id
        if (given.status_id is None) == (given.url is None):
            raise Invalid("Give either status_id or url.", field="status_id")
        if given.url is not None:
            pin = await self._pinning.pin_link(by_id, given.id, given.url, given.title)
        else:
            pin = await self._pinning.pin_post(by_id, given.id, given.status_id or 0)
        async with self._db.reading() as tx:
            return Reply(body=pin_of(await held_up(tx, pin)), status=201)

    @routes.delete(f"{_AT}/{{pin_id}}", who=Who.PERSON, scope="write:statuses", besides=Besides.PASS)
    async def unpin(self, call: Call[TakeDown]) -> list[Pin]:
        """Take a pin down, and return those that are left."""
        given = call.given
        await self._pinning.unpin(call.account.id, given.id, given.pin_id)
        async with self._db.reading() as tx:
            return [pin_of(pin) for pin in await pins(tx, given.id)]
