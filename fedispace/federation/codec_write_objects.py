"""Writing objects, actors and their parts."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from fedispace.clock import iso, wire_time
from fedispace.federation.codec_interactions import write_policy
from fedispace.federation.codec_polls import poll_fields
from fedispace.federation.vocab.actors import Actor, PublicKeyRef
from fedispace.federation.vocab.links import Attachment, Emoji, Hashtag, Image, Location, Mention, Tag
from fedispace.federation.vocab.objects import (
    AudioSpace,
    Collection,
    CollectionPage,
    CollectionRef,
    Event,
    Note,
    Tombstone,
    Unknown,
)
from fedispace.federation.vocab.uri import Uri

MAX_ATTACHMENTS: Final = 4
"""Mastodon shows no more of a post's; what it would drop is better not sent."""


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are set."""
    return {name: value for name, value in fields.items() if value is not None}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else wire_time(moment)


def _exact_time(moment: datetime | None) -> str | None:
    """Write milliseconds too: the posts of a thread are written in one second, and are in an order.

    So are the states of a post: an edit counts only when it is strictly newer.
    """
    return None if moment is None else iso(moment)


_OLD_QUOTES: Final = ("quoteUrl", "quoteUri", "_misskey_quote")
"""What servers read that know no consent; the FEP-e232 tag besides is the wire module's."""


def _note(note: Note) -> dict[str, Any]:
    return {
        "id": note.id,
        "type": note.type,
        "attributedTo": note.attributed_to,
        "to": list(note.to),
        "cc": list(note.cc),
        **present(
            {
                "published": _exact_time(note.published),
                "updated": _exact_time(note.updated),
                "url": note.url,
                "name": note.name,
                "summary": note.summary,
                "inReplyTo": note.in_reply_to,
                "context": note.context,
                "conversation": note.conversation,
                "contextHistory": note.context_history,
                "replies": _replies(note),
                "likes": _sized(note.likes, note.likes_claimed),
                "shares": _sized(note.shares, note.shares_claimed),
                "quote": note.quote,
                **dict.fromkeys(_OLD_QUOTES, note.quote if note.quote_is_for_all else None),
                "quoteAuthorization": note.quote_authorization,
                "replyAuthorization": note.reply_authorization,
                "interactionPolicy": write_policy(note.interaction_policy),
            }
        ),
        "sensitive": note.sensitive,
        "content": note.content,
        **({"contentMap": {note.content_language: note.content}} if note.content_language else {}),
        "tag": [written_tag(tag) for tag in note.tags],
        "attachment": [_attachment(attachment) for attachment in note.attachments[:MAX_ATTACHMENTS]],
        **({} if note.poll is None else poll_fields(note.poll)),
    }


def _sized(collection: Uri | None, size: int | None) -> Any:
    """Name a collection; with its size when there is one to tell."""
    if size is None:
        return collection
    return {**present({"id": collection}), "type": "Collection", "totalItems": size}


def _replies(note: Note) -> str | dict[str, Any] | None:
    """Write the first page of the replies inside, where it is known: it saves readers a request."""
    if note.replies is None or note.replies_page is None:
        return note.replies
    return {"id": note.replies, "type": "Collection", "first": _collection_page(note.replies_page)}


def _event(event: Event) -> dict[str, Any]:
    document = {
        "id": event.id,
        "type": "Event",
        "attributedTo": event.attributed_to,
        "to": list(event.to),
        "cc": list(event.cc),
        "name": event.name,
        "content": event.content,
        **({"contentMap": {event.content_language: event.content}} if event.content_language else {}),
        **present(
            {
                "summary": event.summary,
                "url": event.url,
                "published": _time(event.published),
                "updated": _time(event.updated),
                "startTime": _time(event.start_time),
                "previousStartTime": _time(event.previous_start_time),
                "endTime": _time(event.end_time),
                "timezone": event.timezone,
                "eventStatus": event.event_status,
                "status": event.status,
                "joinMode": event.join_mode,
                "category": event.category,
                "maximumAttendeeCapacity": event.capacity,
                "organizers": _collection_ref(event.organizers),
                "attendees": _collection_ref(event.attendees),
                "speakers": event.speakers,
                "context": event.context,
                "replies": event.replies,
                "location": _location(event.location),
                "liveState": event.live_state,
                "startedAt": _time(event.started_at),
                "pausedAt": _time(event.paused_at),
                "endedAt": _time(event.ended_at),
                "listenerCount": event.listener_count,
                "recordingPolicy": event.recording_policy,
            }
        ),
        "tag": [written_tag(tag) for tag in event.tags],
        "attachment": [_attachment(attachment) for attachment in event.attachments],
    }
    if event.space is not None:
        document |= {
            "displayEndTime": False,
            "isOnline": True,
            "repliesModerationOption": "allow_all",
            "space": _space(event.space),
        }
    return document


def _collection_ref(ref: CollectionRef | None) -> dict[str, Any] | None:
    if ref is None:
        return None
    return {"type": "OrderedCollection", "id": ref.id, **present({"totalItems": ref.total_items})}


def _location(location: Location | None) -> dict[str, Any] | None:
    """Write one object, never a list (Mobilizon and Gancio), with an id (Mobilizon stores it by that)."""
    if location is None:
        return None
    if location.url is None:
        return {"type": "Place", "name": location.name}
    return {"id": location.url, "type": "VirtualLocation", "name": location.name, "url": location.url}


def _space(space: AudioSpace) -> dict[str, Any]:
    return {
        "type": "fs:AudioSpace",
        "joinEndpoint": space.join_endpoint,
        "listen": space.listen,
        **present({"publish": space.publish, "signal": space.signal, "speakPolicy": space.speak_policy}),
        "anonymousListeners": space.anonymous_listeners,
        "codecs": list(space.codecs),
    }


def written_tag(tag: Tag) -> dict[str, Any]:
    """Return one of `tag`."""
    if isinstance(tag, Hashtag):
        return {"type": "Hashtag", "name": f"#{tag.name}", **present({"href": tag.href})}
    if isinstance(tag, Mention):
        return {"type": "Mention", "href": tag.href, **present({"name": tag.name})}
    if isinstance(tag, Emoji):
        return {
            **present({"id": tag.id}),
            "type": "Emoji",
            "name": f":{tag.name}:",
            **present({"updated": _time(tag.updated)}),
            "icon": _image(Image(url=tag.icon, media_type=tag.media_type)),
        }
    return {
        "type": "Link",
        "href": tag.href,
        "mediaType": tag.media_type,
        **present({"name": tag.name, "rel": tag.rel}),
    }


def _attachment(attachment: Attachment) -> dict[str, Any]:
    address = "href" if attachment.type == "Link" else "url"
    return {
        "type": attachment.type,
        "mediaType": attachment.media_type,
        address: attachment.url,
        **present(
            {
                "name": attachment.name,
                "width": attachment.width,
                "height": attachment.height,
                "blurhash": attachment.blurhash,
                "focalPoint": None if attachment.focal is None else list(attachment.focal),
                "duration": attachment.duration,
            }
        ),
    }


def _image(image: Image) -> dict[str, Any]:
    return {
        "type": "Image",
        "url": image.url,
        **present({"mediaType": image.media_type, "name": image.name}),
    }


def _actor(actor: Actor) -> dict[str, Any]:
    return {
        "id": actor.id,
        "type": actor.type,
        "preferredUsername": actor.preferred_username,
        "inbox": actor.inbox,
        **present(
            {
                "name": actor.name,
                "summary": actor.summary,
                "url": actor.url,
                "outbox": actor.outbox,
                "followers": actor.followers,
                "following": actor.following,
                "featured": actor.featured,
                "published": _time(actor.published),
                "updated": _time(actor.updated),
                "movedTo": actor.moved_to,
                "discoverable": actor.discoverable,
                "indexable": actor.indexable,
                "webfinger": actor.webfinger,
                "icon": None if actor.icon is None else _image(actor.icon),
                "image": None if actor.image is None else _image(actor.image),
            }
        ),
        "manuallyApprovesFollowers": actor.manually_approves_followers,
        **({"alsoKnownAs": list(actor.also_known_as)} if actor.also_known_as else {}),
        **({"suspended": True} if actor.suspended else {}),
        **({"memorial": True} if actor.memorial else {}),
        **({"endpoints": {"sharedInbox": actor.shared_inbox}} if actor.shared_inbox else {}),
        "attachment": [
            {"type": "PropertyValue", "name": name, "value": value} for name, value in actor.fields
        ],
        **({"tag": [written_tag(tag) for tag in actor.tags]} if actor.tags else {}),
        **_keys(actor.public_keys),
    }


def _keys(keys: tuple[PublicKeyRef, ...]) -> dict[str, Any]:
    """Write `publicKey` as one object when there is one: not every peer reads a list there."""
    pems = [{"id": key.id, "owner": key.owner, "publicKeyPem": key.pem} for key in keys if key.pem]
    multikeys = [
        {"id": key.id, "type": "Multikey", "controller": key.owner, "publicKeyMultibase": key.multibase}
        for key in keys
        if key.multibase
    ]
    return {
        **({"publicKey": pems[0] if len(pems) == 1 else pems} if pems else {}),
        **({"assertionMethod": multikeys} if multikeys else {}),
    }


def _tombstone(tombstone: Tombstone) -> dict[str, Any]:
    return {
        "id": tombstone.id,
        "type": "Tombstone",
        **present({"formerType": tombstone.former_type, "deleted": _time(tombstone.deleted)}),
    }


def _collection(collection: Collection) -> dict[str, Any]:
    return {
        "id": collection.id,
        "type": collection.type,
        **present(
            {
                "totalItems": collection.total_items,
                "attributedTo": collection.attributed_to,
                "first": _first(collection),
                "last": collection.last,
            }
        ),
        **_items(collection),
    }


def _first(collection: Collection) -> str | dict[str, Any] | None:
    return collection.first if collection.first_page is None else _collection_page(collection.first_page)


def _collection_page(page: CollectionPage) -> dict[str, Any]:
    return {
        "id": page.id,
        "type": page.type,
        **present(
            {
                "totalItems": page.total_items,
                "partOf": page.part_of,
                "next": page.next,
                "prev": page.prev,
            }
        ),
        **_items(page),
    }


def _items(holder: Collection | CollectionPage) -> dict[str, Any]:
    """Write the items unless they are on pages, or nobody is to see them but only how many they are."""
    if isinstance(holder, Collection) and (
        holder.first_page is not None or (not holder.items and (holder.first or holder.total_items))
    ):
        return {}
    return {"orderedItems" if holder.type.startswith("Ordered") else "items": list(holder.items)}


def _unknown(thing: Unknown) -> dict[str, Any]:
    return {"id": thing.id, "type": thing.type, **present({"actor": thing.actor})}


WRITERS: Final[dict[type, Callable[[Any], dict[str, Any]]]] = {
    Actor: _actor,
    Collection: _collection,
    CollectionPage: _collection_page,
    Emoji: written_tag,
    Event: _event,
    Note: _note,
    Tombstone: _tombstone,
    Unknown: _unknown,
}
