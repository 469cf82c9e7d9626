"""What hosts hold up for everybody: a post that everybody may read, or a link, from a moment of the Space on.

At most five at a time; the sixth needs one taken down. What is taken down keeps its row, so that a replay
can show it where it was shown. The address of a post that is known here is the post: with it the pin goes.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from fedispace.accounts.models import Account
from fedispace.accounts.one_line import one_line
from fedispace.db.engine import Tx
from fedispace.errors import Conflict, Invalid, NotFound
from fedispace.federation.addresses import Addresses
from fedispace.ids import Ids
from fedispace.spaces.events.replies import moment_of
from fedispace.spaces.models import Pin
from fedispace.spaces.roles import Action
from fedispace.spaces.verbs.acting import Acting, Scene
from fedispace.threads.audience import is_distributable
from fedispace.threads.lookup import known_at
from fedispace.threads.models import Status
from fedispace.threads.sanitize import plain
from fedispace.threads.visibility import require_visible, visible

MOST: Final = 5
MAX_TITLE: Final = 200
MAX_URL: Final = 2000
_EXCERPT: Final = 120
_author = aliased(Account)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldUp:
    """A pin as everybody is shown it: where it leads, and in which words."""

    pin: Pin
    url: str
    title: str


class Pinning:
    """Puts up and takes down."""

    def __init__(self, acting: Acting, ids: Ids, addresses: Addresses) -> None:
        self._acting = acting
        self._ids = ids
        self._addresses = addresses

    async def pin_post(self, by_id: int, space_id: int, status_id: int) -> Pin:
        """Hold up a post that everybody may read; the same once more stays where it is."""
        async with self._acting.scene(by_id, space_id, Action.PIN, before_live=True) as scene:
            return await self._pin_post(scene, status_id)

    async def pin_link(self, by_id: int, space_id: int, url: str, title: str) -> Pin:
        """Hold up a link; a title of its own, or the name of the place it leads to."""
        checked, host = _link(url)
        said = one_line(title)
        if len(said) > MAX_TITLE:
            raise Invalid(f"A title has at most {MAX_TITLE} characters.", field="title")
        async with self._acting.scene(by_id, space_id, Action.PIN, before_live=True) as scene:
            post = await known_at(scene.tx, checked, self._addresses)
            if post is not None:
                return await self._pin_post(scene, post.id)
            found = await _up(scene, Pin.url == checked)
            return found or await self._put_up(scene, Pin(status_id=None, url=checked, title=said or host))

    async def unpin(self, by_id: int, space_id: int, pin_id: int) -> None:
        """Take something down; twice is fine."""
        async with self._acting.scene(by_id, space_id, Action.PIN, before_live=True) as scene:
            pin = await scene.tx.get(Pin, pin_id)
            if pin is None or pin.space_id != space_id:
                raise NotFound("There is no such pin.")
            if pin.removed_at is None:
                pin.removed_at = scene.now
                scene.tell("pins")

    async def _pin_post(self, scene: Scene, status_id: int) -> Pin:
        status = await require_visible(scene.tx, scene.by_id, status_id)
        if not is_distributable(status.visibility) or status.boost_of_id is not None:
            raise Invalid("Only a post that everybody may read can be pinned.", field="status_id")
        found = await _up(scene, Pin.status_id == status.id)
        return found or await self._put_up(scene, Pin(status_id=status.id, url=None, title=""))

    async def _put_up(self, scene: Scene, pin: Pin) -> Pin:
        there = await scene.tx.scalar(
            select(func.count())
            .select_from(Pin)
            .where(Pin.space_id == scene.space.id, Pin.removed_at.is_(None))
        )
        if (there or 0) >= MOST:
            raise Conflict(f"There are {MOST} pins already; take one down first.")
        at = moment_of(scene.space.started_at, scene.space.ended_at, scene.now)
        pin.id, pin.space_id, pin.pinned_by = self._ids.next(), scene.space.id, scene.by_id
        pin.offset, pin.created_at = at.offset or 0, scene.now
        scene.tx.add(pin)
        await scene.tx.flush()
        scene.tell("pins")
        return pin


async def _up(scene: Scene, same: ColumnElement[bool]) -> Pin | None:
    """Return the pin that holds up the same already."""
    rows = await scene.tx.scalars(
        select(Pin).where(Pin.space_id == scene.space.id, Pin.removed_at.is_(None), same).limit(1)
    )
    return rows.one_or_none()


async def pins(tx: Tx, space_id: int) -> list[HeldUp]:
    """Return what is held up now, first put up first; of posts those that everybody may still read."""
    rows = await tx.execute(
        select(Pin, Status, _author)
        .outerjoin(Status, Status.id == Pin.status_id)
        .outerjoin(_author, _author.id == Status.account_id)
        .where(Pin.space_id == space_id, Pin.removed_at.is_(None))
        .where(or_(Pin.status_id.is_(None), visible(None)))
        .order_by(Pin.id)
        .limit(MOST)
    )
    return [_held_up(pin, post, author) for pin, post, author in rows]


async def held_up(tx: Tx, pin: Pin) -> HeldUp:
    """Return how a pin is shown."""
    post = None if pin.status_id is None else await tx.get(Status, pin.status_id)
    author = None if post is None else await tx.get(Account, post.account_id)
    return _held_up(pin, post, author)


def _held_up(pin: Pin, post: Status | None, author: Account | None) -> HeldUp:
    if post is None or author is None:
        return HeldUp(pin=pin, url=pin.url or "", title=pin.title)
    said = post.spoiler or post.title or plain(post.content)[:_EXCERPT] or "A post"
    return HeldUp(
        pin=pin, url=post.url or post.uri, title=f"{author.display_name or author.username}: {said}"
    )


def _link(url: str) -> tuple[str, str]:
    """Return a link that may be shown to everybody, and its host; raises `Invalid`.

    A script, a file, a name with a password before it: whoever trusts the host would follow it.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    is_plain = len(text) <= MAX_URL and text.isprintable() and not any(char in text for char in " <>\"'\\")
    if host is None or not is_plain or parts.scheme not in ("https", "http") or "@" in parts.netloc:
        raise Invalid("A link is an address that begins with https:// or http://.", field="url")
    return text, host
