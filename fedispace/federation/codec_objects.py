"""Reading objects: notes, events, actors, collections, tombstones."""

import contextlib
import re
from typing import Any, Final

from fedispace.errors import Invalid
from fedispace.federation import codec_interactions as interactions
from fedispace.federation import codec_parts as parts
from fedispace.federation import codec_polls as polls
from fedispace.federation import codec_shapes as shapes
from fedispace.federation.codec_shapes import Json
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.objects import (
    NOTE_TYPES,
    PAGE_TYPES,
    AudioSpace,
    Collection,
    CollectionPage,
    Event,
    Note,
    Tombstone,
    Unknown,
)
from fedispace.federation.vocab.uri import Uri

MAX_ITEMS: Final = 150
_MAX_MEMBERS: Final = 1000
_MAX_WRAPPERS: Final = 3
_WRAPPERS: Final = frozenset({"Create", "Add"})
_MAX_BIO: Final = 20 * 1024
_MAX_ALIASES: Final = 256
_USERNAME: Final = re.compile(r"\w(?:[\w.:~-]{0,126}\w)?")


def note(document: Json, kind: str, author: Uri | None = None) -> Note:
    """Read a post; `author` stands in for a missing `attributedTo` (the actor of a Create)."""
    id_ = shapes.required_id(document)
    content, language = shapes.markup(document)
    name, _ = shapes.localized(document, "name", shapes.MAX_NAME)
    summary, _ = shapes.localized(document, "summary", shapes.MAX_CONTENT)
    attachments = parts.attachments(document.get("attachment"))
    if not attachments and kind in ("Video", "Audio", "Image", "Document"):
        attachments = parts.media_of(document, kind)
    return Note(
        id=id_,
        type=kind,
        attributed_to=_author(document, id_, author),
        content=content,
        content_language=language,
        summary=summary,
        sensitive=document.get("sensitive") is True,
        name=name,
        in_reply_to=shapes.uri(document.get("inReplyTo")),
        to=shapes.audience(document.get("to")),
        cc=shapes.audience(document.get("cc")),
        published=shapes.moment(document.get("published")),
        updated=shapes.moment(document.get("updated")),
        url=shapes.page(document.get("url")),
        context=shapes.uri(document.get("context")),
        conversation=shapes.text(document.get("conversation")),
        context_history=shapes.uri(document.get("contextHistory")),
        replies=shapes.uri(document.get("replies")),
        replies_page=_replies_page(document.get("replies")),
        likes=shapes.uri(document.get("likes")),
        shares=shapes.uri(document.get("shares")),
        likes_claimed=shapes.size(document.get("likes")),
        shares_claimed=shapes.size(document.get("shares")),
        tags=parts.tags(document.get("tag")),
        attachments=attachments,
        quote=parts.quote(document),
        poll=polls.poll(document) if kind == "Question" else None,
        quote_authorization=shapes.uri(document.get("quoteAuthorization")),
        reply_authorization=interactions.reply_authorization(document),
        interaction_policy=interactions.policy(document),
    )


def event(document: Json, author: Uri | None = None) -> Event:
    """Read an event (FEP-8a8e, Mobilizon's and Gancio's variants), and the Space in it if there is one."""
    id_ = shapes.required_id(document)
    name, _ = shapes.localized(document, "name", shapes.MAX_NAME)
    if name is None:
        raise Invalid("name: an event has a name", field="name")
    content, language = shapes.markup(document)
    summary, _ = shapes.localized(document, "summary", shapes.MAX_NAME)
    return Event(
        id=id_,
        attributed_to=_author(document, id_, author),
        name=name,
        summary=summary,
        content=content,
        content_language=language,
        to=shapes.audience(document.get("to")),
        cc=shapes.audience(document.get("cc")),
        url=shapes.page(document.get("url")),
        published=shapes.moment(document.get("published")),
        updated=shapes.moment(document.get("updated")),
        start_time=shapes.moment(document.get("startTime")),
        previous_start_time=shapes.moment(document.get("previousStartTime")),
        end_time=shapes.moment(document.get("endTime")),
        timezone=shapes.text(document.get("timezone"), 64),
        event_status=shapes.text(document.get("eventStatus"), 64),
        status=shapes.text(document.get("status") or document.get("ical:status"), 64),
        join_mode=shapes.text(document.get("joinMode"), 64),
        category=shapes.text(document.get("category"), 64),
        capacity=shapes.count(document.get("maximumAttendeeCapacity")),
        live_state=shapes.text(document.get("liveState"), 64),
        started_at=shapes.moment(document.get("startedAt")),
        paused_at=shapes.moment(document.get("pausedAt")),
        ended_at=shapes.moment(document.get("endedAt")),
        listener_count=shapes.count(document.get("listenerCount")),
        recording_policy=shapes.text(document.get("recordingPolicy"), 64),
        context=shapes.uri(document.get("context")),
        replies=shapes.uri(document.get("replies")),
        tags=parts.tags(document.get("tag")),
        attachments=parts.attachments(document.get("attachment")),
        location=parts.location(document.get("location")),
        organizers=shapes.collection_ref(document.get("organizers")),
        attendees=shapes.collection_ref(document.get("attendees")),
        speakers=shapes.uri(document.get("speakers")),
        space=_space(document, id_),
    )


def _space(document: Json, id_: Uri) -> AudioSpace | None:
    """Read `fs:space`, and drop one whose join endpoint is elsewhere.

    A home server sends signed requests there on its user's behalf; an event must not be able to aim
    them at a third server.
    """
    space = parts.audio_space(document.get("space"))
    if space is None or shapes.authority(space.join_endpoint) != shapes.authority(id_):
        return None
    return space


def _author(document: Json, id_: Uri, fallback: Uri | None) -> Uri:
    stated = document.get("attributedTo")
    found = (
        shapes.uri(stated) if type(stated) is str else shapes.same_host_first(stated, shapes.authority(id_))
    )
    if found is None:
        found = fallback or shapes.uri(document.get("actor"))
    if found is None:
        raise Invalid("attributedTo: an author is expected", field="attributedTo")
    return found


def actor(document: Json, kind: str) -> Actor:
    """Read an actor; only id, type, inbox and a usable name are indispensable."""
    id_ = shapes.required_id(document)
    endpoints = document.get("endpoints")
    shared = shapes.uri(endpoints.get("sharedInbox")) if type(endpoints) is dict else None
    name, _ = shapes.localized(document, "name", shapes.MAX_NAME)
    summary, _ = shapes.localized(document, "summary", _MAX_BIO)
    webfinger = shapes.text(document.get("webfinger"), 512)
    return Actor(
        id=id_,
        type=kind,
        preferred_username=_username(document.get("preferredUsername"), webfinger),
        inbox=shapes.required_uri(document, "inbox"),
        name=name,
        summary=summary,
        url=shapes.page(document.get("url")),
        outbox=shapes.uri(document.get("outbox")),
        followers=shapes.uri(document.get("followers")),
        following=shapes.uri(document.get("following")),
        featured=shapes.uri(document.get("featured")),
        shared_inbox=shared or shapes.uri(document.get("sharedInbox")),
        public_keys=parts.public_keys(document, id_),
        manually_approves_followers=document.get("manuallyApprovesFollowers") is True,
        discoverable=shapes.flag(document.get("discoverable")),
        indexable=shapes.flag(document.get("indexable")),
        icon=parts.picture(document.get("icon")),
        image=parts.picture(document.get("image")),
        also_known_as=shapes.uris(document.get("alsoKnownAs"), _MAX_ALIASES),
        moved_to=shapes.uri(document.get("movedTo")),
        published=shapes.moment(document.get("published")),
        updated=shapes.moment(document.get("updated")),
        fields=parts.fields(document.get("attachment")),
        suspended=document.get("suspended") is True,
        memorial=document.get("memorial") is True,
        webfinger=webfinger,
        tags=parts.emojis(document.get("tag")),
    )


def _username(value: Any, webfinger: str | None) -> str:
    """Return the user name; an actor without one may state its address in `webfinger` instead."""
    name = value if type(value) is str and value else (webfinger or "").lstrip("@").partition("@")[0]
    if _USERNAME.fullmatch(name) is None:
        raise Invalid("preferredUsername: a user name is expected", field="preferredUsername")
    return name


def tombstone(document: Json) -> Tombstone:
    """Read what stands in place of a deleted object."""
    return Tombstone(
        id=shapes.required_id(document),
        former_type=shapes.text(next(iter(shapes.as_list(document.get("formerType"))), None), 64),
        deleted=shapes.moment(document.get("deleted")),
    )


def collection(document: Json, kind: str) -> Collection:
    """Read a collection; members of an embedded first page count as its own."""
    id_ = shapes.required_id(document)
    first = document.get("first")
    page = _embedded_page(first, id_)
    items, posts = _items(document), _posts(document)
    return Collection(
        id=id_,
        type=kind,
        total_items=shapes.count(document.get("totalItems")),
        items=items if items or page is None else page.items,
        posts=posts if posts or page is None else page.posts,
        first=shapes.uri(first),
        first_page=page,
        last=shapes.uri(document.get("last")),
        attributed_to=shapes.uri(document.get("attributedTo")),
    )


def collection_page(document: Json, kind: str) -> CollectionPage:
    """Read one page of a collection."""
    return _page(document, kind, shapes.required_id(document))


def _page(document: Json, kind: str, id_: Uri) -> CollectionPage:
    return CollectionPage(
        id=id_,
        type=kind,
        total_items=shapes.count(document.get("totalItems")),
        items=_items(document),
        posts=_posts(document),
        next=shapes.uri(document.get("next")),
        prev=shapes.uri(document.get("prev")),
        part_of=shapes.uri(document.get("partOf")),
    )


def _embedded_page(value: Any, collection: Uri) -> CollectionPage | None:
    """Read a page inside its collection; it may lack an id of its own."""
    if type(value) is not dict:
        return None
    with contextlib.suppress(Invalid):
        return _page(value, shapes.kind_of(value, PAGE_TYPES), shapes.uri(value) or collection)
    return None


def _replies_page(value: Any) -> CollectionPage | None:
    """Read the first page of a post's `replies` where it is embedded, as Mastodon does."""
    if type(value) is not dict or (id_ := shapes.uri(value)) is None:
        return None
    return _embedded_page(value.get("first"), id_)


def _members(document: Json) -> Any:
    value = document.get("orderedItems")
    return document.get("items") if value is None else value


def _items(document: Json) -> tuple[Uri, ...]:
    return shapes.uris(_members(document), MAX_ITEMS)


def _posts(document: Json) -> tuple[Uri, ...]:
    """Return the posts among the members: bare ids, embedded posts, what embedded Creates published."""
    members = shapes.as_list(_members(document))[:_MAX_MEMBERS]
    found = (_published(member) for member in members)
    return tuple(dict.fromkeys(uri for uri in found if uri is not None))[:MAX_ITEMS]


def _published(member: Any) -> Uri | None:
    """Return the id of the post a member stands for, through a Create and an Add (FEP-171b) around it."""
    for _ in range(_MAX_WRAPPERS):
        if type(member) is not dict:
            break
        kind = member.get("type")
        if type(kind) is not str or kind in NOTE_TYPES:
            break
        if kind not in _WRAPPERS:
            return None
        member = member.get("object")
    return None if type(member) is list else shapes.uri(member)


def unknown(document: Json, kind: str) -> Unknown:
    """Read what can be read of a thing of a type we do not know."""
    return Unknown(
        id=shapes.required_id(document),
        type=kind,
        actor=shapes.uri(document.get("actor")) or shapes.uri(document.get("attributedTo")),
    )


def key_owner(document: Json) -> Uri | None:
    """Return whose key a document that was fetched by key id says it is.

    Peers serve a key in three ways: as the actor, as an object with `owner` or `controller`, and as a
    stub of the actor without an inbox (GoToSocial). Only the owner's actor document confirms it.
    """
    for field in ("owner", "controller"):
        if (found := shapes.uri(document.get(field))) is not None:
            return found
    for key in shapes.as_list(document.get("publicKey")):
        if type(key) is dict and (found := shapes.uri(key.get("owner"))) is not None:
            return found
    return None
