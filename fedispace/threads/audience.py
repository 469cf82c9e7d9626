"""Who may read a post: the rule, and how it is written in `to` and `cc`.

The rule stands here once, as a function of plain facts. `visibility.py` says the same in SQL for
lists, and a test compares the two over every combination of facts. What a viewer may not see does
not exist for them: every door answers as for an id that was never given out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from fedispace.errors import Invalid
from fedispace.federation.vocab.uri import PUBLIC, Uri

Visibility = Literal["public", "unlisted", "private", "direct"]
"""Mastodon's words; `private` is for followers, `direct` for those mentioned."""

VISIBILITIES: Final[tuple[Visibility, ...]] = get_args(Visibility)
"""From the widest to the narrowest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks at a post, and what they are to its author. Nobody in particular has no id."""

    account_id: int | None = None
    follows_author: bool = False
    is_mentioned: bool = False
    is_blocked_by_author: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """What of a post decides who may see it.

    A reply that is `unapproved` has yet to be let in by whoever wrote what it answers, `answers_id`.
    """

    author_id: int
    visibility: Visibility
    is_author_suspended: bool = False
    unapproved: bool = False
    answers_id: int | None = None


def can_view(viewer: Viewer, facts: StatusFacts) -> bool:
    """Tell whether `viewer` may know that the post exists."""
    if facts.is_author_suspended:
        return False
    if viewer.account_id is None:
        return is_distributable(facts.visibility) and not facts.unapproved
    if viewer.account_id == facts.author_id:
        return True
    if viewer.is_blocked_by_author or (facts.unapproved and viewer.account_id != facts.answers_id):
        return False
    if is_distributable(facts.visibility) or viewer.is_mentioned:
        return True
    return facts.visibility == "private" and viewer.follows_author


def is_distributable(visibility: str) -> bool:
    """Tell whether anybody may read it, and so pass it on."""
    return visibility in ("public", "unlisted")


def parse_visibility(text: str) -> Visibility:
    """Return `text` as a visibility; raises `Invalid`."""
    for visibility in VISIBILITIES:
        if text == visibility:
            return visibility
    raise Invalid("Visibility is public, unlisted, private or direct.", field="visibility")


def narrower(one: Visibility, other: Visibility) -> Visibility:
    """Return the one that fewer people may see."""
    return max(one, other, key=VISIBILITIES.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressees:
    """The `to` and `cc` of a post and of the activities about it."""

    to: tuple[Uri, ...]
    cc: tuple[Uri, ...]


def addressees(visibility: Visibility, followers: Uri, mentioned: Iterable[Uri]) -> Addressees:
    """Write a visibility as peers read it (Mastodon's convention; ActivityPub has no word for it)."""
    named = tuple(dict.fromkeys(mentioned))
    match visibility:
        case "public":
            return Addressees(to=(PUBLIC,), cc=(followers, *named))
        case "unlisted":
            return Addressees(to=(followers,), cc=(PUBLIC, *named))
        case "private":
            return Addressees(to=(followers,), cc=named)
        case "direct":
            return Addressees(to=named, cc=())


def visibility_from(to: Iterable[str], cc: Iterable[str], followers: str | None) -> Visibility:
    """Read a peer's `to` and `cc`: Public in `to`, Public in `cc`, the author's followers, or named people.

    Only the author's own followers collection counts: another one would make strangers its readers.
    """
    to, cc = frozenset(to), frozenset(cc)
    if PUBLIC in to:
        return "public"
    if PUBLIC in cc:
        return "unlisted"
    if followers is not None and (followers in to or followers in cc):
        return "private"
    return "direct"
