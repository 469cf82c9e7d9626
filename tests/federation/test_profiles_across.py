"""Profiles between two instances and a peer: edits, marks, locked accounts, hidden lists. Refusals first."""

from typing import Any

import pytest

from fedispace.federation.models import ActorRow, InboxItem
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, find, follow

PATH = "/api/v1/accounts/update_credentials"


async def edit(client: Client, **changes: Any) -> Any:
    status, body, _ = await client.call("PATCH", PATH, json=changes)
    assert status == 200, body
    return body


async def standing(by: Client, target: str) -> tuple[bool, bool]:
    (found,) = await by.get("/api/v1/accounts/relationships", **{"id[]": target})
    return found["following"], found["requested"]


@pytest.mark.attack(8)
async def test_an_update_cannot_move_an_actor_to_another_server(fediverse: Fediverse) -> None:
    peer, beta = fediverse.peer, fediverse.beta
    carol = peer.actor()
    assert (
        await peer.post(beta.inbox, peer.activity("Follow", carol, f"{beta.origin}/users/nobody"))
    ).status == 202
    await fediverse.settle()
    stored = await _actor(fediverse, carol)
    told = peer.documents[carol]
    hostile = [
        {**told, "id": "http://evil.test/users/carol"},
        {**told, "inbox": "http://evil.test/inbox"},
        {**told, "endpoints": {"sharedInbox": "http://evil.test/inbox"}},
        {**told, "publicKey": {**told["publicKey"], "owner": "http://evil.test/users/mallory"}},
        {**told, "publicKey": {**told["publicKey"], "id": "http://evil.test/key"}},
    ]
    for number, document in enumerate(hostile):
        await peer.post(beta.inbox, peer.activity("Update", carol, document, number))
    await fediverse.settle()
    fates = await beta.fates()
    updates = [fate for id_, fate in fates.items() if "/Update/" in id_]
    assert updates
    assert all(fate.startswith("dropped") for fate in updates), updates
    now = await _actor(fediverse, carol)
    assert (now.inbox, now.shared_inbox, now.document) == (stored.inbox, stored.shared_inbox, stored.document)


async def _actor(fediverse: Fediverse, uri: str) -> ActorRow:
    async with fediverse.beta.app.db.reading() as tx:
        row = await fediverse.beta.app.actors.by_uri(tx, uri)
    assert row is not None
    return row


@pytest.mark.attack(20)
async def test_a_gigantic_actor_is_cut_to_size_or_refused(fediverse: Fediverse, bob: Client) -> None:
    peer = fediverse.peer
    big = {
        "summary": "<p>" + "x" * 60_000 + "</p>",
        "attachment": [{"type": "PropertyValue", "name": "n" * 500, "value": "v" * 500} for _ in range(100)],
        "alsoKnownAs": [f"http://c.test/users/{'a' * 40}{n}" for n in range(500)],
        "tag": [{"type": "Hashtag", "name": f"#t{n}"} for n in range(500)],
    }
    carol = peer.actor(**big)
    peer.documents[carol]["name"] = "n" * 10_000
    found = await bob.get("/api/v2/search", q=carol, resolve="true")
    for account in found["accounts"]:
        assert len(account["note"]) <= 32 * 1024
        assert len(account["fields"]) <= 16
        assert len(account["display_name"]) <= 500
    async with fediverse.beta.app.db.reading() as tx:
        row = await fediverse.beta.app.people.by_uri(tx, carol)
    assert row is not None
    assert len(str([row.note, row.fields, row.also_known_as, row.display_name])) <= 64 * 1024
    stored = await _actor(fediverse, carol)
    assert len(str(stored.document)) <= 64 * 1024
    longest = peer.actor("d" * 2048)
    assert (await bob.get("/api/v2/search", q=longest, resolve="true"))["accounts"] == []


async def test_an_older_self_description_changes_nothing(fediverse: Fediverse, bob: Client) -> None:
    peer, beta = fediverse.peer, fediverse.beta
    carol = peer.actor(updated="2026-11-12T10:00:00Z")
    target = await find(bob, carol)
    told = peer.documents[carol]
    for number, (name, at) in enumerate(
        [
            ("Third", "2026-11-12T12:00:00Z"),
            ("Second", "2026-11-12T11:00:00Z"),
            ("Same", "2026-11-12T12:00:00Z"),
        ]
    ):
        update = peer.activity("Update", carol, {**told, "name": name, "updated": at}, number)
        assert (await peer.post(beta.inbox, update)).status == 202
        await fediverse.settle()
    assert (await bob.get(f"/api/v1/accounts/{target}"))["display_name"] == "Third"


async def test_followers_and_acquaintances_hear_of_an_edit_in_order(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    target = await follow(fediverse, alice, "@bob@b.test")
    for name in ("One", "Two", "Three"):
        await edit(bob, display_name=name)
    await fediverse.settle()
    assert (await alice.get(f"/api/v1/accounts/{target}"))["display_name"] == "Three"
    # Alice is no follower's target: bob knows her because she wrote to him.
    await alice.post("/api/v1/statuses", {"status": "@bob@b.test hello"})
    await fediverse.settle()
    await edit(alice, note="I moved house", fields_attributes=[{"name": "Pronouns", "value": "she"}])
    await fediverse.settle()
    found = await bob.get("/api/v2/search", q="@alice@a.test", resolve="true")
    assert "I moved house" in found["accounts"][0]["note"]
    assert found["accounts"][0]["fields"][0]["value"] == "she"
    before = await fediverse.alpha.count(InboxItem)
    await edit(bob, source={"privacy": "unlisted"})
    await fediverse.settle()
    assert await fediverse.alpha.count(InboxItem) == before, "what nobody sees is nobody's business"


async def test_a_link_is_marked_only_when_its_page_names_us(fediverse: Fediverse, bob: Client) -> None:
    peer = fediverse.peer
    peer.pages["http://c.test/bob"] = f'<p>me: <a rel="nofollow ME" href="{bob.account.url}">b</a>'
    peer.pages["http://d.test/bob"] = f'<a href="{bob.account.url}">no rel</a>'
    fields = [
        {"name": n, "value": v}
        for n, v in (("a", "http://c.test/bob"), ("b", "http://d.test/bob"), ("c", "text"))
    ]
    await edit(bob, fields_attributes=fields)
    await fediverse.settle()
    marks = [
        field["verified_at"] for field in (await bob.get("/api/v1/accounts/verify_credentials"))["fields"]
    ]
    assert marks[0] is not None
    assert marks[1:] == [None, None]
    asked = len(peer.asked)
    for _ in range(5):
        await edit(bob, fields_attributes=fields)
        await fediverse.settle()
    assert len(peer.asked) == asked, "its pages are not asked for again at once"
    kept = (await bob.get("/api/v1/accounts/verify_credentials"))["fields"][0]["verified_at"]
    assert kept == marks[0]
    del peer.pages["http://c.test/bob"]
    fediverse.clock.advance(minutes=6)
    await edit(bob, fields_attributes=fields)
    await fediverse.settle()
    fediverse.clock.advance(minutes=6)
    await fediverse.settle()
    assert (await bob.get("/api/v1/accounts/verify_credentials"))["fields"][0]["verified_at"] is None
