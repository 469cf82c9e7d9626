"""What we say in public proves us to whoever has it; what we say to some proves nothing to others."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.federation.models import OutboxItem
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import Peer
from tests.ground.proving import is_proven

INTEGRITY = "https://w3id.org/security/data-integrity/v1"


@pytest.fixture
async def alice(alpha: Server, peer: Peer, fediverse: Fediverse) -> Client:
    """alice, whom carol at c.test follows."""
    person = await alpha.person("alice")
    await peer.post(alpha.inbox, peer.activity("Follow", peer.actor(), person.account.uri))
    await fediverse.settle()
    return person


def received(peer: Peer, type_: str) -> dict[str, Any]:
    (found,) = [each.activity for each in peer.received if each.activity["type"] == type_]
    return found


@pytest.mark.row(85)
async def test_what_is_said_in_public_carries_a_proof_by_a_key_the_actor_lists(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "Grüße, 世界 \U0001f600 #tag"})
    note = peer.note("http://c.test/users/carol", 1)
    found = await alice.get("/api/v2/search", q=note["id"], resolve="true", type="statuses")
    theirs = found["statuses"][0]["id"]
    await alice.post(f"/api/v1/statuses/{theirs}/reblog")
    await alice.post(f"/api/v1/statuses/{theirs}/favourite")
    await alice.post(f"/api/v1/statuses/{theirs}/unfavourite")
    await fediverse.settle()
    await alice.delete(f"/api/v1/statuses/{post['id']}")
    await fediverse.settle()
    actor = (await peer.get(alice.account.uri)).json
    for type_ in ("Create", "Announce", "Like", "Undo", "Delete"):
        activity = received(peer, type_)
        assert is_proven(activity, actor), type_
        assert activity["@context"][1] == INTEGRITY
        assert activity["proof"]["verificationMethod"] == f"{alice.account.uri}#ed25519-key"


@pytest.mark.privacy("P-03")
async def test_what_is_said_to_some_gives_none_of_them_a_proof_of_it(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    for text, visibility in (("psst", "private"), ("@carol@c.test psst", "direct")):
        await alice.post("/api/v1/statuses", {"status": text, "visibility": visibility})
    found = await alice.get("/api/v2/search", q="http://c.test/users/carol", type="accounts")
    for act in ("follow", "unfollow", "block"):
        await alice.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/{act}")
    await fediverse.settle()
    kinds = {each.activity["type"] for each in peer.received}
    assert kinds >= {"Create", "Follow", "Accept", "Undo", "Block"}
    assert [each.activity["type"] for each in peer.received if "proof" in each.activity] == []


async def test_an_activity_is_shown_at_its_id_as_it_was_sent_to_the_byte(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    await alice.delete(f"/api/v1/statuses/{post['id']}")
    await fediverse.settle()
    sent = received(peer, "Delete")
    shown = await peer.get(sent["id"])
    assert (shown.status, shown.headers["Vary"]) == (200, "Accept, Signature")
    assert json.loads(shown.body) == sent
    async with alpha.app.db.reading() as tx:
        assert shown.body == await tx.scalar(select(OutboxItem.body).where(OutboxItem.uri == sent["id"]))
