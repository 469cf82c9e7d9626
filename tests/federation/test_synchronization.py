"""Two servers compare who follows whom between them (FEP-8fcf), and set it right without harming anybody."""

import re
from typing import Any

import pytest
from sqlalchemy import delete, update

from fedispace.accounts import follower_digests
from fedispace.accounts.models import Follow
from fedispace.errors import Invalid
from fedispace.federation.models import OutboxItem
from fedispace.federation.synchronization import digest_of, header_value, parse
from fedispace.queue.models import Job
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import Peer

EMPTY = "0" * 64
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # SHA-256 of "abc", FIPS 180-2


@pytest.fixture
async def carol(fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer) -> str:
    """carol of c.test, whom alice follows."""
    uri = peer.actor()
    found = await alice.get("/api/v2/search", q=uri, resolve="true", type="accounts")
    await alice.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")
    await fediverse.settle()
    (follow,) = [each.activity for each in peer.received]
    await peer.post(alpha.inbox, peer.activity("Accept", uri, follow))
    await fediverse.settle()
    assert await alpha.count(Follow, Follow.accepted.is_(True)) == 1
    peer.received.clear()
    return uri


def url_of(actor: str) -> str:
    return f"{actor}/followers_synchronization"


async def private_post(peer: Peer, alpha: Server, by: str, header: str, number: int = 1) -> None:
    note = peer.note(by, number, to=[f"{by}/followers"], cc=[])
    create = peer.activity("Create", by, note, number, to=note["to"])
    answer = await peer.post(alpha.inbox, create, headers={"Collection-Synchronization": header})
    assert answer.status == 202


def lists(peer: Peer, actor: str, *ids: str) -> str:
    """Show the partial list of an actor's followers; return the header that announces it."""
    url = url_of(actor)
    peer.documents[url] = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": url,
        "type": "OrderedCollection",
        "orderedItems": list(ids),
    }
    return header_value(f"{actor}/followers", url, digest_of(ids))


def asked(peer: Peer) -> list[str]:
    return [each for each in peer.asked if each.endswith("followers_synchronization")]


# The words.


def test_the_digest_depends_on_no_order_and_takes_back_what_it_took() -> None:
    assert digest_of([]) == EMPTY
    assert digest_of(["abc"]) == ABC
    assert digest_of(["abc", "x"]) == digest_of(["x", "abc"]) != digest_of(["x"])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        f'collectionId="https://c.test/f", digest="{ABC}"',
        f'collectionId="https://c.test/f", url="https://c.test/s", digest="{ABC[:-1]}"',
        f'url="https://c.test/s", url="https://c.test/s", collectionId="https://c.test/f", digest="{ABC}"',
        f'collectionId="file:///etc/passwd", url="https://c.test/s", digest="{ABC}"',
        "x" * 5000,
    ],
)
def test_a_header_that_says_no_such_thing_is_not_understood(value: str) -> None:
    with pytest.raises(Invalid):
        parse(value)


def test_the_header_is_read_in_any_order() -> None:
    stated = parse(f'digest="{ABC.upper()}",url="https://c.test/s" , collectionId="https://c.test/f"')
    assert (stated.collection, stated.url, stated.digest) == ("https://c.test/f", "https://c.test/s", ABC)


# What we say.


@pytest.fixture
async def followers(fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer) -> list[str]:
    """Two followers of alice's at c.test, and one at d.test."""
    ids = [peer.actor(name, host) for name, host in (("f1", "c.test"), ("f2", "c.test"), ("g", "d.test"))]
    for uri in ids:
        await peer.post(alpha.inbox, peer.activity("Follow", uri, alice.account.uri))
    await fediverse.settle()
    peer.received.clear()
    return ids


@pytest.mark.row(86)
@pytest.mark.privacy("P-05")
async def test_each_server_is_told_the_digest_of_its_own_people_and_no_other(
    fediverse: Fediverse, alice: Client, peer: Peer, followers: list[str]
) -> None:
    await alice.post("/api/v1/statuses", {"status": "psst", "visibility": "private"})
    await fediverse.settle()
    told = {each.host: each.headers["Collection-Synchronization"] for each in peer.received}
    uri = alice.account.uri
    assert told == {
        "c.test": header_value(f"{uri}/followers", url_of(uri), digest_of(followers[:2])),
        "d.test": header_value(f"{uri}/followers", url_of(uri), digest_of(followers[2:])),
    }
    for each in peer.received:
        covered = re.search(r'headers="([^"]+)"', each.headers["Signature"])
        assert covered is not None
        assert "collection-synchronization" in covered[1].split()


@pytest.mark.row(86)
async def test_what_is_not_for_followers_only_says_nothing_of_them(
    fediverse: Fediverse, alice: Client, peer: Peer, followers: list[str]
) -> None:
    for visibility in ("public", "unlisted", "direct"):
        await alice.post("/api/v1/statuses", {"status": "hello @f1@c.test", "visibility": visibility})
    await fediverse.settle()
    assert len(peer.received) >= 5
    assert [each for each in peer.received if "Collection-Synchronization" in each.headers] == []


@pytest.mark.privacy("P-05")
async def test_a_digest_does_not_follow_a_redirect_to_another_server(
    fediverse: Fediverse, alice: Client, peer: Peer, followers: list[str]
) -> None:
    peer.moved["http://c.test/inbox"] = "http://e.test/inbox"
    await alice.post("/api/v1/statuses", {"status": "psst", "visibility": "private"})
    await fediverse.settle()
    told = {each.host: "Collection-Synchronization" in each.headers for each in peer.received}
    assert told == {"e.test": False, "d.test": True}


@pytest.mark.row(86)
async def test_somebody_with_very_many_followers_compares_none(
    fediverse: Fediverse,
    alice: Client,
    peer: Peer,
    followers: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follower_digests, "MAX_FOLLOWERS", 3)
    await alice.post("/api/v1/statuses", {"status": "psst", "visibility": "private"})
    await fediverse.settle()
    assert len(peer.received) == 2
    assert [each for each in peer.received if "Collection-Synchronization" in each.headers] == []


@pytest.mark.privacy("P-05")
async def test_the_list_shows_each_server_its_own_people_and_strangers_nothing(
    alice: Client, peer: Peer, followers: list[str]
) -> None:
    url = url_of(alice.account.uri)
    shown = await peer.get(url, by=followers[0])
    assert shown.json["id"] == url
    assert sorted(shown.json["orderedItems"]) == sorted(followers[:2])
    assert shown.headers["Cache-Control"] == "private, no-store"
    assert (await peer.get(url, by=followers[2])).json["orderedItems"] == followers[2:]
    assert (await peer.get(url, by=peer.actor("m", "evil.test"))).json.get("orderedItems", []) == []
    stranger = await peer.get(url)
    assert (stranger.status, stranger.problem) == (401, "sig_missing")
    assert (await peer.get(url, by=followers[0], key="another")).status == 401


# What we are told.


@pytest.mark.row(86)
async def test_a_follow_that_the_other_server_does_not_have_is_over(
    fediverse: Fediverse, alpha: Server, alice: Client, carol: str, peer: Peer
) -> None:
    fediverse.clock.advance(hours=2)
    await private_post(peer, alpha, carol, lists(peer, carol))
    await fediverse.settle()
    assert await alpha.count(Follow) == 0
    assert (await alice.get(f"/api/v1/accounts/{alice.id}"))["following_count"] == 0
    assert asked(peer) == [url_of(carol)]


@pytest.mark.row(86)
async def test_a_follow_nobody_here_knows_of_is_taken_back(
    fediverse: Fediverse, alpha: Server, alice: Client, carol: str, peer: Peer
) -> None:
    eve = await alpha.person("eve")
    await private_post(peer, alpha, carol, lists(peer, carol, alice.account.uri, eve.account.uri))
    await fediverse.settle()
    (undo,) = [each.activity for each in peer.received]
    assert (undo["type"], undo["actor"], undo["object"]["type"]) == ("Undo", eve.account.uri, "Follow")
    assert (undo["object"]["actor"], undo["object"]["object"]) == (eve.account.uri, carol)
    assert await alpha.count(Follow) == 1


async def test_a_follow_that_was_asked_for_and_stands_in_their_list_was_accepted(
    fediverse: Fediverse, alpha: Server, alice: Client, carol: str, peer: Peer
) -> None:
    async with alpha.app.db.transaction() as tx:
        await tx.execute(update(Follow).values(accepted=False))
    await private_post(peer, alpha, carol, lists(peer, carol, alice.account.uri))
    await fediverse.settle()
    assert await alpha.count(Follow, Follow.accepted.is_(True)) == 1
    assert peer.received == []


@pytest.mark.row(86)
async def test_where_both_agree_nobody_is_asked(
    fediverse: Fediverse, alpha: Server, alice: Client, carol: str, peer: Peer
) -> None:
    for number in range(3):
        await private_post(peer, alpha, carol, lists(peer, carol, alice.account.uri), number)
    await fediverse.settle()
    assert asked(peer) == []
    assert await alpha.count(Job) == 0


async def test_a_follow_that_was_made_just_now_is_not_missed_yet(
    fediverse: Fediverse, alpha: Server, alice: Client, carol: str, peer: Peer
) -> None:
    """Its Accept and their list may have crossed on the way."""
    await private_post(peer, alpha, carol, lists(peer, carol))
    await fediverse.settle()
    assert asked(peer) == [url_of(carol)]
    assert await alpha.count(Follow) == 1


@pytest.mark.row(86)
@pytest.mark.parametrize("how", ["gone", "another list", "no list", "not ours", "nested", "elsewhere"])
async def test_a_list_that_is_not_the_one_announced_changes_nothing(
    fediverse: Fediverse, alpha: Server, alice: Client, carol: str, peer: Peer, how: str
) -> None:
    fediverse.clock.advance(hours=2)
    header = lists(peer, carol)
    document: dict[str, Any] = peer.documents[url_of(carol)]
    match how:
        case "gone":
            del peer.documents[url_of(carol)]
        case "another list":
            document["orderedItems"] = [f"{alpha.origin}/users/x"]
        case "no list":
            del document["orderedItems"]
        case "not ours":
            header = lists(peer, carol, "http://d.test/users/x")
        case "nested":
            document["orderedItems"] = [[]]
        case _:
            header = header.replace(url_of(carol), url_of(peer.actor("m", "evil.test")))
    await private_post(peer, alpha, carol, header)
    await fediverse.settle()
    assert await alpha.count(Follow) == 1
    assert [each for each in asked(peer) if "evil.test" in each] == []


async def test_nobody_speaks_of_somebody_elses_followers(
    fediverse: Fediverse, alpha: Server, alice: Client, carol: str, peer: Peer
) -> None:
    fediverse.clock.advance(hours=2)
    mallory = peer.actor("mallory", "c.test")
    await private_post(peer, alpha, mallory, lists(peer, carol))
    await fediverse.settle()
    assert asked(peer) == []
    assert await alpha.count(Follow) == 1


async def test_one_digest_makes_us_ask_once_in_a_while_however_often_it_comes(
    fediverse: Fediverse, alpha: Server, alice: Client, carol: str, peer: Peer
) -> None:
    header = lists(peer, carol)
    for number in range(10):
        await private_post(peer, alpha, carol, header, number)
        await fediverse.settle()
    assert len(asked(peer)) == 1


@pytest.mark.row(86)
async def test_two_of_ours_find_out_about_a_lost_undo(
    fediverse: Fediverse, alpha: Server, beta: Server, alice: Client
) -> None:
    """bob's server forgot that he follows alice; her next private post makes it say so."""
    bob = await beta.person("bob")
    found = await bob.get("/api/v2/search", q="@alice@a.test", resolve="true", type="accounts")
    await bob.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")
    await fediverse.settle()
    async with beta.app.db.transaction() as tx:
        await tx.execute(delete(Follow))
    await alice.post("/api/v1/statuses", {"status": "psst", "visibility": "private"})
    await fediverse.settle()
    assert await alpha.count(Follow) == 0
    assert await beta.count(OutboxItem, OutboxItem.type == "Undo") == 1
