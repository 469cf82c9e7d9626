"""What the posts of a thread have in common: who sees them, in which language, and by whose leave."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from fedispace.accounts.models import Account, User
from fedispace.db.engine import Tx
from fedispace.threads.asking import waits
from fedispace.threads.audience import Visibility, narrower, parse_visibility
from fedispace.threads.compose import find_tags
from fedispace.threads.models import Status
from fedispace.threads.policies import Answer, Kind, Parties, chosen
from fedispace.threads.written import Written, is_language

Choice = Mapping[Kind, Parties]
"""Who may do some kinds of thing with a post; the other kinds are as its author has them by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What all posts of a thread have in common."""

    author: Account
    visibility: Visibility
    language: str
    application: str | None
    subject_uri: str | None
    now: datetime
    policy: dict[str, Any] | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """What a thread answers and quotes, and the verdicts on that."""

    parent: Status | None
    reply: Answer | None
    quoted: tuple[Status, Answer] | None

    def narrowed(self, frame: Frame) -> Frame:
        """Return the frame of a thread that may be seen by no more people than what it quotes."""
        if self.quoted is not None and self.quoted[0].visibility == "private":
            frame = replace(frame, visibility=narrower(frame.visibility, "private"))
        asks = self.parent is not None and self.reply is not None and waits(self.reply, self.parent)
        return replace(frame, waits=True) if asks else frame


def quieter(frame: Frame, draft: Written) -> Frame:
    """Return the frame of a later post of a public thread, which stands in no list unless it asks to."""
    if frame.visibility != "public" or find_tags(draft.text):
        return frame
    return replace(frame, visibility="unlisted")


async def framed(
    tx: Tx,
    author: Account,
    parent: Status | None,
    now: datetime,
    *,
    visibility: Visibility | None,
    language: str | None,
    application: str | None,
    subject_uri: str | None,
    policy: Choice | None,
) -> Frame:
    """Return the frame of a new thread: what its author says, and their defaults for the rest.

    Without a `visibility` it is the author's default, or that of the post answered when fewer people
    may see that.
    """
    default_visibility, default_language, default_policy = await _defaults(tx, author)
    if visibility is None:
        visibility = default_visibility
        if parent is not None:
            visibility = narrower(visibility, parse_visibility(parent.visibility))
    if language is None or not is_language(language):
        language = default_language
    return Frame(
        author=author,
        visibility=visibility,
        language=language,
        application=application,
        subject_uri=subject_uri,
        now=now,
        policy=chosen(visibility, default_policy, policy or {}),
    )


async def _defaults(tx: Tx, author: Account) -> tuple[Visibility, str, Mapping[str, Any]]:
    row = (
        await tx.execute(
            select(User.default_visibility, User.default_language, User.default_policy).where(
                User.id == author.id
            )
        )
    ).one_or_none()
    return ("public", "en", {}) if row is None else (parse_visibility(row[0]), row[1], row[2] or {})
