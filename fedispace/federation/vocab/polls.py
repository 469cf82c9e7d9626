"""A poll, the way a `Question` states one (ActivityStreams 2.0, Mastodon, FEP-9967)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOption:
    """One answer; without `votes` its author keeps the number back for now."""

    name: str
    votes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """What can be chosen, and how it stands.

    `multiple` is `anyOf`, otherwise `oneOf`. `closed` is when it was closed, or will be (Pleroma writes
    the end there); `is_closed` says that it was, for peers that write `true` instead of a date.
    """

    options: tuple[PollOption, ...]
    multiple: bool = False
    end_time: datetime | None = None
    closed: datetime | None = None
    is_closed: bool = False
    voters_count: int | None = None
