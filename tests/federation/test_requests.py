"""Signed requests: in the dialect a peer takes, by the right actor, and never to whom we blocked."""

import base64
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.errors import NotFound, Refused
from fedispace.federation.keys import public_key
from fedispace.federation.peers import Peers
from fedispace.federation.policy import Policy
from fedispace.federation.requests import SignedRequests
from fedispace.federation.vocab.activities import Follow
from fedispace.federation.vocab.actors import PublicKeyRef
from fedispace.federation.vocab.uri import Uri
from tests.factories import Home, keys, open_home
from tests.federation.peer import Peer


class Blocks:
    async def is_refused(self, host: str) -> bool:
        return host == "evil.test"


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    started = Peer(ManualClock())
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def home(tmp_path: Path, peer: Peer) -> AsyncIterator[Home]:
    net = peer.net("c.test", "evil.test")
    async with open_home(tmp_path, origin="http://a.test", net=net) as opened:
        yield opened


@pytest.fixture
async def alice(home: Home) -> Account:
    return await home.person()


def requests(home: Home, policy: Policy | None = None) -> SignedRequests:
    return SignedRequests(home.net, home.keyring, home.peers, policy or Blocks(), home.clock, home.db)


def follow(alice: Account) -> Follow:
    return Follow(id=Uri(f"{alice.uri}#1"), actor=Uri(alice.uri), object=Uri("http://c.test/users/carol"))


@pytest.mark.row(102)
async def test_nothing_goes_to_a_blocked_server(home: Home, alice: Account, peer: Peer) -> None:
    for attempt in (
        requests(home).document("http://evil.test/users/m"),
        requests(home).post("http://evil.test/inbox", follow(alice), sender_id=alice.id),
    ):
        with pytest.raises(Refused) as refused:
            await attempt
        assert refused.value.reason == "blocked"
    assert peer.asked == []
    assert peer.received == []


async def test_nobody_who_does_not_exist_here_signs(home: Home, peer: Peer) -> None:
    with pytest.raises(NotFound):
        await requests(home).post_bytes("http://c.test/inbox", b"{}", sender_id=1)
    assert peer.received == []


@pytest.mark.row(10)
async def test_an_unknown_server_gets_the_old_dialect_first(home: Home, alice: Account, peer: Peer) -> None:
    reply = await requests(home).post("http://c.test/inbox", follow(alice), sender_id=alice.id)
    assert reply.status == 202
    (received,) = peer.received
    assert "Signature-Input" not in received.headers
    assert f'keyId="{alice.uri}#main-key"' in received.headers["Signature"]


@pytest.mark.row(10)
async def test_a_server_that_takes_neither_dialect_is_told_in_both_and_nothing_is_learned(
    home: Home, alice: Account, peer: Peer
) -> None:
    peer.statuses["c.test"] = 401
    reply = await requests(home).post("http://c.test/inbox", follow(alice), sender_id=alice.id)
    assert reply.status == 401
    assert ["Signature-Input" in each.headers for each in peer.received] == [False, True]
    assert home.peers.dialect("c.test") is None


@pytest.mark.row(10)
async def test_what_was_learned_is_tried_first_after_a_restart(
    home: Home, alice: Account, peer: Peer
) -> None:
    peer.dialects["c.test"] = "rfc9421"
    await requests(home).post("http://c.test/inbox", follow(alice), sender_id=alice.id)
    home.peers = Peers(home.clock)
    async with home.db.reading() as tx:
        await home.peers.load(tx)
    await requests(home).post("http://c.test/inbox", follow(alice), sender_id=alice.id)
    assert ["Signature-Input" in each.headers for each in peer.received] == [False, True, True]


@pytest.mark.privacy("P-06")
async def test_documents_are_asked_for_by_the_instance_and_never_by_a_person(home: Home, peer: Peer) -> None:
    await requests(home).document(peer.actor())
    (headers,) = peer.asked_with
    assert 'keyId="http://a.test/actor#main-key"' in headers["Signature"]


# What a peer asks for.


def _covers(*wanted: str) -> Callable[[web.Request], bool]:
    return lambda request: all(each in request.headers.get("Signature-Input", "") for each in wanted)


ASKED = 'their=("@method" "@target-uri" "@authority" "content-digest");created;keyid;nonce="b64/=";tag="app"'


@pytest.mark.row(10)
@pytest.mark.parametrize("learned", [None, "rfc9421"])
async def test_a_peer_that_says_how_to_sign_is_signed_to_as_it_says(
    home: Home, alice: Account, peer: Peer, learned: str | None
) -> None:
    if learned:
        home.peers.learned("c.test", "rfc9421")
    peer.accept_signature["c.test"] = ASKED
    peer.takes["c.test"] = _covers(
        "their=(", '"@authority"', '"content-digest"', 'nonce="b64/="', 'tag="app"'
    )
    reply = await requests(home).post("http://c.test/inbox", follow(alice), sender_id=alice.id)
    assert reply.status == 202
    assert len(peer.received) == 2


@pytest.mark.row(10)
async def test_a_document_behind_a_challenge_is_signed_for_as_asked(home: Home, peer: Peer) -> None:
    carol = peer.actor()
    peer.accept_signature["c.test"] = 'sig1=("@method" "@authority" "@path" "@query" "date");created;keyid'
    peer.takes["c.test"] = _covers('"@authority" ', '"@path"', '"@query"', '"date"', '"@target-uri"')
    assert (await requests(home).document(carol)).document["id"] == carol


@pytest.mark.row(10)
@pytest.mark.parametrize(
    "asked",
    [
        "",
        "nonsense",
        'sig1=("@method" "cookie");created',
        'sig1=("@method";req);created',
        'sig1=("@status");created',
        "x" * 7_000,
    ],
)
async def test_a_peer_that_asks_for_what_we_do_not_sign_gets_the_other_dialect(
    home: Home, alice: Account, peer: Peer, asked: str
) -> None:
    peer.accept_signature["c.test"] = asked
    peer.dialects["c.test"] = "rfc9421"
    reply = await requests(home).post("http://c.test/inbox", follow(alice), sender_id=alice.id)
    assert reply.status == 202
    assert 'sig1=("@method" "@target-uri" "content-digest")' in peer.received[1].headers["Signature-Input"]


@pytest.mark.row(7)
async def test_a_peer_that_leaves_the_query_out_of_the_target_is_signed_to_without_it(
    home: Home, peer: Peer
) -> None:
    page = "http://c.test/users/carol/outbox?page=1"
    peer.documents[page] = {"id": page, "type": "OrderedCollectionPage", "orderedItems": []}
    carol = peer.actor()
    key = public_key(PublicKeyRef(id=Uri("http://a.test/actor#main-key"), owner=Uri("http://a.test/actor"),
                                  kind="rsa", pem=keys().rsa_public))  # fmt: skip

    def without_query(request: web.Request) -> bool:
        match = re.search(r'signature="([^"]+)"', request.headers["Signature"])
        lines = (
            f"(request-target): get {request.path}\nhost: {request.host}\ndate: {request.headers.get('Date')}"
        )
        return match is not None and key.is_signature(base64.b64decode(match[1]), lines.encode())

    peer.takes["c.test"] = without_query
    assert (await requests(home).document(page)).document["id"] == page
    assert peer.asked == [page] * 3
    assert (await requests(home).document(carol)).document["id"] == carol
