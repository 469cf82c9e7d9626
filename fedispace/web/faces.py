"""How a person looks on a page: a name, a handle, and a face that needs no picture."""

import unicodedata
import zlib
from dataclasses import dataclass

from fedispace.accounts.models import Account

HUES = 12
_MAX_NAME = 80
_MAX_MARKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A person as pages show one. `handle` is always whole, whatever the name pretends to be."""

    id: int
    name: str
    handle: str
    path: str
    host: str
    initials: str
    hue: int
    picture: str | None


def face_of(account: Account, *, account_domain: str, origin: str) -> Face:
    """Return how `account` looks. A picture on another server is not shown: the reader's browser
    asks nobody but us.
    """
    name = calm(account.display_name) or account.username
    acct = account.username if account.local else f"{account.username}@{account.domain}"
    host = account.domain or account_domain
    picture = account.avatar if account.avatar and account.avatar.startswith(origin + "/") else None
    return Face(
        id=account.id,
        name=name,
        handle=f"@{account.username}@{host}",
        path=f"/@{acct}",
        host=host,
        initials=initials_of(name) or initials_of(account.username) or "?",
        hue=hue_of(f"{account.username}@{host}"),
        picture=picture,
    )


def hue_of(handle: str) -> int:
    """Return the same one of twelve colours for the same handle, on every server."""
    return zlib.crc32(handle.casefold().encode()) % HUES


def initials_of(name: str) -> str:
    """Return the first letter of the first and of the last word, in capitals where there are any."""
    words = ["".join(char for char in word if char.isalnum()) for word in name.split()]
    letters = [word[0] for word in words if word]
    if not letters:
        return ""
    chosen = letters[:1] if len(letters) == 1 else [letters[0], letters[-1]]
    return "".join(chosen).upper()[:3]


def calm(name: str) -> str:
    """Return `name` without what would break the line it stands in.

    Bidirectional overrides, controls and line breaks go; no character keeps more than two
    combining marks (security: names that climb over their neighbours).
    """
    kept: list[str] = []
    marks = 0
    for char in name:
        category = unicodedata.category(char)
        if category in ("Cc", "Zl", "Zp", "Co", "Cs") or char in _BIDI:
            continue
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= _MAX_MARKS:
            kept.append(char)
    return " ".join("".join(kept).split())[:_MAX_NAME]


_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
