"""What a host does with a Space: create, open, close, cancel. Each is one transaction.

create  -> Create{Event}, to the host's followers; and if it is public, an Announce of it by the instance
           actor, to those who follow the instance
open    -> Update{Event}, and a post of the host about it: the edit alone would notify nobody
close   -> Update{Event}, and in time the post says so too (`farewell`); then everybody is sent home
cancel  -> Update{Event}, never Delete: an event that vanishes tells nobody that it is off

What its host forgets is closed or cancelled in the host's place (`reap`).
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from sqlalchemy import ColumnElement, select, update

from fedispace.accounts.models import Account
from fedispace.clock import Clock, wire_time
from fedispace.config import Spaces as Limits
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, Invalid, NotFound, Unavailable
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs
from fedispace.spaces import access, details, lifecycle, members, queries
from fedispace.spaces.access import Access
from fedispace.spaces.details import SpeakPolicy
from fedispace.spaces.fediverse import wire
from fedispace.spaces.fediverse.farewell import enqueue_farewell
from fedispace.spaces.fediverse.tidings import Tidings
from fedispace.spaces.lifecycle import Phase, Step
from fedispace.spaces.models import LiveSession, Pin, Space
from fedispace.spaces.reminders import enqueue_reminders, tell_those_who_come
from fedispace.spaces.roles import MemberRole
from fedispace.threads.models import Status
from fedispace.threads.publish import Publishing
from fedispace.threads.visibility import visible
from fedispace.threads.written import Draft

log = structlog.get_logger()

MAX_UNFINISHED: Final = 3
"""How many Spaces one host may have that are live or ready to open, beside those on the calendar."""

DESERTED_FOR: Final = timedelta(hours=12)
OVERDUE_BY: Final = timedelta(hours=24)
REAPED_AT_ONCE: Final = 100


class Rooms(Protocol):
    """The live side of a Space."""

    async def close(self, space_id: int) -> None:
        """Send everybody home. Does not raise: what cannot be reached now is closed later."""
        ...


class Hosting:
    """The use cases of a host."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        clock: Clock,
        jobs: Jobs,
        addresses: Addresses,
        tidings: Tidings,
        publishing: Publishing,
        rooms: Rooms,
        limits: Limits,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._jobs = jobs
        self._addresses = addresses
        self._tidings = tidings
        self._publishing = publishing
        self._rooms = rooms
        self._limits = limits

    async def create(
        self,
        host: Account,
        *,
        title: str,
        description: str = "",
        starts_at: datetime | None = None,
        access: Access = "public",
        topics: Sequence[str] = (),
        language: str = "",
        speak_policy: SpeakPolicy = "request",
        about_id: int | None = None,
    ) -> Space:
        """Write a Space that `host` may open from now on; its time is now unless `starts_at` is later."""
        now = self._clock.now().replace(microsecond=0)
        begins = now if starts_at is None else max(now, starts_at.replace(microsecond=0))
        details.require_near(begins, now, self._limits.schedule_horizon_days)
        space_id = self._ids.next()
        space = Space(
            id=space_id,
            uri=self._addresses.space(space_id),
            url=self._addresses.space_page(host.username, space_id),
            local=True,
            host_id=host.id,
            title=details.checked_title(title),
            description=details.checked_description(description),
            topics=details.checked_topics(topics, self._limits.max_topics),
            language=details.checked_language(language),
            speak_policy=speak_policy,
            about_id=about_id,
            access=access,
            state=Phase.SCHEDULED,
            starts_at=begins,
            ends_at=lifecycle.end_of(begins, now, Phase.SCHEDULED),
            created_at=now,
            updated_at=now,
            listener_count=0,
        )
        async with self._db.transaction() as tx:
            await tx.get(Account, host.id, with_for_update=True)  # two requests at once are counted in turn
            await members.require_may_host(tx, host.id)
            self._require_room_on_the_calendar(await queries.unfinished(tx, host.id), begins, now)
            tx.add(space)
            await tx.flush()
            tx.add(members.born(space_id, host.id, MemberRole.HOST, now))
            await tx.flush()
            if about_id is not None:
                await self._hold_up(tx, space, about_id)
            await self._tidings.made(tx, space, host)
            if begins > now:
                await enqueue_reminders(tx, self._jobs, space)
        log.info("space.created", space=space_id, access=access, starts_at=wire_time(begins))
        return space

    async def open(self, by: Account, space_id: int) -> Space:
        """Go live: the event says so, and a post of the host tells the followers."""
        async with self._db.transaction() as tx:
            space = await self._step(tx, by, space_id, Step.OPEN)
            await members.require_may_host(tx, by.id)
            space.started_at = self._clock.now().replace(microsecond=0)
            space.starts_at = min(space.starts_at, space.started_at)
            await self._tidings.changed(tx, space, by)
            if space.access != "invited":
                space.announcement_id = await self._announce(tx, by, space)
            await enqueue_reminders(tx, self._jobs, space)
        log.info("space.opened", space=space_id)
        return space

    async def close(self, by: Account, space_id: int) -> Space:
        """End the Space for everyone; `by` is who hosts it now, whoever made it."""
        async with self._db.transaction() as tx:
            space = await self._step(tx, by, space_id, Step.CLOSE)
            author = await tx.get(Account, space.host_id)
            assert author is not None
            await self._end(tx, author, space)
        await self._rooms.close(space_id)
        log.info("space.closed", space=space_id)
        return space

    async def cancel(self, by: Account, space_id: int) -> Space:
        """Call off a Space that has not started."""
        async with self._db.transaction() as tx:
            space = await self._step(tx, by, space_id, Step.CANCEL)
            await self._tidings.changed(tx, space, by)
            await tell_those_who_come(tx, self._jobs, space)
        log.info("space.cancelled", space=space_id)
        return space

    async def end(self, space_id: int) -> Space:
        """End or call off a Space in its host's place: an operator's decision, or its maker is gone.

        Raises `NotFound`, and `IllegalStep` for one that is over.
        """
        async with self._db.transaction() as tx:
            space = await members.locked(tx, space_id)
            host = await tx.get(Account, space.host_id)
            assert host is not None
            was_live = space.state == Phase.LIVE
            self._advance(space, Step.CLOSE if was_live else Step.CANCEL)
            if was_live:
                await self._end(tx, host, space)
            else:
                await self._tidings.changed(tx, space, host)
                await tell_those_who_come(tx, self._jobs, space)
        if was_live:
            await self._rooms.close(space_id)
        log.info("space.ended_for_host", space=space_id, state=space.state)
        return space

    async def say_goodbye(self, host: Account) -> None:
        """End and call off the Spaces of who is about to delete the account, also those handed over: their
        events are gone with who made them."""
        async with self._db.reading() as tx:
            rows = await tx.scalars(
                select(Space.id).where(
                    Space.host_id == host.id,
                    Space.local.is_(True),
                    Space.state.in_((Phase.LIVE, Phase.SCHEDULED)),
                )
            )
            unfinished = list(rows)
        for space_id in unfinished:
            with contextlib.suppress(Conflict, NotFound, Unavailable):  # over meanwhile, or no audio server
                await self.end(space_id)

    async def reap(self) -> None:
        """Close the Spaces that everybody has left, and cancel those that were never opened.

        For housekeeping: else a host who lost interest, or their phone, is shown as live for ever. Nobody
        is in such a Space, so nobody is sent home; who enters at this very moment finds it ended, or is
        hung up when the rooms are compared next (`live.py`).
        """
        now = self._clock.now()
        for is_left, step in (
            (queries.is_deserted(now - DESERTED_FOR), Step.CLOSE),
            (queries.is_overdue(now - OVERDUE_BY), Step.CANCEL),
        ):
            async with self._db.reading() as tx:
                found = await tx.scalars(select(Space.id).where(is_left).limit(REAPED_AT_ONCE))
                left = list(found)
            for space_id in left:
                async with self._db.transaction() as tx:
                    await self._reap(tx, space_id, is_left, step)

    async def _reap(self, tx: Tx, space_id: int, is_left: ColumnElement[bool], step: Step) -> None:
        """Take the last step of a Space in its host's place, if it is still as it was found."""
        rows = await tx.scalars(select(Space).where(Space.id == space_id, is_left).with_for_update())
        space = rows.one_or_none()
        if space is None:
            return
        host = await tx.get(Account, space.host_id)
        assert host is not None
        self._advance(space, step)
        if step is Step.CLOSE:
            await self._end(tx, host, space)
        else:
            await self._tidings.changed(tx, space, host)
            await tell_those_who_come(tx, self._jobs, space)
        log.info("space.reaped", space=space_id, state=space.state)

    async def _step(self, tx: Tx, by: Account, space_id: int, step: Step) -> Space:
        """Return the Space after `step` of its host, its times moved along.

        The row is locked first: of two requests at once, the second finds the step taken.
        """
        await tx.get(Space, space_id, with_for_update=True)
        space = await queries.space(tx, space_id, by.id)
        access.require_host(access.parse_access(space.access), await queries.standing(tx, space, by.id))
        self._advance(space, step)
        return space

    def _advance(self, space: Space, step: Step) -> None:
        now = self._clock.now()
        phase = lifecycle.after(Phase(space.state), step)
        space.state = phase
        space.updated_at = lifecycle.after_change(space.updated_at, now)
        if phase is not Phase.CANCELLED:
            space.ends_at = lifecycle.end_of(space.starts_at, now.replace(microsecond=0), phase)

    async def _end(self, tx: Tx, host: Account, space: Space) -> None:
        """Write that a Space is over, and that nobody is in it any more."""
        space.ended_at = space.ends_at
        space.listener_count = 0
        await tx.execute(
            update(LiveSession)
            .where(LiveSession.space_id == space.id, LiveSession.ended_at.is_(None))
            .values(ended_at=self._clock.now())
        )
        await self._tidings.changed(tx, space, host)
        await enqueue_farewell(tx, self._jobs, space)

    async def _hold_up(self, tx: Tx, space: Space, status_id: int) -> None:
        """Pin the post that a Space is about; one that not everybody may see is not talked about."""
        public = await tx.scalar(
            select(Status.id).where(
                Status.id == status_id,
                Status.boost_of_id.is_(None),
                Status.visibility.in_(("public", "unlisted")),
                visible(space.host_id),
            )
        )
        if public is None:
            raise Invalid("There is no such public post.", field="about_id")
        tx.add(
            Pin(
                id=self._ids.next(),
                space_id=space.id,
                status_id=status_id,
                title="",
                offset=0,
                pinned_by=space.host_id,
                created_at=self._clock.now(),
            )
        )
        await tx.flush()

    async def _announce(self, tx: Tx, host: Account, space: Space) -> int:
        text = wire.announcement_of(space, host, strangers_listen=self._limits.anonymous_listening)
        [status] = await self._publishing.publish_in(
            tx,
            host,
            [Draft(text=text)],
            visibility=wire.visibility_of(access.parse_access(space.access)),
            subject_uri=Uri(space.uri),
            in_reply_to_uri=Uri(space.uri),
            conversation_id=space.id,
            language=space.language or None,
        )
        return status.id

    def _require_room_on_the_calendar(
        self, unfinished: Sequence[Space], begins: datetime, now: datetime
    ) -> None:
        """Refuse one Space too many; nobody fills the calendar of others."""
        ahead = sum(space.state == Phase.SCHEDULED and space.starts_at > now for space in unfinished)
        if begins > now and ahead >= self._limits.max_scheduled_per_host:
            raise Conflict(_already("scheduled", self._limits.max_scheduled_per_host))
        if begins <= now and len(unfinished) - ahead >= MAX_UNFINISHED:
            raise Conflict(_already("open or waiting to be opened", MAX_UNFINISHED))


def _already(what: str, allowed: int) -> str:
    spaces = "one Space" if allowed == 1 else f"{allowed} Spaces"
    return f"You have {spaces} {what} already; close or cancel one first."
