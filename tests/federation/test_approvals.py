"""Replies, likes and boosts that a post's policy holds back, between two instances and from a peer."""

from typing import Any

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account, Follow
from fedispace.threads.models import Favourite, InteractionRequest, Pin, Status
from tests.api.site import Client
from tests.federation.fediverse import Fediverse
from tests.federation.peer import PUBLIC
from tests.federation.test_quotes import again, post, seen
from tests.federation.test_two_instances import follow


async def policed(by: Client, **kinds: Any) -> Any:
    """Publish a post with a policy."""
    thread = {"posts": [{"text": "mine"}], "interaction_policy": kinds}
    (status,) = await by.post("/api/fedispace/v1/threads", thread, expect=201)
    return status


async def replies(of: Client, status: Any) -> list[str]:
    context = await of.get(f"/api/v1/statuses/{status['id']}/context")
    return [each["uri"] for each in context["descendants"]]


ASKS = {"automatic": ["author", "following"], "manual": ["public"]}


@pytest.mark.row(90)
async def test_a_reply_of_somebody_not_followed_waits_and_stands_when_it_is_let_in(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    zoe = await fediverse.alpha.person("zoe")
    original = await policed(alice, reply=ASKS)
    at_bob = await seen(bob, original["uri"])
    reply = await post(bob, "@alice@a.test hello", in_reply_to_id=at_bob["id"])
    await fediverse.settle()
    assert await replies(zoe, original) == []
    assert (await again(alice, original))["replies_count"] == 0
    assert await replies(alice, original) == [reply["uri"]]
    assert await replies(bob, at_bob) == [reply["uri"]]
    status, _, _ = await (await fediverse.beta.person("yan")).call("GET", f"/api/v1/statuses/{reply['id']}")
    assert status == 404
    (waiting,) = await alice.get("/api/v1/interaction_requests")
    assert (waiting["type"], waiting["reply"]["uri"]) == ("reply", reply["uri"])
    assert waiting["status"]["id"] == original["id"]

    await alice.post(f"/api/v1/interaction_requests/{waiting['id']}/authorize")
    await fediverse.settle()
    assert await replies(zoe, original) == [reply["uri"]]
    assert (await again(alice, original))["replies_count"] == 1
    note = (await fediverse.peer.get(reply["uri"], by=fediverse.peer.actor())).json
    assert note["replyAuthorization"].startswith("http://a.test/users/alice/authorizations/")
    proof = (await fediverse.peer.get(note["replyAuthorization"])).json
    assert (proof["type"], proof["interactingObject"]) == ("ReplyAuthorization", reply["uri"])
    assert proof["interactionTarget"] == original["uri"]


@pytest.mark.row(90)
async def test_a_refused_reply_is_seen_by_its_author_alone(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    original = await policed(alice, reply=ASKS)
    at_bob = await seen(bob, original["uri"])
    reply = await post(bob, "hello", in_reply_to_id=at_bob["id"])
    await fediverse.settle()
    (waiting,) = await alice.get("/api/v1/interaction_requests")
    await alice.post(f"/api/v1/interaction_requests/{waiting['id']}/reject")
    await fediverse.settle()
    assert await replies(alice, original) == []
    assert await fediverse.alpha.count(Status, Status.uri == reply["uri"]) == 0
    assert (await again(bob, reply))["uri"] == reply["uri"]
    assert await replies(bob, at_bob) == []
    carol = fediverse.peer.actor()
    assert (await fediverse.peer.get(reply["uri"], by=carol)).status == 404


@pytest.mark.row(90)
async def test_whom_the_author_follows_is_let_in_at_once_with_a_proof(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, alice, "@bob@b.test")
    original = await policed(alice, reply=ASKS)
    reply = await post(bob, "hello", in_reply_to_id=(await seen(bob, original["uri"]))["id"])
    await fediverse.settle()
    assert await alice.get("/api/v1/interaction_requests") == []
    assert await replies(alice, original) == [reply["uri"]]
    note = (await fediverse.peer.get(reply["uri"], by=fediverse.peer.actor())).json
    assert note["replyAuthorization"].startswith("http://a.test/users/alice/authorizations/")


@pytest.mark.row(90)
async def test_who_may_not_answer_is_told_so_and_a_reply_that_comes_all_the_same_is_dropped(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    nobody = {"automatic": ["author"]}
    original = await policed(alice, reply=nobody, favourite=nobody, boost=nobody)
    at_bob = await seen(bob, original["uri"])
    status, _, _ = await bob.call(
        "POST", "/api/v1/statuses", json={"status": "x", "in_reply_to_id": at_bob["id"]}
    )
    assert status == 403
    for verb in ("favourite", "reblog"):
        status, _, _ = await bob.call("POST", f"/api/v1/statuses/{at_bob['id']}/{verb}")
        assert status == 403
    peer = fediverse.peer
    carol = peer.actor()
    note = peer.note(carol, 1, inReplyTo=original["uri"], to=[PUBLIC, "http://a.test/users/alice"])
    sent = [
        peer.activity("Create", carol, note),
        peer.activity("Like", carol, original["uri"]),
        peer.activity("Announce", carol, original["uri"], to=[PUBLIC]),
        peer.activity("ReplyRequest", carol, original["uri"], 2, instrument=note),
    ]
    for activity in sent:
        await peer.post(fediverse.alpha.inbox, activity)
    await fediverse.settle()
    assert await replies(alice, original) == []
    now = await again(alice, original)
    assert (now["favourites_count"], now["reblogs_count"], now["replies_count"]) == (0, 0, 0)
    (answer,) = [got.activity for got in peer.received if got.activity["type"] in ("Accept", "Reject")]
    assert (answer["type"], answer["object"]["id"]) == ("Reject", sent[-1]["id"])


@pytest.mark.row(90)
async def test_likes_and_boosts_that_are_asked_for_count_when_they_are_let_in(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    asks = {"automatic": ["author"], "manual": ["public"]}
    original = await policed(alice, favourite=asks, boost=asks)
    zoe = await fediverse.alpha.person("zoe")
    at_bob = await seen(bob, original["uri"])
    for who, status in ((bob, at_bob), (zoe, original)):
        for verb in ("favourite", "reblog", "favourite"):
            shown = await who.post(f"/api/v1/statuses/{status['id']}/{verb}")
            assert (shown["favourited"], shown["reblogged"]) == (False, False)
    await fediverse.settle()
    waiting = await alice.get("/api/v1/interaction_requests")
    assert sorted(each["type"] for each in waiting) == ["favourite", "favourite", "reblog", "reblog"]
    assert await alice.get("/api/v1/interaction_requests", favourites="false", reblogs="false") == []
    for each in waiting:
        await alice.post(f"/api/v1/interaction_requests/{each['id']}/authorize")
    await fediverse.settle()
    now = await again(alice, original)
    assert (now["favourites_count"], now["reblogs_count"]) == (2, 2)
    shown = await again(bob, at_bob)
    assert (shown["favourited"], shown["reblogged"]) == (True, True)
    assert await fediverse.alpha.count(Favourite) == 2


@pytest.mark.row(90)
async def test_a_reply_to_another_server_s_post_is_hidden_until_that_server_s_word_is_seen(
    fediverse: Fediverse, alice: Client
) -> None:
    peer = fediverse.peer
    dave, carol = peer.actor("dave", "d.test"), peer.actor()
    policy = {"canReply": {"automaticApproval": [f"{dave}/followers"], "manualApproval": [PUBLIC]}}
    original = peer.note(dave, 1, interactionPolicy=policy)
    at_alice = await seen(alice, original["id"])
    told = [PUBLIC, "http://a.test/users/alice"]
    for number in (1, 2, 3):
        proof = f"http://d.test/stamps/{number}"
        if number != 2:
            peer.documents[proof] = {
                "@context": "https://www.w3.org/ns/activitystreams",
                "id": proof,
                "type": "ReplyAuthorization",
                "attributedTo": dave,
                "interactingObject": f"{carol}/notes/1",
                "interactionTarget": original["id"],
            }
        note = peer.note(carol, number, to=told, inReplyTo=original["id"], replyAuthorization=proof)
        await peer.post(fediverse.alpha.inbox, peer.activity("Create", carol, note, number))
    await fediverse.settle()
    assert await replies(alice, at_alice) == [f"{carol}/notes/1"]

    peer.documents["http://d.test/stamps/2"] = {
        **peer.documents["http://d.test/stamps/1"],
        "id": "http://d.test/stamps/2",
        "interactingObject": f"{carol}/notes/2",
    }
    fediverse.clock.advance(minutes=6)
    accept = peer.activity("Accept", dave, f"{carol}/notes/2", 9, result="http://d.test/stamps/2", to=told)
    await peer.post(fediverse.alpha.inbox, accept)
    await fediverse.settle()
    assert await replies(alice, at_alice) == [f"{carol}/notes/1", f"{carol}/notes/2"]


@pytest.mark.row(90)
async def test_the_queue_is_its_owner_s_and_defaults_are_set_for_each_visibility(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    zoe = await fediverse.alpha.person("zoe")
    defaults = {"public": {"reply": {"automatic": ["author"], "manual": ["public"]}}}
    status, shown, _ = await alice.call("PUT", "/api/fedispace/v1/interaction_policies", json=defaults)
    assert (status, shown["public"]["reply"]["manual"]) == (200, ["public"])
    assert shown["unlisted"]["reply"] == {"automatic": ["public"], "manual": []}
    original = await post(alice, "mine")
    reply = await post(zoe, "hello", in_reply_to_id=original["id"])
    status, _, _ = await bob.call("GET", f"/api/v1/statuses/{reply['id']}")
    assert status == 404
    (waiting,) = await alice.get("/api/v1/interaction_requests")
    for verb in ("authorize", "reject"):
        status, _, _ = await zoe.call("POST", f"/api/v1/interaction_requests/{waiting['id']}/{verb}")
        assert status == 404
    status, _, _ = await zoe.call(
        "POST", "/api/v1/statuses", json={"status": "and more", "in_reply_to_id": reply["id"]}
    )
    assert status == 422
    await alice.post(f"/api/v1/interaction_requests/{waiting['id']}/authorize")
    assert await replies(zoe, original) == [reply["uri"]]
    assert await fediverse.alpha.count(InteractionRequest, InteractionRequest.state == "accepted") == 1


@pytest.mark.row(90)
async def test_a_reply_that_waits_is_not_published_by_editing_it(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    original = await policed(alice, reply=ASKS)
    await follower(fediverse, bob)
    reply = await post(bob, "hello", in_reply_to_id=(await seen(bob, original["uri"]))["id"])
    await fediverse.settle()
    await bob.call("PUT", f"/api/v1/statuses/{reply['id']}", json={"status": "hello all my followers"})
    await fediverse.settle()
    assert "all my followers" not in str([each.activity for each in fediverse.peer.received])
    (waiting,) = await alice.get("/api/v1/interaction_requests")
    assert "all my followers" in waiting["reply"]["content"], "who decides reads what it says now"


async def follower(fediverse: Fediverse, of: Client) -> None:
    """Let somebody of the peer follow one of ours."""
    peer = fediverse.peer
    carol = peer.actor()
    await peer.post(f"{of.account.uri}/inbox", peer.activity("Follow", carol, of.account.uri))
    await fediverse.settle()
    assert "Accept" in {each.activity["type"] for each in peer.received}


@pytest.mark.row(90)
async def test_mutuals_are_let_in_at_once_and_who_only_follows_is_not(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    friend = await fediverse.beta.person("friend")
    for person in (bob, friend):
        await follow(fediverse, person, "@alice@a.test")
    await follow(fediverse, alice, "@friend@b.test")
    original = await policed(alice, reply={"automatic": ["author", "mutuals"], "manual": []})
    await fediverse.settle()
    at_beta = await seen(friend, original["uri"])
    kept = await post(friend, "hello", in_reply_to_id=at_beta["id"])
    await fediverse.settle()
    assert await replies(alice, original) == [kept["uri"]]
    assert await alice.get("/api/v1/interaction_requests") == []
    refused, _, _ = await bob.call(
        "POST", "/api/v1/statuses", json={"status": "me too", "in_reply_to_id": at_beta["id"]}
    )
    await fediverse.settle()
    assert refused == 200, "followers ask; their server cannot know the answer"
    assert await replies(alice, original) == [kept["uri"]]
    assert await replies(friend, at_beta) == [kept["uri"]]


@pytest.mark.row(90)
async def test_a_policy_of_mutuals_from_elsewhere_is_kept_to_here(
    fediverse: Fediverse, alice: Client
) -> None:
    peer = fediverse.peer
    dave = peer.actor("dave", "d.test")
    policy = {"canReply": {"automaticApproval": [f"{dave}/mutuals"]}}
    at_alice = await seen(alice, peer.note(dave, 1, interactionPolicy=policy)["id"])
    said = {"status": "hello", "in_reply_to_id": at_alice["id"]}
    assert (await alice.call("POST", "/api/v1/statuses", json=said))[0] == 403
    async with fediverse.alpha.app.db.transaction() as tx:
        theirs = (await tx.scalars(select(Account).where(Account.uri == dave))).one()
        for number, (one, other) in enumerate(((theirs.id, alice.account.id), (alice.account.id, theirs.id))):
            tx.add(
                Follow(
                    id=4711 + number,
                    account_id=one,
                    target_id=other,
                    uri=f"http://d.test/follows/{number}",
                    accepted=True,
                    created_at=fediverse.clock.now(),
                )
            )
    await alice.post("/api/v1/statuses", said)
    await fediverse.settle()
    asked = [each.activity for each in peer.received if each.activity["type"] == "ReplyRequest"]
    assert len(asked) == 1, "that the following is mutual is for dave's server to say"


@pytest.mark.row(90)
async def test_a_reply_that_waits_is_neither_boosted_nor_pinned_by_anybody(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    zoe = await fediverse.alpha.person("zoe")
    await follow(fediverse, bob, "@zoe@a.test")
    await follow(fediverse, bob, "@alice@a.test")
    original = await policed(alice, reply=ASKS)
    waiting = await post(zoe, "hello", in_reply_to_id=original["id"])
    for by, verbs in ((zoe, ("reblog", "pin")), (alice, ("reblog",))):
        for verb in verbs:
            status, body, _ = await by.call("POST", f"/api/v1/statuses/{waiting['id']}/{verb}")
            assert (status, "let in" in body["error"]) == (422, True), (verb, status, body)
    await fediverse.settle()
    assert waiting["uri"] not in str(await bob.get("/api/v1/timelines/home"))
    assert await fediverse.alpha.count(Pin) == 0
    (asked,) = await alice.get("/api/v1/interaction_requests")
    await alice.post(f"/api/v1/interaction_requests/{asked['id']}/authorize")
    for verb in ("reblog", "pin"):
        await zoe.post(f"/api/v1/statuses/{waiting['id']}/{verb}")
