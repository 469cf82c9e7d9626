"""Boosts, and what a group passes on: from real JSON, over HTTP. Refusals first."""

from typing import Any

import pytest
from sqlalchemy import select

from fedispace.federation.codec import MAX_OBJECTS
from fedispace.federation.models import InboxItem
from fedispace.threads import groups
from fedispace.threads.models import Favourite, Mention, Reaction, Status
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import PUBLIC, Peer

HOST = "c.test"


async def follow(alice: Client, uri: str) -> None:
    found = await alice.get("/api/v2/search", q=uri, resolve="true", type="accounts")
    await alice.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")


@pytest.fixture
async def group(fediverse: Fediverse, peer: Peer, alpha: Server, alice: Client) -> str:
    """bread@c.test, a group that alice follows."""
    uri = peer.actor("bread", HOST, type="Group")
    await follow(alice, uri)
    await fediverse.settle()
    (request,) = [each.activity for each in peer.received if each.activity["type"] == "Follow"]
    await peer.post(alpha.inbox, peer.activity("Accept", uri, request, 900))
    await fediverse.settle()
    return uri


def wrap(peer: Peer, group: str, inner: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return peer.activity("Announce", group, inner, number, to=[PUBLIC], cc=[f"{group}/followers"])


async def home_of(alice: Client) -> list[str]:
    return [(post["reblog"] or post)["uri"] for post in await alice.get("/api/v1/timelines/home")]


@pytest.mark.row(59)
async def test_only_a_group_may_wrap_what_others_did(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, group: str
) -> None:
    lee = peer.actor("lee", "d.test")
    note = peer.note(lee, 1)
    mallory = peer.actor("mallory", "evil.test")
    wrapped = wrap(peer, mallory, peer.activity("Create", lee, note))
    await peer.post(alpha.inbox, wrapped)
    await fediverse.settle()
    assert (await alpha.fates())[wrapped["id"]].startswith("dropped not_a_group")
    stranger = peer.actor("strangers", "evil.test", type="Group")
    wrapped = wrap(peer, stranger, peer.activity("Create", lee, note))
    await peer.post(alpha.inbox, wrapped)
    await fediverse.settle()
    assert (await alpha.fates())[wrapped["id"]].startswith("dropped unrelated")
    assert await alpha.count(Status) == 0


@pytest.mark.row(59)
async def test_what_a_group_says_somebody_wrote_is_read_from_their_own_server(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, group: str
) -> None:
    lee = peer.actor("lee", "d.test")
    note = peer.note(lee, 1)
    forged = {**note, "content": "<p>forged</p>"}
    await peer.post(alpha.inbox, wrap(peer, group, peer.activity("Create", lee, forged)))
    await fediverse.settle()
    (post,) = await alice.get("/api/v1/timelines/home")
    assert (post["account"]["username"], post["reblog"]["content"]) == ("bread", "<p>Note 1</p>")
    made_up = {**note, "id": f"{lee}/notes/404", "content": "<p>never said</p>"}
    await peer.post(alpha.inbox, wrap(peer, group, peer.activity("Create", lee, made_up, 2), 2))
    await fediverse.settle()
    assert await home_of(alice) == [note["id"]]


@pytest.mark.row(59)
async def test_a_reply_in_a_group_is_kept_and_not_boosted(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, group: str
) -> None:
    lee = peer.actor("lee", "d.test")
    first = peer.note(lee, 1)
    reply = peer.note(lee, 2, inReplyTo=first["id"])
    for number, note in enumerate((first, reply), 1):
        inner = peer.activity("Create", lee, note, number)
        await peer.post(alpha.inbox, wrap(peer, group, inner, number))
    await fediverse.settle()
    assert await home_of(alice) == [first["id"]]
    (shown,) = await alice.get("/api/v1/timelines/home")
    context = await alice.get(f"/api/v1/statuses/{shown['reblog']['id']}/context")
    assert [post["uri"] for post in context["descendants"]] == [reply["id"]]


@pytest.mark.row(59)
async def test_edits_and_deletions_that_a_group_passes_on_are_asked_for(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, group: str
) -> None:
    lee = peer.actor("lee", "d.test")
    note = peer.note(lee, 1)
    await peer.post(alpha.inbox, wrap(peer, group, peer.activity("Create", lee, note)))
    await fediverse.settle()
    lie = {**note, "content": "<p>a lie</p>", "updated": "2026-11-12T19:00:00Z"}
    await peer.post(alpha.inbox, wrap(peer, group, peer.activity("Update", lee, lie), 2))
    await peer.post(alpha.inbox, wrap(peer, group, peer.activity("Delete", lee, note["id"]), 3))
    await fediverse.settle()
    (post,) = await alice.get("/api/v1/timelines/home")
    assert post["reblog"]["content"] == "<p>Note 1</p>"
    peer.note(lee, 1, content="<p>edited</p>", updated="2026-11-12T19:00:00Z")
    await peer.post(alpha.inbox, wrap(peer, group, peer.activity("Update", lee, lie, 2), 4))
    await fediverse.settle()
    (post,) = await alice.get("/api/v1/timelines/home")
    assert post["reblog"]["content"] == "<p>edited</p>"
    peer.statuses[note["id"]] = 410
    await peer.post(alpha.inbox, wrap(peer, group, peer.activity("Delete", lee, note["id"], 2), 5))
    await fediverse.settle()
    assert await home_of(alice) == []


@pytest.mark.row(59)
async def test_likes_that_a_group_passes_on_are_read_from_their_own_server(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, group: str
) -> None:
    lee, kim = peer.actor("lee", "d.test"), peer.actor("kim", "e.test")
    note = peer.note(lee, 1)
    await peer.post(alpha.inbox, wrap(peer, group, peer.activity("Create", lee, note)))
    await fediverse.settle()
    like = peer.activity("Like", kim, note["id"])
    await peer.post(alpha.inbox, wrap(peer, group, like, 2))
    await fediverse.settle()
    assert await alpha.count(Favourite) == 0
    like = peer.activity("Like", kim, note["id"], 2)
    peer.documents[like["id"]] = like
    stolen = {**peer.activity("Like", kim, note["id"], 3), "id": f"{lee}/likes/1"}
    peer.documents[stolen["id"]] = stolen
    for number, inner in enumerate((like, stolen), 3):
        await peer.post(alpha.inbox, wrap(peer, group, inner, number))
    await fediverse.settle()
    async with alpha.app.db.reading() as tx:
        assert list(await tx.scalars(select(Favourite.uri))) == [like["id"]]


@pytest.mark.row(59, 60)
@pytest.mark.parametrize("shape", ["id", "embedded"])
async def test_an_announce_of_an_object_is_a_boost_and_a_second_one_is_none(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, group: str, shape: str
) -> None:
    lee = peer.actor("lee", "d.test")
    note = peer.note(lee, 1)
    said = note["id"] if shape == "id" else {**note, "content": "<p>forged</p>"}
    for number in (1, 2):
        await peer.post(alpha.inbox, wrap(peer, group, said, number))
        await fediverse.settle()
    (post,) = await alice.get("/api/v1/timelines/home")
    assert (post["reblog"]["uri"], post["reblog"]["content"]) == (note["id"], "<p>Note 1</p>")
    assert post["reblog"]["reblogs_count"] == 1
    first = wrap(peer, group, said, 1)
    await peer.post(alpha.inbox, peer.activity("Undo", group, first))
    await peer.post(alpha.inbox, wrap(peer, group, said, 3))
    await fediverse.settle()
    (post,) = await alice.get("/api/v1/timelines/home")
    assert post["reblog"]["reblogs_count"] == 1
    assert post["id"] != first["id"]


@pytest.mark.row(38)
async def test_an_activity_about_several_objects_is_about_each(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, group: str
) -> None:
    lee = peer.actor("lee", "d.test")
    notes = [peer.note(lee, number)["id"] for number in (1, 2, 3)]
    announce = wrap(peer, group, notes)  # type: ignore[arg-type]
    assert (await peer.post(alpha.inbox, announce)).status == 202
    assert (await peer.post(alpha.inbox, announce)).status == 202
    await fediverse.settle()
    assert sorted(await home_of(alice)) == sorted(notes)
    await peer.post(alpha.inbox, peer.activity("Undo", group, announce))
    await fediverse.settle()
    assert await home_of(alice) == []


@pytest.mark.row(38)
async def test_more_objects_than_anybody_means_are_refused(alpha: Server, peer: Peer, group: str) -> None:
    before = await alpha.count(InboxItem)
    many: Any = [f"http://d.test/{number}" for number in range(MAX_OBJECTS + 1)]
    answer = await peer.post(alpha.inbox, wrap(peer, group, many))
    assert (answer.status, await alpha.count(InboxItem)) == (400, before)


@pytest.mark.row(36)
async def test_blind_copies_are_neither_addressed_nor_shown(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, group: str
) -> None:
    lee = peer.actor("lee", "d.test")
    await follow(alice, lee)
    await fediverse.settle()
    (request,) = [each.activity for each in peer.received if each.activity.get("object") == lee]
    await peer.post(alpha.inbox, peer.activity("Accept", lee, request, 901))
    blind = {"bto": [alice.account.uri], "bcc": [alice.account.uri]}
    note = peer.note(lee, 1, **blind)
    await peer.post(alpha.inbox, peer.activity("Create", lee, note, to=note["to"], cc=note["cc"], **blind))
    await fediverse.settle()
    (post,) = await alice.get("/api/v1/timelines/home")
    assert post["uri"] == note["id"]
    assert await alpha.count(Mention) == 0
    assert await alice.get("/api/v1/notifications") == []
    assert not any("bto" in each.activity or "bcc" in each.activity for each in peer.received)


@pytest.mark.row(93)
async def test_one_activity_at_two_inboxes_is_one(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client
) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    lee = peer.actor("lee", "d.test")
    like = peer.activity("Like", lee, post["uri"])
    for inbox in (alpha.inbox, f"{alice.account.uri}/inbox", alpha.inbox):
        assert (await peer.post(inbox, like)).status == 202
    await fediverse.settle()
    assert await alpha.count(InboxItem) == 1
    assert (await alice.get(f"/api/v1/statuses/{post['id']}"))["favourites_count"] == 1


@pytest.mark.row(61, 91)
async def test_reactions_of_two_instances_meet(fediverse: Fediverse, alice: Client, alpha: Server) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    bert = await fediverse.beta.person("bert")
    found = await bert.get("/api/v2/search", q=post["uri"], resolve="true", type="statuses")
    there = found["statuses"][0]["id"]
    await bert.post(f"/api/fedispace/v1/statuses/{there}/reactions", {"emoji": "🎉"})
    await fediverse.settle()
    (shown,) = await alice.get(f"/api/fedispace/v1/statuses/{post['id']}/reactions")
    assert (shown["name"], shown["count"], shown["accounts"][0]["acct"]) == ("🎉", 1, "bert@b.test")
    await bert.delete(f"/api/fedispace/v1/statuses/{there}/reactions/%F0%9F%8E%89")
    await fediverse.settle()
    assert await alpha.count(Reaction) == 0


@pytest.mark.row(65)
async def test_pins_of_two_instances_meet(fediverse: Fediverse, alice: Client) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "read me first"})
    bert = await fediverse.beta.person("bert")
    await follow(bert, alice.account.uri)
    await fediverse.settle()
    await alice.post(f"/api/v1/statuses/{post['id']}/pin")
    await fediverse.settle()
    found = await bert.get("/api/v2/search", q=alice.account.uri, resolve="true", type="accounts")
    there = found["accounts"][0]["id"]
    pinned = await bert.get(f"/api/v1/accounts/{there}/statuses", pinned="true")
    assert [each["uri"] for each in pinned] == [post["uri"]]
    await alice.post(f"/api/v1/statuses/{post['id']}/unpin")
    await fediverse.settle()
    assert await bert.get(f"/api/v1/accounts/{there}/statuses", pinned="true") == []


@pytest.mark.row(59)
async def test_groups_do_not_make_us_ask_one_server_without_end(
    fediverse: Fediverse,
    alpha: Server,
    peer: Peer,
    alice: Client,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups, "HINTS", 4)
    lee, mia = peer.actor("lee", "d.test"), peer.actor("mia", "e.test")
    kept = peer.note(lee, 1)
    inner: list[dict[str, Any]] = [peer.activity("Create", lee, kept)]
    inner += [peer.activity("Delete", lee, kept["id"], number) for number in (1, 2)]
    inner += [peer.activity("Like", lee, kept["id"], number) for number in range(5)]
    inner += [peer.activity("Create", lee, peer.note(lee, number), number) for number in range(2, 6)]
    inner.append(peer.activity("Create", mia, peer.note(mia, 1)))
    wrapped = [wrap(peer, group, each, number) for number, each in enumerate(inner)]
    for each in wrapped:
        await peer.post(alpha.inbox, each)
        await fediverse.settle()
    fates = await alpha.fates()
    refused = [each["id"] for each in wrapped if fates[each["id"]].startswith("dropped too_many")]
    assert refused == [each["id"] for each in wrapped[4:-1]]
    assert len([asked for asked in peer.asked if asked.startswith("http://d.test/users/lee/")]) <= 4
    assert f"{mia}/notes/1" in await home_of(alice), "another server's share is its own"
    fediverse.clock.advance(minutes=6)
    late = wrap(peer, group, peer.activity("Create", lee, peer.note(lee, 9), 9), 99)
    await peer.post(alpha.inbox, late)
    await fediverse.settle()
    assert f"{lee}/notes/9" in await home_of(alice)
