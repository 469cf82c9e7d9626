"""Mastodon's Search and its Tag."""

from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Entity
from fedispace.api.entities.status import Status


class TagHistory(Entity, frozen=True, kw_only=True):
    """How a hashtag was used on one day."""

    day: str
    uses: str
    accounts: str


class Tag(Entity, frozen=True, kw_only=True):
    """A hashtag on its own."""

    id: str
    name: str
    url: str
    history: list[TagHistory]
    following: bool
    featuring: bool


class Search(Entity, frozen=True, kw_only=True):
    """What was found."""

    accounts: list[Account]
    statuses: list[Status]
    hashtags: list[Tag]
