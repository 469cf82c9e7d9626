"""What was given up is kept, listed, sent again when somebody says so, and forgotten after a month."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from fedispace.clock import ManualClock
from fedispace.federation import dead_letters, queue_report
from fedispace.federation.dead_letters import Kind, Which
from fedispace.federation.models import DeadDelivery, InboxItem, OutboxItem
from fedispace.queue.models import Job
from tests.factories import Home, open_home
from tests.federation.peer import Peer
from tests.federation.post_office import PostOffice

pytestmark = pytest.mark.reliability("R22")
DELIVERIES = Which(kind=Kind.DELIVERIES)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    started = Peer(ManualClock())
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def home(tmp_path: Path, peer: Peer) -> AsyncIterator[Home]:
    async with open_home(tmp_path, origin="http://a.test", net=peer.net("c.test", "d.test")) as opened:
        yield opened


@pytest.fixture
def office(home: Home) -> PostOffice:
    return PostOffice(home)


async def refused(home: Home, office: PostOffice, peer: Peer, *, status: int = 410) -> str:
    """Have a delivery to c.test given up; return the activity's id."""
    sender = await home.person(f"sender{len(peer.received)}")
    peer.answers["c.test"] = [status]
    sent = await office.post(sender, await office.recipient())
    await office.worker.run()
    return sent


async def again(home: Home, which: Which = DELIVERIES) -> int:
    async with home.db.transaction() as tx:
        return await dead_letters.send_again(tx, home.ids, home.clock, which)


async def count(home: Home, kind: Kind = Kind.DELIVERIES) -> int:
    async with home.db.reading() as tx:
        return (await dead_letters.count(tx))[kind]


async def test_a_delivery_that_is_given_up_leaves_a_letter_with_the_reason(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    await refused(home, office, peer)
    async with home.db.reading() as tx:
        (letter,) = await dead_letters.newest(tx, Kind.DELIVERIES, 10)
    assert (letter.subject, letter.attempts, letter.error) == ("Like to http://c.test/inbox", 1, "HTTP 410")
    assert letter.at == home.clock.now()


async def test_a_letter_is_sent_again_once_and_then_there_is_none(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    sent = await refused(home, office, peer)
    assert await again(home) == 1
    assert await again(home) == 0
    await office.worker.run()
    assert peer.activities() == [sent, sent]
    assert await count(home) == 0
    assert await office.waiting() == []


async def test_only_the_letters_that_are_meant_are_sent_again_or_dropped(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    for _ in range(3):
        await refused(home, office, peer)
    assert await again(home, Which(kind=Kind.DELIVERIES, host="d.test")) == 0
    async with home.db.reading() as tx:
        newest = (await dead_letters.newest(tx, Kind.DELIVERIES, 1))[0]
    assert await again(home, Which(kind=Kind.DELIVERIES, id=newest.id)) == 1
    async with home.db.transaction() as tx:
        assert await dead_letters.drop(tx, Which(kind=Kind.DELIVERIES, host="c.test")) == 2
    assert await count(home) == 0


async def test_what_was_deleted_since_is_not_sent_again(home: Home, office: PostOffice, peer: Peer) -> None:
    await refused(home, office, peer)
    await office.send(await home.person("other"))
    async with home.db.transaction() as tx:
        newest = await tx.scalar(select(func.max(OutboxItem.id)))
        await tx.execute(update(OutboxItem).where(OutboxItem.id == newest).values(type="Delete"))
    assert await again(home) == 0
    assert await count(home) == 1


@pytest.mark.privacy("P-14")
async def test_letters_are_forgotten_after_a_month(home: Home, office: PostOffice, peer: Peer) -> None:
    await refused(home, office, peer)
    now = home.clock.now()
    async with home.db.transaction() as tx:
        tx.add(
            InboxItem(
                id=1, activity_id="x", actor="http://c.test/users/a", body=b"{}",
                received_at=now, run_at=now, attempts=3, state="failed", note="no",
            )
        )  # fmt: skip
        tx.add(Job(id=1, kind="work", arguments={}, run_at=now, attempts=12, failed_at=now))
    home.clock.advance(days=29)
    await dead_letters.prune(home.db, home.clock)
    assert [await count(home, kind) for kind in Kind] == [1, 1, 1]
    home.clock.advance(days=2)
    await dead_letters.prune(home.db, home.clock)
    assert [await count(home, kind) for kind in Kind] == [0, 0, 0]


async def test_no_more_letters_are_kept_than_fit_and_the_oldest_go(
    home: Home, office: PostOffice, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "AT_MOST", 2)
    for _ in range(4):
        await refused(home, office, peer)
        home.clock.advance(minutes=1)
    await dead_letters.prune(home.db, home.clock)
    async with home.db.reading() as tx:
        kept = list(await tx.scalars(select(DeadDelivery.failed_at).order_by(DeadDelivery.failed_at)))
    assert [home.clock.now() - moment for moment in kept] == [timedelta(minutes=2), timedelta(minutes=1)]


async def test_the_report_names_what_waits_and_who_does_not_answer(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    carol = await office.recipient()
    peer.statuses["c.test"] = 503
    for number in range(5):
        await office.post(await home.person(f"sender{number}"), carol)
    await office.worker.run()
    home.clock.advance(days=8)
    await office.worker.run()
    async with home.db.reading() as tx:
        waiting = {row.kind: row.count for row in await queue_report.waiting(tx)}
        (silent,) = await queue_report.silent_hosts(tx, home.clock)
    assert waiting == {"deliveries": 5, "fan-outs": 0, "inbox": 0, "jobs": 0}
    assert (silent.host, silent.waiting, silent.is_dead) == ("c.test", 5, True)
    assert silent.closed_until == home.clock.now() + timedelta(days=1)
