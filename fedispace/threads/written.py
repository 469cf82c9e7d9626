"""What somebody typed, and what of it can be stored."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fedispace.errors import Invalid
from fedispace.threads.compose import MAX_POSTS, checked, checked_spoiler, find_mentions, tidy
from fedispace.threads.mentions import Handle
from fedispace.threads.polls import PollDraft, checked_poll

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody typed for one post; `spoiler` is its content warning."""

    text: str
    spoiler: str = ""
    sensitive: bool = False
    poll: PollDraft | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A draft that can be stored: checked text, and whom it names."""

    text: str
    spoiler: str
    sensitive: bool
    handles: list[Handle]
    poll: PollDraft | None


def checked_drafts(drafts: Sequence[Draft], *, quotes: bool = False) -> list[Written]:
    """Check what was typed; a post that quotes may leave it at that."""
    if not 1 <= len(drafts) <= MAX_POSTS:
        raise Invalid(f"A thread has 1 to {MAX_POSTS} posts.", field="posts")
    written: list[Written] = []
    for draft in drafts:
        text = "" if quotes and len(drafts) == 1 and not tidy(draft.text) else checked(draft.text)
        written.append(
            Written(
                text=text,
                spoiler=checked_spoiler(draft.spoiler),
                sensitive=draft.sensitive,
                handles=find_mentions(text),
                poll=None if draft.poll is None else checked_poll(draft.poll),
            )
        )
    if sum(draft.poll is not None for draft in drafts) > 1:
        raise Invalid("A thread asks one question.", field="poll")
    return written


def is_language(text: str) -> bool:
    return _LANGUAGE.fullmatch(text) is not None
