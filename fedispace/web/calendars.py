"""Spaces for calendars: one to keep, and all of a host's to subscribe to."""

from aiohttp import web

from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.accounts.people import People
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.spaces import calendar, queries
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Space
from fedispace.web.routing import Asked, Pages

_MOST = 40
_TYPE = "text/calendar"


class CalendarPages:
    """iCalendar files."""

    pages = Pages()

    def __init__(self, *, db: Database, people: People, lookup: Lookup) -> None:
        self._db = db
        self._people = people
        self._lookup = lookup

    @pages.get("/spaces/{id}.ics")
    async def space(self, asked: Asked) -> web.Response:
        """One Space, for whoever may see it."""
        async with self._db.reading() as tx:
            space = await queries.space(tx, asked.id(), asked.viewer_id)
            host = await self._people.by_id(tx, space.host_id)
        answer = _file(calendar.calendar([_entry(space, host)]))
        answer.headers["Content-Disposition"] = f'attachment; filename="space-{space.id}.ics"'
        return answer

    @pages.get("/@{handle}/spaces.ics")
    async def spaces(self, asked: Asked) -> web.Response:
        """A host's Spaces, those that everybody may see: a calendar program has no session here."""
        host = await self._lookup.known(asked.request.match_info["handle"])
        if host is None or not host.local or host.is_suspended:
            raise NotFound("There is no such account.")
        async with self._db.reading() as tx:
            rows = await queries.spaces_of(tx, None, host.id, Page(limit=_MOST))
        name = f"Spaces of {host.display_name or host.username}"
        return _file(calendar.calendar([_entry(space, host) for space in rows], name=name))


def _entry(space: Space, host: Account) -> calendar.Entry:
    return calendar.Entry(
        uri=space.uri,
        url=space.url,
        title=space.title,
        description=space.description,
        host_name=host.display_name or host.username,
        host_uri=host.uri,
        phase=Phase(space.state),
        starts_at=space.starts_at,
        ends_at=space.ends_at,
        created_at=space.created_at,
        updated_at=space.updated_at,
        topics=[str(topic) for topic in space.topics],
        language=space.language,
    )


def _file(text: str) -> web.Response:
    return web.Response(
        text=text,
        content_type=_TYPE,
        charset="utf-8",
        headers={"Cache-Control": "private, max-age=60", "X-Content-Type-Options": "nosniff"},
    )
