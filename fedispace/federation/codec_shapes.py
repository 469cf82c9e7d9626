"""The shapes in which peers send one and the same value, and the one shape we make of them.

JSON-LD lets a property be a string, an object, a list of either, a language map or absent. Nothing is
expanded: these functions look at plain JSON, take what makes sense and drop the rest. They never
raise, except `required_id`, `required_uri` and `kind_of`, whose values nothing can stand in for.
"""

import html
from datetime import UTC, datetime
from typing import Any, Final

from fedispace.errors import Invalid
from fedispace.federation.vocab.objects import CollectionRef
from fedispace.federation.vocab.uri import PUBLIC, PUBLIC_ALIASES, Uri, is_uri

Json = dict[str, Any]

MAX_AUDIENCE: Final = 200
MAX_NAME: Final = 2048
MAX_CONTENT: Final = 64 * 1024
MAX_COUNT: Final = 100_000_000

_AS2: Final = ("https://www.w3.org/ns/activitystreams#", "http://www.w3.org/ns/activitystreams#", "as:")


def as_list(value: Any) -> list[Any]:
    """Return a list of the values, whatever their number."""
    if value is None:
        return []
    return value if type(value) is list else [value]


def uri(value: Any) -> Uri | None:
    """Return the id in a string, an object (`id`), a Link (`href`), or the first of a list."""
    if value is None:
        return None
    if type(value) is list:
        for member in value:
            if type(member) is not list and (found := uri(member)) is not None:
                return found
        return None
    if type(value) is dict:
        value = value.get("id") or value.get("href")
    return value if is_uri(value) else None


def uris(value: Any, limit: int) -> tuple[Uri, ...]:
    """Return the ids in any of the shapes, without repeats, at most `limit`."""
    if type(value) is not list:
        value = [value]
    found: dict[Uri, None] = {}
    for member in value:
        one = None if type(member) is list else uri(member)
        if one is not None:
            found[one] = None
            if len(found) == limit:
                break
    return tuple(found)


def audience(value: Any) -> tuple[Uri, ...]:
    """Return the addressees of `to` or `cc`; every spelling of Public becomes the one of ActivityPub."""
    if value is None:
        return ()
    if type(value) is not list:
        value = [value]
    found: dict[Uri, None] = {}
    for member in value[:MAX_AUDIENCE]:
        if type(member) is str and member in PUBLIC_ALIASES:
            found[PUBLIC] = None
        elif type(member) is not list and (one := uri(member)) is not None:
            found[one] = None
    return tuple(found)


def required_uri(document: Json, field: str) -> Uri:
    """Return the id in `field`; raises `Invalid` when there is none."""
    found = uri(document.get(field))
    if found is None:
        raise Invalid(f"{field}: an absolute http(s) address is expected", field=field)
    return found


def required_id(document: Json) -> Uri:
    """Return the document's own id, which must be a plain string."""
    value = document.get("id")
    if not is_uri(value):
        raise Invalid("id: an absolute http(s) address is expected", field="id")
    return value


def kind_of(document: Json, known: frozenset[str]) -> str:
    """Return the first of the document's types that is `known`, else the first of them all."""
    first: str | None = None
    value = document.get("type")
    for name in value if type(value) is list else (value,):
        if type(name) is not str:
            continue
        if name in known:
            return name
        for prefix in _AS2:
            if name.startswith(prefix) and name[len(prefix) :] in known:
                return name[len(prefix) :]
        first = first or name[:256]
    if first is None:
        raise Invalid("type: a name is expected", field="type")
    return first


def text(value: Any, limit: int = MAX_NAME) -> str | None:
    """Return a string cut at `limit` characters; the empty string is nothing."""
    return value[:limit] if type(value) is str and value else None


def localized(document: Json, field: str, limit: int) -> tuple[str | None, str | None]:
    """Return (text, language) of `field`, falling back to the first entry of its language map.

    With several entries, the first key is taken for the author's language.
    """
    value = document.get(field)
    translations = document.get(f"{field}Map")
    language: str | None = None
    if type(translations) is dict:
        for key, translation in translations.items():
            if type(translation) is str:
                language = key[:35] or None
                value = value if type(value) is str else translation
                break
    return text(value, limit), language


def markup(document: Json) -> tuple[str, str | None]:
    """Return (`content` as HTML, language); plain text and Markdown are shown as they were typed."""
    content, language = localized(document, "content", MAX_CONTENT)
    if content is None:
        return "", language
    if document.get("mediaType") in ("text/plain", "text/markdown"):
        content = "<p>" + html.escape(content).replace("\n", "<br>") + "</p>"
    return content, language


def moment(value: Any) -> datetime | None:
    """Return an xsd:dateTime as aware UTC; whatever is not one is nothing (the receiver's clock serves)."""
    if type(value) is not str or len(value) > 64:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def count(value: Any) -> int | None:
    """Return a peer's claimed count, held below the point where it could only be a joke."""
    return min(value, MAX_COUNT) if type(value) is int and value >= 0 else None


def size(value: Any) -> int | None:
    """Return how many members an embedded collection says it has."""
    return count(value.get("totalItems")) if type(value) is dict else None


def flag(value: Any) -> bool | None:
    return value if type(value) is bool else None


def collection_ref(value: Any) -> CollectionRef | None:
    """Return a collection that is named, or embedded with its size."""
    found = uri(value)
    if found is None:
        return None
    return CollectionRef(id=found, total_items=size(value))


def page(value: Any) -> Uri | None:
    """Return the address of the page people read: the first HTML link, else the first address."""
    if type(value) is str:
        return value if is_uri(value) else None
    for link in as_list(value):
        if type(link) is dict and link.get("mediaType") == "text/html" and (found := uri(link)) is not None:
            return found
    return uri(value)


def same_host_first(value: Any, host: str) -> Uri | None:
    """Return the first id that lives on `host` (`scheme://authority`), else the first id.

    PeerTube attributes a video to its uploader and its channel, in a list of objects.
    """
    candidates = uris(value, 16)
    for candidate in candidates:
        if authority(candidate) == host:
            return candidate
    return candidates[0] if candidates else None


def authority(identifier: str) -> str:
    """Return `scheme://host[:port]` in lower case: a first look, the judgement is `origin.py`'s."""
    end = len(identifier)
    start = identifier.index("//") + 2
    for stop in "/?#":
        at = identifier.find(stop, start, end)
        if at >= 0:
            end = at
    return identifier[:end].lower()
