"""Custom emojis: pictures with a name, ours and those that other servers tag their words with.

A post or a profile keeps its own emojis, as its author's server named them when it came; so showing it
asks nothing. The table beside it has each emoji once, by (shortcode, domain): for reactions, and ours
for the picker. The pictures of other servers stay where they are.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select, update

from fedispace.accounts.models import CustomEmoji
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.links import Emoji, Tag
from fedispace.federation.vocab.uri import Uri, is_uri
from fedispace.ids import Ids

MAX_EMOJIS: Final = 50
MAX_OF_A_DOMAIN: Final = 10_000
"""Beyond this many, new ones of a server are shown where they stand and not kept for reactions."""
SHORTCODE: Final = re.compile(r"[A-Za-z0-9_+-]{1,100}")
_IN_TEXT: Final = re.compile(r"(?<![A-Za-z0-9_:]):([A-Za-z0-9_]{2,100}):(?![A-Za-z0-9_:])")


def is_usable(tag: Emoji) -> bool:
    """Tell whether an emoji of another server can be shown: a plain name, and an https picture."""
    if SHORTCODE.fullmatch(tag.name) is None or not tag.icon.startswith("https://"):
        return False
    return tag.media_type is None or tag.media_type.startswith("image/")


def pictured(tags: Iterable[Tag]) -> list[dict[str, str]]:
    """Return the emojis among the tags of something, as the thing keeps them."""
    found: dict[str, dict[str, str]] = {}
    for tag in tags:
        if isinstance(tag, Emoji) and is_usable(tag) and len(found) < MAX_EMOJIS:
            found.setdefault(tag.name, {"shortcode": tag.name, "url": tag.icon})
    return list(found.values())


def tags_of(kept: Iterable[Mapping[str, Any]], addresses: Addresses) -> tuple[Emoji, ...]:
    """Return the emojis of something of ours as the tags that go out with it."""
    return tuple(
        Emoji(
            name=each["shortcode"],
            icon=Uri(each["url"]),
            id=addresses.emoji(each["shortcode"]),
            media_type=each.get("media_type"),
        )
        for each in kept
        if is_uri(each.get("url"))
    )


async def ours_in(tx: Tx, *texts: str) -> list[dict[str, str]]:
    """Return those of our emojis that stand in the texts as `:shortcode:`, as the thing keeps them."""
    named = list(dict.fromkeys(name for text in texts for name in _IN_TEXT.findall(text)))[:MAX_EMOJIS]
    if not named:
        return []
    rows = await tx.scalars(
        select(CustomEmoji).where(
            CustomEmoji.domain == "", CustomEmoji.shortcode.in_(named), CustomEmoji.disabled.is_(False)
        )
    )
    kept: list[dict[str, str]] = []
    for row in rows:
        of_type = {"media_type": row.media_type} if row.media_type else {}
        kept.append({"shortcode": row.shortcode, "url": row.icon, **of_type})
    return kept


async def ours(tx: Tx) -> Sequence[CustomEmoji]:
    """Return our emojis, by name."""
    rows = await tx.scalars(
        select(CustomEmoji)
        .where(CustomEmoji.domain == "", CustomEmoji.disabled.is_(False))
        .order_by(CustomEmoji.category, CustomEmoji.shortcode)
        .limit(MAX_OF_A_DOMAIN)
    )
    return rows.all()


async def known(tx: Tx, shortcode: str, domain: str) -> CustomEmoji | None:
    """Return the emoji of that name of a server; of ours with an empty `domain`."""
    rows = await tx.scalars(
        select(CustomEmoji).where(
            CustomEmoji.shortcode == shortcode,
            CustomEmoji.domain == domain,
            CustomEmoji.disabled.is_(False),
        )
    )
    return rows.one_or_none()


async def remember(tx: Tx, ids: Ids, clock: Clock, domain: str, tags: Iterable[Tag]) -> None:
    """Keep the emojis a server tags its own words with; a newer picture replaces an older one.

    Peers that state no `updated` are believed each time (Akkoma states 1970, and null for the `id`).
    """
    wanted = {
        tag.name: tag
        for tag in list(tags)[:MAX_EMOJIS]
        if isinstance(tag, Emoji) and is_usable(tag) and domain
    }
    if not wanted:
        return
    rows = await tx.scalars(
        select(CustomEmoji).where(CustomEmoji.domain == domain, CustomEmoji.shortcode.in_(wanted))
    )
    stored = {row.shortcode: row for row in rows}
    now = clock.now()
    for name, tag in wanted.items():
        row = stored.get(name)
        stated = min(tag.updated, now) if tag.updated else now
        if row is None:
            continue
        if row.icon != tag.icon and (tag.updated is None or stated >= row.updated_at):
            await tx.execute(
                update(CustomEmoji)
                .where(CustomEmoji.id == row.id)
                .values(icon=tag.icon, media_type=tag.media_type, updated_at=stated)
            )
    new = [tag for name, tag in wanted.items() if name not in stored]
    if not new:
        return
    there = await tx.scalar(select(func.count()).select_from(CustomEmoji).where(CustomEmoji.domain == domain))
    for tag in new[: max(0, MAX_OF_A_DOMAIN - (there or 0))]:
        row_of = {
            "id": ids.next(),
            "shortcode": tag.name,
            "domain": domain,
            "uri": tag.id,
            "icon": tag.icon,
            "media_type": tag.media_type,
            "category": None,
            "in_picker": False,
            "disabled": False,
            "updated_at": min(tag.updated, now) if tag.updated else now,
        }
        await tx.execute(insert(tx, CustomEmoji).values(row_of).on_conflict_do_nothing())
