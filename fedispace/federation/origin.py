"""Whose word counts: pure rules about origins.

A server speaks for its own origin and for nothing else; within it, an actor speaks for what is
attributed to that actor. What arrives embedded in somebody's activity is that somebody's word, however
it is labelled; anything beyond it has to be fetched from where it lives.
"""

from fedispace.errors import Invalid
from fedispace.federation.vocab.activities import Activity, Create, Update
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.objects import Event, Note, Tombstone, Unknown
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import origin_of


def same_origin(first: str, second: str) -> bool:
    """Tell whether two addresses have one scheme, host and port (RFC 6454); False for a non-address."""
    try:
        return origin_of(first) == origin_of(second)
    except Invalid:
        return False


def may_send(activity: Activity, signer: Uri) -> bool:
    """Tell whether the owner of the signing key may send `activity`.

    Its actor must be that owner, verbatim, and its id must live where the actor lives: an id on another
    server could take the place of that server's own activity.
    """
    return activity.actor == signer and same_origin(activity.id, signer)


def may_speak_for(actor: Uri, thing: Note | Event | Actor | Tombstone | Unknown) -> bool:
    """Tell whether `actor` may state the content of `thing` by embedding it.

    Same host is not enough: it must be the actor itself, or attributed to the actor and on the actor's
    origin. Everything else is to be fetched by its id, or dropped.
    """
    match thing:
        case Actor():
            return thing.id == actor
        case Note() | Event():
            return thing.attributed_to == actor and same_origin(thing.id, actor)
        case Tombstone() | Unknown():
            return same_origin(thing.id, actor)


def is_own_word(activity: Create | Update) -> bool:
    """Tell whether the embedded object of a Create or Update can be taken as it stands."""
    if isinstance(activity.object, str):
        return False
    return may_speak_for(activity.actor, activity.object)


def may_change(actor: Uri, owner: Uri) -> bool:
    """Tell whether `actor` may update or delete what we store as `owner`'s: only the owner may."""
    return actor == owner


def is_coherent(actor: Actor) -> bool:
    """Tell whether an actor's document keeps to its own origin where that matters.

    An inbox elsewhere would have us deliver private posts to, or knock at, a server that did not ask;
    a key elsewhere would let that server sign as the actor.
    """
    homes = [actor.inbox, actor.shared_inbox, actor.outbox, actor.followers, actor.following]
    keys = all(key.owner == actor.id and same_origin(key.id, actor.id) for key in actor.public_keys)
    return keys and all(same_origin(home, actor.id) for home in homes if home is not None)


def confirms_key(actor: Actor, key_id: Uri) -> bool:
    """Tell whether the owner's own document lists the key (a key's own claim of an owner is nothing)."""
    return any(key.id == key_id and key.owner == actor.id for key in actor.public_keys)
