"""Locked accounts, hidden lists, suspended people. Refusals first."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account, Follow
from fedispace.federation.models import FollowerInbox, OutboxItem
from fedispace.threads.models import Status
from tests.api.site import Client
from tests.federation.fediverse import Fediverse
from tests.federation.test_moves import find, follow
from tests.ground.proving import multikey, proven


@pytest.fixture
async def alice(fediverse: Fediverse) -> Client:
    return await fediverse.alpha.person("alice", locked=True)


@pytest.mark.row(17)
@pytest.mark.attack(17)
async def test_only_who_was_asked_can_accept(fediverse: Fediverse) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    bob = await alpha.person("bob")
    carol = peer.actor("carol", "c.test", manuallyApprovesFollowers=True)
    mallory = peer.actor("mallory", "evil.test", key="two")
    neighbour = peer.actor("neighbour", "c.test", key="two")
    target = await follow(fediverse, bob, carol)
    (asked,) = [each.activity for each in peer.received]
    forged = [
        (peer.activity("Accept", mallory, asked, 1), {"key": "two"}),
        (peer.activity("Accept", mallory, asked["id"], 2), {"key": "two"}),
        (peer.activity("Accept", neighbour, asked, 3), {"key": "two"}),
        (peer.activity("Accept", carol, asked, 4), {"by": mallory, "key": "two"}),
        (peer.activity("Accept", carol, asked, 5), {"by": neighbour, "key": "two"}),
    ]
    for activity, signing in forged:
        await peer.post(alpha.inbox, activity, **signing)
        await fediverse.settle()
        async with alpha.app.db.reading() as tx:
            assert list(await tx.scalars(select(Follow.accepted))) == [False], activity["id"]
    private = peer.note(carol, 1, to=[f"{carol}/followers"], cc=[])
    await peer.post(alpha.inbox, peer.activity("Create", carol, private))
    await fediverse.settle()
    assert await bob.get("/api/v1/timelines/home") == []
    assert await bob.get(f"/api/v1/accounts/{target}/statuses") == []


@pytest.mark.attack(17)
@pytest.mark.privacy("P-05")
async def test_a_locked_account_gives_nothing_before_it_accepts_and_nothing_after_parting(
    fediverse: Fediverse, alice: Client
) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    carol = peer.actor()
    await peer.post(alpha.inbox, peer.activity("Follow", carol, alice.account.uri))
    await fediverse.settle()
    post = await alice.post("/api/v1/statuses", {"status": "for followers", "visibility": "private"})
    await fediverse.settle()
    assert peer.received == []
    assert await alpha.count(FollowerInbox) == 0
    assert (await peer.get(post["uri"], by=carol)).status == 404

    (request,) = await alice.get("/api/v1/follow_requests")
    await alice.post(f"/api/v1/follow_requests/{request['id']}/authorize")
    await alice.post("/api/v1/statuses", {"status": "for carol too", "visibility": "private"})
    await fediverse.settle()
    assert [each.activity["type"] for each in peer.received] == ["Accept", "Create"]
    assert (await peer.get(post["uri"], by=carol)).status == 200

    for number, way in enumerate(("remove_from_followers", "block")):
        await alice.post(f"/api/v1/accounts/{request['id']}/{way}")
        await fediverse.settle()
        peer.received.clear()
        await alice.post("/api/v1/statuses", {"status": f"not for carol {way}", "visibility": "private"})
        await fediverse.settle()
        assert peer.received == []
        assert (await peer.get(post["uri"], by=carol)).status == 404
        assert await alpha.count(FollowerInbox) == 0
        if number == 0:
            await peer.post(alpha.inbox, peer.activity("Follow", carol, alice.account.uri, 2))
            await fediverse.settle()
            await alice.post(f"/api/v1/follow_requests/{request['id']}/authorize")
            await fediverse.settle()
            assert await alpha.count(FollowerInbox) == 1


async def ask_again(fediverse: Fediverse, asked: dict[str, Any], **signing: Any) -> list[str]:
    """Send a Follow once more; return the kinds of what carol's server is answered."""
    fediverse.peer.received.clear()
    await fediverse.peer.post(fediverse.alpha.inbox, asked, **signing)
    await fediverse.settle()
    return [each.activity["type"] for each in fediverse.peer.received]


@pytest.mark.row(76)
@pytest.mark.parametrize("end", ["undo", "remove_from_followers"])
async def test_who_gives_each_follow_the_same_id_may_follow_again_and_a_replay_may_not(
    fediverse: Fediverse, end: str
) -> None:
    alpha, peer, clock = fediverse.alpha, fediverse.peer, fediverse.clock
    bob = await alpha.person("bob")
    carol = peer.actor()
    asked = peer.activity("Follow", carol, bob.account.uri)
    first = clock.now()
    assert await ask_again(fediverse, asked) == ["Accept"]
    for number in range(2):
        clock.advance(minutes=5)
        if end == "undo":
            await peer.post(alpha.inbox, peer.activity("Undo", carol, asked, number))
            await fediverse.settle()
        else:
            (follower,) = await bob.get(f"/api/v1/accounts/{bob.id}/followers")
            await bob.post(f"/api/v1/accounts/{follower['id']}/remove_from_followers")
            await fediverse.settle()
        assert await alpha.count(FollowerInbox) == 0
        for held_back in (first, first - timedelta(minutes=20)):
            assert await ask_again(fediverse, asked, date=held_back) == []
            assert await alpha.count(FollowerInbox) == 0
        clock.advance(seconds=1)
        assert await ask_again(fediverse, asked) == ["Accept"]
        assert await alpha.count(FollowerInbox) == 1
        assert await ask_again(fediverse, asked) == [], "the very same request"
        first = clock.now()


async def test_a_follow_is_sent_by_who_follows_or_not_at_all(fediverse: Fediverse) -> None:
    """Whoever keeps a Follow that proves itself could else send it when it has been taken back."""
    bob = await fediverse.alpha.person("bob")
    peer, ada = fediverse.peer, "http://good.test/users/ada"
    peer.actor("ada", "good.test", assertionMethod=[multikey("ed", ada)])
    asked = proven(peer.activity("Follow", ada, bob.account.uri), fediverse.clock.now(), key="ed", by=ada)
    answer = await peer.post(fediverse.alpha.inbox, asked, by=peer.actor("eve", "evil.test"))
    await fediverse.settle()
    assert (answer.status, answer.problem) == (403, "actor_key_mismatch")
    assert await fediverse.alpha.count(FollowerInbox) == 0


@pytest.mark.privacy("P-05")
async def test_a_hidden_list_is_a_number(fediverse: Fediverse, alice: Client) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    bob = await alpha.person("bob")
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    await alice.post(f"/api/v1/follow_requests/{bob.id}/authorize")
    await alice.post(f"/api/v1/accounts/{bob.id}/follow")
    await alice.call("PATCH", "/api/v1/accounts/update_credentials", json={"hide_collections": True})
    for name in ("followers", "following"):
        shelf = (await peer.get(f"{alice.account.uri}/{name}")).json
        assert shelf["totalItems"] == 1
        assert not {"first", "last", "items", "orderedItems"} & set(shelf)
        assert (await peer.get(f"{alice.account.uri}/{name}?page=1")).status == 404
        assert await bob.get(f"/api/v1/accounts/{alice.id}/{name}") == []
        assert [who["id"] for who in await alice.get(f"/api/v1/accounts/{alice.id}/{name}")] == [bob.id]
    assert (await bob.get(f"/api/v1/accounts/{alice.id}"))["hide_collections"] is True


@pytest.mark.row(67)
async def test_what_an_actor_says_of_its_standing_is_honoured(fediverse: Fediverse) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    bob = await alpha.person("bob")
    carol = peer.actor(discoverable=True, indexable=True)
    shy = peer.actor("shy", "d.test", discoverable=False)
    late = peer.actor("late", "e.test", memorial=True, discoverable=True)
    target = await find(bob, carol)
    for uri in (shy, late):
        await find(bob, uri)
    note = peer.note(carol, 1, tag=[{"type": "Mention", "href": bob.account.uri}])
    note["cc"].append(bob.account.uri)
    await peer.post(alpha.inbox, peer.activity("Create", carol, note))
    await fediverse.settle()
    (said,) = await bob.get(f"/api/v1/accounts/{target}/statuses")

    async def names(text: str) -> list[str]:
        return [who["acct"] for who in await bob.get("/api/v1/accounts/search", q=text)]

    assert await names("caro") == ["carol@c.test"]
    assert await names("sh") == []
    assert await names("shy@d.test") == ["shy@d.test"]
    assert (await bob.get("/api/v1/accounts/lookup", acct="late@e.test"))["memorial"] is True
    told = peer.documents[carol]
    away = peer.activity("Update", carol, {**told, "suspended": True})
    await peer.post(alpha.inbox, away)
    await fediverse.settle()
    assert (await bob.call("GET", f"/api/v1/statuses/{said['id']}"))[0] == 404
    assert await names("carol@c.test") == []
    shown = await bob.get(f"/api/v1/accounts/{target}")
    assert (shown["suspended"], shown["note"]) == (True, "")
    assert await bob.get("/api/v1/notifications") == []
    back = peer.activity("Update", carol, told, 2)
    await peer.post(alpha.inbox, back)
    await fediverse.settle()
    assert (await bob.call("GET", f"/api/v1/statuses/{said['id']}"))[0] == 200


async def test_whom_the_operator_suspends_is_seen_no_more_and_told_nothing(fediverse: Fediverse) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    bob = await alpha.person("bob")
    carol = peer.actor()
    await peer.post(alpha.inbox, peer.activity("Follow", carol, bob.account.uri))
    await fediverse.settle()
    target = int(await find(bob, carol))
    peer.received.clear()
    await alpha.app.suspending.suspend(target)
    await alpha.app.suspending.suspend(target)
    await fediverse.settle()
    assert [each.activity["type"] for each in peer.received] == ["Reject"]
    await bob.post("/api/v1/statuses", {"status": "hello", "visibility": "private"})
    await peer.post(alpha.inbox, peer.activity("Follow", carol, bob.account.uri, 2))
    await fediverse.settle()
    assert len(peer.received) == 1
    assert await alpha.count(Follow) == 0
    await alpha.app.suspending.restore(target)
    assert (await bob.get(f"/api/v1/accounts/{target}"))["suspended"] is False


@pytest.mark.row(67)
async def test_a_suspended_person_of_ours_comes_back_whole(fediverse: Fediverse) -> None:
    alpha, beta = fediverse.alpha, fediverse.beta
    alice, bob = await alpha.person("anna"), await beta.person("bob")
    target = await follow(fediverse, bob, "@anna@a.test")
    await alice.post("/api/v1/statuses", {"status": "before"})
    await fediverse.settle()
    await alpha.app.suspending.suspend(alice.account.id)
    await fediverse.settle()
    assert (await alice.call("GET", "/api/v1/accounts/verify_credentials"))[0] == 401
    assert (await bob.get(f"/api/v1/accounts/{target}"))["suspended"] is True
    assert await bob.get("/api/v1/timelines/home") == []
    fediverse.clock.advance(minutes=1)
    await alpha.app.suspending.restore(alice.account.id)
    await fediverse.settle()
    assert len(await bob.get("/api/v1/timelines/home")) == 1
    assert await beta.count(Account, Account.username == "anna") == 1
    assert await beta.count(Status) == 1
    assert await alpha.count(OutboxItem, OutboxItem.type == "Update") == 2


@pytest.mark.parametrize("bare", [False, True], ids=["whole", "by its id"])
async def test_an_undo_that_overtakes_its_follow_wins(fediverse: Fediverse, bare: bool) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    bob = await alpha.person("bob")
    carol, dora = peer.actor(), peer.actor("dora", "d.test")
    if bare:
        await find(bob, carol)  # a bare id says nothing of whom it is about: only somebody known is heeded
    asked = peer.activity("Follow", carol, bob.account.uri)
    await peer.post(alpha.inbox, peer.activity("Undo", carol, asked["id"] if bare else asked))
    await peer.post(alpha.inbox, peer.activity("Undo", dora, asked["id"]))
    await fediverse.settle()
    await peer.post(alpha.inbox, asked)
    await fediverse.settle()
    assert await alpha.count(Follow) == await alpha.count(FollowerInbox) == 0
    assert [each.activity["type"] for each in peer.received if each.host == "c.test"] == []
    await peer.post(alpha.inbox, peer.activity("Follow", carol, bob.account.uri, 2))
    await fediverse.settle()
    assert await alpha.count(Follow, Follow.accepted) == 1, "the next one counts"


async def test_nobody_takes_back_the_follow_of_somebody_else(fediverse: Fediverse) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    bob = await alpha.person("bob")
    carol, neighbour = peer.actor(), peer.actor("neighbour", "c.test")
    await find(bob, neighbour)
    asked = peer.activity("Follow", carol, bob.account.uri)
    await peer.post(alpha.inbox, peer.activity("Undo", neighbour, asked))
    await peer.post(alpha.inbox, peer.activity("Undo", neighbour, asked["id"], 2))
    await fediverse.settle()
    await peer.post(alpha.inbox, asked)
    await fediverse.settle()
    assert await alpha.count(Follow, Follow.accepted) == 1
