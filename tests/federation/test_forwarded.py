"""What comes by way of somebody else: believed with its author's proof, looked up with less, else refused."""

from typing import Any

import pytest
from sqlalchemy import update

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.federation.models import InboxItem
from fedispace.federation.rumours import HINTS
from fedispace.queue.models import Job
from fedispace.threads import forwarding
from fedispace.threads.models import Status
from fedispace.threads.policies import Parties, Policy, to_json
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import Peer
from tests.ground.proving import multikey, proven


@pytest.fixture
async def post(alice: Client) -> str:
    """The id of a public post of alice's."""
    return str((await alice.post("/api/v1/statuses", {"status": "what do you think?"}))["uri"])


def author(peer: Peer, name: str = "a", host: str = "good.test", key: str = "ed") -> str:
    """Show an actor that lists a key for proofs."""
    return peer.actor(name, host, assertionMethod=[multikey(key, f"http://{host}/users/{name}")])


def reply(peer: Peer, by: str, parent: str, number: int = 1, **more: Any) -> dict[str, Any]:
    note = peer.note(by, number, inReplyTo=parent, **more)
    return peer.activity("Create", by, note, number, to=note["to"], cc=note["cc"])


async def stored(server: Server, activity: dict[str, Any]) -> bool:
    return await server.count(Status, Status.uri == activity["object"]["id"]) == 1


@pytest.mark.row(85)
async def test_a_reply_that_another_server_passes_on_is_believed_by_its_proof(
    fediverse: Fediverse, alpha: Server, peer: Peer, clock: ManualClock, post: str
) -> None:
    ada, mallory = author(peer), peer.actor("m", "evil.test")
    activity = proven(reply(peer, ada, post), clock.now(), key="ed", by=ada)
    answer = await peer.post(alpha.inbox, activity, by=mallory)
    assert answer.status == 202, answer
    await fediverse.settle()
    assert await stored(alpha, activity)
    assert activity["object"]["id"] not in peer.asked, "it needed no second look"


def _altered(activity: dict[str, Any]) -> dict[str, Any]:
    return {**activity, "object": {**activity["object"], "content": "something else"}}


BROKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "of another actor's key": ("actor_key_mismatch", {"key": "other", "by": "http://good.test/users/eve"}),
    "of a key on another server": ("proof_invalid", {"key": "bad", "by": "http://evil.test/users/m"}),
    "of a key nobody lists": ("key_not_confirmed", {"key": "unlisted"}),
    "of an unknown suite": ("proof_invalid", {"cryptosuite": "eddsa-magic-2099"}),
    "of another type": ("proof_invalid", {"type": "RsaSignature2017"}),
    "expired": ("proof_date", {"expires": "2020-01-01T00:00:00Z"}),
    "older than we remember ids": ("proof_date", {"created": "2026-01-01T00:00:00Z"}),
    "of no date": ("proof_date", {"created": None}),
    "from the future": ("proof_date", {"created": "2036-01-01T00:00:00Z"}),
    "for another purpose": ("proof_invalid", {"proofPurpose": "authentication"}),
    "made in another context": ("proof_invalid", {"@context": "https://example.org/other"}),
}


@pytest.mark.row(17, 85)
@pytest.mark.parametrize("how", [*BROKEN, "altered", "a list", "nothing"])
async def test_a_proof_that_does_not_hold_is_refused(
    alpha: Server, peer: Peer, clock: ManualClock, post: str, how: str
) -> None:
    ada, _ = author(peer), author(peer, "eve", key="other")
    mallory = peer.actor("m", "evil.test", assertionMethod=[multikey("bad", "http://evil.test/users/m")])
    bare = reply(peer, ada, post)
    reason, more = BROKEN.get(how, ("proof_invalid", {}))
    activity = proven(bare, clock.now(), **{"key": "ed", "by": ada, **more})
    if how == "altered":
        activity = _altered(activity)
    elif how == "a list":
        activity = {**bare, "proof": [activity["proof"], activity["proof"]]}
    elif how == "nothing":
        activity = {**bare, "proof": None}
    answer = await peer.post(alpha.inbox, activity, by=mallory)
    assert (answer.status in (401, 403), answer.problem) == (True, reason)
    assert await alpha.count(InboxItem) == 0


@pytest.mark.row(85)
async def test_an_ld_signature_put_beside_a_proof_neither_helps_nor_harms_it(
    fediverse: Fediverse, alpha: Server, peer: Peer, clock: ManualClock, post: str
) -> None:
    """As Fedify sends activities: the LD signature comes last, and the proof does not cover it."""
    ada, mallory = author(peer), peer.actor("m", "evil.test")
    sound = proven(reply(peer, ada, post), clock.now(), key="ed", by=ada)
    forged = with_ld_signature(_altered(sound))
    assert (await peer.post(alpha.inbox, forged, by=mallory)).status == 401
    assert (await peer.post(alpha.inbox, with_ld_signature(sound), by=mallory)).status == 202
    await fediverse.settle()
    assert await stored(alpha, sound)


@pytest.mark.row(82)
@pytest.mark.parametrize("keyword", ["@graph", "@included", "@reverse"])
async def test_a_proven_activity_that_says_more_to_who_expands_it_is_refused(
    alpha: Server, peer: Peer, clock: ManualClock, post: str, keyword: str
) -> None:
    ada = author(peer)
    bare = reply(peer, ada, post)
    bare["object"] = {**bare["object"], keyword: [{"id": f"{ada}/notes/9"}]}
    activity = proven(bare, clock.now(), key="ed", by=ada)
    answer = await peer.post(alpha.inbox, activity, by=peer.actor("m", "evil.test"))
    assert (answer.status, answer.problem) == (401, "jsonld_keyword")


@pytest.mark.row(102)
async def test_the_proof_of_somebody_on_a_blocked_server_is_not_looked_at(
    alpha: Server, peer: Peer, clock: ManualClock, post: str
) -> None:
    ada, mallory = author(peer), peer.actor("m", "evil.test")
    await alpha.block("good.test")
    activity = proven(reply(peer, ada, post), clock.now(), key="ed", by=ada)
    answer = await peer.post(alpha.inbox, activity, by=mallory)
    assert (answer.status, answer.problem) == (403, "blocked")
    assert ada not in peer.asked


async def test_a_forwarded_activity_that_came_before_has_no_second_effect(
    fediverse: Fediverse, alpha: Server, peer: Peer, clock: ManualClock, post: str
) -> None:
    ada, mallory = author(peer), peer.actor("m", "evil.test")
    activity = proven(reply(peer, ada, post), clock.now(), key="ed", by=ada)
    assert (await peer.post(alpha.inbox, activity)).status == 202
    await fediverse.settle()
    delete = peer.activity("Delete", ada, activity["object"]["id"])
    assert (await peer.post(alpha.inbox, delete)).status == 202
    await fediverse.settle()
    for _ in range(3):
        assert (await peer.post(alpha.inbox, activity, by=mallory)).status == 202
    await fediverse.settle()
    assert not await stored(alpha, activity)
    assert await alpha.count(InboxItem, InboxItem.activity_id == activity["id"]) == 1


async def test_somebody_elses_join_opens_no_door_even_with_their_proof(
    alpha: Server, peer: Peer, clock: ManualClock
) -> None:
    """The ticket goes to whoever asked, so whoever asked has to be who joins."""
    ada, mallory = author(peer), peer.actor("m", "evil.test")
    join = peer.activity("Join", ada, f"{alpha.origin}/spaces/1")
    activity = proven(join, clock.now(), key="ed", by=ada)
    answer = await peer.post(f"{alpha.origin}/spaces/1/join", activity, by=mallory)
    assert (answer.status, answer.problem) == (403, "actor_key_mismatch")


async def test_our_own_activity_that_comes_back_makes_us_ask_nobody(
    alpha: Server, alice: Client, peer: Peer, clock: ManualClock
) -> None:
    mallory = peer.actor("m", "evil.test")
    note = {"type": "Note", "id": f"{alice.account.uri}/statuses/7", "attributedTo": alice.account.uri}
    forged = peer.activity("Create", alice.account.uri, note)
    activity = proven(forged, clock.now(), key="ed", by=alice.account.uri)
    assert (await peer.post(alpha.inbox, activity, by=mallory)).status == 202
    assert await alpha.count(InboxItem) == 0
    assert await alpha.count(Status) == 0


# What bears only a signature that we do not believe.


def with_ld_signature(activity: dict[str, Any]) -> dict[str, Any]:
    signature = {
        "type": "RsaSignature2017",
        "creator": f"{activity['actor']}#main-key",
        "created": "2026-11-12T18:00:00Z",
        "signatureValue": "bm90IGxvb2tlZCBhdA==",
    }
    return {**activity, "signature": signature}


@pytest.mark.attack(15)
@pytest.mark.row(84)
async def test_an_ld_signature_proves_nothing_and_the_reply_is_fetched_once_from_its_own_server(
    fediverse: Fediverse, alpha: Server, peer: Peer, post: str
) -> None:
    ada, mallory = peer.actor("a", "good.test"), peer.actor("m", "evil.test")
    activity = with_ld_signature(reply(peer, ada, post))
    honest = activity["object"]["content"]
    activity["object"] = {**activity["object"], "content": "what ada never said"}
    for _ in range(3):
        assert (await peer.post(alpha.inbox, activity, by=mallory)).status == 202
    await fediverse.settle()
    assert peer.asked.count(activity["object"]["id"]) == 1
    assert await alpha.count(Status, Status.uri == activity["object"]["id"], Status.content == honest) == 1


@pytest.mark.attack(15)
async def test_a_reply_that_its_own_server_does_not_know_is_dropped(
    fediverse: Fediverse, alpha: Server, peer: Peer, post: str
) -> None:
    ada, mallory = peer.actor("a", "good.test"), peer.actor("m", "evil.test")
    activity = with_ld_signature(reply(peer, ada, post))
    del peer.documents[activity["object"]["id"]]
    assert (await peer.post(alpha.inbox, activity, by=mallory)).status == 202
    await fediverse.settle()
    assert peer.asked.count(activity["object"]["id"]) == 1
    assert not await stored(alpha, activity)


@pytest.mark.attack(15)
async def test_a_rumoured_deletion_counts_only_when_the_post_is_gone(
    fediverse: Fediverse, alpha: Server, peer: Peer, post: str
) -> None:
    ada, mallory = peer.actor("a", "good.test"), peer.actor("m", "evil.test")
    activity = reply(peer, ada, post)
    note = activity["object"]["id"]
    await peer.post(alpha.inbox, activity)
    await fediverse.settle()
    deletion = with_ld_signature(peer.activity("Delete", ada, note))
    assert (await peer.post(alpha.inbox, deletion, by=mallory)).status == 202
    await fediverse.settle()
    assert await stored(alpha, activity)
    peer.statuses[note] = 410
    fediverse.clock.advance(minutes=6)
    assert (await peer.post(alpha.inbox, deletion, by=mallory)).status == 202
    await fediverse.settle()
    assert not await stored(alpha, activity)


@pytest.mark.attack(15)
async def test_a_rumour_of_what_concerns_nobody_here_makes_us_ask_nobody(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    ada, mallory = peer.actor("a", "good.test"), peer.actor("m", "evil.test")
    rumours = [
        reply(peer, ada, f"{alpha.origin}/users/alice/statuses/404"),
        peer.activity("Create", ada, peer.note(ada, 2)),
        peer.activity("Update", ada, peer.note(ada, 3)),
        peer.activity("Delete", ada, f"{ada}/notes/4"),
        peer.activity("Like", ada, f"{ada}/notes/5"),
        peer.activity("Create", ada, {**peer.note(ada, 6), "id": "http://d.test/notes/6"}),
    ]
    for rumour in rumours:
        assert (await peer.post(alpha.inbox, with_ld_signature(rumour), by=mallory)).status == 202
    await fediverse.settle()
    assert [asked for asked in peer.asked if "evil.test" not in asked] == []
    assert await alpha.count(Status) == 0


@pytest.mark.attack(15)
async def test_nobody_makes_us_ask_another_server_all_the_time_by_rumours(
    alpha: Server, peer: Peer, post: str
) -> None:
    ada, mallory = peer.actor("a", "good.test"), peer.actor("m", "evil.test")
    for number in range(HINTS + 5):
        rumour = with_ld_signature(reply(peer, ada, post, number))
        assert (await peer.post(alpha.inbox, rumour, by=mallory)).status == 202
    assert await alpha.count(Job, Job.kind == "federation.rumour") == HINTS


# What we pass on ourselves.


@pytest.fixture
async def followed(fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer) -> str:
    """alice has a follower at c.test; the fixture is the follower's id."""
    carol = peer.actor()
    await peer.post(alpha.inbox, peer.activity("Follow", carol, alice.account.uri))
    await fediverse.settle()
    return carol


def passed_on(peer: Peer, host: str = "c.test") -> list[Any]:
    return [each.activity for each in peer.received if each.host == host and "proof" in each.activity]


def of_others(activities: list[Any], server: Server) -> list[Any]:
    return [each for each in activities if not each["actor"].startswith(server.origin)]


@pytest.mark.row(84)
async def test_a_proven_reply_goes_on_to_who_follows_the_one_it_answers_to_the_byte(
    fediverse: Fediverse, alpha: Server, peer: Peer, clock: ManualClock, followed: str, post: str
) -> None:
    ada = author(peer)
    create = proven(reply(peer, ada, post), clock.now(), key="ed", by=ada)
    await peer.post(alpha.inbox, create)
    await fediverse.settle()
    edited = {**create["object"], "content": "<p>better</p>", "updated": "2026-11-13T18:00:00Z"}
    update = proven(peer.activity("Update", ada, edited), clock.now(), key="ed", by=ada)
    await peer.post(alpha.inbox, update)
    await fediverse.settle()
    delete = proven(peer.activity("Delete", ada, edited["id"]), clock.now(), key="ed", by=ada)
    await peer.post(alpha.inbox, delete)
    await fediverse.settle()
    assert of_others(passed_on(peer), alpha) == [create, update, delete]
    signed = [each.headers["Signature"] for each in peer.received if each.activity == create]
    assert 'keyId="http://a.test/users/alice#main-key"' in signed[0]


@pytest.mark.row(84)
async def test_what_is_no_public_proven_reply_to_a_post_of_ours_is_not_passed_on(
    fediverse: Fediverse,
    alpha: Server,
    alice: Client,
    peer: Peer,
    clock: ManualClock,
    followed: str,
    post: str,
) -> None:
    ada, now = author(peer), clock.now()
    private = await alice.post("/api/v1/statuses", {"status": "psst", "visibility": "private"})
    elsewhere = peer.note(ada, 90)["id"]
    activities = [
        reply(peer, ada, post, 1),
        proven(reply(peer, ada, elsewhere, 2), now, key="ed", by=ada),
        proven(reply(peer, ada, post, 3, to=[alice.account.uri], cc=[]), now, key="ed", by=ada),
        proven(
            reply(peer, ada, post, 4, to=[f"{ada}/followers"], cc=[alice.account.uri]), now, key="ed", by=ada
        ),
        proven(reply(peer, ada, private["uri"], 5), now, key="ed", by=ada),
        proven(peer.activity("Like", ada, post), now, key="ed", by=ada),
        proven(peer.activity("Announce", ada, post), now, key="ed", by=ada),
        {**proven(reply(peer, ada, post, 6), now, key="ed", by=ada), "published": "2026-11-12T18:00:00Z"},
    ]
    for activity in activities:
        assert (await peer.post(alpha.inbox, activity)).status == 202
    await fediverse.settle()
    assert of_others([each.activity for each in peer.received], alpha) == []


async def test_a_reply_of_somebody_blocked_is_not_passed_on(
    fediverse: Fediverse,
    alpha: Server,
    alice: Client,
    peer: Peer,
    clock: ManualClock,
    followed: str,
    post: str,
) -> None:
    ada = author(peer)
    found = (await alice.get("/api/v2/search", q=ada, resolve="true", type="accounts"))["accounts"]
    await alice.post(f"/api/v1/accounts/{found[0]['id']}/block")
    activity = proven(reply(peer, ada, post), clock.now(), key="ed", by=ada)
    await peer.post(alpha.inbox, activity)
    await fediverse.settle()
    assert of_others(passed_on(peer), alpha) == []


async def test_a_reply_that_waits_to_be_let_in_is_not_passed_on(
    fediverse: Fediverse,
    alpha: Server,
    peer: Peer,
    clock: ManualClock,
    followed: str,
    post: str,
) -> None:
    ada = author(peer)
    approval = to_json(Policy(reply=Parties(automatic=frozenset(), manual=frozenset({"public"}))))
    async with alpha.app.db.transaction() as tx:
        await tx.execute(update(Status).where(Status.uri == post).values(policy=approval))
    activity = proven(reply(peer, ada, post), clock.now(), key="ed", by=ada)
    await peer.post(alpha.inbox, activity)
    await fediverse.settle()
    assert await alpha.count(Status, Status.pending_approval.is_(True)) == 1
    assert of_others(passed_on(peer), alpha) == []


async def test_a_forwarded_reply_goes_on_once_and_never_in_a_circle(
    fediverse: Fediverse,
    alpha: Server,
    beta: Server,
    alice: Client,
    peer: Peer,
    clock: ManualClock,
    post: str,
) -> None:
    """alpha passes it on to beta, where a follower is; beta sends it nowhere, and alpha not again."""
    bob = await beta.person("bob")
    target = (await bob.get("/api/v2/search", q="@alice@a.test", resolve="true", type="accounts"))["accounts"]
    await bob.post(f"/api/v1/accounts/{target[0]['id']}/follow")
    await fediverse.settle()
    shown = await alice.post("/api/v1/statuses", {"status": "hello b"})
    await fediverse.settle()
    ada = author(peer)
    activity = proven(reply(peer, ada, shown["uri"]), clock.now(), key="ed", by=ada)
    for server in (alpha, alpha, beta, alpha):
        assert (await peer.post(server.inbox, activity)).status == 202
    await fediverse.settle()
    assert await stored(alpha, activity)
    assert await stored(beta, activity)
    fates = await beta.fates()
    assert fates[activity["id"]] == "done"
    assert of_others([each.activity for each in peer.received], alpha) == []


@pytest.mark.attack(15)
async def test_a_rumour_does_not_remove_what_its_server_only_hides_from_strangers(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer, post: str
) -> None:
    """A post for some is a 404 to whoever asks as nobody: mallory, who knows its address, says it is gone."""
    ada, mallory = peer.actor("a", "good.test"), peer.actor("m", "evil.test")
    activity = reply(peer, ada, post, to=[alice.account.uri], cc=[])
    await peer.post(alpha.inbox, activity)
    await fediverse.settle()
    note = activity["object"]["id"]
    peer.statuses[note] = 404
    deletion = with_ld_signature(peer.activity("Delete", ada, note))
    assert (await peer.post(alpha.inbox, deletion, by=mallory)).status == 202
    await fediverse.settle()
    assert await stored(alpha, activity)
    peer.statuses[note] = 410
    fediverse.clock.advance(minutes=6)
    assert (await peer.post(alpha.inbox, deletion, by=mallory)).status == 202
    await fediverse.settle()
    assert not await stored(alpha, activity)


@pytest.mark.row(84)
async def test_the_end_of_a_private_reply_is_not_told_to_followers(
    fediverse: Fediverse,
    alpha: Server,
    alice: Client,
    peer: Peer,
    clock: ManualClock,
    followed: str,
    post: str,
) -> None:
    ada = author(peer)
    private = reply(peer, ada, post, to=[alice.account.uri], cc=[])
    await peer.post(alpha.inbox, private)
    await fediverse.settle()
    assert await stored(alpha, private)
    delete = proven(peer.activity("Delete", ada, private["object"]["id"]), clock.now(), key="ed", by=ada)
    await peer.post(alpha.inbox, delete)
    await fediverse.settle()
    assert not await stored(alpha, private)
    assert of_others(passed_on(peer), alpha) == []


async def test_deletions_do_not_flood_the_followers_of_whom_somebody_answers(
    fediverse: Fediverse,
    alpha: Server,
    peer: Peer,
    clock: ManualClock,
    followed: str,
    post: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarding, "AT_MOST", 2)
    ada = author(peer)
    notes = []
    for number in range(1, 7):
        activity = proven(reply(peer, ada, post, number), clock.now(), key="ed", by=ada)
        await peer.post(alpha.inbox, activity)
        notes.append(activity["object"]["id"])
    await fediverse.settle()
    for number, note in enumerate(notes):
        delete = proven(peer.activity("Delete", ada, note, number), clock.now(), key="ed", by=ada)
        await peer.post(alpha.inbox, delete)
    await fediverse.settle()
    assert [each["type"] for each in of_others(passed_on(peer), alpha)] == ["Create"] * 2 + ["Delete"] * 2


async def test_a_flood_of_answers_to_one_person_takes_nothing_from_another(
    fediverse: Fediverse,
    alpha: Server,
    peer: Peer,
    clock: ManualClock,
    followed: str,
    post: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarding, "AT_MOST", 2)
    bella = await alpha.person("bella")
    await peer.post(alpha.inbox, peer.activity("Follow", peer.actor("dan", "d.test"), bella.account.uri))
    hers = str((await bella.post("/api/v1/statuses", {"status": "and you?"}))["uri"])
    await fediverse.settle()
    ada = author(peer)
    for number, parent in enumerate((post, post, post, post, hers, hers, hers), 1):
        await peer.post(alpha.inbox, proven(reply(peer, ada, parent, number), clock.now(), key="ed", by=ada))
        await fediverse.settle()
    for host, parent in (("c.test", post), ("d.test", hers)):
        answers = [each["object"]["inReplyTo"] for each in of_others(passed_on(peer, host), alpha)]
        assert answers == [parent] * 2
    clock.advance(minutes=61)
    await peer.post(alpha.inbox, proven(reply(peer, ada, post, 8), clock.now(), key="ed", by=ada))
    await fediverse.settle()
    assert len(of_others(passed_on(peer), alpha)) == 3, "an hour later there is room again"


@pytest.mark.attack(6)
async def test_nobody_brings_back_an_old_profile_by_passing_it_on(
    fediverse: Fediverse, alpha: Server, peer: Peer, clock: ManualClock, post: str
) -> None:
    ada, mallory = author(peer), peer.actor("m", "evil.test")
    first = reply(peer, ada, post)
    await peer.post(alpha.inbox, first)
    await fediverse.settle()
    old = {**peer.documents[ada], "name": "As I was once"}
    update = proven(peer.activity("Update", ada, old), clock.now(), key="ed", by=ada)
    assert (await peer.post(alpha.inbox, update, by=mallory)).status in (401, 403)
    await fediverse.settle()
    assert await alpha.count(Account, Account.display_name == "As I was once") == 0
