"""What templates are given: plain values, already decided. Nothing here asks the database."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from markupsafe import Markup

from fedispace.web.faces import Face
from fedispace.web.poll_cards import PollCard

State = Literal["scheduled", "live", "ended", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestCard:
    """Somebody of another server who visits; `csrf` goes into each of their forms."""

    face: Face
    csrf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceCard:
    """A Space, on a card, on the side or on its own page."""

    id: int
    uri: str
    path: str
    title: str
    description: str
    host: Face
    state: State
    access: str
    starts_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    listeners: int
    speakers: tuple[Face, ...] = ()
    local: bool = True
    mine: bool = False
    announcement_id: int | None = None
    topics: tuple[str, ...] = ()
    language: str = ""
    speaks: str = "request"
    paused: bool = False
    is_for_strangers: bool = True
    moved_from: datetime | None = None
    interested: int = 0
    coming: bool = False

    @property
    def is_live(self) -> bool:
        return self.state == "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnStage:
    """Somebody the reader follows who is on a stage now."""

    face: Face
    space: SpaceCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Somebody on stage. `is_here`: their sound is connected; `is_muted`: nobody hears them now."""

    face: Face
    role: Literal["host", "cohost", "speaker"]
    is_muted: bool = True
    is_here: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PinCard:
    """What hosts hold up: a post of ours or a link to elsewhere."""

    id: int
    href: str
    title: str
    is_ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomCard:
    """What the page of a Space shows beside its card, and where its script goes.

    `api`, `signal`, `whep` and `whip` are at the server the Space lives on; `key` is where this server
    gives the right to use them.
    """

    seats: tuple[Seat, ...]
    limit: int
    api: str
    signal: str
    whep: str
    whip: str
    key: str
    domain: str
    ics: str
    listeners: tuple[Face, ...] = ()
    pins: tuple[PinCard, ...] = ()
    interested: int = 0
    is_reminded: bool = False
    is_on_stage: bool = False
    is_host: bool = False
    may_listen: bool = True
    is_for_strangers: bool = True
    may_ask: bool = True
    refusal: str = ""
    about: "PostCard | None" = None
    safety_seconds: int | None = None
    """How much sound is held in case somebody reports it; none of another server's room: it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCard:
    """A picture or a recording on another server: named and linked, fetched only on a click."""

    url: str
    kind: str
    description: str
    is_ours: bool
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionCard:
    """An emoji below a post. `picture` is one of ours; another server's stays a name."""

    emoji: str
    label: str
    count: int
    mine: bool
    picture: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostCard:
    """A post as the one status macro draws it."""

    id: int
    uri: str
    path: str
    author: Face
    html: Markup
    title: str
    spoiler: str
    language: str | None
    visibility: str
    created_at: datetime
    edited: bool
    replies: int
    boosts: int
    favourites: int
    boosted: bool = False
    favourited: bool = False
    bookmarked: bool = False
    pinned: bool = False
    muted: bool = False
    mine: bool = False
    may_boost: bool = True
    boosted_by: Face | None = None
    answers: Face | None = None
    position: int = 1
    length: int = 1
    thread_path: str = ""
    space: SpaceCard | None = None
    poll: PollCard | None = None
    files: tuple[FileCard, ...] = ()
    depth: int = 0
    reactions: tuple[ReactionCard, ...] = ()
    quote: "QuoteCard | None" = None
    may_quote: Literal["", "automatic", "manual"] = ""
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteCard:
    """What a post quotes; without a `post` only the words that say why it is not shown."""

    words: str = ""
    post: PostCard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskerCard:
    """Somebody who waits for leave, and the post that shows what for."""

    id: int
    by: Face
    wants: str
    at: datetime
    target_path: str
    post: PostCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The person who is signed in, as the frame shows one."""

    face: Face
    csrf: str
    default_visibility: str = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The head of a person's page. `proven` are the labels of fields whose page links back."""

    face: Face
    html: Markup
    fields: tuple[tuple[str, Markup], ...]
    posts: int
    following: int
    followers: int
    joined: datetime
    locked: bool
    bot: bool
    url: str
    uri: str
    relation: Literal["", "self", "following", "requested", "none"] = ""
    follows_you: bool = False
    live: SpaceCard | None = None
    proven: frozenset[str] = frozenset()
    moved: Face | None = None
    memorial: bool = False
    blocking: bool = False
    muting: bool = False
    shuns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A line of the notifications page."""

    id: int
    kind: str
    by: Face
    at: datetime
    words: str
    path: str
    excerpt: str = ""
    others: int = 0
    faces: tuple[Face, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A line of the messages page: a conversation, with whom, and what was said last."""

    id: int
    faces: tuple[Face, ...]
    others: int
    unread: bool
    at: datetime
    path: str
    excerpt: str
    mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What stands beside every page."""

    live: tuple[SpaceCard, ...] = ()
    coming: tuple[SpaceCard, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The poll fields of a composer: `lasts` in seconds; `post` is the place of the post that asks."""

    options: tuple[str, ...] = ()
    lasts: int = 86_400
    several: bool = False
    secret: bool = False
    post: int = 0

    @property
    def is_asked(self) -> bool:
        return any(self.options)

    @property
    def boxes(self) -> tuple[str, ...]:
        """The options with empty ones to fill in: at least four, at most eight."""
        given = tuple(option for option in self.options if option)
        return (*given, *[""] * max(4 - len(given), min(1, 8 - len(given))))

    @property
    def spans(self) -> tuple[tuple[int, str], ...]:
        """How long it may last, in words; another length that was given is among them."""
        if any(seconds == self.lasts for seconds, _ in _SPANS):
            return _SPANS
        hours = self.lasts / 3600
        return tuple(sorted((*_SPANS, (self.lasts, f"About {hours:.0f} hours" if hours >= 1 else "Minutes"))))


_SPANS = (
    (300, "5 minutes"),
    (1800, "30 minutes"),
    (3600, "1 hour"),
    (21_600, "6 hours"),
    (86_400, "1 day"),
    (259_200, "3 days"),
    (604_800, "7 days"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A composer as it stands: what was typed, and what the server said about it."""

    posts: tuple[str, ...] = ("",)
    spoiler: str = ""
    visibility: str = "public"
    language: str = ""
    in_reply_to: int | None = None
    answers: Face | None = None
    error: str = ""
    next: str = "/"
    label: str = "Post"
    key: str = ""
    draft_id: int | None = None
    at: str = ""
    quote: int | None = None
    replies: str = ""
    quotes: str = ""
    question: Question = Question()
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCard:
    """A thread that waits: for its author, or for its time."""

    id: int
    path: str
    name: str
    opening: str
    posts: int
    changed_at: datetime
    scheduled_at: datetime | None = None
    failure: str = ""
