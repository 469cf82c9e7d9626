"""A conversation in direct posts (Mastodon's `Conversation`)."""

from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Entity
from fedispace.api.entities.status import Status


class DirectConversation(Entity, frozen=True, kw_only=True):
    """Whom somebody talks with, and what was said last."""

    id: str
    unread: bool
    accounts: list[Account]
    last_status: Status | None
