"""Drafts as the API shows them."""

from typing import Any

from fedispace.api.entities.draft import Draft, DraftPoll, DraftPost, ScheduledParams, ScheduledStatus
from fedispace.clock import iso
from fedispace.threads.manuscript import unpacked
from fedispace.threads.models import ThreadDraft
from fedispace.threads.polls import PollDraft


def draft_of(row: ThreadDraft) -> Draft:
    """Return our own shape of a draft."""
    manuscript = unpacked(row.thread)
    return Draft(
        id=str(row.id),
        name=row.name,
        posts=[
            DraftPost(
                text=post.text,
                spoiler_text=post.spoiler,
                sensitive=post.sensitive,
                poll=_draft_poll(post.poll),
            )
            for post in manuscript.posts
        ],
        visibility=manuscript.visibility,
        in_reply_to_id=_id(manuscript.in_reply_to_id),
        language=manuscript.language,
        quiet_continuation=manuscript.quiet_continuation,
        quoted_status_id=_id(manuscript.quoted_id),
        scheduled_at=iso(row.scheduled_at) if row.scheduled_at else None,
        failure=row.failure,
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )


def scheduled_of(row: ThreadDraft) -> ScheduledStatus:
    """Return Mastodon's shape of a scheduled thread."""
    assert row.scheduled_at is not None
    manuscript = unpacked(row.thread)
    first = manuscript.posts[0]
    return ScheduledStatus(
        id=str(row.id),
        scheduled_at=iso(row.scheduled_at),
        params=ScheduledParams(
            text=first.text,
            poll=_poll(first.poll),
            media_ids=None,
            sensitive=first.sensitive,
            spoiler_text=first.spoiler or None,
            visibility=manuscript.visibility,
            in_reply_to_id=_id(manuscript.in_reply_to_id),
            language=manuscript.language,
            application_id=None,
            scheduled_at=None,
            idempotency=None,
            with_rate_limit=False,
            quoted_status_id=_id(manuscript.quoted_id),
            quote_approval_policy=None,
        ),
        media_attachments=[],
    )


def _draft_poll(asked: PollDraft | None) -> DraftPoll | None:
    if asked is None:
        return None
    return DraftPoll(
        options=list(asked.options),
        expires_in=asked.expires_in,
        multiple=asked.multiple,
        hide_totals=asked.hides_totals,
    )


def _poll(asked: PollDraft | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    return {
        "options": list(asked.options),
        "expires_in": str(asked.expires_in),
        "multiple": asked.multiple,
        "hide_totals": asked.hides_totals,
    }


def _id(id_: int | None) -> str | None:
    return None if id_ is None else str(id_)
