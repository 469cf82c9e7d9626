"""Mastodon's Report."""

from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Entity


class Report(Entity, frozen=True, kw_only=True):
    """What somebody asked the moderators to look at."""

    id: str
    action_taken: bool
    action_taken_at: str | None
    category: str
    comment: str
    forwarded: bool
    created_at: str
    status_ids: list[str] | None
    rule_ids: list[str] | None
    target_account: Account
