"""What may stand as an emoji reaction: one emoji character, or the name of a custom emoji. Pure.

A character is kept without its variation selectors, so that the heart one server sends with U+FE0F and
the heart another sends without are one reaction; they are put back when it is shown or sent.
"""

import re
from dataclasses import dataclass
from typing import Final

_SELECTOR: Final = "\ufe0f"
_JOINER: Final = "\u200d"
_BASE: Final = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa"
    "\U0001f400-\U0001faff]"
)
_ONE: Final = f"{_BASE}[\U0001f3fb-\U0001f3ff]?"
_TAGGED: Final = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,8}\U000e007f"
_CHARACTER: Final = re.compile(
    f"[0-9#*]\u20e3|[\U0001f1e6-\U0001f1ff]{{2}}|{_TAGGED}|{_ONE}(?:{_JOINER}{_ONE}){{0,6}}"
)
_CUSTOM: Final = re.compile(r":([A-Za-z0-9_+-]{1,100})(?:@([A-Za-z0-9.:\[\]-]{1,255}))?:")


@dataclass(frozen=True, slots=True)
class Custom:
    """A custom emoji by its name; `host` is where it is said to come from, None when nothing is said."""

    name: str
    host: str | None = None


def character(text: str) -> str | None:
    """Return the one emoji that `text` is, without variation selectors; None when it is anything else.

    >>> character("\u2764\ufe0f")
    '\u2764'
    """
    bare = text.strip().replace(_SELECTOR, "")
    return bare if _CHARACTER.fullmatch(bare) else None


def shown(name: str) -> str:
    """Return an emoji as it is drawn in colour everywhere: old characters with their selector."""
    return "".join(_with_selector(name, at) for at in range(len(name)))


def _with_selector(name: str, at: int) -> str:
    one = name[at]
    after = name[at + 1 : at + 2]
    is_old = "\u00a9" <= one <= "\u3299" and one not in (_JOINER, "\u20e3")
    is_key = after == "\u20e3"
    is_toned = "\U0001f3fb" <= after <= "\U0001f3ff" if after else False
    return one + _SELECTOR if (is_old or is_key) and not is_toned else one


def custom(text: str) -> Custom | None:
    """Read `:name:`, `:name@.:` (the sender's own, Misskey) and `:name@host:`."""
    match = _CUSTOM.fullmatch(text.strip())
    if match is None:
        return None
    host = match[2]
    return Custom(match[1], None if host in (None, ".") else host.lower())
