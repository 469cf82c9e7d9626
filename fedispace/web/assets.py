"""Static files under names that carry their content, so that browsers may keep them for ever.

`space.js` is served as `/assets/space.3f2c9a1b04.js`. Modules import each other by their plain names;
those names are replaced when the files are read, imported ones first, so a change in one renames
all that depend on it. Lines that are comments go out empty: they are a tenth of what a first visit
loads, and the lines of an error stay those of the source. Nothing is bundled and nothing is built.
"""

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

PREFIX = "/assets/"
TOGETHER = {
    "look.css": ("tokens.css", "base.css", "parts.css"),
    "embed.css": ("tokens.css", "base.css", "embed-only.css"),
}
"""Style sheets sent as one, because a page waits for each of them."""

_IMPORT = re.compile(r"""(?P<before>(?:from|import)\s*\(?\s*["'])\./(?P<name>[a-z-]+\.js)(?P<after>["'])""")
_COMMENT = re.compile(r"^[ \t]*//.*$", re.MULTILINE)
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A static file as it is sent."""

    url: str
    type: str
    body: bytes
    packed: bytes


class Assets:
    """The files of `fedispace/web/static`, read once."""

    def __init__(self, folder: Traversable | None = None) -> None:
        self._raw = {
            entry.name: entry.read_bytes()
            for entry in (folder or files("fedispace.web") / "static").iterdir()
            if entry.is_file()
        }
        for name, parts in TOGETHER.items():
            if all(part in self._raw for part in parts):
                self._raw[name] = b"".join(self._raw[part] for part in parts)
        self._by_name: dict[str, Asset] = {}
        for name in sorted(self._raw):
            self._add(name, ())
        self._by_url: Mapping[str, Asset] = {asset.url: asset for asset in self._by_name.values()}

    def url(self, name: str) -> str:
        """Return where `name` is served; a name that does not exist is a mistake of ours."""
        return self._by_name[name].url

    def all(self) -> Iterable[Asset]:
        return self._by_name.values()

    def _add(self, name: str, within: tuple[str, ...]) -> Asset:
        if name in within:
            raise ValueError(f"modules import each other in a circle: {' > '.join((*within, name))}")
        if name not in self._by_name:
            body = self._raw[name]
            if name.endswith(".js"):
                body = _IMPORT.sub(
                    lambda found: (
                        found["before"] + self._add(found["name"], (*within, name)).url + found["after"]
                    ),
                    _COMMENT.sub("", body.decode()),
                ).encode()
            stem, dot, ending = name.rpartition(".")
            mark = hashlib.sha256(body).hexdigest()[:10]
            kind = _TYPES.get(dot + ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
            self._by_name[name] = Asset(
                url=f"{PREFIX}{stem}.{mark}.{ending}",
                type=kind,
                body=body,
                packed=gzip.compress(body, 9, mtime=0),
            )
        return self._by_name[name]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send the file of exactly this URL; anything else, `..` included, does not exist."""
        asset = self._by_url.get(PREFIX + request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Encoding",
        }
        if packed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(
            body=asset.packed if packed else asset.body,
            content_type=asset.type,
            charset="utf-8",
            headers=headers,
        )
