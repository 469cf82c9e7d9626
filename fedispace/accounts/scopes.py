"""What a token may do: Mastodon's OAuth scopes, their parts and their unions."""

from typing import Final

from fedispace.errors import Invalid

_READABLE: Final = (
    "accounts",
    "blocks",
    "bookmarks",
    "favourites",
    "filters",
    "follows",
    "lists",
    "mutes",
    "notifications",
    "search",
    "statuses",
)
_WRITABLE: Final = (
    "accounts",
    "blocks",
    "bookmarks",
    "conversations",
    "favourites",
    "filters",
    "follows",
    "lists",
    "media",
    "mutes",
    "notifications",
    "reports",
    "statuses",
)
_READ: Final = frozenset(f"read:{part}" for part in _READABLE)
_WRITE: Final = frozenset(f"write:{part}" for part in _WRITABLE)
_FOLLOW: Final = frozenset(
    f"{verb}:{part}" for verb in ("read", "write") for part in ("blocks", "follows", "mutes")
)
_UNIONS: Final = {
    "read": _READ | {"profile"},
    "read:accounts": frozenset({"profile"}),
    "write": _WRITE,
    "follow": _FOLLOW,
}

DEFAULT: Final = frozenset({"read"})
KNOWN: Final = frozenset({"read", "write", "follow", "push", "profile"}) | _READ | _WRITE

MAX_TEXT: Final = 2048


def parse(text: str | None) -> frozenset[str]:
    """Read scopes separated by blanks (RFC 6749 section 3.3); none asked means `read`.

    Raises `Invalid` for one we do not know: granting less than was asked in silence would let a
    client believe otherwise.
    """
    words = frozenset((text or "").split()) if len(text or "") <= MAX_TEXT else frozenset({"too long"})
    unknown = words - KNOWN
    if unknown:
        raise Invalid("The requested scope is invalid, unknown, or malformed.", field="scope")
    return words or DEFAULT


def text_of(scopes: frozenset[str]) -> str:
    """Write scopes the way tokens are answered and rows are kept, in one order."""
    return " ".join(sorted(scopes))


def expand(scopes: frozenset[str]) -> frozenset[str]:
    """Return `scopes` with every scope they include."""
    wider = set(scopes)
    for scope in scopes:
        wider |= _UNIONS.get(scope, frozenset())
    return frozenset(wider)


def covers(granted: frozenset[str], required: str) -> bool:
    """Tell whether a token with `granted` may do what asks for the scope `required`."""
    return required in expand(granted)


def may_ask(registered: frozenset[str], asked: frozenset[str]) -> bool:
    """Tell whether a client that registered for some scopes may ask for `asked` (a subset of them)."""
    return asked <= expand(registered)
