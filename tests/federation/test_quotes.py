"""Quotes with consent between two instances, and a peer that lies about having it (FEP-044f)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.threads.models import InteractionRequest, Status
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server, open_fediverse
from tests.federation.peer import PUBLIC
from tests.federation.test_two_instances import find, follow

ANYBODY = {"canQuote": {"automaticApproval": [PUBLIC]}}


@pytest.fixture(params=["open", "strict"])
async def fediverse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Fediverse]:
    async with open_fediverse(tmp_path, authorized_fetch=request.param == "strict") as opened:
        yield opened


async def post(by: Client, text: str, **more: Any) -> Any:
    return await by.post("/api/v1/statuses", {"status": text, **more})


async def seen(by: Client, uri: str) -> Any:
    """Return a post of another server as `by` finds it."""
    found = (await by.get("/api/v2/search", q=uri, resolve="true", type="statuses"))["statuses"]
    assert len(found) == 1
    return found[0]


async def quote(fediverse: Fediverse, by: Client, uri: str, text: str = "look", **more: Any) -> Any:
    quoting = await post(by, text, quoted_status_id=(await seen(by, uri))["id"], **more)
    await fediverse.settle()
    return quoting


async def again(by: Client, status: Any) -> Any:
    return await by.get(f"/api/v1/statuses/{status['id']}")


async def types(of: Client) -> set[str]:
    return {each["type"] for each in await of.get("/api/v1/notifications")}


async def row(server: Server, uri: str) -> Status:
    async with server.app.db.reading() as tx:
        return (await tx.scalars(select(Status).where(Status.uri == uri))).one()


@pytest.mark.row(89)
async def test_a_quote_is_pending_until_its_author_s_server_lets_it_in(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, alice, "@bob@b.test")
    original = await post(alice, "quote me")
    quoting = await post(bob, "I do", quoted_status_id=(await seen(bob, original["uri"]))["id"])
    assert quoting["quote"] == {"state": "pending", "quoted_status": None}
    await fediverse.settle()

    shown = await again(bob, quoting)
    assert shown["quote"]["state"] == "accepted"
    assert shown["quote"]["quoted_status"]["uri"] == original["uri"]
    (at_alice,) = [
        each for each in await alice.get("/api/v1/timelines/home") if each["account"]["acct"] != "alice"
    ]
    assert at_alice["quote"]["quoted_status"]["id"] == original["id"]
    assert (await again(alice, original))["quotes_count"] == 1
    assert "quote" in await types(alice)
    (listed,) = await alice.get(f"/api/v1/statuses/{original['id']}/quotes")
    assert listed["uri"] == quoting["uri"]
    stored = await row(fediverse.beta, quoting["uri"])
    assert stored.quote_approved_by is not None
    assert stored.quote_approved_by.startswith("http://a.test/users/alice/authorizations/")


@pytest.mark.row(89)
async def test_a_revoked_quote_is_shown_nowhere_and_its_authorization_is_gone(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, alice, "@bob@b.test")
    original = await post(alice, "quote me")
    quoting = await quote(fediverse, bob, original["uri"])
    proof = (await row(fediverse.beta, quoting["uri"])).quote_approved_by
    assert proof is not None
    carol = fediverse.peer.actor()
    shown = await fediverse.peer.get(proof, by=carol)
    assert (shown.status, shown.json["interactingObject"]) == (200, quoting["uri"])
    assert (shown.json["type"], shown.json["attributedTo"]) == (
        "QuoteAuthorization",
        "http://a.test/users/alice",
    )

    at_alice = await seen(alice, quoting["uri"])
    revoked = await alice.post(f"/api/v1/statuses/{original['id']}/quotes/{at_alice['id']}/revoke")
    assert revoked["quote"] == {"state": "revoked", "quoted_status": None}
    await fediverse.settle()
    assert (await again(bob, quoting))["quote"] == {"state": "revoked", "quoted_status": None}
    assert (await again(alice, original))["quotes_count"] == 0
    assert (await fediverse.peer.get(proof, by=carol)).status == 410
    note = (await fediverse.peer.get(quoting["uri"], by=carol)).json
    assert {"quote", "_misskey_quote", "quoteAuthorization"}.isdisjoint(note)
    assert "quote-inline" not in note["content"]


@pytest.mark.row(89, 90)
async def test_an_author_who_decides_is_asked_and_both_answers_arrive(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    asked = {"quote": {"manual": ["public"], "automatic": ["author"]}}
    thread = {"posts": [{"text": "ask me"}], "interaction_policy": asked}
    (original,) = await alice.post("/api/fedispace/v1/threads", thread, expect=201)
    at_bob = await seen(bob, original["uri"])
    assert at_bob["quote_approval"] == {"automatic": [], "manual": ["public"], "current_user": "manual"}
    first = await quote(fediverse, bob, original["uri"], "may I?")
    second = await quote(fediverse, bob, original["uri"], "and this?")
    assert (await again(bob, first))["quote"]["state"] == "pending"
    waiting = await alice.get("/api/v1/interaction_requests")
    assert [(each["type"], each["quote"]["uri"]) for each in waiting] == [
        ("quote", second["uri"]),
        ("quote", first["uri"]),
    ]
    await alice.post(f"/api/v1/interaction_requests/{waiting[1]['id']}/authorize")
    await alice.post(f"/api/v1/interaction_requests/{waiting[0]['id']}/reject")
    await fediverse.settle()
    assert (await again(bob, first))["quote"]["state"] == "accepted"
    assert (await again(bob, second))["quote"] == {"state": "rejected", "quoted_status": None}
    assert await alice.get("/api/v1/interaction_requests") == []
    status, _, _ = await alice.call("POST", f"/api/v1/interaction_requests/{waiting[0]['id']}/authorize")
    assert status == 422


@pytest.mark.row(89, 90)
async def test_who_may_not_quote_is_told_before_anything_is_published(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    for policy in ("nobody", "followers"):
        original = await post(alice, policy, quote_approval_policy=policy)
        at_bob = await seen(bob, original["uri"])
        assert at_bob["quote_approval"]["current_user"] == "denied"
        status, _, _ = await bob.call(
            "POST", "/api/v1/statuses", json={"status": "x", "quoted_status_id": at_bob["id"]}
        )
        assert status == 403
    await follow(fediverse, bob, "@alice@a.test")
    assert (await again(bob, at_bob))["quote_approval"]["current_user"] == "automatic"
    quoting = await quote(fediverse, bob, original["uri"])
    assert (await again(bob, quoting))["quote"]["state"] == "accepted"


@pytest.mark.row(89)
async def test_people_of_one_instance_quote_each_other_and_themselves_at_once(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    zoe = await fediverse.alpha.person("zoe")
    original = await post(alice, "quote me")
    for who in (alice, zoe):
        quoting = await post(who, "", quoted_status_id=original["id"])
        assert quoting["quote"]["state"] == "accepted"
        elsewhere = await seen(bob, quoting["uri"])
        await fediverse.settle()
        assert (await again(bob, elsewhere))["quote"]["quoted_status"]["uri"] == original["uri"]
    assert (await again(alice, original))["quotes_count"] == 2
    nested = await post(zoe, "and once more", quoted_status_id=quoting["id"])
    assert nested["quote"]["quoted_status"]["quote"] == {
        "state": "accepted",
        "quoted_status_id": original["id"],
    }


@pytest.mark.attack(19)
@pytest.mark.row(89)
async def test_what_a_reader_may_not_see_is_not_shown_to_them_in_a_quote(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    friend = await fediverse.alpha.person("friend")
    await friend.post(f"/api/v1/accounts/{alice.account.id}/follow")
    secret = await post(alice, "a secret", visibility="private")
    quoting = await post(alice, "for you too", quoted_status_id=secret["id"], visibility="public")
    assert quoting["visibility"] == "private"
    assert (await again(friend, quoting))["quote"]["quoted_status"]["id"] == secret["id"]
    status, _, _ = await friend.call(
        "POST", "/api/v1/statuses", json={"status": "leak", "quoted_status_id": secret["id"]}
    )
    assert status == 403
    stranger = await fediverse.alpha.person("stranger")
    status, _, _ = await stranger.call(
        "POST", "/api/v1/statuses", json={"status": "leak", "quoted_status_id": secret["id"]}
    )
    assert status == 404
    direct = await post(alice, "@friend psst", visibility="direct")
    for who in (friend, alice):
        status, _, _ = await who.call(
            "POST", "/api/v1/statuses", json={"status": "x", "quoted_status_id": direct["id"]}
        )
        assert status == 403

    carol = fediverse.peer.actor()
    for number, target in enumerate((secret["uri"], f"{secret['uri']}999")):
        note = fediverse.peer.note(carol, number, quote=target, cc=["http://a.test/users/stranger"])
        request = fediverse.peer.activity(
            "QuoteRequest", carol, target, number, instrument=note, to=["http://a.test/users/alice"]
        )
        create = fediverse.peer.activity("Create", carol, note, number)
        for activity in (request, create):
            await fediverse.peer.post(fediverse.alpha.inbox, activity)
    await fediverse.settle()
    fates = await fediverse.alpha.fates()
    refused = {fate for id_, fate in fates.items() if "QuoteRequest" in id_}
    assert refused == {"dropped not_visible: There is no such post."}
    leaked = await seen(stranger, f"{carol}/notes/0")
    assert (leaked["quote"]["state"], leaked["quote"]["quoted_status"]) == ("pending", None)
    assert await fediverse.alpha.count(InteractionRequest, InteractionRequest.state == "accepted") == 0


async def quoted_by_carol(
    fediverse: Fediverse, reader: Client, proof: dict[str, Any] | None, *, at: str = "http://d.test/stamps/1"
) -> Any:
    """Let carol@c.test quote dave@d.test with `proof`, and return the post as `reader` has it."""
    peer = fediverse.peer
    dave, carol = peer.actor("dave", "d.test"), peer.actor()
    original = peer.note(dave, 1, interactionPolicy=ANYBODY)
    if proof is not None:
        said = {
            "type": "QuoteAuthorization",
            "id": at,
            "attributedTo": dave,
            "interactingObject": f"{carol}/notes/7",
            "interactionTarget": original["id"],
        }
        peer.documents[at] = {"@context": "https://www.w3.org/ns/activitystreams", **said, **proof}
    told = [PUBLIC, f"http://a.test/users/{reader.account.username}"]
    note = peer.note(carol, 7, to=told, quote=original["id"], quoteAuthorization=at)
    await peer.post(fediverse.alpha.inbox, peer.activity("Create", carol, note, 7))
    await fediverse.settle()
    return await seen(reader, note["id"])


@pytest.mark.row(89)
async def test_a_quote_of_others_is_shown_with_the_word_of_the_quoted_author(
    fediverse: Fediverse, alice: Client
) -> None:
    shown = await quoted_by_carol(fediverse, alice, {})
    assert shown["quote"]["state"] == "accepted"
    assert shown["quote"]["quoted_status"]["uri"] == "http://d.test/users/dave/notes/1"
    mallory = fediverse.peer.actor("mallory", "evil.test")
    forged = fediverse.peer.activity("Delete", mallory, "http://d.test/stamps/1", 1)
    await fediverse.peer.post(fediverse.alpha.inbox, forged)
    await fediverse.settle()
    assert (await again(alice, shown))["quote"]["state"] == "accepted"
    dave = "http://d.test/users/dave"
    await fediverse.peer.post(
        fediverse.alpha.inbox, fediverse.peer.activity("Delete", dave, "http://d.test/stamps/1", 2)
    )
    await fediverse.settle()
    assert (await again(alice, shown))["quote"] == {"state": "revoked", "quoted_status": None}


@pytest.mark.row(89)
@pytest.mark.parametrize(
    ("proof", "at"),
    [
        (None, "http://d.test/stamps/none"),
        ({}, "http://c.test/stamps/1"),
        ({"attributedTo": "http://c.test/users/carol"}, "http://c.test/stamps/1"),
        ({"attributedTo": "http://d.test/users/eve"}, "http://d.test/stamps/1"),
        ({"interactingObject": "http://c.test/users/carol/notes/8"}, "http://d.test/stamps/1"),
        ({"interactionTarget": "http://d.test/users/dave/notes/2"}, "http://d.test/stamps/1"),
        ({"id": "http://d.test/stamps/2"}, "http://d.test/stamps/1"),
        ({"type": "ReplyAuthorization"}, "http://d.test/stamps/1"),
        ({"type": "Note", "content": "x"}, "http://d.test/stamps/1"),
    ],
    ids=[
        "missing",
        "elsewhere",
        "own-word",
        "other-author",
        "replayed",
        "other-post",
        "other-id",
        "kind",
        "note",
    ],
)
async def test_a_forged_authorization_shows_nothing(
    fediverse: Fediverse, alice: Client, proof: dict[str, Any] | None, at: str
) -> None:
    shown = await quoted_by_carol(fediverse, alice, proof, at=at)
    assert shown["quote"] == {"state": "pending", "quoted_status": None}


@pytest.mark.row(89)
async def test_an_accept_from_somebody_else_or_with_another_s_proof_changes_nothing(
    fediverse: Fediverse, alice: Client
) -> None:
    peer = fediverse.peer
    dave, mallory = peer.actor("dave", "d.test"), peer.actor("mallory", "evil.test")
    original = peer.note(dave, 1, interactionPolicy=ANYBODY)
    quoting = await quote(fediverse, alice, original["id"])
    (request,) = [got.activity for got in peer.received if got.activity["type"] == "QuoteRequest"]
    assert (request["object"], request["instrument"]["id"]) == (original["id"], quoting["uri"])
    assert request["instrument"]["quote"] == original["id"]
    assert "_misskey_quote" not in request["instrument"]

    def stamp(host: str, by: str, interacting: str) -> str:
        uri = f"http://{host}/stamps/{len(peer.documents)}"
        peer.documents[uri] = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "type": "QuoteAuthorization",
            "id": uri,
            "attributedTo": by,
            "interactingObject": interacting,
            "interactionTarget": original["id"],
        }
        return uri

    forged = [
        (mallory, stamp("evil.test", mallory, quoting["uri"])),
        (mallory, stamp("d.test", dave, quoting["uri"])),
        (dave, stamp("evil.test", dave, quoting["uri"])),
        (dave, stamp("d.test", dave, f"{quoting['uri']}0")),
        (dave, stamp("d.test", mallory, quoting["uri"])),
        (dave, "http://d.test/stamps/none"),
    ]
    for number, (actor, proof) in enumerate(forged):
        accept = peer.activity("Accept", actor, request["id"], number, result=proof)
        await peer.post(fediverse.alpha.inbox, accept)
        await peer.post(fediverse.alpha.inbox, peer.activity("Reject", mallory, request["id"], 100 + number))
        await fediverse.settle()
        assert (await again(alice, quoting))["quote"]["state"] == "pending"
    good = stamp("d.test", dave, quoting["uri"])
    embedded = {
        **{name: request[name] for name in ("id", "type", "actor", "object")},
        "instrument": quoting["uri"],
    }
    await peer.post(fediverse.alpha.inbox, peer.activity("Accept", dave, embedded, 50, result=good))
    await fediverse.settle()
    assert (await again(alice, quoting))["quote"]["state"] == "accepted"
    note = (await peer.get(quoting["uri"], by=dave)).json
    assert note["quoteAuthorization"] == good
    assert {note[name] for name in ("quote", "quoteUrl", "quoteUri", "_misskey_quote")} == {original["id"]}
    (link,) = [tag for tag in note["tag"] if tag["type"] == "Link"]
    assert (link["href"], link["rel"]) == (original["id"], "https://misskey-hub.net/ns#_misskey_quote")
    assert note["content"].startswith(f'<p class="quote-inline">RE: <a href="{original["id"]}">')
    await peer.post(fediverse.alpha.inbox, peer.activity("Reject", dave, request["id"], 60))
    await fediverse.settle()
    assert (await again(alice, quoting))["quote"]["state"] == "rejected"


@pytest.mark.row(89)
async def test_a_post_without_a_policy_is_not_quoted(fediverse: Fediverse, alice: Client) -> None:
    dave = fediverse.peer.actor("dave", "d.test")
    original = await seen(alice, fediverse.peer.note(dave, 1)["id"])
    assert original["quote_approval"] == {"automatic": [], "manual": [], "current_user": "denied"}
    status, _, _ = await alice.call(
        "POST", "/api/v1/statuses", json={"status": "x", "quoted_status_id": original["id"]}
    )
    assert status == 403


@pytest.mark.row(89)
async def test_a_request_is_answered_again_and_one_for_another_s_post_is_refused(
    fediverse: Fediverse, alice: Client
) -> None:
    peer = fediverse.peer
    carol, mallory = peer.actor(), peer.actor("mallory", "evil.test")
    original = await post(alice, "quote me")
    note = peer.note(carol, 1, quote=original["uri"])
    for number in (1, 2):
        request = peer.activity("QuoteRequest", carol, original["uri"], number, instrument=note)
        await peer.post(fediverse.alpha.inbox, request)
        await fediverse.settle()
    accepts = [got.activity for got in peer.received if got.activity["type"] == "Accept"]
    assert [accept["object"]["type"] for accept in accepts] == ["QuoteRequest", "QuoteRequest"]
    assert len({accept["result"] for accept in accepts}) == 1
    for number, instrument in enumerate((note, note["id"], {**note, "attributedTo": mallory})):
        request = peer.activity("QuoteRequest", mallory, original["uri"], number, instrument=instrument)
        await peer.post(fediverse.alpha.inbox, request)
    other = peer.note(mallory, 5, quote="http://a.test/users/alice/statuses/1")
    await peer.post(
        fediverse.alpha.inbox, peer.activity("QuoteRequest", mallory, original["uri"], 9, instrument=other)
    )
    await fediverse.settle()
    assert await fediverse.alpha.count(InteractionRequest) == 1
    assert [
        got for got in peer.received if got.host == "evil.test" and got.activity["type"] == "Accept"
    ] == []


@pytest.mark.row(89)
async def test_a_deleted_post_and_an_edited_one_are_known_to_those_who_quote_them(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    original = await post(alice, "quote me")
    quoting = await quote(fediverse, bob, original["uri"])
    fediverse.clock.advance(minutes=5)
    await alice.call("PUT", f"/api/v1/statuses/{original['id']}", json={"status": "quote me now"})
    await fediverse.settle()
    assert "quoted_update" in await types(bob)
    await alice.delete(f"/api/v1/statuses/{original['id']}")
    await fediverse.settle()
    assert (await again(bob, quoting))["quote"] == {"state": "deleted", "quoted_status": None}


@pytest.mark.row(89)
async def test_a_quote_of_somebody_blocked_or_muted_says_so(fediverse: Fediverse, alice: Client) -> None:
    zoe, reader = await fediverse.alpha.person("zoe"), await fediverse.alpha.person("reader")
    original = await post(alice, "quote me")
    quoting = await post(zoe, "look", quoted_status_id=original["id"])
    for verb, state in (("mute", "muted_account"), ("block", "blocked_account")):
        await reader.post(f"/api/v1/accounts/{alice.account.id}/{verb}")
        shown = (await again(reader, quoting))["quote"]
        assert (shown["state"], shown["quoted_status"]["id"]) == (state, original["id"])
    await alice.post(f"/api/v1/accounts/{reader.account.id}/block")
    assert (await again(reader, quoting))["quote"] == {"state": "unauthorized", "quoted_status": None}


async def test_the_policy_of_a_post_is_changed_and_others_hear_of_it(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, bob, "@alice@a.test")
    original = await post(alice, "quote me")
    await fediverse.settle()
    address = f"/api/v1/statuses/{original['id']}/interaction_policy"
    status, changed, _ = await alice.call("PUT", address, json={"quote_approval_policy": "nobody"})
    assert status == 200
    assert changed["quote_approval"] == {"automatic": [], "manual": [], "current_user": "automatic"}
    await fediverse.settle()
    assert (await seen(bob, original["uri"]))["quote_approval"]["current_user"] == "denied"
    status, _, _ = await alice.call("PUT", address, json={"quote_approval_policy": "x"})
    assert status == 422
    assert await find(bob, "@alice@a.test")
