"""Unpublished threads: ours, and Mastodon's view of the scheduled ones."""

from typing import Any

from fedispace.api.entities.shape import Entity
from fedispace.api.entities.status import MediaAttachment


class DraftPoll(Entity, frozen=True, kw_only=True):
    """A poll as it was asked for; `expires_in` is in seconds from when it is published."""

    options: list[str]
    expires_in: int
    multiple: bool
    hide_totals: bool


class DraftPost(Entity, frozen=True, kw_only=True):
    """One post of a draft, as it was typed."""

    text: str
    spoiler_text: str
    sensitive: bool
    poll: DraftPoll | None


class Draft(Entity, frozen=True, kw_only=True):
    """A thread that is not published yet; `failure` says why its time passed without it."""

    id: str
    name: str
    posts: list[DraftPost]
    visibility: str | None
    in_reply_to_id: str | None
    language: str | None
    quiet_continuation: bool
    quoted_status_id: str | None
    scheduled_at: str | None
    failure: str | None
    created_at: str
    updated_at: str


class ScheduledParams(Entity, frozen=True, kw_only=True):
    """What a scheduled post was asked to be."""

    text: str
    poll: dict[str, Any] | None
    media_ids: list[str] | None
    sensitive: bool | None
    spoiler_text: str | None
    visibility: str | None
    in_reply_to_id: str | None
    language: str | None
    application_id: int | None
    scheduled_at: str | None
    idempotency: str | None
    with_rate_limit: bool
    quoted_status_id: str | None
    quote_approval_policy: str | None


class ScheduledStatus(Entity, frozen=True, kw_only=True):
    """Mastodon's ScheduledStatus; a thread of several posts shows its first."""

    id: str
    scheduled_at: str
    params: ScheduledParams
    media_attachments: list[MediaAttachment]
