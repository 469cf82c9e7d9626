"""Custom emojis on pages: ours are pictures, those of other servers stay names.

The reader's browser asks nobody but us, and we keep no copies of others' pictures.
"""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from aiohttp import web
from markupsafe import Markup

from fedispace.accounts.emoji_shelf import NAME, TYPES, EmojiPlace
from fedispace.federation.addresses import Addresses

_TAG: Final = re.compile(r"""(<(?:[^<>"']|"[^"]*"|'[^']*')*>)""")
_NAMED: Final = re.compile(r":([A-Za-z0-9_]{2,100}):")
_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
}


def pictured(html: str, kept: Iterable[Mapping[str, Any]], addresses: Addresses) -> Markup:
    """Put pictures in the place of `:shortcode:` in safe markup, in its text and never in its tags."""
    ours = {each["shortcode"]: each["url"] for each in kept if addresses.is_ours(str(each.get("url")))}
    if not ours:
        return Markup(html)  # noqa: S704 - the caller's markup is safe

    def picture(match: re.Match[str]) -> str:
        url = ours.get(match[1])
        if url is None:
            return match[0]
        name = escape(match[0])
        return f'<img class="emoji" src="{escape(url)}" alt="{name}" title="{name}" loading="lazy">'

    pieces = _TAG.split(html)
    pieces[::2] = [_NAMED.sub(picture, text) for text in pieces[::2]]
    return Markup("".join(pieces))  # noqa: S704 - safe markup, and pictures of ours


class EmojiPictures:
    """Serves the pictures that were copied, each with the type its first bytes had."""

    def __init__(self, place: EmojiPlace) -> None:
        self._directory = place.directory

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send the file of exactly this name; nothing else in the directory exists."""
        name = request.match_info["name"]
        match = NAME.fullmatch(name)
        if match is None or not (self._directory / name).is_file():
            raise web.HTTPNotFound
        kind = TYPES[match["ending"]]
        return web.FileResponse(self._directory / name, headers={**_HEADERS, "Content-Type": kind})
