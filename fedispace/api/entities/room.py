"""Our own API: being in a room."""

import msgspec

from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Entity


class RoomPass(Entity, frozen=True, kw_only=True):
    """Somebody's stay in a room, and where to show `pass` as a bearer token meanwhile.

    It is good for this Space alone: at `whep_url` and `whip_url`, for all calls below `room`, and as the
    first message at `signal_url`.
    """

    pass_: str = msgspec.field(name="pass")
    expires_at: str
    space_id: str
    account: Account
    whep_url: str
    whip_url: str
    signal_url: str


class Reacted(Entity, frozen=True, kw_only=True):
    """A reaction was taken; the room is told of it with those of others."""


class StreamKey(Entity, frozen=True, kw_only=True):
    """A token for a program that speaks by WHIP, without the token."""

    id: str
    label: str
    created_at: str
    used_at: str | None


class NewStreamKey(StreamKey, frozen=True, kw_only=True):
    """A stream key just made: `key` is the bearer token to show at `whip_url`, told this once."""

    key: str
    whip_url: str
