"""From any server, a reply with a raised hand asks to speak; on approval the way in comes by message."""

import re
from html import unescape
from typing import Any

import aiohttp
import pytest

from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import Peer

AT = "/api/fedispace/v1/spaces"
_LINK = re.compile(r'href="([^"]*/visit/link/[^"]+)"')


@pytest.fixture
async def alice(alpha: Server) -> Client:
    return await alpha.person("alice")


@pytest.fixture
async def space(alice: Client, fediverse: Fediverse) -> dict[str, Any]:
    made = await alice.post(AT, {"title": "An open floor"}, expect=201)
    opened = await alice.post(f"{AT}/{made['id']}/open")
    await fediverse.settle()
    assert isinstance(opened, dict)
    return opened


@pytest.fixture
def dan(peer: Peer) -> str:
    return peer.actor("dan", "c.test")


async def _announcement(alice: Client) -> str:
    [post] = await alice.get(f"/api/v1/accounts/{alice.id}/statuses")
    return str(post["uri"])


async def _replies(
    fediverse: Fediverse,
    by: str,
    to: str,
    text: str,
    number: int = 1,
    *,
    public: bool = True,
) -> dict[str, Any]:
    """Have somebody of the peer reply, and let it arrive."""
    peer, alpha = fediverse.peer, fediverse.alpha
    note = peer.note(by, number, content=f"<p>{text}</p>", inReplyTo=to)
    host = f"{alpha.origin}/users/alice"
    note["published"] = fediverse.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    note["to"] = [*note["to"], host] if public else [host]
    note["cc"] = note["cc"] if public else []
    note["tag"] = [{"type": "Mention", "href": host, "name": "@alice@a.test"}]
    create = peer.activity("Create", by, note, number, to=note["to"], cc=note["cc"])
    answer = await peer.post(alpha.inbox, create)
    assert answer.status == 202
    await fediverse.settle()
    return note


async def _hands(alice: Client, space: dict[str, Any]) -> list[str]:
    room = await alice.get(f"{AT}/{space['id']}/room")
    return [entry["account"]["acct"] for entry in room["hands"]["queue"]]


def _messages(peer: Peer) -> list[dict[str, Any]]:
    """Return the direct messages that came from the instance itself."""
    return [
        each.activity["object"]
        for each in peer.received
        if each.activity["type"] == "Create" and each.activity["actor"] == "http://a.test/actor"
    ]


@pytest.mark.parametrize("hand", ["✋", "✋🏿", "🙋‍♀️", "🖐🏽", "@alice may I? ✋ thanks"])
async def test_a_reply_with_a_raised_hand_stands_in_the_queue(
    fediverse: Fediverse, alice: Client, space: dict[str, Any], dan: str, hand: str
) -> None:
    await _replies(fediverse, dan, await _announcement(alice), hand)
    assert await _hands(alice, space) == ["dan@c.test"]


async def test_a_hand_counts_under_the_event_below_a_reply_and_in_a_direct_post(
    fediverse: Fediverse, peer: Peer, alice: Client, space: dict[str, Any], dan: str
) -> None:
    erin, fred = peer.actor("erin", "d.test"), peer.actor("fred", "e.test")
    await _replies(fediverse, dan, space["uri"], "✋")
    first = await _replies(fediverse, erin, await _announcement(alice), "hello")
    await _replies(fediverse, erin, str(first["id"]), "🙋", 2)
    await _replies(fediverse, fred, await _announcement(alice), "✋", public=False)
    assert await _hands(alice, space) == ["dan@c.test", "erin@d.test", "fred@e.test"]


async def test_our_own_people_raise_a_hand_by_a_reply_too(
    fediverse: Fediverse, alpha: Server, alice: Client, space: dict[str, Any]
) -> None:
    bob = await alpha.person("bob")
    [post] = await alice.get(f"/api/v1/accounts/{alice.id}/statuses")
    reply = await bob.post("/api/v1/statuses", {"status": "✋", "in_reply_to_id": post["id"]})
    await fediverse.settle()
    assert await _hands(alice, space) == ["bob"]

    await bob.delete(f"/api/v1/statuses/{reply['id']}")
    await fediverse.settle()
    assert await _hands(alice, space) == []


async def test_words_a_link_or_another_post_raise_no_hand(
    fediverse: Fediverse, alice: Client, space: dict[str, Any], dan: str
) -> None:
    await _replies(fediverse, dan, await _announcement(alice), "a good point")
    await _replies(fediverse, dan, await _announcement(alice), '<a href="https://x.example/✋">x</a>', 2)
    post = await alice.post("/api/v1/statuses", {"status": "Something else"})
    await _replies(fediverse, dan, post["uri"], "✋", 3)
    assert await _hands(alice, space) == []


async def test_deleting_the_reply_lowers_the_hand(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, space: dict[str, Any], dan: str
) -> None:
    there = await _announcement(alice)
    first = await _replies(fediverse, dan, there, "✋")
    second = await _replies(fediverse, dan, there, "✋ still", 2)

    await peer.post(alpha.inbox, peer.activity("Delete", dan, first["id"]))
    await fediverse.settle()
    assert await _hands(alice, space) == ["dan@c.test"]

    await peer.post(alpha.inbox, peer.activity("Delete", dan, second["id"], 2))
    await fediverse.settle()
    assert await _hands(alice, space) == []


@pytest.mark.attack(105)
async def test_replying_again_keeps_one_place_in_the_queue(
    fediverse: Fediverse, peer: Peer, alice: Client, space: dict[str, Any], dan: str
) -> None:
    there = await _announcement(alice)
    await _replies(fediverse, dan, there, "✋")
    fediverse.clock.advance(seconds=5)
    await _replies(fediverse, peer.actor("erin", "d.test"), there, "✋")
    fediverse.clock.advance(seconds=5)
    for number in range(2, 6):
        await _replies(fediverse, dan, there, "✋✋✋", number)
    assert await _hands(alice, space) == ["dan@c.test", "erin@d.test"]


@pytest.mark.attack(94, 103)
async def test_who_may_not_ask_is_not_heard(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, space: dict[str, Any], dan: str
) -> None:
    there = await _announcement(alice)
    await _replies(fediverse, dan, there, "hello")
    [found] = (await alice.get("/api/v2/search", q="dan@c.test", type="accounts"))["accounts"]
    await alice.post(f"{AT}/{space['id']}/room/people/{found['id']}/remove")
    await _replies(fediverse, dan, there, "✋", 2)
    assert await _hands(alice, space) == []

    closed = await alice.post(f"{AT}/{space['id']}/close")
    assert closed["state"] == "ended"
    await _replies(fediverse, peer.actor("erin", "d.test"), there, "✋")


async def test_on_approval_the_way_in_comes_by_message_and_the_first_browser_has_it(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, space: dict[str, Any], dan: str
) -> None:
    await _replies(fediverse, dan, await _announcement(alice), "✋")
    assert _messages(peer) == []
    [hand] = (await alice.get(f"{AT}/{space['id']}/room"))["hands"]["queue"]

    await alice.post(f"{AT}/{space['id']}/room/hands/{hand['account']['id']}/approve")
    await fediverse.settle()

    [note] = _messages(peer)
    assert note["to"] == [dan]
    assert "you may come on stage" in note["content"]
    link = _LINK.search(note["content"])
    assert link is not None
    path = unescape(link[1]).removeprefix(alpha.origin)
    at = f"http://127.0.0.1:{alpha.port}{path}"
    first, second = aiohttp.CookieJar(unsafe=True), aiohttp.CookieJar(unsafe=True)
    ours = {"Origin": alpha.origin}
    async with (
        aiohttp.ClientSession(cookie_jar=first) as one,
        aiohttp.ClientSession(cookie_jar=second) as two,
    ):
        async with two.get(at) as looked:
            assert looked.status == 200
        async with one.post(at, data={"go": "1"}, headers=ours, allow_redirects=False) as entered:
            assert (entered.status, entered.headers["Location"]) == (303, f"/@alice/spaces/{space['id']}")
        async with two.post(at, data={"go": "1"}, headers=ours, allow_redirects=False) as late:
            assert late.status == 410


async def test_who_is_in_the_room_already_is_sent_nothing(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, space: dict[str, Any], dan: str
) -> None:
    await _replies(fediverse, dan, await _announcement(alice), "✋")
    [hand] = (await alice.get(f"{AT}/{space['id']}/room"))["hands"]["queue"]
    account_id = int(hand["account"]["id"])
    await alpha.app.passes.grant(account_id, int(space["id"]))
    await alice.post(f"{AT}/{space['id']}/room/hands/{account_id}/approve")
    await fediverse.settle()
    assert _messages(peer) == []
