"""A description is plain text with us and HTML on the wire; this goes between the two.

What another server sends is reduced to its text, so that no markup of a stranger is ever stored:
there is nothing left that could run, load or hide.
"""

import re
from collections.abc import Collection
from html import escape
from html.parser import HTMLParser
from typing import Final

import nh3

MAX_DESCRIPTION: Final = 5000
_MAX_MARKUP: Final = 64 * 1024
_BLOCKS: Final = frozenset({"p", "div", "li", "h1", "h2", "h3", "h4", "blockquote", "pre", "tr"})
_UNSEEN: Final = frozenset({"script", "style", "head", "title", "template"})
_MAX_TAGS: Final = 4096
_LONG_TAG: Final = re.compile(r"<[^<>]{8192}")
_CLEANER: Final = nh3.Cleaner(
    tags=set(_BLOCKS | {"a", "br"}),
    clean_content_tags=set(_UNSEEN),
    attributes={"a": {"href"}},
    link_rel=None,
)


def to_html(text: str) -> str:
    """Return plain text as paragraphs; an empty line parts them."""
    paragraphs = [part.strip() for part in text.replace("\r\n", "\n").split("\n\n")]
    return "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in paragraphs if part)


def to_text(html: str, *, without_links_to: Collection[str] = ()) -> str:
    """Return the text of a stranger's HTML.

    A link to one of `without_links_to` is left out: the invitation "Listen" in a Space's own
    `content` says nothing where the Space itself is shown.
    """
    reader = _Text(frozenset(without_links_to))
    reader.feed(_well_formed(html[:_MAX_MARKUP]))
    reader.close()
    return reader.text()[:MAX_DESCRIPTION]


def _well_formed(html: str) -> str:
    """Return markup in which every tag has an end: the reader looks for each up to the end of the text.

    The cost of this in turn grows with the depth of nesting and the length of a tag. Of what has too much
    of either only the text is meant to be read: it is taken for text.
    """
    if html.count("<") > _MAX_TAGS or _LONG_TAG.search(html) is not None:
        return escape(html, quote=False)
    return _CLEANER.clean(html)


class _Text(HTMLParser):
    """Collects text; never raises, whatever it is fed."""

    def __init__(self, unwanted: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._unwanted = unwanted
        self._parts: list[str] = []
        self._silent = 0
        self._in_unwanted_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._silent += 1
        elif tag == "br":
            self._parts.append("\n")
        elif tag in _BLOCKS:
            self._parts.append("\n\n")
        elif tag == "a":
            self._in_unwanted_link = dict(attrs).get("href") in self._unwanted

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS:
            self._parts.append("\n\n")
        elif tag == "a":
            self._in_unwanted_link = False

    def handle_data(self, data: str) -> None:
        if not self._silent and not self._in_unwanted_link:
            self._parts.append(data)

    def text(self) -> str:
        blocks = "".join(self._parts).split("\n\n")
        lines = ("\n".join(" ".join(line.split()) for line in block.split("\n")).strip() for block in blocks)
        return "\n\n".join(line for line in lines if line)
