"""What is remembered of servers is shared among processes, bounded, and forgotten in time."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import func, insert, select

from fedispace.db.engine import Tx
from fedispace.federation.backoff import OPENS_AFTER
from fedispace.federation.models import Peer as PeerRow
from fedispace.federation.peers import FORGET_AFTER, READ_AGAIN_SECONDS, REMEMBERED, Peers
from tests.factories import Home, open_home


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with open_home(tmp_path, origin="http://a.test") as opened:
        yield opened


async def fail(home: Home, peers: Peers, host: str, times: int = 1) -> None:
    for _ in range(times):
        async with home.db.transaction() as tx:
            await peers.failed(tx, host)


async def test_failures_in_two_processes_add_up_and_open_the_circuit_in_both(home: Home) -> None:
    one, other = Peers(home.clock), Peers(home.clock)
    await fail(home, one, "c.test", OPENS_AFTER - 1)
    await fail(home, other, "c.test")
    assert other.is_closed("c.test")
    assert not one.is_closed("c.test")
    await one.refresh(home.db)
    assert one.is_closed("c.test")


async def test_another_process_learns_within_seconds_that_a_server_is_back(home: Home) -> None:
    one, other = Peers(home.clock), Peers(home.clock)
    await fail(home, one, "c.test", OPENS_AFTER)
    for peers in (one, other):
        await peers.refresh(home.db)
    async with home.db.transaction() as tx:
        await other.reached(tx, "c.test")
    await one.refresh(home.db)
    assert one.is_troubled("c.test"), "memory spares the database a question each time"
    home.clock.advance(seconds=READ_AGAIN_SECONDS)
    await one.refresh(home.db)
    assert not one.is_troubled("c.test")


async def test_what_was_read_before_a_failure_does_not_make_it_forgotten(home: Home) -> None:
    """Somebody who steps back reads the row, another's delivery fails, and only then the first commits."""
    peers = Peers(home.clock)
    await fail(home, peers, "c.test", OPENS_AFTER)
    home.clock.advance(minutes=5)
    async with home.db.reading() as tx:
        assert await peers.closed_until(tx, "c.test") is None
        await fail(home, peers, "c.test")
    for hook in tx.hooks:
        hook()
    assert peers.is_closed("c.test")


async def test_what_happens_while_all_are_read_again_is_not_forgotten(home: Home) -> None:
    peers = Peers(home.clock)
    await fail(home, peers, "c.test", OPENS_AFTER)
    await fail(home, peers, "d.test", OPENS_AFTER)
    home.clock.advance(minutes=5)

    class SlowTx:
        """Answers with the rows of a moment ago."""

        def __init__(self, tx: Tx) -> None:
            self._tx = tx

        async def execute(self, statement: Any) -> Any:
            rows = await self._tx.execute(statement)
            await fail(home, peers, "c.test")
            await fail(home, peers, "e.test", OPENS_AFTER)
            async with home.db.transaction() as writing:
                await peers.reached(writing, "d.test")
            return rows

    async with home.db.reading() as tx:
        await peers._read_circuits(cast("Tx", SlowTx(tx)))
    assert peers.is_closed("c.test")
    assert not peers.is_troubled("d.test")
    assert peers.is_closed("e.test")


async def test_what_failed_before_a_restart_is_still_known_after_it(home: Home) -> None:
    await fail(home, Peers(home.clock), "c.test", OPENS_AFTER)
    restarted = Peers(home.clock)
    async with home.db.reading() as tx:
        await restarted.load(tx)
    assert restarted.is_closed("c.test")


async def test_a_failure_whose_transaction_failed_is_not_remembered(home: Home) -> None:
    peers = Peers(home.clock)

    async def fail_and_fail() -> None:
        async with home.db.transaction() as tx:
            await peers.failed(tx, "c.test")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_and_fail()
    assert not peers.is_troubled("c.test")


async def test_silent_servers_are_forgotten(home: Home) -> None:
    peers = Peers(home.clock)
    await fail(home, peers, "silent.test")
    home.clock.advance(seconds=FORGET_AFTER.total_seconds() - 60)
    await fail(home, peers, "c.test")
    home.clock.advance(minutes=2)
    async with home.db.transaction() as tx:
        await peers.prune(tx)
    async with home.db.reading() as tx:
        assert list(await tx.scalars(select(PeerRow.host))) == ["c.test"]


async def test_no_more_servers_are_remembered_than_fit(home: Home) -> None:
    now = home.clock.now()
    async with home.db.transaction() as tx:
        rows = [
            {"host": f"h{number}.evil.test", "failures": 1, "last_heard_at": now}
            for number in range(REMEMBERED + 5)
        ]
        await tx.execute(insert(PeerRow), rows)
    async with home.db.transaction() as tx:
        await Peers(home.clock).prune(tx)
    async with home.db.reading() as tx:
        assert await tx.scalar(select(func.count()).select_from(PeerRow)) == REMEMBERED
