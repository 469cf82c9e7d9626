"""Identifiers of the fediverse: absolute http(s) addresses, compared verbatim.

Peers use ids with trailing slashes, two `@` signs and odd escapes; an id that we normalise is an
id that we no longer recognise. So a `Uri` is checked once and never rewritten.
"""

import re
from typing import Final, NewType, TypeGuard

from fedispace.errors import Invalid

Uri = NewType("Uri", str)

PUBLIC: Final = Uri("https://www.w3.org/ns/activitystreams#Public")
"""The pseudo-collection of everybody (ActivityPub section 5.6)."""

PUBLIC_ALIASES: Final = frozenset({PUBLIC, "as:Public", "Public"})

MAX_URI: Final = 2048

_ABSOLUTE: Final = re.compile(
    r"https?://[^\s\x00-\x20\x7f/?#\\]+(?:[/?#][^\s\x00-\x20\x7f]*)?", re.IGNORECASE
)


def is_uri(text: object) -> TypeGuard[Uri]:
    """Tell whether `text` is an absolute http(s) address we are willing to keep."""
    return isinstance(text, str) and len(text) <= MAX_URI and _ABSOLUTE.fullmatch(text) is not None


def parse_uri(text: str) -> Uri:
    """Return `text` itself as a `Uri`; raises `Invalid` when it is not absolute http(s)."""
    if len(text) > MAX_URI or _ABSOLUTE.fullmatch(text) is None:
        raise Invalid("not an absolute http(s) address")
    return Uri(text)
