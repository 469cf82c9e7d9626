"""Leave that ends: revoked, passed on to whom it concerns, looked at again, and gone with what it was for."""

from typing import Any

import pytest
from sqlalchemy import select

from fedispace.federation.models import Delivery, OutboxItem
from fedispace.threads.models import Favourite, InteractionRequest, Reaction, Status
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import PUBLIC
from tests.federation.test_approvals import ASKS, policed, replies
from tests.federation.test_quotes import again, post, quote, quoted_by_carol, row, seen, types
from tests.federation.test_two_instances import follow
from tests.ground.proving import multikey, proven


async def the_only_request(of: Client) -> Any:
    (waiting,) = await of.get("/api/v1/interaction_requests")
    return waiting


async def followed_by_a_peer(fediverse: Fediverse, server: Server, client: Client) -> str:
    """Let carol@c.test follow somebody of an instance."""
    carol = fediverse.peer.actor()
    await fediverse.peer.post(
        server.inbox, fediverse.peer.activity("Follow", carol, client.account.uri, 90, to=[])
    )
    await fediverse.settle()
    fediverse.peer.received.clear()
    return carol


def came(fediverse: Fediverse, type_: str) -> list[dict[str, Any]]:
    return [got.activity for got in fediverse.peer.received if got.activity["type"] == type_]


@pytest.mark.row(89)
async def test_the_end_of_a_quote_of_ours_is_passed_on_to_who_got_the_post(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await followed_by_a_peer(fediverse, fediverse.beta, bob)
    original = await post(alice, "quote me")
    quoting = await quote(fediverse, bob, original["uri"])
    proof = (await row(fediverse.beta, quoting["uri"])).quote_approved_by
    at_alice = await seen(alice, quoting["uri"])
    await alice.post(f"/api/v1/statuses/{original['id']}/quotes/{at_alice['id']}/revoke")
    await fediverse.settle()
    (passed_on,) = came(fediverse, "Delete")
    assert (passed_on["actor"], passed_on["object"]["id"]) == (alice.account.uri, proof)
    assert passed_on["proof"]["type"] == "DataIntegrityProof", "to the byte as it came"
    assert "quote" not in came(fediverse, "Update")[-1]["object"]


@pytest.mark.row(89)
async def test_a_revocation_heard_second_hand_is_looked_into(fediverse: Fediverse, alice: Client) -> None:
    shown = await quoted_by_carol(fediverse, alice, {})
    peer, dave, mallory = fediverse.peer, "http://d.test/users/dave", "http://evil.test/users/m"
    peer.actor("m", "evil.test", assertionMethod=[multikey("bad", mallory)])
    stamp = "http://d.test/stamps/1"
    for number, is_over in enumerate((False, True)):
        if is_over:
            peer.statuses[stamp] = 410
        fediverse.clock.advance(minutes=10)
        delete = {**peer.activity("Delete", dave, stamp, number, to=[PUBLIC]), "signature": {"type": "x"}}
        await peer.post(fediverse.alpha.inbox, delete, by=mallory)
        await fediverse.settle()
        state = (await again(alice, shown))["quote"]["state"]
        assert state == ("revoked" if is_over else "accepted")


@pytest.mark.row(89)
async def test_a_quote_is_looked_at_again_when_it_is_seen_a_day_later(
    fediverse: Fediverse, alice: Client
) -> None:
    shown = await quoted_by_carol(fediverse, alice, {})
    peer, stamp = fediverse.peer, "http://d.test/stamps/1"
    peer.asked.clear()
    await again(alice, shown)
    await fediverse.settle()
    assert stamp not in peer.asked, "it was looked at a moment ago"
    fediverse.clock.advance(hours=25)
    for _ in range(3):
        await again(alice, shown)
        await fediverse.settle()
    assert peer.asked.count(stamp) == 1
    assert (await again(alice, shown))["quote"]["state"] == "accepted"
    fediverse.clock.advance(hours=25)
    peer.statuses[stamp] = 503
    await again(alice, shown)
    await fediverse.settle()
    assert (await again(alice, shown))["quote"]["state"] == "accepted", "a server that is away says nothing"
    fediverse.clock.advance(hours=25)
    peer.statuses[stamp] = 404
    await again(alice, shown)
    await fediverse.settle()
    assert (await again(alice, shown))["quote"] == {"state": "revoked", "quoted_status": None}


@pytest.mark.row(89)
@pytest.mark.parametrize("what", ["the quote", "what it quotes"])
async def test_the_authorization_of_what_is_deleted_is_gone(
    fediverse: Fediverse, alice: Client, bob: Client, what: str
) -> None:
    original = await post(alice, "quote me")
    quoting = await quote(fediverse, bob, original["uri"])
    proof = (await row(fediverse.beta, quoting["uri"])).quote_approved_by
    assert proof is not None
    if what == "the quote":
        await bob.delete(f"/api/v1/statuses/{quoting['id']}")
    else:
        await alice.delete(f"/api/v1/statuses/{original['id']}")
    await fediverse.settle()
    assert (await fediverse.peer.get(proof, by=fediverse.peer.actor())).status == 410
    assert (await fediverse.peer.get(f"{proof}0", by=fediverse.peer.actor())).status == 404


@pytest.mark.row(90)
async def test_a_reply_that_was_let_in_can_be_taken_out_again(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await followed_by_a_peer(fediverse, fediverse.alpha, alice)
    original = await policed(alice, reply=ASKS)
    at_bob = await seen(bob, original["uri"])
    reply = await post(bob, "hello", in_reply_to_id=at_bob["id"])
    await fediverse.settle()
    waiting = await the_only_request(alice)
    zoe = await fediverse.alpha.person("zoe")
    address = f"/api/v1/interaction_requests/{waiting['id']}"
    status, _, _ = await zoe.call("POST", f"{address}/reject")
    assert status == 404
    await alice.post(f"{address}/authorize")
    await fediverse.settle()
    proof = (await row(fediverse.beta, reply["uri"])).approved_by
    assert proof is not None
    revoked = await alice.post(f"{address}/reject")
    assert revoked["rejected_at"]
    await fediverse.settle()
    assert await replies(alice, original) == []
    assert (await again(alice, original))["replies_count"] == 0
    assert (await row(fediverse.beta, reply["uri"])).pending_approval
    assert (await fediverse.peer.get(reply["uri"], by=fediverse.peer.actor())).status == 404
    assert (await fediverse.peer.get(proof, by=fediverse.peer.actor())).status == 410
    assert [each["object"]["id"] for each in came(fediverse, "Delete")] == [proof], "followers hear of it"
    await alice.post(f"{address}/reject")
    status, _, _ = await alice.call("POST", f"{address}/authorize")
    assert status == 422


@pytest.mark.row(90)
async def test_who_sent_a_reply_unasked_is_told_by_a_reject(fediverse: Fediverse, alice: Client) -> None:
    peer = fediverse.peer
    carol = peer.actor()
    original = await policed(alice, reply=ASKS)
    note = peer.note(carol, 1, inReplyTo=original["uri"])
    await peer.post(fediverse.alpha.inbox, peer.activity("Create", carol, note))
    await fediverse.settle()
    address = f"/api/v1/interaction_requests/{(await the_only_request(alice))['id']}"
    await alice.post(f"{address}/authorize")
    await alice.post(f"{address}/reject")
    await fediverse.settle()
    assert [each["object"] for each in came(fediverse, "Reject")] == [note["id"]]
    assert len(came(fediverse, "Delete")) == 1


@pytest.mark.row(90)
async def test_a_like_and_a_boost_are_taken_back_with_their_leave(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    asks = {"automatic": ["author"], "manual": ["public"]}
    original = await policed(alice, favourite=asks, boost=asks)
    at_bob = await seen(bob, original["uri"])
    for verb in ("favourite", "reblog"):
        await bob.post(f"/api/v1/statuses/{at_bob['id']}/{verb}")
    await fediverse.settle()
    waiting = await alice.get("/api/v1/interaction_requests")
    for verb in ("authorize", "reject"):
        for each in waiting:
            await alice.post(f"/api/v1/interaction_requests/{each['id']}/{verb}")
        await fediverse.settle()
    now = await again(alice, original)
    assert (now["favourites_count"], now["reblogs_count"]) == (0, 0)
    shown = await again(bob, at_bob)
    assert (shown["favourited"], shown["reblogged"]) == (False, False)


@pytest.mark.row(90)
async def test_a_like_and_a_boost_that_wait_can_be_withdrawn(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    asks = {"automatic": ["author"], "manual": ["public"]}
    original = await policed(alice, favourite=asks, boost=asks)
    at_bob = await seen(bob, original["uri"])
    for verbs in (("favourite", "reblog"), ("unfavourite", "unreblog")):
        for verb in verbs:
            await bob.post(f"/api/v1/statuses/{at_bob['id']}/{verb}")
        await fediverse.settle()
        left = await alice.get("/api/v1/interaction_requests")
        assert len(left) == (2 if "favourite" in verbs else 0)
    for server in (fediverse.alpha, fediverse.beta):
        assert await server.count(InteractionRequest) == await server.count(Favourite) == 0


@pytest.mark.row(90, 62)
async def test_a_reaction_asks_as_a_like_does(fediverse: Fediverse, alice: Client, bob: Client) -> None:
    nobody = await policed(alice, favourite={"automatic": ["author"]})
    asks = await policed(alice, favourite={"automatic": ["author"], "manual": ["public"]})
    zoe = await fediverse.alpha.person("zoe")
    at_bob = await seen(bob, nobody["uri"])
    for who, status in ((zoe, nobody), (bob, at_bob)):
        code, _, _ = await who.call("PUT", f"/api/v1/pleroma/statuses/{status['id']}/reactions/🦊")
        assert code == 403
    at_bob = await seen(bob, asks["uri"])
    for who, status in ((zoe, asks), (bob, at_bob)):
        await who.call("PUT", f"/api/v1/pleroma/statuses/{status['id']}/reactions/🦊")
    await fediverse.settle()
    assert await fediverse.alpha.count(Reaction) == await fediverse.beta.count(Reaction) == 0
    waiting = await alice.get("/api/v1/interaction_requests")
    assert [each["type"] for each in waiting] == ["favourite", "favourite"]
    for each in waiting:
        await alice.post(f"/api/v1/interaction_requests/{each['id']}/authorize")
    await fediverse.settle()
    for server, number in ((fediverse.alpha, 2), (fediverse.beta, 1)):
        assert await server.count(Reaction, Reaction.name == "🦊") == number
        assert await server.count(Favourite) == 0


@pytest.mark.row(89)
async def test_an_edit_changes_the_policy_and_may_leave_a_quote_without_words(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, bob, "@alice@a.test")
    original = await post(alice, "quote me")
    quoting = await post(alice, "words", quoted_status_id=original["id"])
    await fediverse.settle()
    address = f"/api/v1/statuses/{quoting['id']}"
    fediverse.clock.advance(minutes=1)
    status, shown, _ = await alice.call(
        "PUT", address, json={"status": "", "quote_approval_policy": "nobody"}
    )
    assert status == 200
    assert (shown["content"], shown["quote"]["state"]) == ("", "accepted")
    assert shown["quote_approval"]["automatic"] == []
    status, _, _ = await alice.call("PUT", f"/api/v1/statuses/{original['id']}", json={"status": ""})
    assert status == 422
    policy = {"reply": {"automatic": ["author"]}}
    given = {"status": "quote me", "interaction_policy": policy}
    await alice.call("PUT", f"/api/v1/statuses/{original['id']}", json=given)
    assert (await again(alice, original))["edited_at"] is None, "a policy is no edit"
    await fediverse.settle()
    at_bob = await seen(bob, original["uri"])
    assert (await seen(bob, quoting["uri"]))["quote_approval"]["current_user"] == "denied"
    status, _, _ = await bob.call(
        "POST", "/api/v1/statuses", json={"status": "x", "in_reply_to_id": at_bob["id"]}
    )
    assert status == 403


@pytest.mark.row(85, 90)
async def test_a_reply_let_in_later_is_told_to_followers_of_the_conversation_and_passed_on(
    fediverse: Fediverse, alice: Client
) -> None:
    peer, alpha = fediverse.peer, fediverse.alpha
    zoe = await alpha.person("zoe")
    await followed_by_a_peer(fediverse, alpha, alice)
    ada = peer.actor("ada", "good.test", assertionMethod=[multikey("ed", "http://good.test/users/ada")])
    original = await policed(alice, reply=ASKS)
    await zoe.post(f"/api/fedispace/v1/statuses/{original['id']}/follow")
    note = peer.note(ada, 1, inReplyTo=original["uri"])
    create = peer.activity("Create", ada, note, 1, to=note["to"], cc=note["cc"])
    await peer.post(alpha.inbox, proven(create, fediverse.clock.now(), key="ed", by=ada))
    await fediverse.settle()
    assert "status" not in await types(zoe)
    assert came(fediverse, "Create") == [] or all(
        each["object"]["id"] != note["id"] for each in came(fediverse, "Create")
    )
    await alice.post(f"/api/v1/interaction_requests/{(await the_only_request(alice))['id']}/authorize")
    await fediverse.settle()
    assert "status" in await types(zoe)
    passed_on = [each for each in came(fediverse, "Create") if each["object"]["id"] == note["id"]]
    assert [each["proof"]["type"] for each in passed_on] == ["DataIntegrityProof"]
    assert await alpha.count(Delivery) == 0
    async with alpha.app.db.reading() as tx:
        sent = (await tx.scalars(select(OutboxItem.uri))).all()
    assert len([uri for uri in sent if uri.startswith("forwarded:")]) == 1
    assert await alpha.count(Status, Status.uri == note["id"]) == 1
