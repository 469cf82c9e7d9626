"""A Space of another server: from its Event to a row, and to every newer state of it.

The caller has made sure whose word the Event is (the origin rule, AD-3): sent by its author, or
fetched from where it lives.
"""

from datetime import datetime, timedelta
from typing import Final

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Tx
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
        known = await queries.by_uri(tx, event.id)
        if known is None:
            space = self._new(event, host)
            tx.add(space)
        else:
            space = known
            if space.local or space.host_id != host.id:
                raise Refused("not_the_host", "That Space is somebody else's.", status=403)
            if self._moment(event) < space.updated_at:
                return space
        if known is None or self._moment(event) > space.updated_at:
            await self._apply(tx, space, event, event.space, host)
        space.listener_count = event.listener_count or 0
        await tx.flush()
        return space

    def _new(self, event: Event, host: Account) -> Space:
        now = self._clock.now()
        return Space(
            id=self._ids.next(),
            uri=event.id,
            local=False,
            host_id=host.id,
            created_at=min(event.published or now, now),
        )

    async def _apply(self, tx: Tx, space: Space, event: Event, doors: AudioSpace, host: Account) -> None:
        actor = await tx.get(ActorRow, host.id)
        followers = None if actor is None else actor.followers
        starts_at = self._near(event.start_time or event.published)
        space.url = event.url or event.id
        space.title = " ".join(event.name.split())[:_MAX_TITLE] or "Space"
        space.description = description.to_text(
            event.content, without_links_to={event.id, event.url or event.id}
        )
        space.access = wire.access_from(visibility_from(event.to, event.cc, followers))
        space.state = phase_of(event)
        space.starts_at = starts_at
        space.ends_at = max(self._near(event.end_time or starts_at + USUAL_LENGTH), starts_at)
        space.started_at = event.started_at
        space.ended_at = event.ended_at
        space.updated_at = self._moment(event)
        space.join_endpoint = doors.join_endpoint
        space.whep_endpoint = _at_home(doors.listen, event.id)
        space.whip_endpoint = _at_home(doors.publish, event.id)

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
    """Return `address` if it is on the event's own server: browsers are sent nowhere else."""
    try:
        return address if address is not None and origin_of(address) == origin_of(event_id) else None
    except Invalid:
        return None
