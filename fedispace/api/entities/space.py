"""Our own API: Spaces, the right to enter one, and threads."""

from typing import Literal

from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Entity

State = Literal["scheduled", "live", "ended", "cancelled"]
Access = Literal["public", "unlisted", "followers", "invited"]
SpeakPolicy = Literal["request", "followers", "invited"]
JoinRole = Literal["listener", "speaker"]


class Space(Entity, frozen=True, kw_only=True):
    """A live audio room as a social fact, ours or another server's."""

    id: str
    uri: str
    url: str
    title: str
    description: str
    state: State
    access: Access
    host: Account
    speakers: list[Account]
    topics: list[str]
    language: str | None
    speak_policy: SpeakPolicy
    about_id: str | None
    starts_at: str
    started_at: str | None
    ended_at: str | None
    listener_count: int


class Admission(Entity, frozen=True, kw_only=True):
    """A ticket that opens one session within a minute, and where to show it as a bearer token.

    Whoever listens without an account needs none and gets none. So many people on stage are blocked by
    whoever enters: to be told before anything is heard. Of another server's Space only its maker is known.
    """

    role: JoinRole
    ticket: str | None
    whep_url: str
    whip_url: str | None
    signal_url: str | None
    expires_at: str | None
    blocked_on_stage: int


class Attendance(Entity, frozen=True, kw_only=True):
    """What one said about coming: `asked`, `coming`, `refused`, or `ignored` by a server that keeps no list.

    `count` is how many are known here to come.
    """

    space_id: str
    state: str | None
    reminder: bool
    count: int


class Invitation(Entity, frozen=True, kw_only=True):
    """What one is in a Space, and what one is offered: `listener`, `speaker` or `cohost`."""

    space_id: str
    role: str
    offered: str | None


class Problem(Entity, frozen=True, kw_only=True):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
