"""What was said in a room is reported with its sound: to moderators here, and without it elsewhere."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.clock import SystemClock
from fedispace.errors import Invalid, NotFound
from fedispace.media.live.client import SfuClient
from fedispace.moderation.evidence import EvidenceDrawer
from fedispace.moderation.models import Evidence
from fedispace.moderation.reports import Reporting
from fedispace.spaces.models import Space
from fedispace.spaces.reporting import RoomReporting
from fedispace.spaces.sound.fleet import Fleet
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.peers import Listener, Speaker
from tests.media.playing import played
from tests.media.studio import Studio
from tests.media.talking import strength
from tests.spaces.test_live import Hall, Held, live_rooms
from tests.spaces.town import Town


class Court:
    """A hall whose audio server keeps a safety buffer, and who takes reports there."""

    def __init__(self, hall: Hall) -> None:
        town = hall.town
        self.hall = hall
        self.town = town
        self.drawer = EvidenceDrawer(town.db, town.ids, town.clock, town.addresses)
        fleet = Fleet(town.bus, town.clock, lambda control: SfuClient(control, hall.studio.secret))
        fleet.include("studio", hall.studio.client)
        self.reporting = RoomReporting(
            db=town.db,
            clock=town.clock,
            fleet=fleet,
            reporting=Reporting(
                town.db,
                town.ids,
                town.clock,
                town.addresses,
                town.actors,
                town.outbox,
                town.people,
                self.drawer,
            ),
            safety_seconds=60,
        )

    async def evidence(self) -> list[Evidence]:
        async with self.town.db.reading() as tx:
            return list(await tx.scalars(select(Evidence)))


@pytest.fixture
async def court(tmp_path: Path) -> AsyncIterator[Court]:
    held = Held()
    town = await Town.open(tmp_path, SystemClock(), "https://a.example", rooms=held)
    async with Studio(tmp_path, safety_seconds=60) as studio:
        held.live = live_rooms(town, studio, SfuClient(studio.process.control, studio.secret))
        await held.live.start()
        yield Court(Hall(town, held.live, studio))
        await held.live.stop()
    await town.close()


@pytest.fixture
async def alice(court: Court) -> Account:
    return await court.town.resident("alice")


@pytest.fixture
async def space(court: Court, alice: Account) -> Space:
    return await court.town.live_space(alice)


async def test_what_was_heard_goes_with_the_report_and_moderators_hear_it(
    court: Court, alice: Account, space: Space, tmp_path: Path
) -> None:
    bob = await court.town.stranger("bob")
    async with Speaker(court.hall.studio) as speaker, Listener(court.hall.studio) as listener:
        await court.hall.speak(speaker, alice, space)
        await court.hall.hear(listener, space)
        await listener.listen(2.5)

        filed = await court.reporting.report(bob, space.id, comment="threats", with_sound=True)

    assert filed.seconds >= 2
    assert (filed.report.target_id, filed.report.space_id) == (alice.id, space.id)
    assert filed.report.moment is not None
    assert filed.report.local is False
    heard = await court.drawer.sound_of(filed.report.id)
    (tmp_path / "heard.opus").write_bytes(heard.sound)
    assert strength(played(tmp_path / "heard.opus")[-RATE:], 440) > 4000


@pytest.mark.privacy("P-09")
@pytest.mark.attack(107)
async def test_without_a_report_nothing_is_kept_of_a_room_that_is_over(
    court: Court, alice: Account, space: Space, tmp_path: Path
) -> None:
    bob = await court.town.resident("bob")
    async with Speaker(court.hall.studio) as speaker:
        await court.hall.speak(speaker, alice, space)
        client = court.hall.studio.client
        await eventually("something is held", client.status, lambda status: status.safety_bytes > 3000)
        before = {path for path in tmp_path.rglob("*") if path.is_file()}
        await court.town.hosting.close(alice, space.id)
        await eventually("nothing is held", client.status, lambda status: status.safety_bytes == 0)

    filed = await court.reporting.report(bob, space.id, with_sound=True, moment=3)

    assert (filed.seconds, filed.report.moment) == (0, 3)
    assert await court.evidence() == []
    assert {path for path in tmp_path.rglob("*") if path.is_file()} <= before


async def test_a_report_without_sound_takes_none(court: Court, alice: Account, space: Space) -> None:
    bob = await court.town.resident("bob")
    async with Speaker(court.hall.studio) as speaker:
        await court.hall.speak(speaker, alice, space)
        assert (await court.reporting.report(bob, space.id)).seconds == 0
    assert await court.evidence() == []


async def test_a_room_one_may_not_see_cannot_be_reported(court: Court, alice: Account) -> None:
    hidden = await court.town.live_space(alice, access="followers")
    bob = await court.town.resident("bob")
    with pytest.raises(NotFound):
        await court.reporting.report(bob, hidden.id, with_sound=True)
    with pytest.raises(NotFound):
        await court.reporting.report(bob, 1)


async def test_a_moment_is_in_the_space(court: Court, alice: Account, space: Space) -> None:
    bob = await court.town.resident("bob")
    for moment in (-1, 10**9):
        with pytest.raises(Invalid):
            await court.reporting.report(bob, space.id, moment=moment)


async def test_a_room_of_another_server_is_told_to_its_moderators(court: Court) -> None:
    bob, erin = await court.town.resident("bob"), await court.town.neighbour("erin")
    space_id = court.town.ids.next()
    async with court.town.db.transaction() as tx:
        tx.add(_abroad(space_id, erin, court))

    filed = await court.reporting.report(bob, space_id, comment="threats", with_sound=True, moment=61)

    assert (filed.seconds, filed.report.forwarded) == (0, True)
    [(flag, audience)] = await court.town.said_by_the_instance()
    assert flag["object"] == [
        erin.uri,
        "https://b.example/spaces/1",
        "https://b.example/spaces/1#t=61",
    ]
    assert flag["content"].endswith("https://b.example/spaces/1#t=61")
    assert bob.uri not in str(flag)
    assert audience["actors"] == [erin.id]


def _abroad(space_id: int, host: Account, court: Court) -> Space:
    now = court.town.clock.now()
    return Space(
        id=space_id,
        uri="https://b.example/spaces/1",
        url="https://b.example/spaces/1",
        local=False,
        host_id=host.id,
        title="Elsewhere",
        access="public",
        state="live",
        starts_at=now,
        ends_at=now,
        started_at=now,
        created_at=now,
        updated_at=now,
    )
