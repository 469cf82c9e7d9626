"""A Space of another server: from its Event to a row, and to every newer state of it.

The caller has made sure whose word the Event is (the origin rule, AD-3): sent by its author, or
fetched from where it lives.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.errors import Refused
from fedispace.federation.models import ActorRow
from fedispace.federation.vocab.links import Hashtag
from fedispace.federation.vocab.objects import AudioSpace, Event
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs
from fedispace.spaces import description, queries
from fedispace.spaces.details import speak_policy_from, topics_from
from fedispace.spaces.endpoints import at_home, socket_at_home
from fedispace.spaces.fediverse import wire
from fedispace.spaces.lifecycle import USUAL_LENGTH, Phase
from fedispace.spaces.models import Space
from fedispace.spaces.reminders import tell_those_who_come
from fedispace.threads.audience import visibility_from
from fedispace.threads.written import is_language

_MAX_TITLE: Final = 500
_MAX_TOPICS: Final = 10
_FAR: Final = timedelta(days=400)
MOST_UNFINISHED: Final = 50
"""How many Spaces of one host elsewhere are known here that are not over: anybody may make any number."""


class Arrivals:
    """Writes other servers' Spaces."""

    def __init__(self, ids: Ids, clock: Clock, jobs: Jobs) -> None:
        self._ids = ids
        self._clock = clock
        self._jobs = jobs

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
        if space is None and await self._has_many(tx, host):
            raise Refused("too_many", "That host has enough Spaces here that have not ended.", status=429)
        moment = self._moment(event)
        if space is None or moment > space.updated_at:
            before = None if space is None else (space.starts_at, space.state)
            space = await self._write(tx, event, event.space, host, space)
            if before is not None and before != (space.starts_at, space.state):
                await tell_those_who_come(tx, self._jobs, space, moved=before[0] != space.starts_at)
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
            "created_at": min(self._near(event.published), now),
        }
        await tx.execute(insert(tx, Space).values({**born, **said}).on_conflict_do_nothing())
        return (await tx.scalars(select(Space).where(Space.uri == event.id))).one()

    async def _has_many(self, tx: Tx, host: Account) -> bool:
        """Tell whether the list of what is live, or to come, has enough of one host's already."""
        there = await tx.scalar(
            select(func.count())
            .select_from(Space)
            .where(Space.host_id == host.id, queries.is_under_way(self._clock.now()))
        )
        return (there or 0) >= MOST_UNFINISHED

    def _said(self, event: Event, doors: AudioSpace, followers: str | None) -> dict[str, Any]:
        """Return the columns that follow the host's word."""
        starts_at = self._near(event.start_time or event.published)
        page = at_home(event.url, event.id) or event.id
        phase = phase_of(event)
        return {
            "url": page,
            "title": " ".join(event.name.split())[:_MAX_TITLE] or "Space",
            "description": description.to_text(event.content, without_links_to={event.id, event.url or page}),
            "access": wire.access_from(visibility_from(event.to, event.cc, followers)),
            "state": phase,
            "starts_at": starts_at,
            "ends_at": max(self._near(event.end_time or starts_at + USUAL_LENGTH), starts_at),
            "started_at": self._past(event.started_at),
            "ended_at": self._past(event.ended_at),
            "paused_at": self._past(event.paused_at) if phase is Phase.LIVE else None,
            "updated_at": self._moment(event),
            "listener_count": event.listener_count or 0,
            "join_endpoint": at_home(doors.join_endpoint, event.id),
            "whep_endpoint": at_home(doors.listen, event.id),
            "whip_endpoint": at_home(doors.publish, event.id),
            "signal_endpoint": socket_at_home(doors.signal, event.id),
            "topics": topics_from([tag.name for tag in event.tags if isinstance(tag, Hashtag)], _MAX_TOPICS),
            "language": _language(event.content_language),
            "speak_policy": speak_policy_from(doors.speak_policy),
            "strangers_listen": doors.anonymous_listeners,
            "previous_starts_at": None
            if event.previous_start_time is None
            else self._near(event.previous_start_time),
        }

    def _moment(self, event: Event) -> datetime:
        """Return when the host says it last changed; never in the future, or no Update would be newer."""
        now = self._clock.now()
        return min(event.updated or event.published or now, now + timedelta(minutes=5))

    def _past(self, moment: datetime | None) -> datetime | None:
        """Return when something has happened, by a stranger's word: not before it is so, and not long ago."""
        return None if moment is None else min(self._near(moment), self._clock.now())

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


def _language(text: str | None) -> str:
    return text if text is not None and is_language(text) else ""
