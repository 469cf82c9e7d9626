"""Pagination in the `Link` header (RFC 8288), by internal cursors as Mastodon's clients expect."""

from collections.abc import Sequence

from yarl import URL

from fedispace.accounts.paging import Page
from fedispace.api.entities.shape import Paged

_CURSORS = frozenset({"max_id", "since_id", "min_id"})


def page_of(given: Paged, *, default: int = 20, most: int = 40) -> Page:
    """Return the page a call asks for; a limit nobody means is clamped."""
    limit = default if given.limit is None else max(1, min(given.limit, most))
    return Page(max_id=given.max_id, since_id=given.since_id, min_id=given.min_id, limit=limit)


def link_header(origin: str, asked: URL, cursors: Sequence[int]) -> str | None:
    """Return the `Link` of a page whose rows have these cursors, or None for an empty page.

    Addresses are built from our configured origin: the Host header is the client's word.
    """
    if not cursors:
        return None
    kept = [(name, value) for name, value in asked.query.items() if name not in _CURSORS]
    base = URL(origin).with_path(asked.raw_path.rstrip("/"), encoded=True)
    older = base.with_query([*kept, ("max_id", str(min(cursors)))])
    newer = base.with_query([*kept, ("min_id", str(max(cursors)))])
    return f'<{older}>; rel="next", <{newer}>; rel="prev"'
