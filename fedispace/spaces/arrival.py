"""A Space of another server: from its Event to a row, and to every newer state of it.

The caller has made sure whose word the Event is (the origin rule, AD-3): sent by its author, or
fetched from where it lives.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.errors import Invalid, Refused
from fedispace.federation.models import ActorRow
from fedispace.federation.vocab.objects import AudioSpace, Event
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import origin_of
from fedispace.ids import Ids
from fedispace.spaces import description, queries, wire
from fedispace.spaces.lifecycle import USUAL_LENGTH, Phase
from fedispace.spaces.models import Space
from fedispace.threads.audience import visibility_from

_MAX_TITLE: Final = 500
_FAR: Final = timedelta(days=400)


class Arrivals:
    """Writes other servers' Spaces."""

    def __init__(self, ids: Ids, clock: Clock) -> None:
        self._ids = ids
        self._clock = clock

    async def store(self, tx: Tx, event: Event, host: Account) -> Space:
        """Write or bring up to date the Space that `event` describes; `host` is its author.

        A state that is not newer than ours changes nothing but the number of listeners: peers
        repeat themselves, and deliveries overtake each other. Raises `Refused` for an event that is
        no Space, or another host's.
        """
        if event.space is None:
            raise Refused("event_without_space", "That event is no Space.", status=403)
        space = await queries.by_uri(tx, event.id)
        if space is not None and (space.local or space.host_id != host.id):
            raise Refused("not_the_host", "That Space is somebody else's.", status=403)
        moment = self._moment(event)
        if space is None or moment > space.updated_at:
            space = await self._write(tx, event, event.space, host, space)
        elif moment == space.updated_at:
            space.listener_count = event.listener_count or 0
            await tx.flush()
        return space

    async def _write(
        self, tx: Tx, event: Event, doors: AudioSpace, host: Account, known: Space | None
    ) -> Space:
        actor = await tx.get(ActorRow, host.id)
        said = self._said(event, doors, None if actor is None else actor.followers)
        if known is not None:
            for name, value in said.items():
                setattr(known, name, value)
            await tx.flush()
            return known
        now = self._clock.now()
        born = {
            "id": self._ids.next(),
            "uri": event.id,
            "local": False,
            "host_id": host.id,
            "created_at": min(event.published or now, now),
        }
        await tx.execute(insert(tx, Space).values({**born, **said}).on_conflict_do_nothing())
        return (await tx.scalars(select(Space).where(Space.uri == event.id))).one()

    def _said(self, event: Event, doors: AudioSpace, followers: str | None) -> dict[str, Any]:
        """Return the columns that follow the host's word."""
        starts_at = self._near(event.start_time or event.published)
        page = _at_home(event.url, event.id) or event.id
        return {
            "url": page,
            "title": " ".join(event.name.split())[:_MAX_TITLE] or "Space",
            "description": description.to_text(event.content, without_links_to={event.id, event.url or page}),
            "access": wire.access_from(visibility_from(event.to, event.cc, followers)),
            "state": phase_of(event),
            "starts_at": starts_at,
            "ends_at": max(self._near(event.end_time or starts_at + USUAL_LENGTH), starts_at),
            "started_at": event.started_at,
            "ended_at": event.ended_at,
            "updated_at": self._moment(event),
            "listener_count": event.listener_count or 0,
            "join_endpoint": _at_home(doors.join_endpoint, event.id),
            "whep_endpoint": _at_home(doors.listen, event.id),
            "whip_endpoint": _at_home(doors.publish, event.id),
        }

    def _moment(self, event: Event) -> datetime:
        """Return when the host says it last changed; never in the future, or no Update would be newer."""
        now = self._clock.now()
        return min(event.updated or event.published or now, now + timedelta(minutes=5))

    def _near(self, moment: datetime | None) -> datetime:
        """Return a time that a calendar can show: a stranger may write any year."""
        now = self._clock.now()
        return min(max(moment or now, now - _FAR), now + _FAR)


def phase_of(event: Event) -> Phase:
    """Return the state an event is in; one that says none we know of is scheduled."""
    if event.status == "CANCELLED" or (event.event_status or "").endswith("EventCancelled"):
        return Phase.CANCELLED
    try:
        return Phase(event.live_state or Phase.SCHEDULED)
    except ValueError:
        return Phase.SCHEDULED


def _at_home(address: Uri | None, event_id: Uri) -> str | None:
    """Return `address` if it is on the event's own server: nobody is sent anywhere else."""
    try:
        return address if address is not None and origin_of(address) == origin_of(event_id) else None
    except Invalid:
        return None
