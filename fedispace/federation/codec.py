"""From JSON to what ActivityPub can say, and back: a tolerant reader, a strict writer.

The reader takes plain JSON in the shapes peers really send (no JSON-LD processing, no remote
context), applies the caps of the model's boundary and either returns one of `vocab/` or raises
`Invalid`, for any JSON whatever. The writer emits one canonical form, the one the pickiest peers
accept. `dict[str, Any]` does not leave these modules.
"""

from typing import Any, Final

from fedispace.errors import Invalid
from fedispace.federation import codec_activities as activities
from fedispace.federation import codec_interactions as interactions
from fedispace.federation import codec_objects as objects
from fedispace.federation.codec_shapes import Json, as_list, kind_of, required_id, required_uri, uri
from fedispace.federation.codec_write import context_of, fields_of
from fedispace.federation.vocab.activities import Activity, Object, Several
from fedispace.federation.vocab.actors import ACTOR_TYPES
from fedispace.federation.vocab.links import Emoji
from fedispace.federation.vocab.objects import COLLECTION_TYPES, NOTE_TYPES, PAGE_TYPES

_CONTEXTS: Final = frozenset(
    {
        "https://www.w3.org/ns/activitystreams",
        "https://www.w3.org/ns/activitystreams#",
        "http://www.w3.org/ns/activitystreams",
        "http://www.w3.org/ns/activitystreams#",
    }
)
_KNOWN: Final = (
    activities.KINDS
    | NOTE_TYPES
    | ACTOR_TYPES
    | COLLECTION_TYPES
    | PAGE_TYPES
    | interactions.KINDS
    | {"Event", "Tombstone"}
)
_OF_SEVERAL: Final = frozenset(
    {"Add", "Announce", "Create", "Delete", "EmojiReact", "Like", "Remove", "Undo", "Update"}
)
MAX_OBJECTS: Final = 20


def read(document: Json, *, require_context: bool = False) -> Object:
    """Read any object; an unknown type becomes `Unknown`. Raises `Invalid` with the reason."""
    if require_context:
        _require_context(document)
    kind = kind_of(document, _KNOWN)
    if kind in activities.KINDS:
        return activities.activity(document, kind)
    if kind in NOTE_TYPES:
        return objects.note(document, kind)
    if kind in ACTOR_TYPES:
        return objects.actor(document, kind)
    if kind in COLLECTION_TYPES:
        return objects.collection(document, kind)
    if kind in PAGE_TYPES:
        return objects.collection_page(document, kind)
    if kind == "Event":
        return objects.event(document)
    if kind == "Tombstone":
        return objects.tombstone(document)
    if kind in interactions.KINDS:
        return interactions.authorization(document, kind)
    return objects.unknown(document, kind)


def read_activity(document: Json, *, require_context: bool = False) -> Activity:
    """Read an activity; anything that is not one we understand becomes `Unknown`, to be counted.

    The inbox sets `require_context`: without the ActivityStreams context it is some other JSON.
    """
    if require_context:
        _require_context(document)
    kind = kind_of(document, activities.KINDS)
    if kind in activities.KINDS:
        if _objects(document, kind):
            return Several(id=required_id(document), actor=required_uri(document, "actor"))
        return activities.activity(document, kind)
    return objects.unknown(document, kind)


def apart(document: Json) -> list[Json]:
    """Return an activity about several objects as one activity for each, with ids of their own.

    The first keeps the id, so that it is known as the whole was.
    """
    kind = kind_of(document, activities.KINDS)
    id_ = required_id(document)
    return [
        {**document, "id": id_ if number == 0 else f"{id_}#object-{number + 1}", "object": one}
        for number, one in enumerate(_objects(document, kind))
    ]


def _objects(document: Json, kind: str) -> list[Any]:
    """Return the objects when there are several, each once; nobody means more than a few."""
    value = document.get("object")
    if kind == "Undo" and type(value) is dict and type(value.get("object")) is list:
        return apart(value)
    if kind not in _OF_SEVERAL or type(value) is not list:
        return []
    if len(value) > MAX_OBJECTS:
        raise Invalid(f"object: at most {MAX_OBJECTS} are expected", field="object")
    known: dict[str, Any] = {}
    for one in value:
        if type(one) is not list and (id_ := uri(one)) is not None:
            known.setdefault(id_, one)
    return list(known.values()) if len(known) > 1 else []


def _require_context(document: Json) -> None:
    if not any(type(one) is str and one in _CONTEXTS for one in as_list(document.get("@context"))):
        raise Invalid("@context: the ActivityStreams context is expected", field="@context")


def write(thing: Object | Emoji, *, embedded: bool = False) -> dict[str, Any]:
    """Return the JSON form; `@context` is added unless it will be `embedded` in another document."""
    fields = fields_of(thing)
    return fields if embedded else {"@context": context_of(thing), **fields}
