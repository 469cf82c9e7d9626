"""What a room says to those in it: the events, who is told of each, and their bytes. Pure.

Everything that happens in a Space is published on its bus topic (`presence.topic`). Only what is named here
goes on from there to anybody's socket, and only with the fields named here, so that whoever publishes more
for other processes of ours cannot tell it to strangers by mistake.

    everybody   state, presence, stage, hands (how many), reactions, speaking, post, pins, paused
    hosts       queue: that the queue of hands is another
    one person  you: what somebody did about them

`resync` says that something may have been missed, and that whoever hears it has to look anew.

An event is written as JSON once, and framed once for each kind of connection, however many are there.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

Message = Mapping[str, Any]

OVER: Final = frozenset({"ended", "cancelled"})
"""The states after which a room says nothing more."""
SENT_AWAY: Final = frozenset({"removed", "banned"})
"""What about oneself is the last that one hears."""


class Audience(enum.Enum):
    EVERYBODY = "everybody"
    HOSTS = "hosts"
    ONE = "one"


class Pace(enum.Enum):
    """How an event that comes often is held back."""

    EACH = "each"
    """Not at all."""
    LATEST = "latest"
    """Of those within its time only the last is told."""
    SUMMED = "summed"
    """Those within its time become one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """An event by its name. `seconds` is the least time between two of them in one room."""

    name: str
    fields: tuple[str, ...] = ()
    audience: Audience = Audience.EVERYBODY
    pace: Pace = Pace.EACH
    seconds: float = 0.0


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(name="state", fields=("state", "started_at", "ended_at")),
        Kind(name="presence", fields=("listener_count",), pace=Pace.LATEST, seconds=0.5),
        Kind(name="stage", fields=("stage",)),
        Kind(name="hands", fields=("count",), pace=Pace.LATEST, seconds=0.25),
        Kind(name="queue", audience=Audience.HOSTS, pace=Pace.LATEST, seconds=0.25),
        Kind(name="reactions", fields=("counts", "urls"), pace=Pace.SUMMED, seconds=0.5),
        Kind(name="speaking", fields=("ids",), pace=Pace.LATEST, seconds=0.25),
        Kind(name="post", fields=("id", "offset", "is_after", "account_id")),
        Kind(name="post_edited", fields=("id",)),
        Kind(name="post_removed", fields=("id",)),
        Kind(name="pins"),
        Kind(name="paused", fields=("is_paused",)),
        Kind(name="you", fields=("account_id", "what", "role", "may_unmute"), audience=Audience.ONE),
    )
}


RESYNC: Final = Kind(name="resync", pace=Pace.LATEST, seconds=2.0)


@dataclass(slots=True)
class Packed:
    """An event as bytes; `framed` keeps what each kind of connection makes of them."""

    name: str
    body: bytes
    number: int = 0
    _frames: dict[str, bytes] = field(default_factory=dict, repr=False)

    def framed(self, connection: str, frame: Callable[["Packed"], bytes]) -> bytes:
        """Return the bytes for this kind of connection, made the first time they are asked for."""
        made = self._frames.get(connection)
        if made is None:
            made = self._frames[connection] = frame(self)
        return made


def packed(message: Message, number: int = 0) -> Packed:
    """Return a message of our own as it is sent."""
    return Packed(str(message["event"]), msgspec.json.encode(message), number)


def told(message: Message) -> tuple[Kind, dict[str, Any]] | None:
    """Return what of a message on the bus may be told, and to whom; None for what is nobody's business."""
    kind = KINDS.get(str(message.get("event")))
    if kind is None:
        return None
    return kind, {"event": kind.name, **{name: message[name] for name in kind.fields if name in message}}


def account_of(message: Message) -> int | None:
    """Return whom a message about one person is for; ids travel as strings or as numbers."""
    named = str(message.get("account_id", ""))
    return int(named) if named.isascii() and named.isdecimal() and len(named) <= 19 else None


def added(before: Message, more: Message) -> dict[str, Any]:
    """Return the reactions of two messages in one."""
    counts = dict(before["counts"])
    for emoji, number in more["counts"].items():
        counts[emoji] = counts.get(emoji, 0) + number
    urls = {**before.get("urls", {}), **more.get("urls", {})}
    return {"event": before["event"], "counts": counts, **({"urls": urls} if urls else {})}
