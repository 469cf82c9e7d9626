"""What is acted upon: notes and their kin, events, collections, tombstones."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from fedispace.federation.vocab.interactions import InteractionPolicy
from fedispace.federation.vocab.links import Attachment, Location, Tag
from fedispace.federation.vocab.polls import Poll
from fedispace.federation.vocab.uri import Uri

NOTE_TYPES: Final = frozenset({"Note", "Article", "Page", "Question", "Video", "Audio", "Image", "Document"})
COLLECTION_TYPES: Final = frozenset({"Collection", "OrderedCollection"})
PAGE_TYPES: Final = frozenset({"CollectionPage", "OrderedCollectionPage"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRef:
    """A collection named from inside an object, with the size its owner claims."""

    id: Uri
    total_items: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionPage:
    """One page of a collection.

    `items` holds ids only, embedded members are to be fetched from their origin. `posts` holds the same,
    but for an embedded Create (or an Add of one) the id of what it published (FEP-f228).
    """

    id: Uri
    type: str = "OrderedCollectionPage"
    total_items: int | None = None
    items: tuple[Uri, ...] = ()
    posts: tuple[Uri, ...] = field(default=(), compare=False)
    next: Uri | None = None
    prev: Uri | None = None
    part_of: Uri | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection; the members of an embedded first page count as its own."""

    id: Uri
    type: str = "OrderedCollection"
    total_items: int | None = None
    items: tuple[Uri, ...] = ()
    posts: tuple[Uri, ...] = field(default=(), compare=False)
    first: Uri | None = None
    first_page: CollectionPage | None = None
    last: Uri | None = None
    attributed_to: Uri | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A post of any sort; `type` keeps which sort (`Note`, `Article`, `Question`, ...).

    `likes_claimed` and `shares_claimed` are the sizes its server states of those collections.
    `context` is the collection of its conversation's posts, `context_history` that of its activities
    (FEP-7888, FEP-f228); `replies_page` is the first page of `replies` where it was embedded.
    `quote_authorization` and `reply_authorization` name the documents that prove the leave of whoever
    wrote what is quoted or answered. A quote that awaits it is written without `quote_is_for_all`: so
    that servers which ask nobody (they read the older properties) do not show it.
    """

    id: Uri
    attributed_to: Uri
    type: str = "Note"
    content: str = ""
    content_language: str | None = None
    summary: str | None = None
    sensitive: bool = False
    name: str | None = None
    in_reply_to: Uri | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    url: Uri | None = None
    context: Uri | None = None
    context_history: Uri | None = None
    conversation: str | None = None
    replies: Uri | None = None
    likes: Uri | None = None
    shares: Uri | None = None
    likes_claimed: int | None = None
    shares_claimed: int | None = None
    replies_page: CollectionPage | None = None
    tags: tuple[Tag, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    quote: Uri | None = None
    poll: Poll | None = None
    quote_is_for_all: bool = True
    quote_authorization: Uri | None = None
    reply_authorization: Uri | None = None
    interaction_policy: InteractionPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSpace:
    """How to join the live audio of an `Event` (the `fs:space` of FEDERATION.md)."""

    join_endpoint: Uri
    listen: Uri
    publish: Uri | None = None
    signal: str | None = None
    anonymous_listeners: bool = True
    speak_policy: str | None = None
    codecs: tuple[str, ...] = ("audio/opus",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A scheduled happening (FEP-8a8e); a Space when `space` is set."""

    id: Uri
    attributed_to: Uri
    name: str
    summary: str | None = None
    content: str = ""
    content_language: str | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()
    url: Uri | None = None
    published: datetime | None = None
    updated: datetime | None = None
    start_time: datetime | None = None
    previous_start_time: datetime | None = None
    end_time: datetime | None = None
    timezone: str | None = None
    event_status: str | None = None
    status: str | None = None
    join_mode: str | None = None
    category: str | None = None
    capacity: int | None = None
    live_state: str | None = None
    started_at: datetime | None = None
    paused_at: datetime | None = None
    ended_at: datetime | None = None
    listener_count: int | None = None
    recording_policy: str | None = None
    context: Uri | None = None
    replies: Uri | None = None
    tags: tuple[Tag, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    location: Location | None = None
    organizers: CollectionRef | None = None
    attendees: CollectionRef | None = None
    speakers: Uri | None = None
    space: AudioSpace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What stands where an object was deleted."""

    id: Uri
    former_type: str | None = None
    deleted: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Something of a type we do not know; counted, never crashed on."""

    id: Uri
    type: str
    actor: Uri | None = None
