"""From the text somebody typed to the post others see. Plain text in: no markup is understood.

Paragraphs and line breaks are kept; addresses, mentions and hashtags become links. What counts as
each is decided in one pass over the text, so that the @ inside an address is no mention.
"""

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fedispace.errors import Invalid
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.uri import is_uri
from fedispace.threads.sanitize import Html, clean

MAX_CHARACTERS: Final = 5000
MAX_SPOILER: Final = 500
MAX_POSTS: Final = 25
LINK_LENGTH: Final = 23
MAX_MENTIONS: Final = 50
MAX_HASHTAGS: Final = 50
_SHOWN_LINK: Final = 30
_MAX_TYPED: Final = 64 * 1024

_TOKEN: Final = re.compile(
    r"(?P<link>https?://[^\s<>\"]+)"
    r"|(?<![\w/@.＠])@(?P<user>\w(?:[\w.-]*\w)?)(?:@(?P<domain>\w(?:[\w.-]*\w)?(?::\d{1,5})?))?"
    r"|(?<![\w/&#])[#＃](?P<tag>[\w·]*[^\W\d_][\w·]*)",
    re.IGNORECASE,
)
_PARAGRAPHS: Final = re.compile(r"\n[^\S\n]*\n\s*")
_TRAILING: Final = ".,;:!?'\"*_~…"
_CLOSERS: Final = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Somebody whose handle in a text is made a link."""

    username: str
    url: str


def find_mentions(text: str) -> list[tuple[str, str]]:
    """Return (user name, domain) of everybody named, in order, without repeats; ours have no domain."""
    found = dict.fromkeys(
        (token["user"].lower(), (token["domain"] or "").lower()) for token in _tokens(text) if token["user"]
    )
    return list(found)[:MAX_MENTIONS]


def find_tags(text: str) -> list[str]:
    """Return the hashtags as they were typed, without # and without repeats in another case."""
    found: dict[str, str] = {}
    for token in _tokens(text):
        if token["tag"]:
            found.setdefault(token["tag"].casefold(), token["tag"])
    return list(found.values())[:MAX_HASHTAGS]


def length(text: str) -> int:
    """Count characters as Mastodon does: what a reader sees, any link as 23, a mention without its domain."""
    total, at = 0, 0
    for token in _tokens(text):
        total += _graphemes(text[at : token.start()])
        if token["link"]:
            address, at = _address(token)
            total += LINK_LENGTH if address else 0
        else:
            shown = f"@{token['user']}" if token["user"] else token.group()
            total, at = total + _graphemes(shown), token.end()
    return total + _graphemes(text[at:])


def tidy(text: str) -> str:
    """Return `text` composed (NFC), with plain line ends and without control characters."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(
        one for one in composed if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs")
    ).strip()


def checked(text: str) -> str:
    """Return the text as it will be stored; raises `Invalid` when it is empty or too long."""
    too_long = len(text) > _MAX_TYPED
    text = tidy(text[:_MAX_TYPED])
    if not text:
        raise Invalid("A post needs some text.", field="status")
    if too_long or length(text) > MAX_CHARACTERS:
        raise Invalid(f"A post has at most {MAX_CHARACTERS} characters.", field="status")
    return text


def checked_spoiler(text: str) -> str:
    """Return a content warning as it will be stored, in one line; raises `Invalid` when it is too long."""
    spoiler = " ".join(tidy(text).split())
    if len(spoiler) > MAX_SPOILER:
        raise Invalid(f"A content warning has at most {MAX_SPOILER} characters.", field="spoiler_text")
    return spoiler


def render(text: str, mentions: Mapping[tuple[str, str], Named], addresses: Addresses) -> Html:
    """Return the markup of a post; `mentions` has those of `find_mentions` who exist."""
    paragraphs = (
        "<p>" + _linked(paragraph, mentions, addresses).replace("\n", "<br>") + "</p>"
        for paragraph in _PARAGRAPHS.split(text.strip())
        if paragraph.strip()
    )
    return clean("".join(paragraphs))


def _tokens(text: str) -> Iterator[re.Match[str]]:
    return _TOKEN.finditer(text)


def _linked(text: str, mentions: Mapping[tuple[str, str], Named], addresses: Addresses) -> str:
    pieces: list[str] = []
    at = 0
    for token in _tokens(text):
        pieces.append(html.escape(text[at : token.start()], quote=False))
        at = token.end()
        if token["link"]:
            address, at = _address(token)
            pieces.append(_link(address))
        elif token["user"]:
            named = mentions.get((token["user"].lower(), (token["domain"] or "").lower()))
            pieces.append(_mention(named) if named else html.escape(token.group(), quote=False))
        else:
            tag = token["tag"]
            pieces.append(
                f'<a href="{html.escape(addresses.tag(tag.lower()))}" class="mention hashtag">'
                f"#<span>{html.escape(tag)}</span></a>"
            )
    pieces.append(html.escape(text[at:], quote=False))
    return "".join(pieces)


def _address(token: re.Match[str]) -> tuple[str, int]:
    """Return the address without the punctuation of the sentence around it, and where it ends."""
    address: str = token["link"]
    surplus = {closer: address.count(closer) - address.count(opener) for closer, opener in _CLOSERS.items()}
    end = len(address)
    while end:
        last = address[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return address[:end], token.start() + end


def _link(address: str) -> str:
    if not is_uri(address):
        return html.escape(address, quote=False)
    scheme, bare = re.match(r"(https?://(?:www\.)?)(.*)", address, re.IGNORECASE | re.DOTALL).groups()  # type: ignore[union-attr]
    shown, rest = bare[:_SHOWN_LINK], bare[_SHOWN_LINK:]
    middle = f'<span class="ellipsis">{html.escape(shown)}</span>' if rest else html.escape(shown)
    tail = f'<span class="invisible">{html.escape(rest)}</span>' if rest else ""
    return (
        f'<a href="{html.escape(address)}"><span class="invisible">{html.escape(scheme)}</span>'
        f"{middle}{tail}</a>"
    )


def _mention(named: Named) -> str:
    return (
        f'<span class="h-card"><a href="{html.escape(named.url)}" class="u-url mention">'
        f"@<span>{html.escape(named.username)}</span></a></span>"
    )


def _graphemes(text: str) -> int:
    """Count what a reader would call characters.

    Marks, variation selectors, skin tones and what a zero-width joiner ties on belong to the
    character before them; two regional indicators are one flag.
    """
    total, joined, flag = 0, False, False
    for one in text:
        regional = "\U0001f1e6" <= one <= "\U0001f1ff"
        if one == "\u200d":
            joined = True
        elif unicodedata.category(one) in ("Mn", "Me", "Mc") or "\U0001f3fb" <= one <= "\U0001f3ff":
            pass
        elif joined or (regional and flag):
            joined = flag = False
        else:
            total, flag = total + 1, regional
    return total
