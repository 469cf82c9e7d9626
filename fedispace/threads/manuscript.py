"""A thread as it was written and not yet published: what a draft keeps.

It is stored exactly as publishing takes it, so a draft can hold whatever a post can.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fedispace.errors import Invalid
from fedispace.threads.audience import Visibility
from fedispace.threads.compose import MAX_POSTS
from fedispace.threads.framing import Choice
from fedispace.threads.written import Draft

MAX_BYTES: Final = 512 * 1024
"""How much one unfinished thread may hold; 25 full posts are a quarter of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manuscript:
    """The posts of a thread and what they have in common; nothing is checked before it is published."""

    posts: tuple[Draft, ...]
    visibility: Visibility | None = None
    in_reply_to_id: int | None = None
    language: str | None = None
    application: str | None = None
    quiet_continuation: bool = False
    quoted_id: int | None = None
    policy: Choice | None = None

    @property
    def is_blank(self) -> bool:
        return self.quoted_id is None and not any(
            post.text.strip() or post.spoiler.strip() or post.poll for post in self.posts
        )


def packed(manuscript: Manuscript) -> dict[str, Any]:
    """Return the manuscript as its row keeps it; raises `Invalid` when it is too much to keep."""
    if len(manuscript.posts) > MAX_POSTS:
        raise Invalid(f"A thread has 1 to {MAX_POSTS} posts.", field="posts")
    found = msgspec.to_builtins(manuscript)
    assert isinstance(found, dict)
    if len(msgspec.json.encode(found)) > MAX_BYTES:
        raise Invalid("That is more than a draft can hold.", field="posts")
    return found


def unpacked(row: dict[str, Any]) -> Manuscript:
    """Return what `packed` made a row of."""
    return msgspec.convert(row, Manuscript)
