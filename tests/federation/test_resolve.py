"""What an id stands for: what its own server shows, fetched once, and no more than can be believed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.federation.models import ActorRow
from fedispace.federation.requests import SignedRequests
from fedispace.federation.resolve import AWAY_AFTER, MAX_FETCHES, Resolver
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri
from tests.factories import Home, open_home
from tests.federation.peer import Peer

HOSTS = ("c.test", "d.test", "evil.test", "good.test", "a.test")


class Blocking:
    """A policy with a list."""

    def __init__(self) -> None:
        self.hosts: set[str] = set()

    async def is_refused(self, host: str) -> bool:
        return host in self.hosts


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    started = Peer(ManualClock())
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def home(tmp_path: Path, peer: Peer) -> AsyncIterator[Home]:
    async with open_home(tmp_path, origin="http://a.test", net=peer.net(*HOSTS)) as opened:
        yield opened


@pytest.fixture
def policy() -> Blocking:
    return Blocking()


@pytest.fixture
def resolver(home: Home, policy: Blocking) -> Resolver:
    requests = SignedRequests(home.net, home.keyring, home.peers, policy, home.clock, home.db)
    return Resolver(home.db, home.actors, requests, home.net, home.addresses, home.clock, plain_http=True)


async def known(home: Home) -> int:
    async with home.db.reading() as tx:
        return await tx.scalar(select(func.count()).where(~ActorRow.local)) or 0


async def refusal(of: Any) -> str:
    with pytest.raises(Refused) as refused:
        await of
    return refused.value.reason


# Whose word counts.


@pytest.mark.attack(28)
async def test_a_document_that_claims_another_origin_is_refused(
    home: Home, resolver: Resolver, peer: Peer
) -> None:
    peer.documents["http://evil.test/x"] = peer.documents[peer.actor("a", "good.test")]
    assert await refusal(resolver.actor("http://evil.test/x")) == "origin_mismatch"
    assert await refusal(resolver.document("http://evil.test/x")) == "origin_mismatch"
    assert await known(home) == 0


@pytest.mark.row(102)
async def test_a_redirect_does_not_lead_around_a_block(
    home: Home, resolver: Resolver, peer: Peer, policy: Blocking
) -> None:
    policy.hosts.add("evil.test")
    mallory = peer.actor("m", "evil.test")
    peer.redirects["http://c.test/users/m"] = mallory
    assert await refusal(resolver.actor(mallory)) == "blocked"
    assert peer.asked == []
    assert await refusal(resolver.actor("http://c.test/users/m")) == "blocked"
    assert await known(home) == 0


async def test_a_redirect_to_ourselves_changes_nobody_of_ours(
    home: Home, resolver: Resolver, peer: Peer
) -> None:
    alice = await home.person()
    peer.redirects["http://evil.test/x"] = peer.actor("alice", "a.test", key="another")
    assert await refusal(resolver.actor("http://evil.test/x")) == "origin_mismatch"
    async with home.db.reading() as tx:
        assert (await home.actors.by_id(tx, alice.id)).document is None


@pytest.mark.parametrize("part", ["inbox", "outbox", "followers"])
@pytest.mark.attack(30)
@pytest.mark.row(74)
async def test_an_actor_spread_over_two_servers_is_refused_by_whatever_way_it_comes(
    home: Home, resolver: Resolver, peer: Peer, part: str
) -> None:
    mallory = peer.actor("m", "evil.test", **{part: "http://good.test/inbox"})
    assert await refusal(resolver.actor(mallory)) == "origin_mismatch"
    home.clock.advance(minutes=6)
    assert await refusal(resolver.document(mallory)) == "origin_mismatch"
    assert await known(home) == 0


@pytest.mark.attack(5)
@pytest.mark.row(28)
async def test_a_note_is_of_an_author_on_its_own_server(resolver: Resolver, peer: Peer) -> None:
    victim = peer.actor("a", "good.test")
    note = peer.note(peer.actor("m", "evil.test"), 1, attributedTo=victim)
    assert await refusal(resolver.document(note["id"])) == "attribution_mismatch"
    assert victim not in peer.asked


async def test_the_author_of_a_note_is_made_known_with_it(home: Home, resolver: Resolver, peer: Peer) -> None:
    note = peer.note(peer.actor(), 1)
    found = await resolver.document(note["id"])
    assert isinstance(found, Note)
    assert await known(home) == 1


async def test_what_is_ours_is_never_fetched(resolver: Resolver, peer: Peer) -> None:
    with pytest.raises(NotFound):
        await resolver.actor("http://a.test/users/nobody")
    with pytest.raises(NotFound):
        await resolver.document("http://a.test/users/nobody/statuses/1")
    assert peer.asked == []


# How often one asks.


@pytest.mark.attack(42)
async def test_a_hundred_who_ask_at_once_make_one_fetch(resolver: Resolver, peer: Peer) -> None:
    carol = peer.actor()
    rows = await asyncio.gather(*(resolver.actor(carol) for _ in range(100)))
    assert {row.uri for row in rows} == {carol}
    assert peer.asked == [carol]


async def test_one_who_stops_waiting_does_not_end_the_fetch_of_the_others(
    resolver: Resolver, peer: Peer
) -> None:
    carol = peer.actor()
    peer.hanging.add(carol)
    impatient, patient = (asyncio.create_task(resolver.actor(carol)) for _ in range(2))
    while not peer.asked:
        await asyncio.sleep(0)
    impatient.cancel()
    peer.let_go.set()
    assert (await patient).uri == carol
    assert peer.asked == [carol]


async def test_what_could_not_be_had_is_not_asked_for_again_for_a_while(
    home: Home, resolver: Resolver, peer: Peer
) -> None:
    nobody = "http://c.test/users/carol"
    for _ in range(3):
        with pytest.raises(NotFound):
            await resolver.actor(nobody)
    assert len(peer.asked) == 1
    home.clock.advance(minutes=6)
    peer.actor()
    assert (await resolver.actor(nobody)).uri == nobody


async def test_a_server_that_fails_again_and_again_is_not_asked_for_a_while(
    home: Home, resolver: Resolver, peer: Peer
) -> None:
    for number in range(10):
        address = f"http://c.test/users/x{number}"
        peer.statuses[address] = 503
        with pytest.raises(Unavailable):
            await resolver.actor(address)
    assert len(peer.asked) == AWAY_AFTER
    assert (await resolver.actor(peer.actor("dora", "d.test"))).host == "d.test"
    home.clock.advance(minutes=1)
    assert (await resolver.actor(peer.actor())).host == "c.test"


@pytest.mark.attack(40)
async def test_no_activity_makes_us_fetch_without_end(resolver: Resolver, peer: Peer) -> None:
    wanted = [Uri(f"http://c.test/notes/{number}") for number in range(3 * MAX_FETCHES)]
    await resolver.documents(wanted)
    assert len(peer.asked) == MAX_FETCHES


# What is gone.


@pytest.mark.row(20)
async def test_an_account_that_its_server_calls_gone_is_forgotten(
    home: Home, resolver: Resolver, peer: Peer
) -> None:
    carol = peer.actor()
    await resolver.actor(carol)
    async with home.db.transaction() as tx:
        await home.people.ensure(tx, carol)
    peer.statuses[carol] = 410
    with pytest.raises(Gone):
        await resolver.actor(carol, refresh=True)
    async with home.db.reading() as tx:
        assert await tx.scalar(select(Account.suspended_at_home).where(Account.uri == carol))
        row = await home.actors.by_uri(tx, carol)
    assert row is not None
    assert row.gone_at is not None


async def test_a_gone_note_forgets_nobody(home: Home, resolver: Resolver, peer: Peer) -> None:
    note = peer.note(peer.actor(), 1)
    await resolver.document(note["id"])
    peer.statuses[note["id"]] = 410
    with pytest.raises(Gone):
        await resolver.document(note["id"])
    async with home.db.reading() as tx:
        assert await tx.scalar(select(func.count()).where(ActorRow.gone_at.is_not(None))) == 0


# Names.


def finger(peer: Peer, name: str, host: str, subject: str, href: str) -> None:
    url = f"http://{host}/.well-known/webfinger?resource=acct%3A{name}%40{host}"
    links: Any = [{"rel": "self", "type": "application/activity+json", "href": href}]
    peer.documents[url] = {"subject": f"acct:{subject}", "links": links}


@pytest.mark.attack(31)
@pytest.mark.row(68)
async def test_nobody_dresses_up_as_somebody_else(resolver: Resolver, peer: Peer) -> None:
    """evil.test says its account is bob@good.test; good.test does not."""
    finger(peer, "bob", "evil.test", "bob@good.test", "http://evil.test/users/bob")
    finger(peer, "bob", "good.test", "bob@good.test", "http://good.test/users/bob")
    assert await refusal(resolver.webfinger("bob", "evil.test")) == "webfinger_mismatch"


@pytest.mark.attack(31)
@pytest.mark.row(68)
async def test_nobody_gives_somebody_elses_account_a_name_of_their_own(
    resolver: Resolver, peer: Peer
) -> None:
    """evil.test says that bob's account at good.test is bob@evil.test; good.test does not."""
    finger(peer, "bob", "evil.test", "bob@evil.test", "http://good.test/users/bob")
    finger(peer, "bob", "good.test", "bob@good.test", "http://good.test/users/bob")
    assert await refusal(resolver.webfinger("bob", "evil.test")) == "webfinger_mismatch"


@pytest.mark.row(68)
async def test_an_address_at_another_domain_counts_when_both_say_so(resolver: Resolver, peer: Peer) -> None:
    for host in ("c.test", "d.test"):
        finger(peer, "sue", host, "sue@c.test", "http://d.test/users/sue")
    for asked in ("c.test", "d.test"):
        named = await resolver.webfinger("sue", asked)
        assert (named.uri, named.username, named.domain) == ("http://d.test/users/sue", "sue", "c.test")


async def test_a_blocked_domain_is_not_asked_for_names(
    resolver: Resolver, peer: Peer, policy: Blocking
) -> None:
    policy.hosts.add("evil.test")
    assert await refusal(resolver.webfinger("m", "evil.test")) == "blocked"
    assert peer.asked == []


@pytest.mark.parametrize(
    "links", [None, 7, "x", {}, [7, None, {"rel": "self"}], [{"rel": "self", "href": 1}]]
)
async def test_an_answer_of_the_wrong_shape_names_nobody(resolver: Resolver, peer: Peer, links: Any) -> None:
    finger(peer, "x", "c.test", "x@c.test", "http://c.test/users/x")
    for document in peer.documents.values():
        document["links"] = links
    with pytest.raises((NotFound, Invalid)):
        await resolver.webfinger("x", "c.test")
