"""What hostile servers send and show, as far as no other test is about it: each leaves nothing behind."""

import asyncio
import base64
import hashlib
import json
import time
from email.utils import format_datetime
from typing import Any

import pytest

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.federation.models import ActorRow, InboxItem
from fedispace.federation.newcomers import PER_DOMAIN
from fedispace.federation.resolve import MAX_FETCHES
from fedispace.federation.signed_request import SignedRequest
from fedispace.federation.verify import Unheeded
from fedispace.hosts import registrable_domain
from fedispace.threads.models import Status
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import PUBLIC, Peer
from tests.ground.signing import ACTIVITY_TYPE


async def follow(fediverse: Fediverse, alice: Client, peer: Peer, uri: str) -> None:
    """Let alice follow somebody of the peer's, who accepts."""
    found = await alice.get("/api/v2/search", q=uri, resolve="true", type="accounts")
    await alice.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")
    await fediverse.settle()
    asked = [each.activity for each in peer.received if each.activity["type"] == "Follow"][-1]
    await peer.post(fediverse.alpha.inbox, peer.activity("Accept", uri, asked))
    await fediverse.settle()


# Into the inbox.


@pytest.mark.attack(7)
async def test_nobody_deletes_another_person_of_the_same_or_another_server(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    victim = peer.actor("a", "good.test")
    await follow(fediverse, alice, peer, victim)
    for number, by in enumerate((peer.actor("m", "evil.test"), peer.actor("n", "good.test"))):
        await peer.post(alpha.inbox, peer.activity("Follow", by, alice.account.uri, number))
        for told in (victim, {"id": victim, "type": "Person"}, {"id": victim, "type": "Tombstone"}):
            await peer.post(alpha.inbox, peer.activity("Delete", by, told, number))
    await fediverse.settle()
    assert await alpha.count(Account, Account.uri == victim) == 1
    assert await alpha.count(ActorRow, ActorRow.uri == victim, ActorRow.gone_at.is_(None)) == 1


@pytest.mark.attack(20)
async def test_a_giant_post_costs_little_time_and_little_room(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    carol = peer.actor()
    await follow(fediverse, alice, peer, carol)
    tags = [{"type": "Hashtag", "name": f"#t{number}"} for number in range(3_000)]
    tags += [{"type": "Mention", "href": f"http://d.test/users/u{number}"} for number in range(1_000)]
    files = [{"type": "Image", "url": f"http://c.test/{number}.png"} for number in range(1_000)]
    note = peer.note(carol, 1, tag=tags, attachment=files, content="x" * 200_000, summary="y" * 50_000)
    began = time.process_time()
    answer = await peer.post(alpha.inbox, peer.activity("Create", carol, note, to=[PUBLIC]))
    await fediverse.settle()
    spent = time.process_time() - began
    assert answer.status in (202, 400), answer
    kept = await alice.get("/api/v1/timelines/home")
    assert all(len(post["media_attachments"]) <= 16 and len(post["tags"]) <= 200 for post in kept)
    assert all(len(post["content"]) <= 64 * 1024 + 100 for post in kept)
    assert spent < 2.0, "the caps come before the work"
    assert [each for each in peer.asked if "d.test" in each] == []


@pytest.mark.attack(25)
@pytest.mark.row(18)
async def test_ten_thousand_strangers_who_are_gone_cost_no_fetch_and_no_row(
    alpha: Server, peer: Peer
) -> None:
    """Their signatures are well formed and of keys nobody can ask for any more."""
    date = format_datetime(peer.clock.now(), usegmt=True)
    before = await alpha.count(ActorRow)
    slowest = 0.0
    for number in range(10_000):
        stranger = f"http://c.test/users/stranger{number}"
        body = json.dumps(peer.activity("Delete", stranger, stranger)).encode()
        digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
        signature = (
            f'keyId="{stranger}#main-key",algorithm="rsa-sha256",'
            'headers="(request-target) host date digest",signature="bm8="'
        )
        headers = [("Host", "a.test"), ("Date", date), ("Digest", digest), ("Signature", signature)]
        request = SignedRequest(
            method="POST", target="/inbox", headers=headers, body=body, origin=alpha.origin
        )
        began = time.perf_counter()
        assert isinstance(await alpha.app.verifier.arrival(request), Unheeded)
        slowest = max(slowest, time.perf_counter() - began)
    assert peer.asked == []
    assert await alpha.count(ActorRow) == before
    assert await alpha.count(InboxItem) == 0
    assert slowest < 1.0


@pytest.mark.attack(22)
async def test_one_activity_nobody_can_apply_among_a_hundred_good_ones_stops_none(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    carol = peer.actor()
    await follow(fediverse, alice, peer, carol)
    for number in range(60):
        note = peer.note(carol, number)
        if number == 30:
            note["published"], note["inReplyTo"] = "9999-99-99", [{}]
        create = peer.activity("Create", carol, note, number, to=[PUBLIC])
        assert (await peer.post(alpha.inbox, create)).status == 202
    await fediverse.settle()
    assert await alpha.count(Status) >= 59


@pytest.mark.attack(15)
@pytest.mark.row(102)
async def test_a_server_that_is_shut_out_is_not_asked_whoever_names_it(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    carol, mallory = peer.actor(), peer.actor("m", "evil.test")
    await follow(fediverse, alice, peer, carol)
    await alpha.block("evil.test")
    parent = peer.note(mallory, 1)
    tag = [{"type": "Mention", "href": mallory, "name": "@m@evil.test"}]
    reply = peer.note(carol, 2, inReplyTo=parent["id"], tag=tag, cc=[mallory, f"{mallory}/followers"])
    activities = [
        peer.activity("Create", carol, reply, 1, to=[PUBLIC], cc=[mallory]),
        peer.activity("Announce", carol, parent["id"], 2, to=[PUBLIC]),
        peer.activity("Create", carol, parent, 3, to=[PUBLIC]),
        peer.activity("Create", carol, parent["id"], 4, to=[PUBLIC]),
    ]
    for activity in activities:
        assert (await peer.post(alpha.inbox, activity)).status < 500
    await fediverse.settle()
    assert [each for each in peer.asked if "evil.test" in each] == []
    assert await alpha.count(Status, Status.uri == parent["id"]) == 0
    assert [each for each in peer.received if each.host == "evil.test"] == []


# What is fetched.


@pytest.mark.attack(38)
@pytest.mark.parametrize("shape", ["chain", "circle", "itself"])
async def test_answers_without_a_beginning_are_followed_only_so_far(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer, shape: str
) -> None:
    carol, dora = peer.actor(), peer.actor("dora", "d.test")
    await follow(fediverse, alice, peer, carol)
    peer.asked.clear()
    parents = {"chain": lambda n: n + 1, "circle": lambda n: (n + 1) % 3, "itself": lambda n: n}[shape]
    for number in range(100):
        peer.note(dora, number, inReplyTo=f"{dora}/notes/{parents(number)}")
    reply = peer.note(carol, 1, inReplyTo=f"{dora}/notes/0")
    await peer.post(alpha.inbox, peer.activity("Create", carol, reply, to=[PUBLIC]))
    await fediverse.settle()
    assert await alpha.count(Status, Status.uri == reply["id"]) == 1
    assert await alpha.count(Status) <= 21
    assert len(peer.asked) <= MAX_FETCHES
    (post,) = (await alice.get("/api/v2/search", q=reply["id"], resolve="true", type="statuses"))["statuses"]
    assert len((await alice.get(f"/api/v1/statuses/{post['id']}/context"))["ancestors"]) <= 40


@pytest.mark.attack(40)
async def test_people_and_posts_that_refer_to_each_other_over_five_servers_are_asked_for_thirty_times_at_most(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    carol = peer.actor()
    await follow(fediverse, alice, peer, carol)
    peer.asked.clear()
    hosts = ("c.test", "d.test", "e.test", "evil.test", "good.test")
    people = [
        peer.actor(
            f"p{number}",
            hosts[number % 5],
            movedTo=f"http://{hosts[(number + 1) % 5]}/users/p{number + 1}",
            alsoKnownAs=[f"http://{hosts[(number + 2) % 5]}/users/p{number + 2}"],
            featured=f"http://{hosts[number % 5]}/users/p{number}/featured",
        )
        for number in range(60)
    ]
    for number, person in enumerate(people[:-1]):
        peer.note(person, 0, inReplyTo=f"{people[number + 1]}/notes/0", attributedTo=person)
    tag = [{"type": "Mention", "href": person} for person in people]
    reply = peer.note(carol, 1, inReplyTo=f"{people[0]}/notes/0", tag=tag, cc=people)
    await peer.post(alpha.inbox, peer.activity("Create", carol, reply, to=[PUBLIC]))
    await fediverse.settle()
    assert await alpha.count(Status, Status.uri == reply["id"]) == 1
    assert len(peer.asked) <= 2 * MAX_FETCHES, "twenty parents with their authors, and some"


@pytest.mark.attack(41)
@pytest.mark.row(98)
async def test_ever_new_subdomains_of_one_domain_are_heard_ten_times_a_day(
    alpha: Server, peer: Peer, clock: ManualClock
) -> None:
    def stranger(number: int) -> str:
        return peer.actor("x", f"s{number}.evil.test")

    async def told(number: int) -> int:
        uri = stranger(number)
        like = peer.activity("Like", uri, f"{alpha.origin}/users/alice/statuses/1")
        return (await peer.post(alpha.inbox, like)).status

    statuses = [await told(number) for number in range(PER_DOMAIN + 15)]
    assert statuses == [202] * PER_DOMAIN + [401] * 15
    assert len({each.split("/")[2] for each in peer.asked}) == PER_DOMAIN
    assert await told(3) == 202, "who is known is not new"
    assert (
        await peer.post(alpha.inbox, peer.activity("Like", peer.actor(), "http://a.test/1"))
    ).status == 202
    clock.advance(hours=25)
    assert await told(PER_DOMAIN + 1) == 202


@pytest.mark.attack(41)
async def test_four_hundred_people_named_in_one_post_are_not_asked_for(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    carol = peer.actor()
    await follow(fediverse, alice, peer, carol)
    peer.asked.clear()
    people = [peer.actor(f"p{number}", "d.test") for number in range(400)]
    tag = [{"type": "Mention", "href": person} for person in people]
    note = peer.note(carol, 1, tag=tag, cc=people)
    await peer.post(alpha.inbox, peer.activity("Create", carol, note, to=[PUBLIC], cc=people))
    await fediverse.settle()
    assert await alpha.count(Status) == 1
    assert len(peer.asked) <= MAX_FETCHES


@pytest.mark.attack(41)
@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("evil.test", "evil.test"),
        ("a.evil.test", "evil.test"),
        ("a.b.c.evil.test:8443", "evil.test"),
        ("a.evil.co.uk", "evil.co.uk"),
        ("evil.co.uk", "evil.co.uk"),
        ("a.b.evil.com.br", "evil.com.br"),
        ("a.example.de", "example.de"),
        ("co.example.com", "example.com"),
        ("localhost:8080", "localhost:8080"),
        ("127.0.0.1:4000", "127.0.0.1:4000"),
        ("[::1]:4000", "[::1]:4000"),
    ],
)
def test_the_registered_domain_of_a_host_is_told_by_its_form(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


@pytest.mark.attack(42)
@pytest.mark.row(16)
async def test_a_hundred_activities_of_one_stranger_at_once_ask_for_them_once(
    alpha: Server, peer: Peer
) -> None:
    carol = peer.actor()
    posts = [
        peer.post(alpha.inbox, peer.activity("Like", carol, "http://a.test/users/alice/statuses/1", number))
        for number in range(100)
    ]
    assert {answer.status for answer in await asyncio.gather(*posts)} == {202}
    assert peer.asked == [carol]


@pytest.mark.attack(30)
async def test_no_actor_has_us_deliver_to_ourselves_or_to_a_third_server(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    for number, inbox in enumerate(
        ("http://a.test/inbox", "http://good.test/inbox", "http://127.0.0.1/inbox", "http://localhost/inbox")
    ):
        mallory = peer.actor(f"m{number}", "evil.test", inbox=inbox)
        shared = peer.actor(f"n{number}", "evil.test", endpoints={"sharedInbox": inbox})
        for uri in (mallory, shared):
            await peer.post(alpha.inbox, peer.activity("Follow", uri, alice.account.uri))
            found = await alice.get("/api/v2/search", q=uri, resolve="true", type="accounts")
            assert found["accounts"] == []
    await alice.post("/api/v1/statuses", {"status": "hello"})
    await fediverse.settle()
    assert peer.received == []
    assert await alpha.count(InboxItem) == 0
    assert await alpha.count(ActorRow, ActorRow.host == "evil.test") == 0


# WebFinger and documents.


@pytest.mark.attack(44)
@pytest.mark.row(69, 71)
@pytest.mark.parametrize(
    ("resource", "found"),
    [
        ("acct:alice@a.test", True),
        ("acct:ALICE@A.TEST", True),
        ("acct:@alice@a.test", None),
        ("http://a.test/users/alice", True),
        ("http://a.test/@alice", True),
        ("acct:alice@a.test@evil.test", False),
        ("acct:alice@evil.test", False),
        ("acct:alice@b.test", False),
        ("acct:\u0430lice@a.test", False),
        ("acct:alice%00@a.test", False),
        ("acct:alice@a.test%00.evil.test", False),
        ("http://evil.test/users/alice", False),
        ("acct:" + "a" * 6000 + "@a.test", False),
        ("alice", None),
        ("acct:", False),
        ("acct:bob@a.test", False),
    ],
)
async def test_a_name_leads_to_whom_it_names_and_to_nobody_else(
    alpha: Server, alice: Client, peer: Peer, resource: str, found: bool | None
) -> None:
    answer = await peer.get(f"{alpha.origin}/.well-known/webfinger?resource={resource}", accept=None)
    if answer.status == 200:
        assert found is not False
        assert answer.json["subject"] == "acct:alice@a.test"
    else:
        assert found is not True
        assert answer.status in (400, 404)


@pytest.mark.attack(43)
@pytest.mark.row(25)
@pytest.mark.parametrize(
    "accept", [ACTIVITY_TYPE, "application/ld+json", "*/*", "text/html", "application/json"]
)
async def test_no_shared_cache_gives_one_asker_what_was_for_another(
    alpha: Server, alice: Client, peer: Peer, accept: str
) -> None:
    mallory = peer.actor("m", "evil.test")
    anonymous = await peer.get(alice.account.uri, accept=accept)
    signed = await peer.get(alice.account.uri, accept=accept, by=peer.actor())
    await alpha.block("evil.test")
    refused = await peer.get(alice.account.uri, accept=accept, by=mallory)
    assert refused.status == 403
    for answer in (anonymous, signed, refused):
        assert answer.headers["Vary"] == "Accept, Signature"
    for answer in (signed, refused):
        assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.row(27)
async def test_every_document_has_the_id_it_is_served_at(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "hello #tag"})
    uri = alice.account.uri
    lists = ("followers", "following", "featured", "outbox", "followers?page=1", "outbox?page=true")
    addresses = [
        uri,
        post["uri"],
        f"{post['uri']}/activity",
        f"{post['uri']}/replies",
        f"{alpha.origin}/actor",
    ]
    for address in (*addresses, *(f"{uri}/{name}" for name in lists)):
        answer = await peer.get(address)
        assert (answer.status, answer.json["id"]) == (200, address)


@pytest.mark.row(15)
@pytest.mark.parametrize("which", [0, 4, 9])
async def test_each_of_ten_keys_of_an_actor_signs_and_an_eleventh_does_not(
    alpha: Server, peer: Peer, which: int
) -> None:
    carol = peer.actor()
    keys = []
    for number in range(11):
        name = "one" if number == which else "another"
        document = peer.documents[peer.actor("x", "d.test", key=name)]["publicKey"]
        keys.append({**document, "id": f"{carol}#key-{number}", "owner": carol})
    peer.documents[carol]["publicKey"] = keys
    like = peer.activity("Like", carol, "http://a.test/users/alice/statuses/1")
    assert (await peer.post(alpha.inbox, like, key_id=f"{carol}#key-{which}")).status == 202
    eleventh = await peer.post(alpha.inbox, like, key_id=f"{carol}#key-10", key="another")
    assert (eleventh.status, eleventh.problem) == (401, "key_not_confirmed")


@pytest.mark.row(77)
async def test_the_instance_actor_is_found_by_nodeinfo_and_by_webfinger_of_the_origin(
    alpha: Server, peer: Peer
) -> None:
    links = (await peer.get(f"{alpha.origin}/.well-known/nodeinfo", accept=None)).json["links"]
    rel = "https://www.w3.org/ns/activitystreams#Application"
    (application,) = [link["href"] for link in links if link["rel"] == rel]
    found = await peer.get(f"{alpha.origin}/.well-known/webfinger?resource={alpha.origin}/", accept=None)
    (itself,) = {link["href"] for link in found.json["links"] if link["rel"] == "self"}
    actor: Any = (await peer.get(application)).json
    assert application == itself == actor["id"] == f"{alpha.origin}/actor"
    assert actor["type"] == "Application"


@pytest.mark.row(81)
@pytest.mark.parametrize("kind", ["View", "Dislike", "Listen", "Read", "Travel", "x:Custom"])
async def test_what_nobody_here_understands_is_taken_ignored_and_counted(
    fediverse: Fediverse, alpha: Server, peer: Peer, kind: str
) -> None:
    carol = peer.actor()
    assert (await peer.post(alpha.inbox, peer.activity(kind, carol, "http://a.test/1"))).status == 202
    await fediverse.settle()
    (fate,) = (await alpha.fates()).values()
    assert fate == f"ignored {kind}"


@pytest.mark.row(82)
async def test_keywords_of_json_ld_are_plain_keys_in_what_its_own_actor_sends(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    carol, victim = peer.actor(), peer.actor("a", "good.test")
    await follow(fediverse, alice, peer, carol)
    note = peer.note(carol, 1)
    hidden = [peer.activity("Create", victim, peer.note(victim, 1), to=[PUBLIC])]
    tricks = {"@graph": hidden, "@included": hidden, "@reverse": {"object": hidden}}
    create = {**peer.activity("Create", carol, note, to=[PUBLIC]), **tricks}
    create["@context"] = [*create["@context"], {"object": "as:actor", "evil": "@reverse"}]
    assert (await peer.post(alpha.inbox, create)).status == 202
    await fediverse.settle()
    assert await alpha.count(Status) == await alpha.count(Status, Status.uri == note["id"]) == 1
    assert [each for each in peer.asked if "good.test" in each] == []


@pytest.mark.row(83)
@pytest.mark.parametrize("context", [None, "https://example.org/ns", [], {"as": "https://x.test"}])
async def test_what_has_not_the_context_of_activitystreams_is_refused(
    alpha: Server, peer: Peer, context: Any
) -> None:
    like = peer.activity("Like", peer.actor(), "http://a.test/1", **{"@context": context})
    answer = await peer.post(alpha.inbox, like)
    assert (answer.status, answer.problem) == (400, "schema")


@pytest.mark.row(12)
async def test_our_keys_stand_in_the_actor_under_ids_that_lead_to_it(alice: Client, peer: Peer) -> None:
    uri = alice.account.uri
    actor = (await peer.get(uri)).json
    assert (actor["publicKey"]["id"], actor["publicKey"]["owner"]) == (f"{uri}#main-key", uri)
    assert actor["publicKey"]["publicKeyPem"].startswith("-----BEGIN PUBLIC KEY-----")
    (multikey,) = actor["assertionMethod"]
    assert (multikey["id"], multikey["controller"]) == (f"{uri}#ed25519-key", uri)
    assert multikey["publicKeyMultibase"].startswith("z6Mk")
    assert any("assertionMethod" in terms for terms in actor["@context"] if isinstance(terms, dict)), (
        "who expands JSON-LD (Fedify) finds the key only if the term is defined"
    )


@pytest.mark.row(26)
async def test_a_page_names_the_document_it_shows(alpha: Server, alice: Client, peer: Peer) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    for uri in (post["uri"], alice.account.uri):
        page = (await peer.get(uri, accept="text/html")).headers["Location"]
        shown = (await peer.get(page, accept="text/html")).body.decode()
        assert f'<link rel="alternate" type="application/activity+json" href="{uri}">' in shown
