"""Our own keys change: peers are told under the old key, and nothing on its way is lost."""

import base64
import re

import pytest
from sqlalchemy import select

from fedispace.federation.keys import PublicKey, public_key
from fedispace.federation.models import ActorKey, ActorSecret
from fedispace.federation.vocab.actors import PublicKeyRef
from fedispace.federation.vocab.uri import Uri
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import Peer, Received
from tests.ground.proving import is_proven


@pytest.fixture
async def alice(fediverse: Fediverse, alpha: Server, peer: Peer) -> Client:
    """alice, whom carol at c.test follows."""
    person = await alpha.person("alice")
    await peer.post(alpha.inbox, peer.activity("Follow", peer.actor(), person.account.uri))
    await fediverse.settle()
    peer.received.clear()
    return person


async def shown_key(peer: Peer, alice: Client) -> PublicKey:
    """Return the RSA key that alice's actor shows now."""
    stated = (await peer.get(alice.account.uri)).json["publicKey"]
    ref = PublicKeyRef(id=stated["id"], owner=stated["owner"], kind="rsa", pem=stated["publicKeyPem"])
    return public_key(ref)


def is_signed_by(received: Received, key: PublicKey) -> bool:
    """Tell whether a delivery was signed with `key` (draft-cavage)."""
    header = received.headers["Signature"]
    stated = dict(re.findall(r'(\w+)="([^"]*)"', header))
    lines = [
        f"(request-target): post {received.path}" if name == "(request-target)"
        else f"{name}: {received.headers[name]}"
        for name in stated["headers"].split()
    ]  # fmt: skip
    return key.is_signature(base64.b64decode(stated["signature"]), "\n".join(lines).encode())


@pytest.mark.row(16)
async def test_peers_learn_of_new_keys_under_the_old_one(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    old = await shown_key(peer, alice)
    await alice.post("/api/v1/statuses", {"status": "before"})
    await alpha.app.key_rotation.rotate("alice")
    await alice.post("/api/v1/statuses", {"status": "after"})
    await fediverse.settle()
    new = await shown_key(peer, alice)
    before, update, after = peer.received
    kinds = [each.activity["type"] for each in peer.received]
    assert kinds == ["Create", "Update", "Create"]
    assert is_signed_by(before, old)
    assert is_signed_by(update, old)
    assert is_signed_by(after, new)
    assert not is_signed_by(after, old)
    assert (
        update.activity["object"]["publicKey"]["publicKeyPem"]
        == ((await peer.get(alice.account.uri)).json["publicKey"]["publicKeyPem"])
    )


async def test_proofs_made_before_hold_while_they_travel_and_no_longer(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    await alice.post("/api/v1/statuses", {"status": "before"})
    fediverse.clock.advance(minutes=1)
    await alpha.app.key_rotation.rotate("alice")
    fediverse.clock.advance(minutes=11)
    await alice.post("/api/v1/statuses", {"status": "after"})
    await fediverse.settle()
    before, _, after = [each.activity for each in peer.received]
    actor = (await peer.get(alice.account.uri)).json
    assert is_proven(before, actor)
    assert is_proven(after, actor)
    assert before["proof"]["verificationMethod"] != after["proof"]["verificationMethod"]
    for days, listed in ((13, 2), (2, 1)):
        fediverse.clock.advance(days=days)
        async with alpha.app.db.transaction() as tx:
            await alpha.app.actors.prune(tx)
        actor = (await peer.get(alice.account.uri)).json
        assert len(actor["assertionMethod"]) == listed
    assert is_proven(after, actor)
    assert await alpha.count(ActorSecret, ActorSecret.former_rsa.is_not(None)) == 0


async def test_a_peer_that_has_the_new_key_already_gets_what_was_on_its_way_under_it(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    await alice.post("/api/v1/statuses", {"status": "before"})
    await alpha.app.key_rotation.rotate("alice")
    new = await shown_key(peer, alice)

    def by_the_new_key(request: object) -> bool:
        return "Signature-Input" not in request.headers and is_signed_by(  # type: ignore[attr-defined]
            Received(host="", path=request.path, activity={}, headers=request.headers),  # type: ignore[attr-defined]
            new,
        )

    peer.takes["c.test"] = by_the_new_key
    await fediverse.settle()
    taken = [each.activity["type"] for each in peer.received if by_the_new_key_of(each, new)]
    assert taken == ["Create", "Update"]


def by_the_new_key_of(received: Received, key: PublicKey) -> bool:
    return "Signature-Input" not in received.headers and is_signed_by(received, key)


@pytest.mark.row(16)
async def test_the_other_of_ours_takes_the_new_key_over_and_goes_on(
    fediverse: Fediverse, alpha: Server, beta: Server, alice: Client
) -> None:
    bob = await beta.person("bob")
    found = await bob.get("/api/v2/search", q="@alice@a.test", resolve="true", type="accounts")
    await bob.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")
    await fediverse.settle()
    for number in range(2):
        await alpha.app.key_rotation.rotate("alice")
        await alice.post("/api/v1/statuses", {"status": f"after {number}"})
        await fediverse.settle()
        fediverse.clock.advance(minutes=6)
    assert len(await bob.get("/api/v1/timelines/home")) == 2
    async with alpha.app.db.reading() as tx, beta.app.db.reading() as there:
        for key_id in (f"{alice.account.uri}#main-key",):
            shown = select(ActorKey.public).where(ActorKey.key_id == Uri(key_id))
            assert await tx.scalar(shown) == await there.scalar(shown)
