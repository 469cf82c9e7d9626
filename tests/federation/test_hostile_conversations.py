"""Conversations made to keep a server busy: chains, circles, lists without end, claims about others."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.federation.resolve import MAX_FETCHES
from fedispace.threads import listing
from fedispace.threads.backfill import MAX_REQUESTS
from fedispace.threads.models import ConversationState, MissingPost, Status
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import CONTEXT, PUBLIC, Peer


def tell(peer: Peer, alice: Client, note: dict[str, Any]) -> dict[str, Any]:
    """Return the Create of a note, addressed to alice as well."""
    named = {**note, "to": [PUBLIC, alice.account.uri]}
    named["tag"] = [{"type": "Mention", "href": alice.account.uri, "name": "@alice@a.test"}]
    return peer.activity("Create", note["attributedTo"], named, to=named["to"])


def collection(peer: Peer, uri: str, items: Sequence[Any], **more: Any) -> str:
    peer.documents[uri] = {
        "@context": CONTEXT,
        "id": uri,
        "type": "OrderedCollection",
        "orderedItems": list(items),
        **more,
    }
    return uri


async def posts(server: Server) -> dict[str, Status]:
    async with server.app.db.reading() as tx:
        return {row.uri: row for row in await tx.scalars(select(Status))}


async def opened(fediverse: Fediverse, alice: Client, uri: str) -> str:
    """Let alice look a post up and open it; return its id."""
    found = await alice.get("/api/v2/search", q=uri, resolve="true", type="statuses")
    (post,) = found["statuses"]
    await alice.get(f"/api/v1/statuses/{post['id']}/context")
    await fediverse.settle()
    return str(post["id"])


@pytest.mark.attack(38)
@pytest.mark.parametrize("authors", ["one", "many"])
async def test_a_chain_of_ten_thousand_parents_is_climbed_a_little_way(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, authors: str
) -> None:
    chain = [f"http://c.test/notes/{number}" for number in range(10_001)]
    for number, uri in enumerate(chain[:-1]):
        author = peer.actor("carol" if authors == "one" or number > 200 else f"carol{number}")
        peer.documents[uri] = {
            **peer.note(author, number),
            "id": uri,
            "inReplyTo": chain[number + 1],
        }
    await peer.post(alpha.inbox, tell(peer, alice, peer.documents[chain[0]]))
    peer.asked.clear()
    await fediverse.settle()
    fediverse.clock.advance(minutes=1)
    await fediverse.settle()
    assert len(peer.asked) <= MAX_FETCHES
    stored = await posts(alpha)
    assert 2 < len(stored) <= 21
    context = await alice.get(f"/api/v1/statuses/{stored[chain[0]].id}/context")
    assert len(context["ancestors"]) == len(stored) - 1


@pytest.mark.attack(38)
async def test_circles_and_self_replies_end_and_are_shown(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client
) -> None:
    carol = peer.actor()
    first = peer.note(carol, 1, inReplyTo=f"{carol}/notes/2")
    peer.note(carol, 2, inReplyTo=f"{carol}/notes/1")
    itself = peer.note(carol, 3, inReplyTo=f"{carol}/notes/3")
    for number, note in enumerate((first, itself)):
        await peer.post(alpha.inbox, {**tell(peer, alice, note), "id": f"{carol}/creates/{number}"})
    await fediverse.settle()
    fediverse.clock.advance(minutes=1)
    await fediverse.settle()
    assert len(peer.asked) <= MAX_REQUESTS
    for status in (await posts(alpha)).values():
        await alice.get(f"/api/v1/statuses/{status.id}/context")
        whole = await alice.get(f"/api/fedispace/v1/statuses/{status.id}/conversation")
        assert status.uri in {post["uri"] for post in whole["posts"]}
        answer = await alice.session.get(f"{alice.origin}/@carol@c.test/{status.id}")
        assert answer.status == 200
    await fediverse.settle()


@pytest.mark.attack(39)
@pytest.mark.row(87)
async def test_a_list_without_end_is_read_for_ten_pages(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client
) -> None:
    carol = peer.actor()
    replies = f"{carol}/notes/1/replies"
    root = peer.note(carol, 1, replies=replies)
    for number in range(200):
        reply = peer.note(carol, 100 + number, inReplyTo=root["id"])
        at = replies if number == 0 else f"{replies}?page={number}"
        collection(
            peer,
            at,
            [reply["id"]],
            type="OrderedCollectionPage",
            next=f"{replies}?page={number + 1}",
            totalItems=1_000_000_000,
        )
    await opened(fediverse, alice, root["id"])
    pages = [uri for uri in peer.asked if uri.startswith(replies)]
    assert (len(pages), len(set(pages))) == (listing.MAX_PAGES, listing.MAX_PAGES)
    assert len(await posts(alpha)) == 1 + listing.MAX_PAGES


@pytest.mark.attack(39)
async def test_a_list_that_is_long_circular_or_boasts_is_cut(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client
) -> None:
    carol = peer.actor()
    uri = f"{carol}/contexts/1"
    root = peer.note(carol, 1, context=uri)
    items = [root["id"], *(f"{carol}/notes/{number}" for number in range(1000, 2000))]
    collection(peer, uri, items, totalItems=1_000_000_000, type="OrderedCollectionPage", next=uri)
    await opened(fediverse, alice, root["id"])
    for _ in range(8):
        fediverse.clock.advance(seconds=20)
        await fediverse.settle()
    asked = {asked for asked in peer.asked if "/notes/" in asked}
    assert len(asked) <= listing.MAX_ITEMS
    assert peer.asked.count(uri) <= 6
    async with alpha.app.db.reading() as tx:
        state = (await tx.scalars(select(ConversationState))).one()
    assert state.claimed == listing.MAX_ITEMS


@pytest.mark.attack(40)
async def test_documents_of_five_servers_that_name_each_other_end_within_the_allowance(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client
) -> None:
    hosts = ("c.test", "d.test", "e.test", "evil.test", "good.test")
    actors = [f"http://{host}/users/carol" for host in hosts]
    for number, host in enumerate(hosts):
        following = actors[(number + 1) % 5]
        peer.actor(
            "carol",
            host,
            movedTo=following,
            alsoKnownAs=actors,
            featured=f"{actors[number]}/featured",
            attachment=[{"type": "PropertyValue", "name": "x", "value": f'<a href="{following}">x</a>'}],
        )
        collection(peer, f"{actors[number]}/featured", [f"{following}/notes/{n}" for n in range(50)])
        for n in range(50):
            peer.note(
                actors[number],
                n,
                inReplyTo=f"{following}/notes/{n + 1}",
                context=f"{following}/contexts/1",
                replies=f"{actors[number]}/notes/{n}/replies",
                quote=f"{following}/notes/{n}",
                tag=[{"type": "Mention", "href": actor} for actor in actors],
                attachment=[{"type": "Link", "href": f"{following}/notes/{n}"}],
            )
    await peer.post(alpha.inbox, tell(peer, alice, peer.documents[f"{actors[0]}/notes/0"]))
    await fediverse.settle()
    fediverse.clock.advance(minutes=1)
    await fediverse.settle()
    assert 2 < len(peer.asked) <= MAX_FETCHES


@pytest.mark.attack(42)
async def test_a_hundred_who_ask_for_one_new_actor_make_one_request(alpha: Server, peer: Peer) -> None:
    carol = peer.actor()
    resolver = alpha.app.resolver
    found = await asyncio.gather(*(resolver.actor(carol) for _ in range(100)))
    assert {actor.uri for actor in found} == {carol}
    assert peer.asked == [carol]


@pytest.mark.attack(42)
async def test_one_document_is_fetched_once_whatever_it_is_wanted_for(alpha: Server, peer: Peer) -> None:
    carol = peer.actor()
    resolver = alpha.app.resolver
    await asyncio.gather(
        *(resolver.actor(carol) for _ in range(30)),
        *(resolver.document(carol) for _ in range(30)),
        *(resolver.key_owner(f"{carol}#main-key") for _ in range(30)),
    )
    assert peer.asked == [carol]


@pytest.mark.row(88)
async def test_the_activities_of_a_conversation_come_before_its_posts_and_those_before_replies(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client
) -> None:
    carol, dora = peer.actor(), peer.actor("dora", "d.test")
    root = peer.note(
        carol,
        1,
        context=f"{carol}/contexts/1",
        contextHistory=f"{carol}/histories/1",
        replies=f"{carol}/notes/1/replies",
    )
    reply = peer.note(dora, 2, inReplyTo=root["id"])
    third = peer.note(carol, 3, inReplyTo=reply["id"])
    forged = {**reply, "content": "<p>dora never said this</p>"}
    create = peer.activity("Create", carol, third, number=3)
    peer.documents[create["id"]] = create
    collection(
        peer,
        f"{carol}/histories/1",
        [
            peer.activity("Create", carol, root),
            peer.activity("Add", carol, peer.activity("Create", dora, forged)),
            peer.activity("Like", dora, f"{carol}/notes/1"),
            create["id"],
        ],
    )
    collection(peer, f"{carol}/contexts/1", [])
    id_ = await opened(fediverse, alice, root["id"])
    stored = await posts(alpha)
    assert set(stored) == {root["id"], reply["id"], third["id"]}
    assert "Note 2" in stored[reply["id"]].content
    assert f"{carol}/contexts/1" not in peer.asked
    assert f"{carol}/notes/1/replies" not in peer.asked

    del peer.documents[f"{carol}/histories/1"]
    collection(peer, f"{carol}/contexts/1", [root["id"], peer.note(dora, 4, inReplyTo=root["id"])["id"]])
    fediverse.clock.advance(minutes=30)
    await alice.get(f"/api/v1/statuses/{id_}/context")
    await fediverse.settle()
    assert f"{dora}/notes/4" in await posts(alpha)
    assert f"{carol}/notes/1/replies" not in peer.asked

    del peer.documents[f"{carol}/contexts/1"]
    fifth = peer.note(dora, 5, inReplyTo=root["id"])
    stranger = peer.note(dora, 6, inReplyTo="http://e.test/somewhere/else")
    collection(peer, f"{carol}/notes/1/replies", [fifth["id"], stranger["id"]])
    fediverse.clock.advance(hours=2)
    await alice.get(f"/api/v1/statuses/{id_}/context")
    await fediverse.settle()
    stored = await posts(alpha)
    assert fifth["id"] in stored
    assert stranger["id"] not in stored


async def test_a_create_elsewhere_does_not_speak_for_a_post(alpha: Server, peer: Peer, alice: Client) -> None:
    good, evil = peer.actor("carol", "good.test"), peer.actor("mallory", "evil.test")
    note = {**peer.note(good, 1), "content": "<p>carol never said this</p>"}
    create = {**peer.activity("Create", good, note), "id": "http://evil.test/creates/1"}
    peer.documents[create["id"]] = create
    mine = {**peer.activity("Create", evil, note), "id": "http://evil.test/creates/2"}
    peer.documents[mine["id"]] = mine
    for uri in (create["id"], mine["id"]):
        found = await alice.get("/api/v2/search", q=uri, resolve="true", type="statuses")
        assert found["statuses"] == []
    assert await posts(alpha) == {}


async def test_a_conversation_cannot_be_filled_with_posts_that_answer_nobody(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client
) -> None:
    carol, dora = peer.actor(), peer.actor("dora", "d.test")
    uri = f"{carol}/contexts/1"
    root = peer.note(carol, 1, context=uri)
    unrelated = [peer.note(dora, number)["id"] for number in range(10, 15)]
    collection(peer, uri, [root["id"], *unrelated])
    await opened(fediverse, alice, root["id"])
    assert set(await posts(alpha)) == {root["id"]}


async def test_a_gathering_that_was_killed_goes_on_where_it_was(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client
) -> None:
    carol = peer.actor()
    uri = f"{carol}/contexts/1"
    root = peer.note(carol, 1, context=uri)
    replies = [peer.note(carol, number, inReplyTo=root["id"])["id"] for number in range(2, 20)]
    collection(peer, uri, [root["id"], *replies])
    peer.hanging.add(replies[12])
    found = await alice.get("/api/v2/search", q=root["id"], resolve="true", type="statuses")
    await alice.get(f"/api/v1/statuses/{found['statuses'][0]['id']}/context")
    working = asyncio.ensure_future(alpha.app.worker.settle())
    async with asyncio.timeout(20):
        while replies[12] not in peer.asked:
            await asyncio.sleep(0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    half = len(await posts(alpha))
    assert 1 < half < 19

    peer.let_go.set()
    peer.hanging.clear()
    await asyncio.sleep(0)
    first = list(peer.asked)
    fediverse.clock.advance(minutes=6)
    await fediverse.settle()
    assert len(await posts(alpha)) == 19
    again = peer.asked[len(first) :]
    assert not {uri for uri in again if uri in replies[:6]}


async def test_replies_stay_where_a_deleted_post_was_and_new_ones_find_the_place(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client
) -> None:
    root = await alice.post("/api/v1/statuses", {"status": "root"})
    carol, dora = peer.actor(), peer.actor("dora", "d.test")
    middle = peer.note(carol, 1, inReplyTo=root["uri"])
    below = peer.note(dora, 2, inReplyTo=middle["id"])
    await peer.post(alpha.inbox, tell(peer, alice, middle))
    await peer.post(alpha.inbox, tell(peer, alice, below))
    await fediverse.settle()
    fediverse.clock.advance(minutes=1)
    await fediverse.settle()  # on PostgreSQL the two may have come at once, and not have met
    await peer.post(alpha.inbox, peer.activity("Delete", carol, middle["id"]))
    await fediverse.settle()
    late = peer.note(dora, 3, inReplyTo=middle["id"])
    await peer.post(alpha.inbox, {**tell(peer, alice, late), "id": f"{dora}/creates/late"})
    await fediverse.settle()
    whole = await alice.get(f"/api/fedispace/v1/statuses/{root['id']}/conversation")
    assert [post["uri"] for post in whole["posts"]] == [root["uri"], below["id"], late["id"]]
    assert (whole["known"], whole["claimed"], whole["unavailable"]) == (3, 3, 0)
    async with alpha.app.db.reading() as tx:
        (place,) = (await tx.scalars(select(MissingPost))).all()
    assert (place.reason, place.in_reply_to_uri) == ("deleted", root["uri"])


@pytest.mark.row(97)
async def test_a_reply_in_a_conversation_nobody_here_takes_part_in_brings_its_parents_only(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client
) -> None:
    carol = peer.actor()
    uri = f"{carol}/contexts/1"
    root = peer.note(carol, 1, context=uri)
    beside = peer.note(carol, 2, inReplyTo=root["id"], context=uri)
    reply = peer.note(carol, 3, inReplyTo=root["id"], context=uri)
    collection(peer, uri, [root["id"], beside["id"], reply["id"]])
    await peer.post(alpha.inbox, tell(peer, alice, reply))
    await fediverse.settle()
    assert root["id"] not in peer.asked, "it waits for its minute"
    fediverse.clock.advance(minutes=1)
    await fediverse.settle()
    assert set(await posts(alpha)) == {root["id"], reply["id"]}
    assert uri not in peer.asked

    ours = (await posts(alpha))[reply["id"]]
    await alice.post("/api/v1/statuses", {"status": "hm", "in_reply_to_id": str(ours.id)})
    again = peer.note(carol, 4, inReplyTo=reply["id"], context=uri)
    await peer.post(alpha.inbox, {**tell(peer, alice, again), "id": f"{carol}/creates/4"})
    await fediverse.settle()
    fediverse.clock.advance(minutes=1)
    await fediverse.settle()
    assert beside["id"] in await posts(alpha)


@pytest.mark.parametrize("root_is", ["there", "deleted"])
async def test_nobody_carries_a_conversation_off_into_their_own(
    fediverse: Fediverse, alpha: Server, peer: Peer, alice: Client, root_is: str
) -> None:
    """Their reply lists a post that is not there yet, answers that, and then shows it in another place."""
    root = await alice.post("/api/v1/statuses", {"status": "root"})
    mine = await alice.post("/api/v1/statuses", {"status": "and more", "in_reply_to_id": root["id"]})
    carol = peer.actor("mallory", "evil.test")
    trap = f"{carol}/notes/7"
    lure = peer.note(carol, 1, inReplyTo=root["uri"], replies=f"{carol}/notes/1/replies")
    collection(peer, f"{carol}/notes/1/replies", [trap])
    await peer.post(alpha.inbox, tell(peer, alice, lure))
    await fediverse.settle()
    await alice.get(f"/api/v1/statuses/{root['id']}/context")
    await fediverse.settle()
    below = peer.note(carol, 2, inReplyTo=trap)
    await peer.post(alpha.inbox, {**tell(peer, alice, below), "id": f"{carol}/creates/2"})
    await fediverse.settle()
    elsewhere = peer.note(carol, 3)
    await peer.post(alpha.inbox, {**tell(peer, alice, elsewhere), "id": f"{carol}/creates/3"})
    sprung = peer.note(carol, 7, inReplyTo=elsewhere["id"])
    await fediverse.settle()
    before = await posts(alpha)
    assert before[below["id"]].conversation_id == int(root["id"])
    if root_is == "deleted":
        await alice.delete(f"/api/v1/statuses/{root['id']}")
    await peer.post(alpha.inbox, {**tell(peer, alice, sprung), "id": f"{carol}/creates/7"})
    await fediverse.settle()
    after = await posts(alpha)
    there = after[elsewhere["id"]].conversation_id
    assert (root["uri"] in after) is (root_is == "there")
    left = {root["uri"], mine["uri"]} & set(after)
    assert {after[uri].conversation_id for uri in left} == {int(root["id"])}
    assert {after[uri].conversation_id for uri in (below["id"], sprung["id"])} == {there}
