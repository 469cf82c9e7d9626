"""Mastodon's Notification, and the policy that would filter them."""

from typing import Any

from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Entity
from fedispace.api.entities.status import Status


class Notification(Entity, frozen=True, kw_only=True):
    """Something that happened to the asker."""

    id: str
    type: str
    group_key: str
    created_at: str
    account: Account
    status: Status | None
    report: dict[str, Any] | None
    event: dict[str, Any] | None
    moderation_warning: dict[str, Any] | None


class UnreadCount(Entity, frozen=True, kw_only=True):
    """How many notifications wait."""

    count: int


class PolicySummary(Entity, frozen=True, kw_only=True):
    """How much the policy holds back."""

    pending_requests_count: int
    pending_notifications_count: int


class NotificationPolicy(Entity, frozen=True, kw_only=True):
    """Whose notifications are accepted, filtered or dropped."""

    for_not_following: str
    for_not_followers: str
    for_new_accounts: str
    for_private_mentions: str
    for_limited_accounts: str
    summary: PolicySummary


class NotificationRequest(Entity, frozen=True, kw_only=True):
    """What the policy holds back of one person."""

    id: str
    created_at: str
    updated_at: str
    notifications_count: str
    account: Account
    last_status: Status | None


class Merged(Entity, frozen=True, kw_only=True):
    """Whether what was accepted stands among the notifications."""

    merged: bool


class NotificationGroup(Entity, frozen=True, kw_only=True):
    """Notifications of one kind about one thing."""

    group_key: str
    notifications_count: int
    type: str
    most_recent_notification_id: str
    page_min_id: str
    page_max_id: str
    latest_page_notification_at: str
    sample_account_ids: list[str]
    status_id: str | None
    report: dict[str, Any] | None
    event: dict[str, Any] | None
    moderation_warning: dict[str, Any] | None


class GroupedNotifications(Entity, frozen=True, kw_only=True):
    """A page of groups, with each account and each post once."""

    accounts: list[Account]
    partial_accounts: list[Account]
    statuses: list[Status]
    notification_groups: list[NotificationGroup]
