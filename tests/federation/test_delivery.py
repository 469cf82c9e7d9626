"""Deliveries: in order, at least once, for a week, and never one peer at another's cost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text

from fedispace.clock import ManualClock
from fedispace.db.engine import Database, open_database
from fedispace.federation import dead_letters
from fedispace.federation.dead_letters import WAITED_AT_MOST
from fedispace.federation.delivery import IN_FLIGHT, LEASE, PER_HOST, PER_NEW_HOST
from fedispace.federation.fanout import WAKE_DELIVERY, HeldFanout
from fedispace.federation.models import Fanout
from fedispace.federation.peers import Peers
from fedispace.federation.vocab.activities import Like
from fedispace.federation.vocab.uri import Uri
from fedispace.queue.leases import claim, give_back, renew
from tests.factories import Home, make_database_url, make_postgres_url, open_home
from tests.federation.peer import Peer
from tests.federation.post_office import PostOffice
from tests.ground.ground import Ground

MANY_HOSTS = [f"h{number}.test" for number in range(IN_FLIGHT + 16)]


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    started = Peer(ManualClock())
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def home(tmp_path: Path, peer: Peer) -> AsyncIterator[Home]:
    net = peer.net("c.test", "d.test", *MANY_HOSTS, total_seconds=120)
    async with open_home(tmp_path, origin="http://a.test", net=net) as opened:
        yield opened


@pytest.fixture
def office(home: Home) -> PostOffice:
    return PostOffice(home)


async def test_what_is_delivered_is_gone_and_not_sent_again(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, carol = await home.person(), await office.recipient()
    sent = await office.post(alice, carol)
    await office.worker.run()
    assert peer.activities() == [sent]
    assert await office.waiting() == []
    home.clock.advance(days=1)
    await office.worker.run()
    assert len(peer.received) == 1


async def test_a_process_that_dies_while_it_sends_sends_that_one_again_and_nothing_is_lost(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, carol = await home.person(), await office.recipient()
    sent = [await office.post(alice, carol) for _ in range(3)]
    peer.hanging.add("c.test")
    dying = office.new_worker()
    await dying.pump.pump()
    await peer.has_received(1)
    await dying.die()
    peer.hanging.clear()

    reborn = office.new_worker()
    await reborn.run()
    assert peer.activities() == sent[:1]
    home.clock.advance(seconds=LEASE.total_seconds() + 1)
    await reborn.run()
    assert peer.activities() == [sent[0], *sent]
    assert await office.waiting() == []


async def test_a_lane_that_waited_until_its_lease_was_anothers_sends_nothing(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    carol = await office.recipient()
    for number in range(PER_NEW_HOST + 1):
        await office.post(await home.person(f"sender{number}"), carol)
    peer.hanging.add("c.test")
    elsewhere = peer.net("c.test")
    slow, other = office.new_worker(), office.new_worker(net=elsewhere)
    await slow.pump.pump()
    await peer.has_received(PER_NEW_HOST)
    peer.hanging.clear()
    home.clock.advance(seconds=LEASE.total_seconds() + 1)
    await other.run()
    assert len(peer.received) == PER_NEW_HOST + PER_NEW_HOST + 1
    peer.let_go.set()
    await slow.pump.idle()
    await elsewhere.close()
    assert len(peer.received) == PER_NEW_HOST + PER_NEW_HOST + 1


async def test_a_failing_delivery_holds_back_its_lane_and_no_other(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, bertha = await home.person("alice"), await home.person("bertha")
    carol, dora = await office.recipient(), await office.recipient("dora", "d.test")
    of_alice = [await office.post(alice, carol, dora) for _ in range(3)]
    peer.answers["c.test"] = [503]
    await office.worker.run()
    assert peer.activities("c.test") == of_alice[:1]
    assert peer.activities("d.test") == of_alice
    of_bertha = await office.post(bertha, carol)
    await office.worker.run()
    assert peer.activities("c.test") == [of_alice[0], of_bertha]
    home.clock.advance(minutes=2)
    await office.worker.run()
    assert peer.activities("c.test") == [of_alice[0], of_bertha, *of_alice]
    assert await office.waiting() == []


async def test_one_activity_at_which_a_peer_breaks_does_not_cut_off_its_sender(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, bertha, carol = await home.person("alice"), await home.person("bertha"), await office.recipient()
    poison, after = [await office.post(alice, carol) for _ in range(2)]
    peer.broken_by.add(poison)
    for _ in range(5):
        await office.worker.run()
        await office.post(bertha, carol)
        home.clock.advance(hours=1)
    await office.worker.run()
    assert after in peer.activities()
    assert [uri for uri, _ in await office.waiting()] == [poison]


async def test_a_server_that_fails_at_everything_gets_everything_in_order(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, carol = await home.person(), await office.recipient()
    sent = [await office.post(alice, carol) for _ in range(3)]
    peer.statuses["c.test"] = 503
    for _ in range(7):
        await office.worker.run()
        home.clock.advance(hours=2)
    assert set(peer.activities()) == {sent[0]}
    del peer.statuses["c.test"]
    await office.worker.run()
    assert peer.activities()[-3:] == sent


async def test_what_waits_behind_a_failure_does_not_look_due(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, carol = await home.person(), await office.recipient()
    for _ in range(3):
        await office.post(alice, carol)
    peer.answers["c.test"] = [429]
    await office.worker.run()
    now = home.clock.now()
    assert [row.run_at > now for row in await office.rows()] == [True] * 3


async def test_servers_that_hang_delay_nobody_else(home: Home, office: PostOffice, peer: Peer) -> None:
    """Many people here write to some servers, all of which hang."""
    hosts = MANY_HOSTS[: IN_FLIGHT - 2]
    hanging = [await office.recipient("x", host) for host in hosts]
    alice, dora = await home.person(), await office.recipient("dora", "d.test")
    peer.hanging.update(MANY_HOSTS)
    for number in range(50):
        await office.send(await home.person(f"sender{number}"), *hanging)
    await office.fan_out()
    async with asyncio.timeout(15):
        while await office.worker.pump.pump():
            pass
    await peer.has_received(len(hanging) * PER_NEW_HOST)
    sent = await office.post(alice, dora)
    await office.worker.pump.pump()
    await peer.gets(sent, within=15)
    await office.worker.die()


async def test_servers_that_failed_last_time_leave_places_for_the_others(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, dora = await home.person(), await office.recipient("dora", "d.test")
    doubtful = [await office.recipient("x", host) for host in MANY_HOSTS]
    peer.statuses.update(dict.fromkeys(MANY_HOSTS, 503))
    await office.post(alice, *doubtful)
    await office.worker.run()
    home.clock.advance(minutes=2)
    peer.hanging.update(MANY_HOSTS)
    await office.worker.pump.pump()
    sent = await office.post(alice, dora)
    await office.worker.pump.pump()
    await peer.gets(sent, within=15)
    peer.let_go.set()
    await office.worker.pump.idle()


async def test_many_who_write_to_one_hanging_server_leave_places_for_the_others(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, carol = await home.person(), await office.recipient()
    dora = await office.recipient("dora", "d.test")
    for number in range(IN_FLIGHT + 1):
        await office.send(await home.person(f"sender{number}"), carol)
    await office.fan_out()
    peer.hanging.add("c.test")
    while await office.worker.pump.pump():
        pass
    await peer.has_received(PER_NEW_HOST)
    sent = await office.post(alice, dora)
    await office.worker.pump.pump()
    await peer.gets(sent, within=15)
    peer.let_go.set()
    await office.worker.pump.idle()


async def test_a_peer_gets_no_more_than_its_share_at_once(home: Home, office: PostOffice, peer: Peer) -> None:
    carol = await office.recipient()
    for number in range(3 * PER_HOST):
        await office.post(await home.person(f"sender{number}"), carol)
    peer.hanging.add("c.test")
    await office.worker.pump.pump()
    await peer.has_received(PER_NEW_HOST)
    peer.let_go.set()
    await office.worker.run()
    assert len(peer.received) == 3 * PER_HOST
    assert PER_NEW_HOST <= peer.peak["c.test"] <= PER_HOST


async def with_an_open_circuit(home: Home, office: PostOffice, peer: Peer) -> None:
    """Have five deliveries to c.test fail."""
    carol = await office.recipient()
    peer.statuses["c.test"] = 503
    for number in range(5):
        await office.post(await home.person(f"sender{number}"), carol)
    await office.worker.run()
    assert len(peer.received) == 5


async def test_a_server_that_keeps_failing_is_left_alone_by_new_deliveries_too(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    await with_an_open_circuit(home, office, peer)
    await office.post(await home.person("late"), await office.recipient("new"))
    assert await office.worker.pump.pump() == 1
    await office.worker.pump.idle()
    assert await office.worker.pump.pump() == 0, "it must not be taken again and again"
    assert len(peer.received) == 5
    assert {row.attempts for row in await office.rows()} == {0, 1}


async def test_after_its_pause_one_delivery_tries_a_dead_server_and_the_others_wait(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    await with_an_open_circuit(home, office, peer)
    home.clock.advance(minutes=2)
    await office.worker.run()
    assert len(peer.received) == 6


async def test_a_server_that_answers_again_gets_everything(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    await with_an_open_circuit(home, office, peer)
    del peer.statuses["c.test"]
    for _ in range(4):
        home.clock.advance(minutes=2)
        await office.worker.run()
    assert await office.waiting() == []
    assert not home.peers.is_troubled("c.test")


async def test_what_waited_long_on_its_own_account_goes_when_a_dead_server_answers_again(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    carol = await office.recipient()
    peer.statuses["c.test"] = 503
    first = await office.post(await home.person("first"), carol)
    for minutes in (8, 8, 8, 1):
        await office.worker.run()
        home.clock.advance(minutes=minutes)
    await office.post(await home.person("second"), carol)
    await office.worker.run()
    (put_off, _) = await office.rows()
    assert put_off.run_at - home.clock.now() > timedelta(minutes=2)
    del peer.statuses["c.test"]
    home.clock.advance(minutes=2)
    await office.worker.run()
    assert peer.activities()[-1] == first
    assert await office.waiting() == []


async def heard_from(home: Home, host: str, number: int) -> None:
    sender = Uri(f"http://{host}/users/carol")
    await home.receive(Like(id=Uri(f"{sender}#{number}"), actor=sender, object=Uri("http://a.test/x")))


async def test_a_server_that_sends_us_something_is_tried_at_once_and_gets_everything(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    await with_an_open_circuit(home, office, peer)
    for _ in range(5):
        home.clock.advance(hours=1)
        await office.worker.run()
    assert len(peer.received) == 10
    del peer.statuses["c.test"]
    await office.worker.run()
    assert len(peer.received) == 10
    await heard_from(home, "c.test", 1)
    for _ in range(2):
        await office.worker.run()
        home.clock.advance(minutes=1, seconds=1)
    assert await office.waiting() == []


async def test_a_server_whose_inbox_is_broken_but_that_goes_on_sending_is_tried_once_a_minute(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    await with_an_open_circuit(home, office, peer)
    for number in range(10):
        await heard_from(home, "c.test", number)
        await office.worker.run()
        home.clock.advance(seconds=1)
    assert len(peer.received) == 6


async def test_attempts_alone_do_not_end_a_delivery_before_a_week_is_over(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    await office.post(await home.person(), await office.recipient())
    peer.statuses["c.test"] = 500
    for number in range(40):
        await heard_from(home, "c.test", number)
        await office.worker.run()
        home.clock.advance(minutes=2)
    (row,) = await office.rows()
    assert row.attempts > 20
    for _ in range(12):
        home.clock.advance(days=1, hours=8)
        await office.worker.run()
    assert await office.waiting() == []


async def test_what_waited_for_a_dead_server_all_the_time_is_dropped(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    await office.post(await home.person(), await office.recipient())
    home.clock.advance(seconds=WAITED_AT_MOST.total_seconds() - 60)
    await dead_letters.give_up_the_old(home.db, home.clock)
    assert len(await office.waiting()) == 1
    home.clock.advance(minutes=2)
    await dead_letters.give_up_the_old(home.db, home.clock)
    assert await office.waiting() == []


@pytest.mark.parametrize("status", [404, 410, 400, 413, 501])
async def test_what_a_peer_will_never_take_is_given_up_and_the_next_goes_on(
    home: Home, office: PostOffice, peer: Peer, status: int
) -> None:
    alice, carol = await home.person(), await office.recipient()
    sent = [await office.post(alice, carol) for _ in range(2)]
    peer.answers["c.test"] = [status, *([status] if status == 400 else [])]
    await office.worker.run()
    assert list(dict.fromkeys(peer.activities())) == sent
    assert await office.waiting() == []


async def test_a_peer_that_refuses_our_signature_is_tried_three_times(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    await office.post(await home.person(), await office.recipient())
    peer.statuses["c.test"] = 403
    for _ in range(6):
        await office.worker.run()
        home.clock.advance(hours=12)
    assert len(peer.received) == 3
    assert await office.waiting() == []


@pytest.mark.row(95)
@pytest.mark.reliability("R5")
async def test_a_peer_that_asks_for_patience_gets_it(home: Home, office: PostOffice, peer: Peer) -> None:
    await office.post(await home.person(), await office.recipient())
    peer.answers["c.test"] = [429]
    peer.retry_after["c.test"] = "3600"
    await office.worker.run()
    home.clock.advance(minutes=59)
    await office.worker.run()
    assert len(peer.received) == 1
    home.clock.advance(minutes=20)
    await office.worker.run()
    assert len(peer.received) == 2
    assert not home.peers.is_troubled("c.test"), "somebody who answers 429 is there"


async def test_the_signatures_a_peer_takes_are_learned_once_and_kept(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, carol = await home.person(), await office.recipient()
    peer.dialects["c.test"] = "rfc9421"
    await office.post(alice, carol)
    await office.worker.run()
    assert len(peer.received) == 2, "one in each dialect"
    await office.post(alice, carol)
    await office.worker.run()
    assert len(peer.received) == 3
    restarted = Peers(home.clock)
    async with home.db.reading() as tx:
        await restarted.load(tx)
    await office.post(alice, carol)
    await office.new_worker(peers=restarted).run()
    assert len(peer.received) == 4


@pytest.mark.row(1)
async def test_each_attempt_is_signed_anew(home: Home, office: PostOffice, peer: Peer) -> None:
    await office.post(await home.person(), await office.recipient())
    peer.answers["c.test"] = [503]
    await office.worker.run()
    home.clock.advance(hours=2)
    await office.worker.run()
    dates = [each.headers["Date"] for each in peer.received]
    assert dates == ["Thu, 12 Nov 2026 19:00:00 GMT", "Thu, 12 Nov 2026 21:00:00 GMT"]


async def test_what_an_actor_sent_that_is_no_more_stops_nothing(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, bertha, carol = await home.person("alice"), await home.person("bertha"), await office.recipient()
    await office.post(alice, carol)
    sent = await office.post(bertha, carol)
    async with home.db.transaction() as tx:
        await tx.execute(text("DELETE FROM actor_secrets WHERE actor_id = :id"), {"id": alice.id})
    await office.worker.run()
    assert peer.activities() == [sent]
    assert await office.waiting() == []


async def test_a_long_lane_wakes_the_pump_when_it_can_go_on(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, carol = await home.person(), await office.recipient()
    peer.hanging.add("c.test")
    await office.post(alice, carol)
    await office.worker.pump.pump()
    await office.post(alice, carol)
    async with home.bus.subscribe(WAKE_DELIVERY) as wake_ups:
        assert await office.worker.pump.pump() == 0, "the second waits for the first"
        peer.let_go.set()
        await office.worker.pump.idle()
        topic, _ = await asyncio.wait_for(wake_ups.next(), 10)
    assert topic == WAKE_DELIVERY
    await office.worker.run()
    assert await office.waiting() == []


async def test_what_a_lane_held_when_the_database_went_away_is_sent_when_it_is_back(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    alice, carol = await home.person(), await office.recipient()
    peer.hanging.add("c.test")
    sent = [await office.post(alice, carol) for _ in range(2)]
    await office.worker.pump.pump()
    await peer.has_received(1)
    async with home.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE deliveries RENAME TO away"))
    peer.let_go.set()
    peer.hanging.clear()
    await office.worker.pump.idle()
    async with home.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE away RENAME TO deliveries"))
    await office.worker.pump.pump()
    home.clock.advance(seconds=6)
    await office.worker.run()
    assert peer.activities() == [sent[0], *sent]
    assert await office.waiting() == []


async def test_two_workers_deliver_everything_once_and_in_order(tmp_path: Path, peer: Peer) -> None:
    url = await make_database_url(tmp_path)
    db, second_db = open_database(url), open_database(url)
    home = Home(db, origin="http://a.test", net=peer.net("c.test", "d.test"))
    office = PostOffice(home)
    recipients = [await office.recipient(), await office.recipient("dora", "d.test")]
    senders = [await home.person(f"sender{number}") for number in range(4)]
    sent = {sender.uri: [await office.send(sender, *recipients) for _ in range(12)] for sender in senders}
    await office.fan_out()
    workers = [office.new_worker(), office.new_worker(second_db)]
    while await office.waiting():
        await asyncio.gather(*(worker.run() for worker in workers))
    for host in ("c.test", "d.test"):
        for uri, activities in sent.items():
            arrived = [each.activity["id"] for each in peer.received if each.host == host]
            assert [each for each in arrived if each.startswith(f"{uri}#")] == activities
    await home.net.close()
    await db.close()
    await second_db.close()


@pytest.fixture
async def postgres(ground: Ground, tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(await make_postgres_url(tmp_path, ground.postgres))
    yield opened
    await opened.close()


async def queued(db: Database, clock: ManualClock, *ids: int) -> None:
    async with db.transaction() as tx:
        tx.add_all(Fanout(id=id_, sender_id=7, run_at=clock.now(), attempts=0, cursor="") for id_ in ids)


async def test_a_holder_whose_lease_is_over_changes_nothing(home: Home) -> None:
    await queued(home.db, home.clock, 1, 2)

    async def claimed() -> list[HeldFanout]:
        async with home.db.transaction() as tx:
            return await claim(
                tx, Fanout, HeldFanout, now=home.clock.now(), lease=LEASE, limit=10, lane=("sender_id",)
            )

    slow = await claimed()
    home.clock.advance(seconds=LEASE.total_seconds() + 1)
    holder = await claimed()
    async with home.db.transaction() as tx:
        assert not await renew(tx, Fanout, slow, home.clock.now() + 10 * LEASE)
        await give_back(tx, Fanout, slow)
    async with home.db.reading() as tx:
        rows = list(await tx.scalars(select(Fanout).order_by(Fanout.id)))
    assert [(row.leased_until, row.attempts) for row in rows] == [
        (row.leased_until, row.attempts) for row in holder
    ]


async def test_two_workers_that_claim_at_the_same_moment_never_share_a_lane(postgres: Database) -> None:
    clock = ManualClock()
    await queued(postgres, clock, 1, 2, 3, 4)

    async def claimed(limit: int, hold: asyncio.Event, done: asyncio.Event) -> list[int]:
        async with postgres.transaction() as tx:
            rows = await claim(
                tx, Fanout, HeldFanout, now=clock.now(), lease=LEASE, limit=limit, lane=("sender_id",)
            )
            done.set()
            await hold.wait()
            return [row.id for row in rows]

    hold, first_done, second_done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(claimed(2, hold, first_done))
    await first_done.wait()
    second = asyncio.create_task(claimed(10, hold, second_done))
    await second_done.wait()
    hold.set()
    assert await first == [1, 2]
    assert await second == []
    async with postgres.transaction() as tx:
        await tx.execute(delete(Fanout).where(Fanout.id.in_([1, 2])))
    hold.set()
    assert await claimed(10, hold, second_done) == [3, 4]


async def test_a_claim_does_not_overtake_what_somebody_is_just_putting_off(postgres: Database) -> None:
    clock = ManualClock()
    await queued(postgres, clock, 1, 2)
    async with postgres.transaction() as moving:
        await moving.execute(
            text("UPDATE fanouts SET run_at = :later WHERE id = 1"),
            {"later": clock.now() + timedelta(hours=1)},
        )
        async with postgres.transaction() as tx:
            rows = await claim(
                tx, Fanout, HeldFanout, now=clock.now(), lease=LEASE, limit=10, lane=("sender_id",)
            )
    assert rows == []
    async with postgres.reading() as tx:
        later = await tx.get(Fanout, 2)
    assert later is not None
    assert (later.leased_until, later.attempts) == (None, 0)
