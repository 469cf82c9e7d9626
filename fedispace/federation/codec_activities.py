"""Reading activities.

One function per class, filled into a table by type. An activity that embeds another one (Accept,
Reject, Undo) is read two levels deep and no deeper.
"""

from collections.abc import Callable
from typing import Any, Final

from fedispace.errors import Invalid
from fedispace.federation import codec_objects as objects
from fedispace.federation import codec_parts as parts
from fedispace.federation import codec_shapes as shapes
from fedispace.federation.codec_shapes import Json
from fedispace.federation.happenings import as_note
from fedispace.federation.vocab.activities import (
    Accept,
    Activity,
    Add,
    Announce,
    Block,
    Create,
    Delete,
    Embedded,
    Flag,
    Follow,
    Ignore,
    InteractionRequest,
    Invite,
    Join,
    Leave,
    Like,
    Move,
    Reject,
    Remove,
    Ticket,
    Undo,
    Update,
    Wrapped,
)
from fedispace.federation.vocab.actors import ACTOR_TYPES
from fedispace.federation.vocab.interactions import REQUEST_TYPES
from fedispace.federation.vocab.objects import NOTE_TYPES, Note
from fedispace.federation.vocab.uri import Uri

_MAX_CONTENT: Final = 5000
_EMBEDDABLE: Final = NOTE_TYPES | ACTOR_TYPES | {"Event"}

Reader = Callable[[Json, Uri, Uri], Activity]


def activity(document: Json, kind: str, parent: Uri | None = None) -> Activity:
    """Read an activity of a known type.

    One that is embedded in `parent` may lack an id; it gets the parent's with `#object`, which
    matches nothing, so that only its actor and object identify it.
    """
    if parent is not None and document.get("id") is None:
        id_ = Uri(f"{parent}#object")
    else:
        id_ = shapes.required_id(document)
    return READERS[kind](document, id_, shapes.required_uri(document, "actor"))


def _audience(document: Json) -> dict[str, Any]:
    return {"to": shapes.audience(document.get("to")), "cc": shapes.audience(document.get("cc"))}


def _only(value: Any) -> Any:
    """Return the one object of an activity; several in a list are refused, as most peers do."""
    if type(value) is list:
        if len(value) != 1 or type(value[0]) is list:
            raise Invalid("object: exactly one is expected", field="object")
        return value[0]
    return value


def _object(document: Json) -> Uri:
    found = shapes.uri(_only(document.get("object")))
    if found is None:
        raise Invalid("object: an absolute http(s) address is expected", field="object")
    return found


def _follow(document: Json, id_: Uri, actor: Uri) -> Follow:
    return Follow(id=id_, actor=actor, object=_object(document), **_audience(document))


def _block(document: Json, id_: Uri, actor: Uri) -> Block:
    return Block(id=id_, actor=actor, object=_object(document), **_audience(document))


def _leave(document: Json, id_: Uri, actor: Uri) -> Leave:
    return Leave(id=id_, actor=actor, object=_object(document), **_audience(document))


def _join(document: Json, id_: Uri, actor: Uri) -> Join:
    return Join(
        id=id_,
        actor=actor,
        object=_object(document),
        role=shapes.text(_ours(document, "role"), 64),
        client_key=shapes.text(_ours(document, "clientKey"), 256),
        message=shapes.text(document.get("participationMessage"), _MAX_CONTENT),
        **_audience(document),
    )


def _invite(document: Json, id_: Uri, actor: Uri) -> Invite:
    value = _only(document.get("object"))
    event = None
    if type(value) is dict and value.get("type") == "Event":
        event = objects.event(value, author=actor)
    return Invite(
        id=id_,
        actor=actor,
        object=_object(document),
        event=event,
        target=shapes.required_uri(document, "target"),
        role=shapes.text(_ours(document, "role"), 64),
        **_audience(document),
    )


def _ignore(document: Json, id_: Uri, actor: Uri) -> Ignore:
    object_, inner = _inner(document, id_, (Join,))
    return Ignore(id=id_, actor=actor, object=object_, inner=inner, **_audience(document))


def _ours(document: Json, term: str) -> Any:
    """Return a term of our namespace, written with or without its prefix."""
    return document.get(f"fs:{term}", document.get(term))


def _inner(document: Json, id_: Uri, allowed: tuple[type, ...]) -> tuple[Uri, Any]:
    """Return (id, activity) of an embedded activity; the activity is None for a bare id or another type."""
    value = _only(document.get("object"))
    if type(value) is dict:
        kind = _kind(value)
        if kind in _INNER:
            inner = activity(value, kind, parent=id_)
            return inner.id, inner if isinstance(inner, allowed) else None
    return _object(document), None


def _kind(document: Json) -> str:
    try:
        return shapes.kind_of(document, KINDS)
    except Invalid:
        return ""


def _accept(document: Json, id_: Uri, actor: Uri) -> Accept:
    object_, inner = _inner(document, id_, _ANSWERABLE)
    ticket = _ticket(document.get("result"))
    return Accept(
        id=id_,
        actor=actor,
        object=object_,
        inner=inner,
        result=ticket,
        authorization=shapes.uri(document.get("result")) if ticket is None else None,
        target=shapes.uri(document.get("target")),
        **_audience(document),
    )


def _reject(document: Json, id_: Uri, actor: Uri) -> Reject:
    object_, inner = _inner(document, id_, _ANSWERABLE)
    return Reject(id=id_, actor=actor, object=object_, inner=inner, **_audience(document))


_ANSWERABLE: Final = (Follow, Join, Invite, InteractionRequest)


def _request(document: Json, id_: Uri, actor: Uri) -> InteractionRequest:
    """Read a request; what is asked for is the asker's own word, or an address."""
    kind = shapes.kind_of(document, frozenset(REQUEST_TYPES))
    type_ = next(name for name in REQUEST_TYPES if name == kind)
    return InteractionRequest(
        id=id_,
        type=type_,
        actor=actor,
        object=_object(document),
        instrument=_instrument(document, id_, actor),
        **_audience(document),
    )


def _instrument(document: Json, id_: Uri, actor: Uri) -> Note | Like | Announce | Uri:
    value = _only(document.get("instrument"))
    if type(value) is dict and value.get("type") is not None:
        kind = shapes.kind_of(value, NOTE_TYPES | _ACTS)
        if kind in NOTE_TYPES and ("to" in value or "cc" in value):
            return objects.note(value, kind, author=actor)
        if kind in _ACTS:
            act = activity(value, kind, parent=id_)
            if isinstance(act, Like | Announce):
                return act
    found = shapes.uri(value)
    if found is None:
        raise Invalid("instrument: a post, a Like or an Announce is expected", field="instrument")
    return found


_ACTS: Final = frozenset({"Like", "Announce"})


def _ticket(value: Any) -> Ticket | None:
    if type(value) is not dict:
        return None
    role, ticket = shapes.text(_ours(value, "role"), 64), shapes.text(_ours(value, "ticket"), 4096)
    if role is None or ticket is None:
        return None
    return Ticket(
        role=role,
        ticket=ticket,
        listen=shapes.uri(_ours(value, "listen")),
        publish=shapes.uri(_ours(value, "publish")),
        signal=parts.socket_address(_ours(value, "signal")),
        expires=shapes.moment(value.get("expires")),
    )


def _undo(document: Json, id_: Uri, actor: Uri) -> Undo:
    object_, inner = _inner(document, id_, _UNDOABLE)
    return Undo(id=id_, actor=actor, object=object_, inner=inner, **_audience(document))


_UNDOABLE: Final = (Follow, Like, Announce, Block, Join, Invite, Accept)


def _embedded(document: Json, actor: Uri) -> Embedded | Uri:
    value = _only(document.get("object"))
    if type(value) is not dict:
        return _object(document)
    kind = shapes.kind_of(value, _EMBEDDABLE)
    if kind in NOTE_TYPES:
        return objects.note(_with_audience(value, document), kind, author=actor)
    if kind == "Event":
        event = objects.event(_with_audience(value, document), author=actor)
        return as_note(event) if event.space is None else event
    if kind in ACTOR_TYPES:
        return objects.actor(value, kind)
    return objects.unknown(value, kind)


def _with_audience(inner: Json, outer: Json) -> Json:
    """Let an object that names no addressees have the activity's (as Mastodon and Misskey do)."""
    if "to" in inner or "cc" in inner:
        return inner
    return {**inner, "to": outer.get("to"), "cc": outer.get("cc")}


def _create(document: Json, id_: Uri, actor: Uri) -> Create:
    return Create(
        id=id_,
        actor=actor,
        object=_embedded(document, actor),
        published=shapes.moment(document.get("published")),
        **_audience(document),
    )


def _update(document: Json, id_: Uri, actor: Uri) -> Update:
    return Update(
        id=id_,
        actor=actor,
        object=_embedded(document, actor),
        published=shapes.moment(document.get("published")),
        **_audience(document),
    )


def _delete(document: Json, id_: Uri, actor: Uri) -> Delete:
    value = _only(document.get("object"))
    former = None
    if type(value) is dict and value.get("type") == "Tombstone":
        former = objects.tombstone(value)
    return Delete(id=id_, actor=actor, object=_object(document), former=former, **_audience(document))


def _announce(document: Json, id_: Uri, actor: Uri) -> Announce:
    return Announce(
        id=id_,
        actor=actor,
        object=_object(document),
        authorization=_authorization(document, "announceAuthorization"),
        inner=_wrapped(document),
        published=shapes.moment(document.get("published")),
        **_audience(document),
    )


def _authorization(document: Json, name: str) -> Uri | None:
    """Return what proves the leave for a Like or an Announce; GoToSocial wrote `approvedBy` before."""
    return shapes.uri(document.get(name)) or shapes.uri(document.get("approvedBy"))


def _wrapped(document: Json) -> Wrapped | None:
    """Return the activity in an Announce, if it is one and not an object (FEP-1b12)."""
    value = _only(document.get("object"))
    if type(value) is not dict:
        return None
    kind = _kind(value)
    about = shapes.uri(value.get("object"))
    if kind not in KINDS or about is None:
        return None
    return Wrapped(id=shapes.required_id(value), type=kind, object=about)


def _like(document: Json, id_: Uri, actor: Uri) -> Like:
    reaction = shapes.text(document.get("content"), 255) or shapes.text(
        document.get("_misskey_reaction"), 255
    )
    return Like(
        id=id_,
        actor=actor,
        object=_object(document),
        type=_kind(document),
        content=reaction,
        tags=parts.emojis(document.get("tag")) if reaction else (),
        authorization=_authorization(document, "likeAuthorization"),
        **_audience(document),
    )


def _move(document: Json, id_: Uri, actor: Uri) -> Move:
    target = shapes.required_uri(document, "target")
    return Move(id=id_, actor=actor, object=_object(document), target=target, **_audience(document))


def _flag(document: Json, id_: Uri, actor: Uri) -> Flag:
    """Read a report; Lemmy says why in `summary`."""
    reported = shapes.uris(document.get("object"), objects.MAX_ITEMS)
    stated = document.get("content") or document.get("summary")
    if not reported:
        raise Invalid("object: an absolute http(s) address is expected", field="object")
    content = shapes.text(stated, _MAX_CONTENT)
    return Flag(id=id_, actor=actor, objects=reported, content=content, **_audience(document))


def _add(document: Json, id_: Uri, actor: Uri) -> Add:
    target = shapes.required_uri(document, "target")
    return Add(id=id_, actor=actor, object=_object(document), target=target, **_audience(document))


def _remove(document: Json, id_: Uri, actor: Uri) -> Remove:
    target = shapes.required_uri(document, "target")
    return Remove(id=id_, actor=actor, object=_object(document), target=target, **_audience(document))


READERS: Final[dict[str, Reader]] = {
    "Accept": _accept,
    "Add": _add,
    "Announce": _announce,
    "Block": _block,
    "Create": _create,
    "Delete": _delete,
    "EmojiReact": _like,
    "Flag": _flag,
    "Follow": _follow,
    "Ignore": _ignore,
    "Invite": _invite,
    "Join": _join,
    "Leave": _leave,
    "Like": _like,
    "Move": _move,
    "Reject": _reject,
    "Remove": _remove,
    "Undo": _undo,
    "Update": _update,
    **dict.fromkeys(REQUEST_TYPES, _request),
}
KINDS: Final = frozenset(READERS)
_INNER: Final = frozenset(
    {"Follow", "Like", "EmojiReact", "Announce", "Block", "Invite", "Join", "Accept", *REQUEST_TYPES}
)
