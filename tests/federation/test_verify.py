"""Who sent this? Forgeries first, then keys that change, vanish, hang, or are asked for too often."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.federation.models import ActorKey, ActorRow, InboxItem
from fedispace.federation.verify import IN_VAIN_AT_MOST
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import Peer, private_key
from tests.ground.signing import SigningKey, signed_headers


def follow(peer: Peer, actor: str, alpha: Server, number: int = 1, **more: Any) -> dict[str, Any]:
    return peer.activity("Follow", actor, f"{alpha.origin}/users/alice", number, **more)


async def nothing_was_kept(alpha: Server) -> bool:
    return await alpha.count(InboxItem) == 0


@pytest.mark.attack(1)
async def test_what_is_not_signed_is_refused_and_nobody_is_asked(alpha: Server, peer: Peer) -> None:
    answer = await peer.post(alpha.inbox, follow(peer, peer.actor(), alpha), signed=False)
    assert (answer.status, answer.problem) == (401, "sig_missing")
    assert peer.asked == []
    assert await nothing_was_kept(alpha)


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ({"body": b'{"type":"Follow"}'}, 401, "digest_mismatch"),
        ({"date": timedelta(hours=-2)}, 401, "sig_date"),
        ({"date": timedelta(minutes=10)}, 401, "sig_date"),
        ({"covered": ("(request-target)", "host", "date")}, 401, "sig_weak"),
        ({"key_id": "http://a.test/users/alice#main-key"}, 401, "key_id"),
        ({"key_id": "acct:carol@c.test"}, 401, "key_id"),
        ({"key_id": "file:///etc/passwd"}, 401, "key_id"),
        ({"key": "another"}, 401, "sig_invalid"),
        ({"algorithm": "hmac-sha256"}, 401, None),
    ],
    ids=lambda each: str(each)[:40],
)
@pytest.mark.attack(3, 10, 11, 14)
@pytest.mark.row(1, 2, 14)
async def test_forged_and_stale_signatures_are_refused(
    alpha: Server, peer: Peer, clock: ManualClock, how: dict[str, Any], status: int, reason: str | None
) -> None:
    if "date" in how:
        how = {"date": clock.now() + how["date"]}
    answer = await peer.post(alpha.inbox, follow(peer, peer.actor(), alpha), **how)
    assert (answer.status, answer.problem) == (status, reason or answer.problem)
    assert await nothing_was_kept(alpha)


@pytest.mark.attack(2)
@pytest.mark.row(17)
async def test_nobody_signs_for_somebody_else(alpha: Server, peer: Peer) -> None:
    victim, mallory = peer.actor("a", "good.test"), peer.actor("m", "evil.test")
    answer = await peer.post(alpha.inbox, follow(peer, victim, alpha), by=mallory)
    assert (answer.status, answer.problem) == (403, "actor_key_mismatch")
    assert await nothing_was_kept(alpha)


@pytest.mark.row(29)
async def test_nobody_uses_an_id_of_another_server(alpha: Server, peer: Peer) -> None:
    mallory = peer.actor("m", "evil.test")
    activity = {**follow(peer, mallory, alpha), "id": "http://good.test/activities/1"}
    answer = await peer.post(alpha.inbox, activity)
    assert (answer.status, answer.problem) == (403, "origin_mismatch")
    assert await nothing_was_kept(alpha)


@pytest.mark.attack(13)
async def test_a_captured_request_is_good_for_its_own_path_only(alpha: Server, peer: Peer) -> None:
    await alpha.person("alice")
    activity = follow(peer, peer.actor(), alpha)
    captured = _signature_for(peer, alpha.inbox, activity)
    for _ in range(3):
        assert (await peer.post(alpha.inbox, activity, headers=captured)).status == 202
    answer = await peer.post(f"{alpha.origin}/users/alice/inbox", activity, headers=captured)
    assert (answer.status, answer.problem) == (401, "sig_invalid")
    assert await alpha.count(InboxItem) == 1


def _signature_for(peer: Peer, url: str, activity: dict[str, Any]) -> dict[str, str]:
    key = SigningKey(key_id=f"{activity['actor']}#main-key", private=private_key("one"))
    return dict(signed_headers(key, "POST", url, json.dumps(activity).encode(), date=peer.clock.now()))


@pytest.mark.attack(9)
async def test_a_key_its_alleged_owner_does_not_list_is_nobodys(alpha: Server, peer: Peer) -> None:
    """evil.test shows a key that says it is good.test's: good.test is not even asked."""
    victim = peer.actor("a", "good.test")
    stolen = "http://evil.test/keys/1"
    key = peer.documents[peer.actor("m", "evil.test", key="another")]["publicKey"]
    peer.documents[stolen] = {"id": stolen, "owner": victim, "publicKeyPem": key["publicKeyPem"]}
    answer = await peer.post(alpha.inbox, follow(peer, victim, alpha), key_id=stolen, key="another")
    assert (answer.status, answer.problem) == (401, "key_not_confirmed")
    assert peer.asked == [stolen]
    assert await alpha.count(ActorKey, ActorKey.key_id == stolen) == 0


@pytest.mark.attack(9)
@pytest.mark.row(13)
async def test_a_key_on_the_owners_server_that_the_owner_does_not_list_is_nobodys(
    alpha: Server, peer: Peer
) -> None:
    victim = peer.actor("a", "good.test")
    key_id = "http://good.test/uploads/key"
    key = peer.documents[peer.actor("m", "evil.test", key="another")]["publicKey"]
    peer.documents[key_id] = {"id": key_id, "owner": victim, "publicKeyPem": key["publicKeyPem"]}
    answer = await peer.post(alpha.inbox, follow(peer, victim, alpha), key_id=key_id, key="another")
    assert (answer.status, answer.problem) == (401, "key_not_confirmed")
    assert await alpha.count(ActorKey, ActorKey.key_id == key_id) == 0


@pytest.mark.row(102)
async def test_a_blocked_server_is_refused_before_its_key_is_asked_for(alpha: Server, peer: Peer) -> None:
    await alpha.block("evil.test")
    answer = await peer.post(alpha.inbox, follow(peer, peer.actor("m", "evil.test"), alpha))
    assert (answer.status, answer.problem) == (403, "blocked")
    assert peer.asked == []


@pytest.mark.row(13)
async def test_a_key_document_of_its_own_leads_to_its_owner(alpha: Server, peer: Peer) -> None:
    """As GoToSocial serves keys: at an address of their own, as a stub of the actor."""
    carol = peer.actor()
    key_id = f"{carol}/main-key"
    document = peer.documents[carol]
    document["publicKey"]["id"] = key_id
    stub = {name: document[name] for name in ("@context", "type", "publicKey")}
    peer.documents[key_id] = {**stub, "id": key_id}
    answer = await peer.post(alpha.inbox, follow(peer, carol, alpha), key_id=key_id)
    assert answer.status == 202


@pytest.mark.attack(42)
async def test_many_requests_of_a_newcomer_ask_for_the_key_once(alpha: Server, peer: Peer) -> None:
    carol = peer.actor()
    posts = [peer.post(alpha.inbox, follow(peer, carol, alpha, number)) for number in range(20)]
    answers = await asyncio.gather(*posts)
    assert [answer.status for answer in answers] == [202] * 20
    assert peer.asked == [carol]


@pytest.mark.attack(16)
@pytest.mark.row(16)
async def test_a_bad_signature_makes_us_ask_for_the_key_once_in_five_minutes(
    alpha: Server, peer: Peer, clock: ManualClock
) -> None:
    carol = peer.actor()
    assert (await peer.post(alpha.inbox, follow(peer, carol, alpha))).status == 202
    clock.advance(minutes=6)
    for _ in range(20):
        answer = await peer.post(alpha.inbox, follow(peer, carol, alpha), key="another")
        assert (answer.status, answer.problem) == (401, "sig_invalid")
    assert len(peer.asked) == 2
    assert (await peer.post(alpha.inbox, follow(peer, carol, alpha, 2))).status == 202


@pytest.mark.attack(16)
@pytest.mark.row(16)
async def test_an_unknown_key_that_cannot_be_had_is_asked_for_once_in_five_minutes(
    alpha: Server, peer: Peer, clock: ManualClock
) -> None:
    nobody = "http://c.test/users/nobody"
    for _ in range(5):
        answer = await peer.post(alpha.inbox, follow(peer, nobody, alpha))
        assert (answer.status, answer.problem) == (401, "key_unavailable")
    assert len(peer.asked) == 1
    clock.advance(minutes=6)
    peer.actor("nobody")
    assert (await peer.post(alpha.inbox, follow(peer, nobody, alpha))).status == 202


@pytest.mark.attack(16)
async def test_nobody_makes_us_knock_at_a_third_servers_door_all_the_time(alpha: Server, peer: Peer) -> None:
    for number in range(IN_VAIN_AT_MOST):
        await peer.post(alpha.inbox, follow(peer, f"http://good.test/users/x{number}", alpha))
    asked = len(peer.asked)
    known = peer.actor("known", "c.test")
    answer = await peer.post(alpha.inbox, follow(peer, peer.actor("real", "good.test"), alpha))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    assert len(peer.asked) == asked
    assert (await peer.post(alpha.inbox, follow(peer, known, alpha))).status == 202


@pytest.mark.attack(16)
@pytest.mark.row(16)
async def test_a_changed_key_is_taken_over(alpha: Server, peer: Peer, clock: ManualClock) -> None:
    carol = peer.actor()
    assert (await peer.post(alpha.inbox, follow(peer, carol, alpha))).status == 202
    clock.advance(minutes=6)
    peer.actor(key="another")
    assert (await peer.post(alpha.inbox, follow(peer, carol, alpha, 2), key="another")).status == 202
    assert (await peer.post(alpha.inbox, follow(peer, carol, alpha, 3))).status == 401


@pytest.mark.attack(16)
async def test_a_withdrawn_key_does_not_count_for_long(
    fediverse: Fediverse, alpha: Server, peer: Peer, clock: ManualClock
) -> None:
    """Its owner tells us of the new key; the old one is forgotten in memory too."""
    carol = peer.actor()
    assert (await peer.post(alpha.inbox, follow(peer, carol, alpha))).status == 202
    update = peer.activity("Update", carol, peer.documents[peer.actor(key="another")])
    assert (await peer.post(alpha.inbox, update)).status == 202
    await fediverse.settle()
    clock.advance(minutes=2)
    answer = await peer.post(alpha.inbox, follow(peer, carol, alpha, 2))
    assert (answer.status, answer.problem) == (401, "sig_invalid")


@pytest.mark.parametrize("type_", ["Delete", "Update"])
@pytest.mark.attack(25)
@pytest.mark.row(18)
async def test_strangers_who_speak_of_themselves_cost_nothing(alpha: Server, peer: Peer, type_: str) -> None:
    for number in range(20):
        stranger = f"http://c.test/users/stranger{number}"
        told = stranger if type_ == "Delete" else {"id": stranger, "type": "Person"}
        assert (await peer.post(alpha.inbox, peer.activity(type_, stranger, told))).status == 202
    assert peer.asked == []
    assert await alpha.count(ActorRow, ActorRow.host == "c.test") == 0
    assert await nothing_was_kept(alpha)


async def test_a_stranger_who_deletes_somebody_else_is_asked_for_the_key(alpha: Server, peer: Peer) -> None:
    mallory = "http://evil.test/users/m"
    answer = await peer.post(alpha.inbox, peer.activity("Delete", mallory, "http://good.test/users/a"))
    assert (answer.status, answer.problem) == (401, "key_unavailable")


@pytest.mark.row(19, 20)
async def test_somebody_whose_key_is_gone_is_forgotten_and_not_asked_for_again(
    alpha: Server, peer: Peer, clock: ManualClock
) -> None:
    await alpha.person("alice")
    carol = peer.actor()
    assert (await peer.post(alpha.inbox, follow(peer, carol, alpha))).status == 202
    await alpha.app.worker.settle()
    assert await alpha.count(Account, Account.uri == carol) == 1
    peer.statuses[carol] = 410
    clock.advance(minutes=6)
    asked = len(peer.asked)
    for number in range(5):
        delete = peer.activity("Delete", carol, carol, number)
        assert (await peer.post(alpha.inbox, delete, key="another")).status == 202
        clock.advance(minutes=6)
    await alpha.app.worker.settle()
    assert len(peer.asked) == asked + 1
    assert await alpha.count(Account, Account.uri == carol) == 0
    assert await alpha.count(ActorRow, ActorRow.uri == carol, ActorRow.gone_at.is_not(None)) == 1


async def test_a_key_that_cannot_be_had_for_now_is_no_refusal(
    alpha: Server, peer: Peer, clock: ManualClock
) -> None:
    """A 401 would make an honest peer give up after minutes; 503 makes it come back."""
    carol = peer.actor()
    peer.statuses[carol] = 503
    answer = await peer.post(alpha.inbox, follow(peer, carol, alpha))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    del peer.statuses[carol]
    assert (await peer.post(alpha.inbox, follow(peer, carol, alpha))).status == 202


async def test_an_account_that_came_back_is_known_again(
    alpha: Server, peer: Peer, clock: ManualClock
) -> None:
    carol = peer.actor()
    await peer.post(alpha.inbox, follow(peer, carol, alpha))
    async with alpha.app.db.transaction() as tx:
        await alpha.app.actors.forget(tx, carol)
    clock.advance(minutes=6)
    assert (await peer.post(alpha.inbox, follow(peer, carol, alpha, 2))).status == 202
    assert await alpha.count(ActorRow, ActorRow.uri == carol, ActorRow.gone_at.is_(None)) == 1
