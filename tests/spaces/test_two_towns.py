"""Two instances over real HTTP and real signatures: bob of beta looks up alice's Space and joins it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.config import Spaces as Limits
from fedispace.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unavailable
from fedispace.spaces.models import Space, Ticket
from fedispace.spaces.verbs.changing import Changes
from tests.ground.ports import free_port
from tests.spaces.town import Town


@pytest.fixture
async def towns(tmp_path: Path, clock: ManualClock) -> AsyncIterator[tuple[Town, Town]]:
    opened = []
    for _ in range(2):
        town = await Town.open(tmp_path, clock, f"http://127.0.0.1:{free_port('127.0.0.1')}")
        await town.serve()
        opened.append(town)
    yield opened[0], opened[1]
    for town in opened:
        await town.close()


async def test_a_space_is_found_by_its_id_and_by_its_page(towns: tuple[Town, Town]) -> None:
    alpha, beta = towns
    alice, bob = await alpha.resident("alice"), await beta.resident("bob")
    space = await alpha.live_space(alice, description="Come ask.")
    found = await beta.lookup.space(space.uri, bob.id)
    assert (found.uri, found.title, found.state, found.description) == (
        space.uri,
        "An open floor",
        "live",
        "Come ask.",
    )
    assert not found.local
    assert (await alpha.lookup.space(space.uri, alice.id)).id == space.id
    assert (await alpha.lookup.space(space.url, None)).id == space.id


async def test_what_is_no_space_is_not_found(towns: tuple[Town, Town]) -> None:
    alpha, beta = towns
    alice, bob = await alpha.resident("alice"), await beta.resident("bob")
    hidden = await alpha.live_space(alice, access="followers")
    for address in (hidden.uri, alice.uri, f"{alpha.addresses.origin}/spaces/1", bob.uri):
        with pytest.raises(NotFound):
            await beta.lookup.space(address, bob.id)


async def test_a_look_up_brings_a_known_space_up_to_date_and_survives_silence(
    towns: tuple[Town, Town], clock: ManualClock
) -> None:
    alpha, beta = towns
    alice = await alpha.resident("alice")
    space = await alpha.live_space(alice)
    await beta.lookup.space(space.uri, None)
    clock.advance(minutes=5)
    await alpha.hosting.close(alice, space.id)
    assert (await beta.lookup.space(space.uri, None)).state == "ended"
    await alpha.close()
    assert (await beta.lookup.space(space.uri, None)).state == "ended"
    with pytest.raises(Unavailable):
        await beta.lookup.space(f"{alpha.addresses.origin}/spaces/2", None)


async def test_a_home_server_gets_its_user_a_ticket_from_the_host(towns: tuple[Town, Town]) -> None:
    alpha, beta = towns
    alice, bob = await alpha.resident("alice"), await beta.resident("bob")
    space = await alpha.live_space(alice)
    known = await beta.lookup.space(space.uri, bob.id)
    admission = await beta.entering.join(bob, known.id, "listener")
    assert admission.whep_url == f"{space.uri}/whep"
    assert admission.ticket is not None
    async with alpha.db.transaction() as tx:
        visitor = await alpha.tickets.redeem(tx, admission.ticket, space_id=space.id, role="listener")
        assert (await alpha.people.by_id(tx, visitor)).uri == bob.uri
    async with beta.db.reading() as tx:
        assert (await tx.scalars(select(Ticket))).all() == []


async def test_the_hosts_refusals_reach_the_user(towns: tuple[Town, Town]) -> None:
    alpha, beta = towns
    alice, bob = await alpha.resident("alice"), await beta.resident("bob")
    space = await alpha.live_space(alice)
    known = await beta.lookup.space(space.uri, bob.id)
    with pytest.raises(Forbidden):
        await beta.entering.join(bob, known.id, "speaker")
    await alpha.hosting.close(alice, space.id)
    with pytest.raises(Conflict):
        await beta.entering.join(bob, known.id, "listener")
    await alpha.close()
    with pytest.raises(Unavailable):
        await beta.entering.join(bob, known.id, "listener")


async def test_a_visitor_without_an_account_is_sent_to_the_host_without_a_ticket(
    towns: tuple[Town, Town],
) -> None:
    alpha, beta = towns
    alice = await alpha.resident("alice")
    space = await alpha.live_space(alice)
    known = await beta.lookup.space(space.uri, None)
    admission = await beta.entering.join(None, known.id, "listener")
    assert (admission.whep_url, admission.ticket) == (f"{space.uri}/whep", None)
    with pytest.raises(Unauthenticated):
        await beta.entering.join(None, known.id, "speaker")


async def test_a_visitor_without_an_account_is_not_sent_where_listeners_need_one(
    tmp_path: Path, clock: ManualClock, towns: tuple[Town, Town]
) -> None:
    _, beta = towns
    origin = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    strict = await Town.open(tmp_path, clock, origin, limits=Limits(anonymous_listening=False))
    await strict.serve()
    alice, bob = await strict.resident("alice"), await beta.resident("bob")
    space = await strict.live_space(alice)
    known = await beta.lookup.space(space.uri, None)
    with pytest.raises(Unauthenticated, match="needs an account"):
        await beta.entering.join(None, known.id, "listener")
    assert (await beta.entering.join(bob, known.id, "listener")).ticket is not None
    await strict.close()


async def test_joining_at_home(towns: tuple[Town, Town]) -> None:
    alpha, _ = towns
    alice, carol = await alpha.resident("alice"), await alpha.resident("carol")
    space = await alpha.hosting.create(alice, title="Mine")
    with pytest.raises(Conflict, match="not started"):
        await alpha.entering.join(carol, space.id, "listener")
    await alpha.hosting.open(alice, space.id)
    admission = await alpha.entering.join(alice, space.id, "speaker")
    assert admission.whip_url == f"{space.uri}/whip"
    assert admission.ticket is not None
    with pytest.raises(Forbidden):
        await alpha.entering.join(carol, space.id, "speaker")
    assert (await alpha.entering.join(carol, space.id, "listener")).ticket is not None
    assert (await alpha.entering.join(None, space.id, "listener")).ticket is None


async def test_what_is_for_followers_is_found_by_who_was_told_of_it(towns: tuple[Town, Town]) -> None:
    """The instance that fetches is no follower, and is shown nothing."""
    alpha, beta = towns
    alice, bob, carol = (
        await alpha.resident("alice"),
        await beta.resident("bob"),
        await beta.resident("carol"),
    )
    space = await alpha.live_space(alice)
    known = await beta.lookup.space(space.uri, bob.id)
    await alpha.verbs.changing.change(alice.id, space.id, Changes(access="followers"))
    async with beta.db.transaction() as tx:  # as the Update says, that comes to followers
        stored = await tx.get(Space, known.id)
        assert stored is not None
        stored.access = "followers"
        host = await tx.get(Account, stored.host_id)
    assert host is not None
    await beta.follow(bob, host)
    for address in (space.uri, space.url):
        assert (await beta.lookup.space(address, bob.id)).id == known.id
        with pytest.raises(NotFound):
            await beta.lookup.space(address, carol.id)
