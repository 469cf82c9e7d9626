"""Our own custom emojis: kept by the operator, pictures beside the other files.

A picture is a file that is copied, or an https address where it stays. A copied one has its content in
its name, so that it may be cached for ever, and its type is read from its first bytes, never from what
somebody calls it: SVG, or HTML by another name, would run scripts on our origin.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Select, delete, select

from fedispace.accounts.models import CustomEmoji
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.db.upsert import insert
from fedispace.errors import Invalid, NotFound
from fedispace.federation.vocab.uri import is_uri
from fedispace.ids import Ids

MAX_BYTES: Final = 256 * 1024
MAX_CATEGORY: Final = 100
FOLDER: Final = "emojis"
TYPES: Final = {"png": "image/png", "gif": "image/gif", "webp": "image/webp", "avif": "image/avif"}
NAME: Final = re.compile(r"[a-z0-9_]{2,50}\.[0-9a-f]{16}\.(?P<ending>png|gif|webp|avif)")
"""What a copied picture is called; nothing else is ever served from there."""
_SHORTCODE: Final = re.compile(r"[a-z0-9_]{2,50}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmojiPlace:
    """Where copied pictures are: in `directory`, and for browsers below `address`."""

    directory: Path
    address: str

    @classmethod
    def of(cls, directory: str, media_url: str, origin: str) -> "EmojiPlace":
        """Return the place below the configured `[media]` directory."""
        base = media_url.rstrip("/") or f"{origin}/media"
        return cls(directory=Path(directory) / FOLDER, address=f"{base}/{FOLDER}")


class EmojiShelf:
    """Adds, lists and removes our emojis."""

    def __init__(self, db: Database, ids: Ids, clock: Clock, place: EmojiPlace) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._place = place

    async def add(self, shortcode: str, source: str, *, category: str = "") -> str:
        """Keep an emoji, or give one another picture; return the picture's address.

        `source` is a file here (PNG, GIF, WebP or AVIF, at most 256 KiB), or an https address.
        """
        if _SHORTCODE.fullmatch(shortcode) is None:
            raise Invalid("A shortcode has 2 to 50 of a-z, 0-9 and _.", field="shortcode")
        icon, media_type = await self._picture(shortcode, source)
        said = {
            "icon": icon,
            "media_type": media_type,
            "category": " ".join(category.split())[:MAX_CATEGORY] or None,
            "updated_at": self._clock.now(),
        }
        async with self._db.transaction() as tx:
            former = await tx.scalar(_ours(shortcode))
            new = {
                "id": self._ids.next(),
                "shortcode": shortcode,
                "domain": "",
                "in_picker": True,
                "disabled": False,
            }
            await tx.execute(
                insert(tx, CustomEmoji)
                .values({**new, **said})
                .on_conflict_do_update(index_elements=["shortcode", "domain"], set_=said)
            )
        if former is not None and former != icon:
            await asyncio.to_thread(self._forget, former)
        return icon

    async def remove(self, shortcode: str) -> None:
        """Forget an emoji and its picture; where it stands already, its name is read instead."""
        async with self._db.transaction() as tx:
            icon = await tx.scalar(_ours(shortcode))
            if icon is None:
                raise NotFound(f"There is no emoji called {shortcode}.")
            await tx.execute(
                delete(CustomEmoji).where(CustomEmoji.shortcode == shortcode, CustomEmoji.domain == "")
            )
        await asyncio.to_thread(self._forget, icon)

    async def all(self) -> Sequence[CustomEmoji]:
        """Return every emoji of ours, by name."""
        async with self._db.reading() as tx:
            rows = await tx.scalars(
                select(CustomEmoji).where(CustomEmoji.domain == "").order_by(CustomEmoji.shortcode)
            )
            return rows.all()

    async def _picture(self, shortcode: str, source: str) -> tuple[str, str | None]:
        if source.startswith("https://") and is_uri(source):
            return source, None
        return await asyncio.to_thread(self._copy, shortcode, Path(source))

    def _copy(self, shortcode: str, source: Path) -> tuple[str, str]:
        try:
            with source.open("rb") as file:
                body = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise Invalid(f"{source}: cannot be read.", field="source") from error
        if len(body) > MAX_BYTES:
            raise Invalid("The picture has more than 256 KiB.", field="source")
        ending = ending_of(body)
        if ending is None:
            raise Invalid("The picture is none of PNG, GIF, WebP and AVIF.", field="source")
        name = f"{shortcode}.{hashlib.sha256(body).hexdigest()[:16]}.{ending}"
        self._place.directory.mkdir(parents=True, exist_ok=True)
        (self._place.directory / name).write_bytes(body)
        return f"{self._place.address}/{name}", TYPES[ending]

    def _forget(self, icon: str) -> None:
        name = icon.removeprefix(f"{self._place.address}/")
        if NAME.fullmatch(name):
            (self._place.directory / name).unlink(missing_ok=True)


def ending_of(body: bytes) -> str | None:
    """Return which of the four formats a file's first bytes say it is.

    >>> ending_of(b"GIF89a...")
    'gif'
    """
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if body.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "webp"
    if body[4:12] in (b"ftypavif", b"ftypavis"):
        return "avif"
    return None


def _ours(shortcode: str) -> Select[str]:
    return select(CustomEmoji.icon).where(CustomEmoji.shortcode == shortcode, CustomEmoji.domain == "")
