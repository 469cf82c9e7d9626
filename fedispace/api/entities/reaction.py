"""Emoji reactions, in the shape Pleroma gave them, which clients that show reactions read."""

from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Entity


class Reaction(Entity, frozen=True, kw_only=True):
    """One emoji below a post: a character, `name`, or `name@domain`; the last two have a picture, `url`."""

    name: str
    count: int
    me: bool
    url: str | None
    accounts: list[Account]
