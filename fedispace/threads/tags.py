"""Hashtags: which posts have which, and the timeline of one.

A post states its hashtags as its author spelled them (`Status.tags`); here they are written once more in
the one form in which readers take them for the same, so that the posts of one can be found.
"""

import functools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, String, bindparam, cast, delete, exists, select
from sqlalchemy.orm import aliased

from fedispace.accounts.hiding import NOW
from fedispace.accounts.paging import Page, paged
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.db.upsert import add_new
from fedispace.threads.models import Status, StatusTag
from fedispace.threads.visibility import VIEWER, not_silenced, unmuted, visible, wanted

MAX_NAME: Final = 100
MAX_TAGS: Final = 50
MAX_OTHERS: Final = 4
"""How many tags may be asked for beside the first, of each kind; as many as Mastodon allows."""

_UNTAG: Final = delete(table_of(StatusTag)).where(
    table_of(StatusTag).c.status_id == bindparam("post", type_=BigId)
)
_another: Final = aliased(StatusTag)


def key_of(name: str) -> str:
    """Return the form in which two spellings of one hashtag are the same.

    >>> key_of("#ＣａｆÉ")
    'café'
    """
    return unicodedata.normalize("NFKC", name.removeprefix("#")).casefold()[:MAX_NAME]


async def write(tx: Tx, status_id: int, tags: Iterable[Mapping[str, Any]]) -> None:
    """Write which hashtags a new post has; `tags` are the rows of its `tags`, whatever they are of."""
    keys = dict.fromkeys(key_of(str(tag["name"])) for tag in tags if tag["type"] == "Hashtag")
    rows = [{"status_id": status_id, "name_key": key} for key in keys if key][:MAX_TAGS]
    if rows:
        for row in rows:
            await add_new(tx, StatusTag, row)


async def rewrite(tx: Tx, status_id: int, tags: Iterable[Mapping[str, Any]]) -> None:
    """Write which hashtags an edited post has now."""
    await tx.core(_UNTAG, {"post": status_id})
    await write(tx, status_id, tags)


async def tagged(
    tx: Tx,
    viewer_id: int | None,
    name: str,
    page: Page,
    now: datetime,
    *,
    or_any_of: Sequence[str] = (),
    all_of: Sequence[str] = (),
    none_of: Sequence[str] = (),
    local: bool = False,
    remote: bool = False,
    only_media: bool = False,
) -> list[Status]:
    """Return public posts with the hashtag `name`, replies among them and boosts not.

    Those with any of several hashtags are asked for one hashtag after the other, and then merged: the
    database would look at every post that has one of them before it knew the newest.
    """
    statement = _tagged(
        viewer_id is None, local and not remote, remote and not local, only_media, page.upwards
    )
    for each in all_of[:MAX_OTHERS]:
        statement = statement.where(_has(key_of(each)))
    for each in none_of[:MAX_OTHERS]:
        statement = statement.where(~_has(key_of(each)))
    at = {"viewer": viewer_id, "now": now, **page.cursors()}
    found: dict[int, Status] = {}
    for key in dict.fromkeys(key_of(each) for each in (name, *or_any_of[:MAX_OTHERS])):
        rows = await tx.scalars(statement, {**at, "name": key})
        found |= {post.id: post for post in rows}
    ids = sorted(found, reverse=not page.upwards)[: page.cursors()["limit"]]
    return page.newest_first([found[id_] for id_ in ids])


@functools.cache
def _tagged(
    stranger: bool, only_local: bool, only_remote: bool, only_media: bool, upwards: bool
) -> Select[Status]:
    """Build the statement: the index is walked in the order of the page, and left when it is full."""
    viewer = None if stranger else VIEWER
    statement = select(Status).where(
        Status.visibility == "public",
        wanted(viewer),
        unmuted(viewer, NOW),
        not_silenced(viewer),
        visible(viewer),
    )
    if only_local or only_remote:
        statement = statement.where(Status.local.is_(only_local))
    if only_media:
        statement = statement.where(cast(Status.attachments, String) != "[]")
    with_it = statement.join(StatusTag, StatusTag.status_id == Status.id)
    return paged(with_it.where(StatusTag.name_key == bindparam("name")), StatusTag.status_id, upwards=upwards)


def _has(key: str) -> ColumnElement[bool]:
    return exists().where(_another.status_id == Status.id, _another.name_key == key)
