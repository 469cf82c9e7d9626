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

_BLANK: Final = r"\x00-\x20\x7f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What separates or is not seen. All of `\\s`, spelled out: a set without a class is looked up at once."""

_ABSOLUTE: Final = re.compile(rf"[hH][tT][tT][pP][sS]?://[^{_BLANK}/?#\\]+(?:[/?#][^{_BLANK}]*)?")


def is_uri(text: object) -> TypeGuard[Uri]:
    """Tell whether `text` is an absolute http(s) address we are willing to keep."""
    return isinstance(text, str) and len(text) <= MAX_URI and _ABSOLUTE.fullmatch(text) is not None


def parse_uri(text: str) -> Uri:
    """Return `text` itself as a `Uri`; raises `Invalid` when it is not absolute http(s)."""
    if len(text) > MAX_URI or _ABSOLUTE.fullmatch(text) is None:
        raise Invalid("not an absolute http(s) address")
    return Uri(text)
