"""Writing: one canonical form per class, chosen so that the pickiest reader of each field accepts it.

`actor` and `attributedTo` are strings (Misskey compares them as such); `to`, `cc`, `tag` and
`attachment` are lists; every attachment has `mediaType` (Gancio and Pleroma fail without); `content`
is always a string; a `location` is one object with an id. What is unset is left out.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fedispace.clock import wire_time
from fedispace.federation import codec_context as contexts
from fedispace.federation.codec_interactions import write_authorization
from fedispace.federation.codec_write_objects import WRITERS as OBJECT_WRITERS
from fedispace.federation.codec_write_objects import present, written_tag
from fedispace.federation.vocab.activities import (
    Accept,
    Add,
    Announce,
    Block,
    Create,
    Delete,
    Flag,
    Follow,
    Ignore,
    InteractionRequest,
    Invite,
    Join,
    Leave,
    Like,
    Move,
    Object,
    Reject,
    Remove,
    Ticket,
    Undo,
    Update,
)
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.interactions import Authorization
from fedispace.federation.vocab.links import Emoji
from fedispace.federation.vocab.objects import Event, Note


def fields_of(thing: Object | Emoji) -> dict[str, Any]:
    """Return the document without its `@context`."""
    writer = _WRITERS.get(type(thing))
    if writer is None:
        raise TypeError(f"{type(thing).__name__} is not written")
    return writer(thing)


def context_of(thing: Object | Emoji) -> str | list[Any]:
    """Return the smallest context that defines every term of the document."""
    if isinstance(thing, Create | Update) and not isinstance(thing.object, str):
        return context_of(thing.object)
    if isinstance(thing, Event):
        return contexts.EVENT_CONTEXT
    if isinstance(thing, Note):
        return contexts.NOTE_CONTEXT
    if isinstance(thing, Actor):
        return contexts.ACTOR_CONTEXT
    if isinstance(thing, Undo) and thing.inner is not None:
        return context_of(thing.inner)
    if isinstance(thing, Like) and thing.content:
        return contexts.REACTION_CONTEXT
    if isinstance(thing, Emoji | InteractionRequest | Authorization) or _answers_request(thing):
        return contexts.NOTE_CONTEXT
    if isinstance(thing, Join):
        return contexts.TICKET_CONTEXT if thing.message is None else contexts.RSVP_CONTEXT
    if isinstance(thing, Accept | Reject | Ignore) and isinstance(thing.inner, Join | Invite):
        return context_of(thing.inner)
    if isinstance(thing, Invite) and thing.event is not None:
        return contexts.EVENT_CONTEXT
    if isinstance(thing, Invite | Accept):
        return contexts.TICKET_CONTEXT
    return contexts.PLAIN_CONTEXT


def _answers_request(thing: Object) -> bool:
    if isinstance(thing, Accept) and thing.authorization is not None:
        return True
    return isinstance(thing, Accept | Reject) and isinstance(thing.inner, InteractionRequest)


def _activity(thing: Any, object_: Any, **more: Any) -> dict[str, Any]:
    document = {"id": thing.id, "type": type(thing).__name__, "actor": thing.actor, "object": object_}
    document |= present(more)
    if thing.to:
        document["to"] = list(thing.to)
    if thing.cc:
        document["cc"] = list(thing.cc)
    return document


def _bare(thing: Follow | Leave | Block) -> dict[str, Any]:
    return _activity(thing, thing.object)


def _join(thing: Join) -> dict[str, Any]:
    ours = {"fs:role": thing.role, "fs:clientKey": thing.client_key}
    return _activity(thing, thing.object, **ours, participationMessage=thing.message)


def _invite(thing: Invite) -> dict[str, Any]:
    object_: Any = thing.object if thing.event is None else fields_of(thing.event)
    return _activity(thing, object_, target=thing.target, **{"fs:role": thing.role})


def _nested(thing: Accept | Reject | Ignore | Undo) -> Any:
    return thing.object if thing.inner is None else fields_of(thing.inner)


def _accept(thing: Accept) -> dict[str, Any]:
    result = thing.authorization if thing.result is None else _ticket(thing.result)
    return _activity(thing, _nested(thing), result=result, target=thing.target)


def _request(thing: InteractionRequest) -> dict[str, Any]:
    asked = thing.instrument if isinstance(thing.instrument, str) else fields_of(thing.instrument)
    return {**_activity(thing, thing.object, instrument=asked), "type": thing.type}


def _ticket(ticket: Ticket) -> dict[str, Any]:
    return {
        "type": "fs:Ticket",
        "fs:role": ticket.role,
        "fs:ticket": ticket.ticket,
        **present(
            {
                "fs:listen": ticket.listen,
                "fs:publish": ticket.publish,
                "fs:signal": ticket.signal,
                "expires": _time(ticket.expires),
            }
        ),
    }


def _reject(thing: Reject | Ignore | Undo) -> dict[str, Any]:
    return _activity(thing, _nested(thing))


def _create(thing: Create | Update) -> dict[str, Any]:
    object_: Any = thing.object if isinstance(thing.object, str) else fields_of(thing.object)
    return _activity(thing, object_, published=_time(thing.published))


def _delete(thing: Delete) -> dict[str, Any]:
    return _activity(thing, thing.object if thing.former is None else fields_of(thing.former))


def _announce(thing: Announce) -> dict[str, Any]:
    inner = thing.inner
    passed_on = None if inner is None else {"id": inner.id, "type": inner.type, "object": inner.object}
    return _activity(
        thing,
        passed_on or thing.object,
        announceAuthorization=thing.authorization,
        published=_time(thing.published),
    )


def _like(thing: Like) -> dict[str, Any]:
    """Write a reaction for everybody: Misskey reads its own term before `content` (FEP-c0e0)."""
    document = _activity(thing, thing.object, content=thing.content, likeAuthorization=thing.authorization)
    document["type"] = thing.type
    if thing.content and thing.type == "Like":
        document["_misskey_reaction"] = thing.content
    if thing.tags:
        document["tag"] = [written_tag(tag) for tag in thing.tags]
    return document


def _targeted(thing: Move | Add | Remove) -> dict[str, Any]:
    return _activity(thing, thing.object, target=thing.target)


def _flag(thing: Flag) -> dict[str, Any]:
    return _activity(thing, list(thing.objects), content=thing.content)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else wire_time(moment)


_WRITERS: Final[dict[type, Callable[[Any], dict[str, Any]]]] = {
    **OBJECT_WRITERS,
    Accept: _accept,
    Add: _targeted,
    Announce: _announce,
    Authorization: write_authorization,
    Block: _bare,
    Create: _create,
    Delete: _delete,
    Flag: _flag,
    Follow: _bare,
    Ignore: _reject,
    InteractionRequest: _request,
    Invite: _invite,
    Join: _join,
    Leave: _bare,
    Like: _like,
    Move: _targeted,
    Reject: _reject,
    Remove: _targeted,
    Undo: _reject,
    Update: _create,
}
