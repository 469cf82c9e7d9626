"""The host is gone: who takes over, when the Space ends, and that nothing happens before."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from fedispace.clock import ManualClock
from fedispace.config import Spaces as Limits
from fedispace.spaces import members
from fedispace.spaces.models import HostBan, LiveSession, Space
from fedispace.spaces.oversight import Oversight
from fedispace.spaces.roles import MemberRole
from fedispace.spaces.sound.exits import Exits
from fedispace.spaces.verbs.absence import NOTHING, Absence, Organizer, Verdict, verdict
from tests.spaces.floor import Floor, floor  # noqa: F401
from tests.spaces.town import Town

NOW = datetime(2026, 11, 12, 19, tzinfo=UTC)
HOST, COHOST = MemberRole.HOST, MemberRole.COHOST


def organizer(id_: int, role: MemberRole, gone: float | None, since: float = 1000) -> Organizer:
    """Somebody who left `gone` seconds ago, or is there (None), since so many seconds."""
    return Organizer(
        account_id=id_,
        role=role,
        is_there=gone is None,
        since=NOW - timedelta(seconds=since),
        last=NOW if gone is None else NOW - timedelta(seconds=gone),
    )


@pytest.mark.parametrize(
    ("organizers", "expected"),
    [
        ([], NOTHING),
        ([organizer(1, HOST, None)], NOTHING),
        ([organizer(1, HOST, None), organizer(2, COHOST, 9000)], NOTHING),
        ([organizer(1, HOST, 59), organizer(2, COHOST, None)], NOTHING),
        ([organizer(1, HOST, 60), organizer(2, COHOST, None)], Verdict(heir=2)),
        (
            [organizer(1, HOST, 60), organizer(2, COHOST, None, 10), organizer(3, COHOST, None, 20)],
            Verdict(heir=3),
        ),
        ([organizer(1, HOST, 61), organizer(2, COHOST, 61)], NOTHING),
        ([organizer(1, HOST, 899)], NOTHING),
        ([organizer(1, HOST, 900)], Verdict(is_over=True)),
        ([organizer(1, HOST, 5000), organizer(2, COHOST, 899)], NOTHING),
        ([organizer(1, HOST, 5000), organizer(2, COHOST, 900)], Verdict(is_over=True)),
        ([organizer(2, COHOST, None)], Verdict(heir=2)),
    ],
)
def test_what_follows_from_who_is_there(organizers: list[Organizer], expected: Verdict) -> None:
    assert verdict(organizers, NOW, Limits()) == expected


def absence(town: Town, there: set[tuple[int, int]] | None = None) -> Absence:
    return Absence(
        db=town.db,
        clock=town.clock,
        acting=town.verbs.acting,
        hosting=town.hosting,
        limits=Limits(),
        hears=lambda space_id, account_id: (space_id, account_id) in (there or set()),
    )


async def leaves(floor: Floor, session: str) -> None:  # noqa: F811
    async with floor.town.db.transaction() as tx:
        row = await tx.get(LiveSession, session)
        assert row is not None
        row.ended_at = floor.town.clock.now()


async def test_a_cohost_takes_over_a_minute_after_the_host_has_gone_and_hands_it_back(
    floor: Floor,  # noqa: F811
    clock: ManualClock,
) -> None:
    watch = absence(floor.town)
    hers = await floor.connect("alice", "speaker")
    await floor.connect("carol", "listener")
    clock.advance(minutes=5)
    await watch.look()
    await leaves(floor, hers)
    clock.advance(seconds=59)
    await watch.look()
    assert await floor.role("alice") is HOST
    clock.advance(seconds=1)
    await watch.look()
    assert (await floor.role("carol"), await floor.role("alice")) == (HOST, COHOST)
    await watch.look()
    await floor.town.verbs.handing.hand_over(floor.carol, floor.id, floor.alice)
    assert await floor.role("alice") is HOST


async def _is_banned_from_hosting(floor: Floor) -> None:  # noqa: F811
    async with floor.town.db.transaction() as tx:
        tx.add(HostBan(host_id=floor.carol, account_id=floor.carol, created_at=floor.town.clock.now()))


async def _is_kept_out_by_the_operator(floor: Floor) -> None:  # noqa: F811
    oversight = Oversight(floor.town.db, floor.town.clock, floor.town.hosting)
    await oversight.ban_from(floor.people["alice"], floor.people["carol"])


async def _is_suspended(floor: Floor) -> None:  # noqa: F811
    await floor.town.suspend(floor.people["carol"])


async def _is_blocked(floor: Floor) -> None:  # noqa: F811
    await floor.town.block(floor.people["alice"], floor.people["carol"])


async def _is_sent_out(floor: Floor) -> None:  # noqa: F811
    await floor.town.verbs.removing.remove(floor.alice, floor.id, floor.carol)


async def _is_banned(floor: Floor) -> None:  # noqa: F811
    await floor.town.verbs.removing.ban(floor.alice, floor.id, floor.carol)


async def _is_demoted(floor: Floor) -> None:  # noqa: F811
    await floor.town.verbs.handing.demote(floor.alice, floor.id, floor.carol)


@pytest.mark.parametrize(
    "decide",
    [
        _is_banned_from_hosting, _is_kept_out_by_the_operator, _is_suspended, _is_blocked, _is_sent_out,
        _is_banned, _is_demoted,
    ],
    ids=lambda decide: decide.__name__.strip("_"),
)  # fmt: skip
async def test_who_may_not_host_never_takes_over_and_the_next_does(
    floor: Floor,  # noqa: F811
    clock: ManualClock,
    decide: Callable[[Floor], Awaitable[None]],
) -> None:
    watch = absence(floor.town, {(floor.id, floor.carol)})  # her socket is not gone yet
    await floor.connect("carol", "listener")
    clock.advance(seconds=30)
    await decide(floor)
    clock.advance(minutes=2)
    await watch.look()
    await watch.look()
    assert await floor.role("alice") is HOST

    await floor.come("erin", COHOST)
    await floor.connect("erin", "listener")
    await watch.look()
    assert (await floor.role("erin"), await floor.role("alice")) == (HOST, COHOST)
    assert await floor.role("carol") is not HOST


async def _ends_after_a_quarter_of_an_hour(there: Floor, watch: Absence, clock: ManualClock) -> None:
    clock.advance(minutes=14, seconds=59)
    await watch.look()
    assert (await there.town.stored(there.id)).state == "live"
    clock.advance(seconds=1)
    await watch.look()
    stored: Space = await there.town.stored(there.id)
    assert (stored.state, there.town.rooms.closed) == ("ended", [there.id])


async def test_a_space_with_a_cohost_who_may_not_host_and_nobody_else_ends(
    floor: Floor,  # noqa: F811
    clock: ManualClock,
) -> None:
    town, watch = floor.town, absence(floor.town)
    await floor.connect("carol", "listener")
    await _is_banned_from_hosting(floor)
    async with town.db.transaction() as tx:  # as it is done with who is suspended
        await Exits(clock, town.bus).send_out(tx, floor.id, floor.alice)
    await _ends_after_a_quarter_of_an_hour(floor, watch, clock)


async def test_two_processes_that_look_at_once_make_one_host(
    floor: Floor,  # noqa: F811
    clock: ManualClock,
) -> None:
    await floor.connect("carol", "listener")
    clock.advance(minutes=2)
    for watch in (absence(floor.town), absence(floor.town)):
        await watch.look()
    assert (await floor.role("carol"), await floor.role("alice")) == (HOST, COHOST)
    assert sum(update["type"] == "Update" for update in await floor.town.sent()) == 2  # opened, taken over


async def test_a_host_whose_socket_hears_the_room_is_there(
    floor: Floor,  # noqa: F811
    clock: ManualClock,
) -> None:
    await floor.connect("carol", "listener")
    watch, other = absence(floor.town, {(floor.id, floor.alice)}), absence(floor.town)
    for _ in range(30):
        clock.advance(seconds=5)
        await watch.look()
        await other.look()
    assert await floor.role("alice") is HOST
    for _ in range(12):
        clock.advance(seconds=5)
        await other.look()
    clock.advance(seconds=5)
    await other.look()
    assert await floor.role("carol") is HOST


async def test_a_space_that_nobody_hosts_ends_after_a_quarter_of_an_hour(
    floor: Floor,  # noqa: F811
    clock: ManualClock,
) -> None:
    watch = absence(floor.town)
    await floor.connect("sam", "speaker")
    await _ends_after_a_quarter_of_an_hour(floor, watch, clock)
    assert (await floor.town.sent())[-1]["object"]["liveState"] == "ended"


async def test_a_space_whose_only_host_was_sent_away_ends_though_others_go_on_talking(
    floor: Floor,  # noqa: F811
    clock: ManualClock,
) -> None:
    town, watch = floor.town, absence(floor.town)
    await floor.connect("bob", "listener")
    await town.verbs.handing.hand_over(floor.alice, floor.id, floor.sam)
    for one in (floor.alice, floor.carol):
        await town.verbs.ordering.step_down(one, floor.id)
    clock.advance(minutes=60)
    async with town.db.transaction() as tx:  # as it is done with who is suspended
        await Exits(clock, town.bus).send_out(tx, floor.id, floor.sam)

    await _ends_after_a_quarter_of_an_hour(floor, watch, clock)


async def test_a_scheduled_space_waits_for_its_host_as_long_as_it_takes(
    town: Town, clock: ManualClock
) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="Soon")
    clock.advance(minutes=60)
    await absence(town).look()
    assert (await town.stored(space.id)).state == "scheduled"
    async with town.db.reading() as tx:
        assert await members.role_of(tx, space.id, alice.id) is HOST
