"""Who stands in which queue, and that nobody is starved by what others send."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.federation import bands
from fedispace.federation.delivery import BATCH, HELD_OF_A_BAND
from fedispace.federation.models import Delivery, FollowerInbox, OutboxItem
from tests.factories import Home, open_home
from tests.federation.peer import Peer
from tests.federation.post_office import PostOffice

CROWD = [f"h{number}.test" for number in range(300)]


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    started = Peer(ManualClock())
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def home(tmp_path: Path, peer: Peer) -> AsyncIterator[Home]:
    async with open_home(tmp_path, origin="http://a.test", net=peer.net("c.test", *CROWD)) as opened:
        yield opened


@pytest.fixture
def office(home: Home) -> PostOffice:
    return PostOffice(home)


async def famous(home: Home, name: str) -> Account:
    """Return somebody with followers on all of the crowd."""
    person = await home.person(name)
    async with home.db.transaction() as tx:
        rows = [{"actor_id": person.id, "inbox": f"http://{host}/inbox", "count": 1} for host in CROWD]
        await tx.execute(insert(FollowerInbox), rows)
    return person


async def as_deletes(home: Home) -> None:
    """Make everything that was sent so far a Delete."""
    async with home.db.transaction() as tx:
        for item in await tx.scalars(select(OutboxItem)):
            item.type = "Delete"


def test_replies_viral_posts_and_deletes_stand_apart() -> None:
    assert bands.band_of_followers("Create", 7, inboxes=20) == bands.ORDINARY
    assert bands.band_of_followers("Create", 7, inboxes=1000) in bands.BULK
    assert bands.band_of_followers("Delete", 7, inboxes=1000) == bands.LOW
    assert bands.band_of_followers("Update", 7, inboxes=20) == bands.LOW
    assert {bands.band_of_followers("Announce", n, inboxes=1000) for n in range(60)} == set(bands.BULK)


async def test_a_reply_does_not_wait_for_a_viral_post(home: Home, office: PostOffice, peer: Peer) -> None:
    star, bob = await famous(home, "star"), await home.person("bob")
    carol = await office.recipient()
    for _ in range(8):
        await office.send(star, followers=True)
    await office.fan_out()
    reply = await office.post(bob, carol)
    await office.worker.run()
    before = peer.activities().index(reply)
    assert len(peer.received) == 8 * len(CROWD) + 1
    assert before < BATCH, f"{before} deliveries of the viral posts went first"


async def test_who_is_named_in_a_viral_post_is_told_among_the_first(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    star, carol = await famous(home, "star"), await office.recipient()
    await office.send(star, carol, followers=True)
    await office.fan_out()
    (named,) = [row for row in await office.rows() if row.host == "c.test"]
    assert named.band == bands.ORDINARY


async def test_ten_thousand_deletes_of_somebody_else_do_not_hold_up_a_post(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    tidy, bob, carol = await famous(home, "tidy"), await home.person("bob"), await office.recipient()
    for _ in range(10):
        await office.send(tidy, followers=True)
    await as_deletes(home)
    await office.fan_out()
    assert {row.band for row in await office.rows()} == {bands.LOW}
    post = await office.post(bob, carol)
    await office.worker.run()
    assert peer.activities().index(post) < BATCH
    assert await office.waiting() == []


async def test_a_delete_stays_behind_its_create_at_every_peer_although_its_queue_is_another(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    tidy = await famous(home, "tidy")
    gone = [await office.send(tidy, followers=True) for _ in range(2)]
    await as_deletes(home)
    await office.fan_out()
    then = await office.send(tidy, followers=True)
    await office.fan_out()
    while await office.waiting():
        await office.worker.run()
    for host in CROWD:
        assert peer.activities(host) == [*gone, then]


async def test_a_queue_that_hangs_whole_leaves_room_for_the_others(
    home: Home, office: PostOffice, peer: Peer
) -> None:
    """So many deliveries to servers that hang that no more of their queue may be held."""
    bob, carol = await home.person("bob"), await office.recipient()
    peer.hanging.update(CROWD)
    star = await famous(home, "star")
    for _ in range(1 + HELD_OF_A_BAND // len(CROWD)):
        await office.send(star, followers=True)
    await office.fan_out()
    while await office.worker.pump.pump():
        pass
    reply = await office.post(bob, carol)
    async with asyncio.timeout(20):
        await office.worker.pump.pump()
        await peer.gets(reply, within=15)
    async with home.db.reading() as tx:
        held = list(await tx.scalars(select(Delivery.id).where(Delivery.leased_until.is_not(None))))
    assert len(held) <= HELD_OF_A_BAND + 1
    await office.worker.die()
