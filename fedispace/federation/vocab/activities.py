"""What happens: the activities we understand.

`object` is an id unless the activity carries a new state (Create, Update). What a peer embeds in
Accept, Reject and Undo is kept in `inner`, because some peers' ids cannot be looked up; whose word
it is remains to be judged (`origin.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.interactions import Authorization, RequestType
from fedispace.federation.vocab.links import Emoji
from fedispace.federation.vocab.objects import (
    Collection,
    CollectionPage,
    Event,
    Note,
    Tombstone,
    Unknown,
)
from fedispace.federation.vocab.uri import Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A single-use admission to a live Space (the `result` of an Accept of a Join)."""

    role: str
    ticket: str
    listen: Uri | None = None
    publish: Uri | None = None
    signal: str | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    id: Uri
    actor: Uri
    object: Uri
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Asks to take part in an event; `role` and `client_key` make it a request for a ticket.

    `message` is what Mobilizon lets the asker say to the organizer (`participationMessage`).
    """

    id: Uri
    actor: Uri
    object: Uri
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()
    role: str | None = None
    client_key: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """Asks `target` to take part in the event `object`, in a role if it names one.

    `event` is the event itself where it is embedded: who is invited to what is not for everybody could
    not fetch it yet.
    """

    id: Uri
    actor: Uri
    object: Uri
    target: Uri
    event: Event | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """Says that nobody here answers what `object` asks (FEP-8a8e: a server that takes no RSVPs)."""

    id: Uri
    actor: Uri
    object: Uri
    inner: Join | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    id: Uri
    actor: Uri
    object: Uri
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """Says yes. `authorization` is the `result` that proves it of an interaction, `target` the post."""

    id: Uri
    actor: Uri
    object: Uri
    inner: Follow | Join | Invite | InteractionRequest | None = None
    result: Ticket | None = None
    authorization: Uri | None = None
    target: Uri | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    id: Uri
    actor: Uri
    object: Uri
    inner: Follow | Join | Invite | InteractionRequest | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


Embedded = Note | Event | Actor | Unknown
"""What a Create or an Update may carry whole. `object` is `Embedded | Uri`; a `Uri` is a `str`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    id: Uri
    actor: Uri
    object: Embedded | Uri
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()
    published: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    id: Uri
    actor: Uri
    object: Embedded | Uri
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()
    published: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    id: Uri
    actor: Uri
    object: Uri
    former: Tombstone | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapped:
    """An activity of somebody else that a group passes on (FEP-1b12); `object` is what it is about.

    Whether it happened is for its own server to say.
    """

    id: Uri
    type: str
    object: Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """A boost of `object`; or, with `inner`, an activity that is passed on, whose id is `object`."""

    id: Uri
    actor: Uri
    object: Uri
    authorization: Uri | None = None
    inner: Wrapped | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()
    published: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """A favourite, or an emoji reaction when `content` is set (FEP-c0e0).

    `type` is `Like`, or `EmojiReact` in the dialect of LitePub; `tags` has the picture of a custom emoji.
    """

    id: Uri
    actor: Uri
    object: Uri
    type: str = "Like"
    content: str | None = None
    tags: tuple[Emoji, ...] = ()
    authorization: Uri | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionRequest:
    """Asks the author of `object` for leave to do `instrument`: a quote, a reply, a Like, an Announce."""

    id: Uri
    type: RequestType
    actor: Uri
    object: Uri
    instrument: Note | Like | Announce | Uri
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    id: Uri
    actor: Uri
    object: Uri
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    id: Uri
    actor: Uri
    object: Uri
    inner: Undoable | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    id: Uri
    actor: Uri
    object: Uri
    target: Uri
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A report; `objects` are the reported actors and objects."""

    id: Uri
    actor: Uri
    objects: tuple[Uri, ...]
    content: str | None = None
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    id: Uri
    actor: Uri
    object: Uri
    target: Uri
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    id: Uri
    actor: Uri
    object: Uri
    target: Uri
    to: tuple[Uri, ...] = ()
    cc: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """One activity about several objects; the inbox takes it apart (`codec.apart`) and keeps each."""

    id: Uri
    actor: Uri


Undoable = Follow | Like | Announce | Block | Join | Invite | Accept

Activity = (
    Follow
    | Accept
    | Reject
    | Create
    | Update
    | Delete
    | Announce
    | Like
    | Undo
    | Join
    | Invite
    | Ignore
    | Leave
    | Block
    | Move
    | Flag
    | Add
    | Remove
    | InteractionRequest
    | Several
    | Unknown
)

Object = Activity | Note | Event | Actor | Tombstone | Collection | CollectionPage | Authorization
