"""Stream keys: tokens for programs that speak by WHIP and can do nothing else (OBS, FFmpeg)."""

from fedispace.api.entities.oauth import Nothing
from fedispace.api.entities.room import NewStreamKey, StreamKey
from fedispace.api.entities.shape import ById, Parameters, RowId
from fedispace.api.routing import Besides, Call, Calls, Dialect, Reply, Routes, Who
from fedispace.clock import iso
from fedispace.federation.addresses import Addresses
from fedispace.spaces import models
from fedispace.spaces.endpoints import endpoints_of
from fedispace.spaces.entry.stream_keys import StreamKeys

_AT = "/api/fedispace/v1/spaces/{id}/room/stream_keys"


class MakeStreamKey(Parameters, frozen=True, kw_only=True):
    id: RowId
    label: str = ""


class RevokeStreamKey(Parameters, frozen=True, kw_only=True):
    id: RowId
    key_id: RowId


class StreamKeyCalls(Calls):
    """One's own stream keys for one Space."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, keys: StreamKeys, addresses: Addresses) -> None:
        self._keys = keys
        self._addresses = addresses

    @routes.post(_AT, who=Who.PERSON, scope="write:statuses", besides=Besides.PASS)
    async def make(self, call: Call[MakeStreamKey]) -> Reply[NewStreamKey]:
        """Make a stream key; whoever is on stage may. The key itself is told this once."""
        given = call.given
        made = await self._keys.make(given.id, call.account.id, given.label)
        seen = _shown(made.row)
        body = NewStreamKey(
            id=seen.id,
            label=seen.label,
            created_at=seen.created_at,
            used_at=seen.used_at,
            key=made.secret,
            whip_url=endpoints_of(self._addresses, given.id).whip,
        )
        return Reply(body=body, status=201)

    @routes.get(_AT, who=Who.PERSON, scope="read:statuses", besides=Besides.PASS)
    async def listed(self, call: Call[ById]) -> list[StreamKey]:
        """Return one's own stream keys that are good, oldest first."""
        rows = await self._keys.listed(call.given.id, call.account.id)
        return [_shown(row) for row in rows]

    @routes.delete(f"{_AT}/{{key_id}}", who=Who.PERSON, scope="write:statuses", besides=Besides.PASS)
    async def revoke(self, call: Call[RevokeStreamKey]) -> Nothing:
        """Revoke a stream key of one's own; what is being sent with it ends at once."""
        await self._keys.revoke(call.given.id, call.account.id, call.given.key_id)
        return Nothing()


def _shown(row: models.StreamKey) -> StreamKey:
    return StreamKey(
        id=str(row.id),
        label=row.label,
        created_at=iso(row.created_at),
        used_at=None if row.used_at is None else iso(row.used_at),
    )
