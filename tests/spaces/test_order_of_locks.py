"""Two at once who change the same room: one after the other, and neither is told of an error.

On PostgreSQL whoever takes rows in another order than the rest waits for them, and they for him. On SQLite
there is one writer, and these tests say little.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from fedispace.db.engine import Database
from fedispace.spaces import members, presence
from fedispace.spaces.entry.stream_keys import StreamKeys
from fedispace.spaces.rsvp import Attending
from fedispace.spaces.sound.exits import Exits
from fedispace.spaces.sound.fleet import Fleet
from tests.ground.eventually import eventually
from tests.spaces.floor import Floor, floor  # noqa: F401

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)

Doing = Callable[[], Awaitable[object]]


async def _somebody_waits(db: Database) -> None:
    """Return when a transaction waits for another; on SQLite one always does."""
    if db.dialect != "postgresql":
        return

    async def many() -> int:
        async with db.reading() as tx:
            return (await tx.scalar(_WAITING)) or 0

    await eventually("a transaction waits", many, lambda number: number > 0)


async def _an_audio_server_tells_who_went(floor: Floor) -> Doing:  # noqa: F811
    town, session = floor.town, await floor.connect("sam", "speaker")

    async def tell() -> None:
        async with town.db.transaction() as tx:
            await presence.record(tx, town.bus, connected=(), ended=[session], now=town.clock.now())

    return tell


async def _an_audio_server_is_lost(floor: Floor) -> Doing:  # noqa: F811
    town = floor.town
    await floor.connect("sam", "speaker")
    town.clock.advance(seconds=1)

    async def forget() -> None:
        async with town.db.transaction() as tx:
            await presence.forget_the_lost(tx, town.bus, ["another"], town.clock.now())

    return forget


async def _somebody_signs_out(floor: Floor) -> Doing:  # noqa: F811
    town = floor.town
    await floor.connect("sam", "speaker")
    await town.passes.grant(floor.sam, floor.id)

    async def sign_out() -> None:
        async with town.db.transaction() as tx:
            await Exits(town.clock, town.bus).sign_out(tx, floor.sam)

    return sign_out


async def _somebody_comes_in_with_a_ticket(floor: Floor) -> Doing:  # noqa: F811
    town = floor.town
    async with town.db.transaction() as tx:
        ticket = await town.tickets.issue(tx, space_id=floor.id, account_id=floor.sam, role="speaker")

    async def come_in() -> None:
        with pytest.raises(Exception, match=r"sent out|not valid"):
            await town.passes.exchange(ticket.token, floor.id)

    return come_in


async def _somebody_revokes_a_stream_key(floor: Floor) -> Doing:  # noqa: F811
    town = floor.town
    fleet = Fleet(town.bus, town.clock, lambda _control: (_ for _ in ()).throw(AssertionError))
    keys = StreamKeys(db=town.db, clock=town.clock, ids=town.ids, bus=town.bus, fleet=fleet)
    made = await keys.make(floor.id, floor.sam, "OBS")
    await floor.connect("sam", "speaker")
    async with town.db.transaction() as tx:
        row = await tx.get(type(made.row), made.row.id)
        assert row is not None
        row.used_at = town.clock.now()
    return lambda: keys.revoke(floor.id, floor.sam, made.row.id)


@pytest.mark.parametrize(
    "prepare",
    [
        _an_audio_server_tells_who_went,
        _an_audio_server_is_lost,
        _somebody_signs_out,
        _somebody_comes_in_with_a_ticket,
        _somebody_revokes_a_stream_key,
    ],
    ids=lambda prepare: prepare.__name__.strip("_"),
)
async def test_a_host_sends_somebody_out_in_the_middle_of_it(
    floor: Floor,  # noqa: F811
    prepare: Callable[[Floor], Awaitable[Doing]],
) -> None:
    town, doing = floor.town, await prepare(floor)
    async with town.db.transaction() as tx:
        space = await members.locked(tx, floor.id)
        at_once = asyncio.ensure_future(doing())
        await _somebody_waits(town.db)
        sam = await members.member(tx, space.id, floor.sam)
        assert sam is not None
        sam.removed_at = town.clock.now()
        await tx.flush()
        await Exits(town.clock, town.bus).send_out(tx, space.id, floor.sam)
    await at_once
    view = await floor.seen_by("alice")
    assert "sam" not in [seat.account.username for seat in view.stage]
    assert view.space.speakers == ()


async def test_a_reader_who_presses_twice_comes_once_and_sees_no_error(floor: Floor) -> None:  # noqa: F811
    town, bob = floor.town, floor.people["bob"]
    attending = Attending(
        db=town.db,
        ids=town.ids,
        clock=town.clock,
        addresses=town.addresses,
        people=town.people,
        outbox=town.outbox,
        jobs=town.jobs,
    )
    for reader in (bob, floor.people["sam"], floor.people["carol"]):  # the first opens the connections
        rows = await asyncio.gather(*(attending.attend(reader, floor.id) for _ in range(4)))
        assert {row.state for row in rows} == {"coming"}
        assert len({row.join_uri for row in rows}) == 1
