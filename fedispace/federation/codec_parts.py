"""Reading the parts that objects are made of: tags, attachments, pictures, keys, places."""

import math
from typing import Any, Final

from fedispace.federation.codec_shapes import Json, as_list, count, moment, text, uri
from fedispace.federation.multibase import key_kind
from fedispace.federation.vocab.actors import PublicKeyRef
from fedispace.federation.vocab.links import (
    Attachment,
    Emoji,
    Hashtag,
    Image,
    LinkTag,
    Location,
    Mention,
    Tag,
)
from fedispace.federation.vocab.objects import AudioSpace
from fedispace.federation.vocab.uri import Uri, is_uri

MAX_TAGS: Final = 200
MAX_ATTACHMENTS: Final = 16
MAX_KEYS: Final = 10
MAX_FIELDS: Final = 50
_MAX_PEM: Final = 4096
_MAX_LINKS: Final = 64
_PLAYED: Final = ("video/", "audio/", "image/")
_TALL: Final = 720
"""The height up to which a film is taken rather than a larger one."""

_QUOTE_RELS: Final = (
    "https://misskey-hub.net/ns#_misskey_quote",
    "https://misskey-hub.net/ns/#_misskey_quote",
)
"""FEP-044f writes it in both ways."""

_ATTACHMENT_TYPES: Final = frozenset({"Document", "Image", "Video", "Audio", "Link"})
_MEDIA_TYPES: Final = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "m4a": "audio/mp4",
}
_ED25519_SPKI: Final = "MCowBQYDK2VwAyEA"
"""The DER prefix of every Ed25519 SubjectPublicKeyInfo (RFC 8410), in base64."""


def tags(value: Any) -> tuple[Tag, ...]:
    """Return the tags we know, at most `MAX_TAGS`; a single tag may stand without a list."""
    if value is None:
        return ()
    found: dict[Tag, None] = {}
    for raw in as_list(value)[:MAX_TAGS]:
        tag = _tag(raw)
        if tag is not None:
            found[tag] = None
    return tuple(found)


def _tag(raw: Any) -> Tag | None:
    if type(raw) is str:
        return _hashtag(raw, None) if raw.startswith("#") else None
    if type(raw) is not dict:
        return None
    kind = next(iter(as_list(raw.get("type"))), None)
    if type(kind) is str:
        kind = kind.rpartition(":")[2]
    name = text(raw.get("name"))
    href = uri(raw.get("href"))
    if kind == "Mention":
        return Mention(href=href, name=name) if href else None
    if kind == "Hashtag":
        return _hashtag(name or text(raw.get("tag")), href)
    if kind == "Emoji":
        return _emoji(raw, name)
    if kind == "Link" and href:
        return LinkTag(
            href=href,
            media_type=text(raw.get("mediaType"), 255) or "text/html",
            name=name,
            rel=text(next(iter(as_list(raw.get("rel"))), None), 255),
        )
    return None


def _hashtag(name: str | None, href: Uri | None) -> Hashtag | None:
    bare = (name or "").strip().lstrip("#＃")
    return Hashtag(name=bare, href=href) if bare else None


def _emoji(raw: Json, name: str | None) -> Emoji | None:
    icon = picture(raw.get("icon"))
    bare = (name or "").strip(":")
    if icon is None or not bare:
        return None
    return Emoji(
        name=bare,
        icon=icon.url,
        id=uri(raw.get("id")),
        media_type=icon.media_type,
        updated=moment(raw.get("updated")),
    )


def emojis(value: Any) -> tuple[Emoji, ...]:
    """Return the custom emojis among the tags."""
    return tuple(tag for tag in tags(value) if isinstance(tag, Emoji))


def quote(document: Json) -> Uri | None:
    """Return the quoted object, in any of the five ways peers say it (FEP-044f and before)."""
    for field in ("quote", "_misskey_quote", "quoteUrl", "quoteUri"):
        if field in document and (found := uri(document[field])) is not None:
            return found
    for raw in as_list(document.get("tag"))[:MAX_TAGS]:
        if type(raw) is dict and raw.get("type") == "Link":
            rels = as_list(raw.get("rel"))
            if any(type(rel) is str and rel in _QUOTE_RELS for rel in rels):
                return uri(raw.get("href"))
    return None


def attachments(value: Any) -> tuple[Attachment, ...]:
    """Return what is attached, at most `MAX_ATTACHMENTS`; what has no http(s) address is dropped."""
    if not value:
        return ()
    found: list[Attachment] = []
    for raw in as_list(value)[: 4 * MAX_ATTACHMENTS]:
        attachment = _attachment(raw)
        if attachment is not None and len(found) < MAX_ATTACHMENTS:
            found.append(attachment)
    return tuple(found)


def _attachment(raw: Any) -> Attachment | None:
    if type(raw) is str:
        raw = {"type": "Link", "href": raw}
    if type(raw) is not dict or type(raw.get("type")) is not str or raw["type"] not in _ATTACHMENT_TYPES:
        return None
    kind: str = raw["type"]
    link = _media_link(raw)
    address = uri(link) if kind == "Link" else uri(link) or uri(raw.get("href"))
    if address is None:
        return None
    stated = text(raw.get("mediaType"), 255)
    if stated is None and type(link) is dict:
        stated = text(link.get("mediaType"), 255)
    return Attachment(
        type=kind,
        url=address,
        media_type=stated or _guess(kind, address),
        name=text(raw.get("summary")) or text(raw.get("name")),
        width=count(raw.get("width")),
        height=count(raw.get("height")),
        blurhash=text(raw.get("blurhash"), 255),
        focal=_focal(raw.get("focalPoint")),
        duration=text(raw.get("duration"), 64),
    )


def _media_link(raw: Json) -> Any:
    """Return the address or Link object of a file: `href` of a Link, else the first usable `url`."""
    if raw["type"] == "Link":
        return raw.get("href") if type(raw.get("href")) is str else raw.get("url")
    return next((link for link in as_list(raw.get("url")) if type(link) is not list and uri(link)), None)


def media_of(document: Json, kind: str) -> tuple[Attachment, ...]:
    """Return the file that a Video, Audio, Image or Document itself is: one that a page can play, if any.

    PeerTube lists a film in several sizes, the largest first, and inside the link of their playlist.
    """
    links: list[tuple[Uri, str, int]] = []
    for link in as_list(document.get("url"))[:_MAX_LINKS]:
        links += _media_links(link)
        if type(link) is dict:
            for nested in as_list(link.get("tag"))[:_MAX_LINKS]:
                links += _media_links(nested)
    played = [link for link in links if link[1].startswith(_PLAYED)]
    chosen = next((link for link in played if link[2] <= _TALL), None)
    if chosen is None:
        chosen = next(iter(played), next(iter(links), None))
    if chosen is None:
        return ()
    address, media_type, _ = chosen
    name, duration = text(document.get("name")), text(document.get("duration"), 64)
    return (Attachment(type=kind, url=address, media_type=media_type, name=name, duration=duration),)


def _media_links(link: Any) -> list[tuple[Uri, str, int]]:
    """Return address, media type and height of a Link to a file; of a page, or of anything else, nothing."""
    if type(link) is not dict:
        return []
    address, media_type = uri(link), text(link.get("mediaType"), 255)
    if address is None or media_type is None or media_type == "text/html":
        return []
    return [(address, media_type, count(link.get("height")) or 0)]


def _guess(kind: str, address: str) -> str:
    if kind == "Link":
        return "text/html"
    extension = address.partition("?")[0].rpartition(".")[2].lower()
    return _MEDIA_TYPES.get(extension, "application/octet-stream")


def _focal(value: Any) -> tuple[float, float] | None:
    if type(value) is not list or len(value) != 2:
        return None
    x, y = value
    if type(x) not in (int, float) or type(y) not in (int, float):
        return None
    if not (math.isfinite(x) and math.isfinite(y) and -1 <= x <= 1 and -1 <= y <= 1):
        return None
    return float(x), float(y)


def picture(value: Any) -> Image | None:
    """Return an avatar, a header or an emoji's icon: an object, the first of a list, or an address."""
    for raw in as_list(value)[:8]:
        if type(raw) is str and is_uri(raw):
            return Image(url=raw)
        if type(raw) is dict:
            link = next((one for one in as_list(raw.get("url")) if type(one) is not list and uri(one)), None)
            address = uri(link) or uri(raw.get("href"))
            if address:
                return Image(
                    url=address,
                    media_type=text(raw.get("mediaType"), 255),
                    name=text(raw.get("summary")) or text(raw.get("name")),
                )
    return None


def fields(value: Any) -> tuple[tuple[str, str], ...]:
    """Return the profile's name-value pairs (schema:PropertyValue in `attachment`)."""
    found: list[tuple[str, str]] = []
    for raw in as_list(value)[: 4 * MAX_FIELDS]:
        if type(raw) is dict and raw.get("type") in ("PropertyValue", "schema:PropertyValue"):
            name, content = text(raw.get("name"), 255), text(raw.get("value"), 2047)
            if name and len(found) < MAX_FIELDS:
                found.append((name, content or ""))
    return tuple(found)


def public_keys(document: Json, owner: Uri) -> tuple[PublicKeyRef, ...]:
    """Return the keys an actor states: `publicKey` in PEM, then `assertionMethod` in Multikey (FEP-521a)."""
    found: list[PublicKeyRef] = []
    for raw in as_list(document.get("publicKey"))[:MAX_KEYS]:
        key = _pem_key(raw, owner)
        if key is not None:
            found.append(key)
    for raw in as_list(document.get("assertionMethod"))[:MAX_KEYS]:
        key = _multikey(raw, owner)
        if key is not None:
            found.append(key)
    return tuple(found[:MAX_KEYS])


def _pem_key(raw: Any, owner: Uri) -> PublicKeyRef | None:
    if type(raw) is not dict:
        return None
    pem, id_ = raw.get("publicKeyPem"), raw.get("id")
    if type(pem) is not str or not 0 < len(pem) <= _MAX_PEM or not is_uri(id_):
        return None
    return PublicKeyRef(
        id=id_,
        owner=uri(raw.get("owner")) or owner,
        kind="ed25519" if _ED25519_SPKI in pem else "rsa",
        pem=pem,
    )


def _multikey(raw: Any, owner: Uri) -> PublicKeyRef | None:
    if type(raw) is not dict or raw.get("type") != "Multikey":
        return None
    encoded, id_ = raw.get("publicKeyMultibase"), raw.get("id")
    if type(encoded) is not str or len(encoded) > _MAX_PEM or not is_uri(id_):
        return None
    kind = key_kind(encoded)
    if kind is None:
        return None
    controller = uri(raw.get("controller")) or owner
    return PublicKeyRef(id=id_, owner=controller, kind=kind, multibase=encoded)


def location(value: Any) -> Location | None:
    """Return where an event takes place: the first item of `location` that has a name."""
    for raw in as_list(value)[:8]:
        if type(raw) is str and raw and not is_uri(raw):
            return Location(name=raw[:2048])
        if type(raw) is dict:
            name = text(raw.get("name"))
            address = uri(raw.get("url")) or uri(raw.get("id"))
            if name or address:
                return Location(name=name or "", url=address)
    return None


def audio_space(value: Any) -> AudioSpace | None:
    """Return how to join the live audio of an event, if it says so completely."""
    if type(value) is not dict:
        return None
    join, listen = uri(value.get("joinEndpoint")), uri(value.get("listen"))
    if join is None or listen is None:
        return None
    codecs = [one[:64] for one in as_list(value.get("codecs"))[:8] if type(one) is str and one]
    return AudioSpace(
        join_endpoint=join,
        listen=listen,
        publish=uri(value.get("publish")),
        signal=socket_address(value.get("signal")),
        anonymous_listeners=value.get("anonymousListeners") is not False,
        speak_policy=text(value.get("speakPolicy"), 64),
        codecs=tuple(codecs) or ("audio/opus",),
    )


def socket_address(value: Any) -> str | None:
    """Return a ws(s) address, which no `Uri` can be."""
    found = text(value)
    return found if found and found.startswith(("wss://", "ws://")) and " " not in found else None
