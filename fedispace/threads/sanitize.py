"""The one sanitiser: what of other people's HTML may reach a browser.

An allow-list of text-level tags, two attributes, and links that are absolute and http(s). It runs
when text is stored and again when it is shown, so that a hole found later is closed for what is
stored already. It never raises: whatever comes in, text comes out.
"""

import html
import re
from typing import Final, NewType

import nh3

from fedispace.errors import Invalid
from fedispace.hosts import host_of

Html = NewType("Html", str)
"""Markup that passed `clean`. Only this module and `compose.py` make it."""

MAX_MARKUP: Final = 256 * 1024
MAX_TAGS: Final = 4096
"""Beyond this many, markup is shown as text: the parser's cost grows with the depth of nesting."""
_LONG_TAG: Final = re.compile(r"<[^<>]{8192}")
"""So is a tag this long: the parser's cost grows with the square of the attributes in one tag."""

_TAGS: Final = frozenset(
    ("p", "br", "span", "a", "del", "pre", "code", "blockquote", "strong", "em", "b", "i", "u")
) | {"ul", "ol", "li"}
_CLASSES: Final = {
    "a": {"mention", "hashtag", "u-url"},
    "span": {"mention", "hashtag", "h-card", "invisible", "ellipsis", "quote-inline"},
    "p": {"quote-inline"},
}
_CLEANER: Final = nh3.Cleaner(
    tags=set(_TAGS),
    clean_content_tags={"script", "style", "template", "svg", "math", "noscript", "iframe", "object"},
    attributes={"a": {"href"}},
    allowed_classes=_CLASSES,
    url_schemes={"http", "https"},
    url_relative="deny",
    link_rel="nofollow noopener noreferrer ugc",
    strip_comments=True,
)
_STRIPPER: Final = nh3.Cleaner(
    tags=set(), clean_content_tags={"script", "style", "template", "svg", "math"}, attributes={}
)
_BLOCKS: Final = re.compile(r"</(?:p|div|h[1-6]|li|blockquote)>|<br ?/?>", re.IGNORECASE)
_LINK: Final = re.compile(r'<a href="([^"]*)"[^>]*>(.*?)</a>(?: \[([^\]\s<]*)\])?', re.DOTALL)
_MARKUP: Final = re.compile(r"<[^>]*>")
_SHOWN_HOST: Final = re.compile(r"(?:https?://)?(?:www\.)?([^\s/?#@:<>]+\.[^\s/?#@:<>.]{2,})(?:[/?#:@]|$)")
_UNSEEN: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def clean(markup: str) -> Html:
    """Return what is harmless of `markup`."""
    text = storable(markup)[:MAX_MARKUP]
    if "<" not in text and "&" not in text:
        return Html(html.escape(text, quote=False))
    if _is_bomb(text):
        return Html(html.escape(text, quote=False))
    return Html(_LINK.sub(_with_true_host, _CLEANER.clean(text)))


def safe_html(stored: str) -> Html:
    """Return stored markup as it may be shown: `clean` once more."""
    return clean(stored)


def plain(markup: str) -> str:
    """Return the text of `markup`, for fields that are text (a content warning, a title).

    The result is text, not markup: whoever shows it escapes it.
    """
    text = storable(markup)[:MAX_MARKUP]
    if ("<" in text or "&" in text) and not _is_bomb(text):
        text = html.unescape(_STRIPPER.clean(_BLOCKS.sub(r"\g<0> ", text)))
    return " ".join(text.split())


def _is_bomb(markup: str) -> bool:
    return markup.count("<") > MAX_TAGS or _LONG_TAG.search(markup) is not None


def storable(text: str) -> str:
    """Drop what no database or browser can take: NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _with_true_host(link: re.Match[str]) -> str:
    """Name the true host after a link whose text pretends to be another address."""
    whole, noted = link.group(0), link.group(3)
    try:
        target = host_of(html.unescape(link.group(1)))
    except Invalid:
        return whole
    text = _UNSEEN.sub("", html.unescape(_MARKUP.sub("", link.group(2)))).strip()
    shown = _SHOWN_HOST.match(text)
    if shown is None or noted == target:
        return whole
    if _same_host(shown.group(1), target):
        return whole
    return f"{whole} [{html.escape(target)}]"


def _same_host(shown: str, target: str) -> bool:
    try:
        claimed = host_of(f"https://{shown}")
    except Invalid:
        return False
    return claimed == target.partition(":")[0].removeprefix("www.")
