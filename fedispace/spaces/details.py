"""What a host says about a Space, and what of it can be stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, cast, get_args

from fedispace.errors import Invalid
from fedispace.spaces.description import MAX_DESCRIPTION
from fedispace.threads.compose import find_tags, tidy
from fedispace.threads.tags import MAX_NAME, key_of
from fedispace.threads.written import is_language

SpeakPolicy = Literal["request", "followers", "invited"]
"""Who may ask to speak: everybody with an account, followers of the host, nobody (they are invited)."""

MAX_TITLE: Final = 200
_SPEAK_POLICIES: Final = frozenset(get_args(SpeakPolicy))


def checked_title(text: str) -> str:
    """Return a title in one line; raises `Invalid`."""
    title = " ".join(tidy(text[: 10 * MAX_TITLE]).split())
    if not title:
        raise Invalid("A Space needs a title.", field="title")
    if len(title) > MAX_TITLE:
        raise Invalid(f"A title has at most {MAX_TITLE} characters.", field="title")
    return title


def checked_description(text: str) -> str:
    if len(text) > MAX_DESCRIPTION:
        raise Invalid(f"A description has at most {MAX_DESCRIPTION} characters.", field="description")
    return tidy(text)


def checked_topics(topics: Sequence[str], limit: int) -> list[str]:
    """Return topics without # and without repeats; each is what a hashtag can be.

    >>> checked_topics(["#Rust", "rust", "wasm"], 3)
    ['Rust', 'wasm']
    """
    found: dict[str, str] = {}
    for text in topics[: 10 * limit + 10]:
        name = text.strip().lstrip("#＃")
        if len(name) > MAX_NAME or find_tags(f"#{name}") != [name]:
            raise Invalid("A topic is a hashtag: one word of letters and digits.", field="topics")
        found.setdefault(key_of(name), name)
    if len(found) > limit:
        raise Invalid(f"A Space has at most {limit} topics.", field="topics")
    return list(found.values())


def checked_language(text: str) -> str:
    """Return a language tag (BCP 47), or nothing for none."""
    if text and not is_language(text):
        raise Invalid("language must be a code such as en or pt-BR.", field="language")
    return text


def require_near(begins: datetime, now: datetime, horizon_days: int) -> None:
    """Raise `Invalid` for a beginning that is too far ahead."""
    if begins > now + timedelta(days=horizon_days):
        raise Invalid(f"A Space can be scheduled at most {horizon_days} days ahead.", field="starts_at")


def parse_speak_policy(text: str) -> SpeakPolicy:
    """Return the policy called `text`; raises `Invalid`."""
    if text not in _SPEAK_POLICIES:
        raise Invalid("speak_policy must be request, followers or invited.", field="speak_policy")
    return cast(SpeakPolicy, text)


def speak_policy_from(text: str | None) -> SpeakPolicy:
    """Return what another server says, as near as we have it; of its own kind of word the strictest."""
    if text is None:
        return "request"
    return cast(SpeakPolicy, text) if text in _SPEAK_POLICIES else "invited"


def topics_from(names: Sequence[str], limit: int) -> list[str]:
    """Return what another server says, without what cannot be a hashtag here."""
    found: dict[str, str] = {}
    for name in names:
        if len(name) <= MAX_NAME and find_tags(f"#{name}") == [name]:
            found.setdefault(key_of(name), name)
    return list(found.values())[:limit]
