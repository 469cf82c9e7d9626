"""The small parts that objects are made of: tags, attachments, pictures, places."""

from dataclasses import dataclass
from datetime import datetime

from fedispace.federation.vocab.uri import Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashtag:
    """A topic; `name` has no `#` and keeps the author's case."""

    name: str
    href: Uri | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Somebody named in the text; `href` is the actor's id with well-behaved peers, else a profile page."""

    href: Uri
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Emoji:
    """A custom emoji; `name` has no colons."""

    name: str
    icon: Uri
    id: Uri | None = None
    media_type: str | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTag:
    """A link to another object (FEP-e232)."""

    href: Uri
    media_type: str
    name: str | None = None
    rel: str | None = None


Tag = Hashtag | Mention | Emoji | LinkTag


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file or a link attached to an object; `type` is Document, Image, Video, Audio or Link."""

    type: str
    url: Uri
    media_type: str
    name: str | None = None
    width: int | None = None
    height: int | None = None
    blurhash: str | None = None
    focal: tuple[float, float] | None = None
    duration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An avatar or a header."""

    url: Uri
    media_type: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where an event takes place."""

    name: str
    url: Uri | None = None
