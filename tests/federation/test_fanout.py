"""An activity's audience becomes one delivery per inbox: no more, no fewer, whatever breaks meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from fedispace.accounts.models import Account
from fedispace.federation.fanout import BATCH, LEASE
from fedispace.federation.models import Delivery, Fanout, FollowerInbox
from tests.factories import Home, open_home
from tests.federation.post_office import PostOffice


class Trap:
    """A policy that breaks at one host, as code does that has a fault, until it is mended."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.blocked: set[str] = set()

    async def is_refused(self, host: str) -> bool:
        if host == self.host:
            raise RuntimeError("nobody thought of this host")
        return host in self.blocked


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with open_home(tmp_path, origin="http://a.test") as opened:
        yield opened


@pytest.fixture
def trap() -> Trap:
    return Trap("")


@pytest.fixture
def office(home: Home, trap: Trap) -> PostOffice:
    return PostOffice(home, policy=trap)


async def followed_at(home: Home, who: Account, *hosts: str) -> None:
    async with home.db.transaction() as tx:
        tx.add_all(FollowerInbox(actor_id=who.id, inbox=f"http://{host}/inbox", count=1) for host in hosts)


async def inboxes(office: PostOffice) -> list[str]:
    return [inbox for _, inbox in await office.waiting()]


async def test_nobody_is_told_twice_or_at_all_who_should_not_be(
    home: Home, office: PostOffice, trap: Trap
) -> None:
    alice, bertha = await home.person("alice"), await home.person("bertha")
    carol = await office.recipient("carol", "c.test")
    dora = await office.recipient("dora", "c.test")
    blocked = await office.recipient("x", "blocked.test")
    gone = await office.recipient("gone", "gone.test")
    async with home.db.transaction() as tx:
        await home.actors.forget(tx, gone.uri)
    trap.blocked.add("blocked.test")
    await followed_at(home, alice, "c.test", "d.test", "blocked.test")
    await office.send(alice, carol, dora, blocked, gone, bertha, followers=True)
    await office.fan_out()
    assert sorted(await inboxes(office)) == ["http://c.test/inbox", "http://d.test/inbox"]


async def test_what_is_not_public_goes_to_personal_inboxes(home: Home, office: PostOffice) -> None:
    alice, carol = await home.person(), await office.recipient()
    await office.send(alice, carol, public=False)
    await office.fan_out()
    assert await inboxes(office) == [f"{carol.uri}/inbox"]


async def test_a_fan_out_to_very_many_goes_on_where_it_broke_off(
    home: Home, office: PostOffice, trap: Trap
) -> None:
    alice = await home.person()
    hosts = [f"h{number:04}.test" for number in range(2 * BATCH + 10)]
    await followed_at(home, alice, *hosts)
    trap.host = hosts[BATCH + 7]
    await office.send(alice, followers=True)
    await office.fan_out()
    assert len(await office.rows()) == BATCH
    async with home.db.transaction() as tx:
        await tx.execute(delete(Delivery))
    trap.host = ""
    home.clock.advance(minutes=5)
    await office.fan_out()
    assert await inboxes(office) == [f"http://{host}/inbox" for host in hosts[BATCH:]]
    assert await office.fanning_out() == []


async def test_a_fan_out_that_breaks_holds_back_its_sender_and_nobody_else(
    home: Home, office: PostOffice, trap: Trap
) -> None:
    alice, bertha = await home.person("alice"), await home.person("bertha")
    bad, carol = await office.recipient("x", "bad.test"), await office.recipient()
    first = await office.send(alice, bad)
    second = await office.send(alice, carol)
    other = await office.send(bertha, carol)
    trap.host = "bad.test"
    await office.fan_out()
    assert [uri for uri, _ in await office.waiting()] == [other]
    assert {each.leased_until for each in await office.fanning_out()} == {None}
    trap.host = ""
    home.clock.advance(minutes=5)
    await office.fan_out()
    assert [uri for uri, _ in await office.waiting()] == [other, first, second]


async def test_a_process_that_dies_loses_no_fan_out(home: Home, office: PostOffice) -> None:
    alice, carol = await home.person(), await office.recipient()
    sent = await office.send(alice, carol)
    async with home.db.transaction() as tx:
        (fanout,) = await tx.scalars(select(Fanout))
        fanout.leased_until = home.clock.now() + LEASE
    await office.fan_out()
    assert await office.waiting() == []
    home.clock.advance(seconds=LEASE.total_seconds() + 1)
    await office.fan_out()
    assert [uri for uri, _ in await office.waiting()] == [sent]
