"""Our own API: being in a room."""

from typing import Literal

import msgspec

from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Entity
from fedispace.api.entities.space import Space
from fedispace.api.entities.status import Status

Role = Literal["host", "cohost", "speaker", "listener"]


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


class TimedReply(Entity, frozen=True, kw_only=True):
    """A post of the room's conversation, and when it was written: so many seconds after the beginning.

    None of them when it was before; `is_after` says that the Space was over already.
    """

    status: Status
    offset_seconds: int | None
    is_after: bool


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


class Seat(Entity, frozen=True, kw_only=True):
    """Somebody on stage. `is_muted` is a host's doing, `has_mic_on` their own; only both are heard."""

    account: Account
    role: Role
    is_muted: bool
    has_mic_on: bool
    is_speaking: bool
    is_connected: bool


class Hand(Entity, frozen=True, kw_only=True):
    """A hand that is up, and since when."""

    account: Account
    raised_at: str


class Hands(Entity, frozen=True, kw_only=True):
    """How many ask to speak; hosts and co-hosts see who, first come first."""

    count: int
    queue: list[Hand]


class Listeners(Entity, frozen=True, kw_only=True):
    """How many listen. Only those who chose it are named; the others are `private`."""

    count: int
    shown: list[Account]
    private: int


class Pin(Entity, frozen=True, kw_only=True):
    """A post or a link held up, from `offset` seconds after the beginning.

    Of a post, `url` is its page and `title` who wrote it and how it begins.
    """

    id: str
    status_id: str | None
    url: str
    title: str
    offset: int
    pinned_by: str


class You(Entity, frozen=True, kw_only=True):
    """What whoever asks is in the room; `may` names the actions that are allowed to them now."""

    account: Account | None
    role: Role
    hand_position: int | None
    invited_as: Role | None
    is_muted: bool
    may_unmute: bool
    has_mic_on: bool
    is_shown: bool
    may: list[str]


class Warnings(Entity, frozen=True, kw_only=True):
    """What somebody should know before they come in."""

    blocked_on_stage: int
    safety_buffer_seconds: int
    """How much of what everybody hears is held, while it is live, in case somebody reports it."""


class RoomState(Entity, frozen=True, kw_only=True):
    """A room, as whoever asks sees it."""

    space: Space
    you: You
    stage: list[Seat]
    stage_limit: int
    hands: Hands
    listeners: Listeners
    pins: list[Pin]
    is_paused: bool
    elapsed: int
    warnings: Warnings


class Removed(Entity, frozen=True, kw_only=True):
    """Somebody who was sent out, and whether of all of the host's Spaces."""

    account: Account
    removed_at: str
    is_banned: bool


class Invited(Entity, frozen=True, kw_only=True):
    """Somebody to whom a role is offered, and who has not answered."""

    account: Account
    role: Role
