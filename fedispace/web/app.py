"""The pages as a whole: every group of them, the static files, and what is answered elsewhere."""

from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from fedispace.errors import FedispaceError
from fedispace.web.assets import PREFIX, Assets
from fedispace.web.door import Door
from fedispace.web.emojis import EmojiPictures
from fedispace.web.routing import Pages

_PRIVATE = ("/auth/", "/oauth/", "/search", "/compose", "/settings/", "/visit")
_ROBOTS = "User-agent: *\n" + "".join(f"Disallow: {path}\n" for path in _PRIVATE)


class Group(Protocol):
    """A group of pages."""

    @property
    def pages(self) -> Pages: ...


class Web:
    """Everything this door serves."""

    def __init__(
        self,
        *,
        door: Door,
        assets: Assets,
        emoji_pictures: EmojiPictures,
        groups: Sequence[Group],
    ) -> None:
        self._door = door
        self._assets = assets
        self._emoji_pictures = emoji_pictures
        self._groups = groups

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for the application. The last one takes every GET nobody else took."""
        found = [
            web.route(row.method, row.path, self._door.opened(row, group))
            for group in self._groups
            for row in group.pages.rows
        ]
        return [
            *found,
            web.get(PREFIX + "{name}", self._assets.serve),
            web.get("/media/emojis/{name}", self._emoji_pictures.serve),
            web.get("/favicon.ico", self._favicon),
            web.get("/robots.txt", _robots),
            web.get("/{rest:.*}", self._door.nothing),
        ]

    async def instead(self, request: web.Request, error: FedispaceError) -> web.StreamResponse:
        """Answer a browser at the address of an object of ours that is not shown there."""
        return await self._door.instead(request, error)

    async def _favicon(self, _request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": self._assets.url("favicon.svg")})


async def _robots(_request: web.Request) -> web.Response:
    return web.Response(text=_ROBOTS)
