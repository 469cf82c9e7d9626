"""A whole conversation, as our own API tells it."""

from fedispace.api.entities.shape import Entity
from fedispace.api.entities.status import Status


class Conversation(Entity, frozen=True, kw_only=True):
    """The posts of a conversation, each before its replies; `known` of `claimed`, so many `unavailable`."""

    posts: list[Status]
    known: int
    claimed: int
    unavailable: int
    complete: bool
    fetching: bool
