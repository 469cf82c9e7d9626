"""Reporting what somebody said in a Space, while it is live or after it.

    somebody in the room --> the sound of the last minute (the safety buffer of the audio server), if asked
                         --> one transaction: the report, the sealed sound, a Flag to the other server

The sound is fetched before anything is written, and no report fails because there was none. It is the
whole room's programme, as everybody heard it. Nobody but moderators is told who reported, or whether.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Invalid, NotFound, Unavailable
from fedispace.federation.vocab.uri import Uri
from fedispace.media.live.clip import MEDIA_TYPE, Clip
from fedispace.moderation.evidence import Heard, with_sound
from fedispace.moderation.models import Report
from fedispace.moderation.reports import Category, Reporting, Scene
from fedispace.spaces import members, queries
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import RoomPlace, Space
from fedispace.spaces.sound.fleet import Fleet

log = structlog.get_logger()

LONGEST_MOMENT = 7 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A report as it was written; `seconds` of sound came with it."""

    report: Report
    seconds: int


class RoomReporting:
    """Takes reports about rooms."""

    def __init__(
        self, *, db: Database, clock: Clock, fleet: Fleet, reporting: Reporting, safety_seconds: int
    ) -> None:
        self._db = db
        self._clock = clock
        self._fleet = fleet
        self._reporting = reporting
        self._safety_seconds = safety_seconds

    async def report(
        self,
        by: Account,
        space_id: int,
        *,
        account_id: int | None = None,
        category: Category = "other",
        comment: str = "",
        moment: int | None = None,
        with_sound: bool = False,
    ) -> Filed:
        """Report a person (None: whoever hosts) for what was said in a Space.

        `moment` is in seconds after its beginning; none means now. Raises what `Reporting.report` does,
        and `NotFound` for a Space that `by` may not see.
        """
        if moment is not None and not 0 <= moment <= LONGEST_MOMENT:
            raise Invalid("moment is in seconds after the beginning.", field="moment")
        async with self._db.reading() as tx:
            space = await queries.space(tx, space_id, by.id)
            target_id = account_id if account_id is not None else await _host(tx, space)
            home = await _home(tx, space.id)
        heard = await self._heard(space, home) if with_sound else None
        report = await self._reporting.report(
            by,
            target_id,
            comment=comment,
            category=category,
            forward=True,
            scene=Scene(
                space_id=space.id,
                uri=Uri(space.uri),
                url=space.url,
                host_id=space.host_id,
                moment=self._moment(space) if moment is None else moment,
            ),
            heard=heard,
        )
        async with self._db.reading() as tx:
            kept = await with_sound_of(tx, report.id)
        log.info("space.reported", space=space_id, report=report.id, seconds=kept)
        return Filed(report=report, seconds=kept)

    def _moment(self, space: Space) -> int | None:
        """Return the second of the Space that it is now; none before it and after it."""
        if space.started_at is None or space.state != Phase.LIVE:
            return None
        return max(0, int((self._clock.now() - space.started_at).total_seconds()))

    async def _heard(self, space: Space, home: str | None) -> Heard | None:
        """Return what was heard of late in a room of ours, if there is anything."""
        if not space.local or space.state != Phase.LIVE or not self._safety_seconds:
            return None
        names = sorted(self._fleet.names, key=lambda name: name != home)
        for name in names:
            try:
                clip = await self._fleet.client(name).clip(str(space.id), self._safety_seconds)
            except NotFound:
                continue
            except Unavailable:
                log.warning("space.no_clip", sfu=name)
                continue
            return _of(clip)
        return None


async def with_sound_of(tx: Tx, report_id: int) -> int:
    """Return how many seconds of sound a report has."""
    return (await with_sound(tx, [report_id])).get(report_id, 0)


def _of(clip: Clip) -> Heard | None:
    seconds = int(clip.seconds)
    return Heard(media_type=MEDIA_TYPE, seconds=seconds, sound=clip.sound) if seconds else None


async def _host(tx: Tx, space: Space) -> int:
    row = await members.host_of(tx, space.id)
    return space.host_id if row is None else row.account_id


async def _home(tx: Tx, space_id: int) -> str | None:
    return await tx.scalar(select(RoomPlace.sfu).where(RoomPlace.space_id == space_id, RoomPlace.number == 0))
