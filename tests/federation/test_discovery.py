"""Finding each other: WebFinger, host-meta, NodeInfo, and actors of every shape. Refusals first."""

from typing import Any

import pytest

from fedispace.accounts.models import Account
from fedispace.federation.host_meta import lrdd_address
from fedispace.federation.models import ActorRow
from tests.api.site import Client
from tests.federation.fediverse import Fediverse

XRD = '<?xml version="1.0"?><XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">{}</XRD>'


@pytest.fixture
async def alice(fediverse: Fediverse) -> Client:
    return await fediverse.alpha.person("Alice")


def finger(host: str, resource: str) -> str:
    return f"http://{host}/.well-known/webfinger?resource={resource.replace(':', '%3A').replace('@', '%40')}"


def jrd(subject: str, actor: str) -> dict[str, Any]:
    return {
        "subject": subject,
        "links": [{"rel": "self", "type": "application/activity+json", "href": actor}],
    }


async def found(by: Client, text: str) -> list[str]:
    answer = await by.get("/api/v2/search", q=text, resolve="true")
    return [each["acct"] for each in answer["accounts"]]


@pytest.mark.attack(44)
@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ("acct:ALICE@A.TEST", 200),
        ("acct:alice@a.test@evil", 404),
        ("http://a.test/@Alice", 200),
        ("http://a.test/@alice%00", 404),
        ("acct:alice%00@a.test", 404),
        ("acct:" + "a" * 10_000 + "@a.test", 404),
        ("acct:alice@b.test", 404),
        ("acct:\u0430lice@a.test", 404),
        ("acct:@a.test", 404),
    ],
)
async def test_an_address_names_one_person_or_nobody(
    fediverse: Fediverse, alice: Client, resource: str, status: int
) -> None:
    # 8 KiB of path is the server's own limit; what is longer does not reach us.
    if len(resource) > 8000:
        resource = resource[:3000]
    answer = await fediverse.peer.get(f"http://a.test/.well-known/webfinger?resource={resource}")
    assert answer.status == status
    if status == 200:
        assert answer.json["subject"] == "acct:Alice@a.test"


@pytest.mark.row(68)
@pytest.mark.attack(31)
async def test_nobody_is_shown_under_an_address_of_another_server(
    fediverse: Fediverse, alice: Client
) -> None:
    peer = fediverse.peer
    mallory = peer.actor("mallory", "evil.test")
    good = peer.actor("bob", "good.test")
    peer.documents[finger("evil.test", "acct:alice@evil.test")] = jrd("acct:bob@good.test", mallory)
    assert await found(alice, "@alice@evil.test") == []
    peer.documents[finger("good.test", "acct:bob@good.test")] = jrd("acct:bob@good.test", good)
    assert await found(alice, "@alice@evil.test") == []
    assert await found(alice, "@bob@good.test") == ["bob@good.test"]


@pytest.mark.row(68)
async def test_an_address_on_another_domain_than_the_server_loops_back(
    fediverse: Fediverse, alice: Client
) -> None:
    peer = fediverse.peer
    sue = peer.actor("sue", "c.test")
    both = jrd("acct:Sue@d.test", sue)
    for host, resource in (("d.test", "acct:sue@d.test"), ("c.test", "acct:Sue@c.test")):
        peer.documents[finger(host, resource)] = both
    assert await found(alice, "@sue@d.test") == ["sue@d.test"]


@pytest.mark.row(70)
@pytest.mark.parametrize("kind", ["elsewhere", "silent", "gone"])
async def test_webfinger_is_looked_for_in_host_meta(fediverse: Fediverse, alice: Client, kind: str) -> None:
    peer = fediverse.peer
    carol = peer.actor()
    link = '<Link type="application/jrd+json" rel="lrdd" template="http://c.test/.well-known/who?r={uri}"/>'
    if kind != "silent":
        peer.pages["http://c.test/.well-known/host-meta"] = XRD.format(link)
    if kind == "gone":
        peer.statuses[finger("c.test", "acct:carol@c.test")] = 410
    peer.documents["http://c.test/.well-known/who?r=acct%3Acarol%40c.test"] = jrd("acct:carol@c.test", carol)
    assert await found(alice, "@carol@c.test") == (["carol@c.test"] if kind == "elsewhere" else [])


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff\xfe\x00",
        b"<XRD><Link rel='lrdd'/></XRD>",
        b"<XRD><Link rel='lrdd' template='http://x/'/></XRD>",
        b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><XRD>&a;</XRD>",
        b"<Link " * 10_000,
    ],
)
def test_a_host_meta_that_says_nothing_says_nothing(document: bytes) -> None:
    assert lrdd_address(document, "acct:a@b.example") is None


@pytest.mark.row(69)
async def test_webfinger_answers_for_the_id_of_an_actor(fediverse: Fediverse, alice: Client) -> None:
    for resource in (alice.account.uri, alice.account.url):
        answer = await fediverse.peer.get(f"http://a.test/.well-known/webfinger?resource={resource}")
        assert answer.json["subject"] == "acct:Alice@a.test"
        assert alice.account.uri in [link["href"] for link in answer.json["links"] if link["rel"] == "self"]


@pytest.mark.row(71)
async def test_the_case_of_an_address_makes_no_difference_and_is_kept(
    fediverse: Fediverse, alice: Client
) -> None:
    peer = fediverse.peer
    actor = peer.actor("Mixed.Case-9", "c.test")
    peer.documents[finger("c.test", "acct:mixed.case-9@c.test")] = jrd("acct:Mixed.Case-9@C.test", actor)
    peer.documents[finger("c.test", "acct:Mixed.Case-9@c.test")] = jrd("acct:Mixed.Case-9@C.test", actor)
    assert await found(alice, "@mixed.case-9@C.TEST") == ["Mixed.Case-9@c.test"]
    assert await found(alice, "@MIXED.CASE-9@c.test") == ["Mixed.Case-9@c.test"]
    assert await fediverse.alpha.count(Account, Account.username == "Mixed.Case-9") == 1
    assert (await peer.get("http://a.test/users/alice")).status == 200


@pytest.mark.row(72)
async def test_a_domain_of_other_letters_is_one_domain_however_it_is_written(fediverse: Fediverse) -> None:
    people = fediverse.alpha.app.people
    for spelled in ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bu\u0308cher.example"):
        assert people.domain_key(spelled) == "xn--bcher-kva.example"


@pytest.mark.row(73)
async def test_an_actor_without_a_user_name_is_called_by_its_address(
    fediverse: Fediverse, alice: Client
) -> None:
    peer = fediverse.peer
    carol = peer.actor()
    del peer.documents[carol]["preferredUsername"]
    assert await found(alice, carol) == []
    dave = peer.actor("dave", "d.test", webfinger="dave@d.test")
    del peer.documents[dave]["preferredUsername"]
    assert await found(alice, dave) == ["dave@d.test"]
    ours = (await peer.get(alice.account.uri)).json
    assert ours["webfinger"] == "Alice@a.test"


@pytest.mark.row(74)
@pytest.mark.attack(30)
@pytest.mark.parametrize("where", ["http://a.test/inbox", "http://d.test/inbox", "http://127.0.0.1:1/inbox"])
async def test_nobody_has_us_deliver_to_another_server(
    fediverse: Fediverse, alice: Client, where: str
) -> None:
    peer = fediverse.peer
    for name, more in (("one", {"inbox": where}), ("two", {"endpoints": {"sharedInbox": where}})):
        actor = peer.actor(name, "evil.test", **more)
        assert await found(alice, actor) == []
        asked = peer.activity("Follow", actor, alice.account.uri)
        assert (await peer.post(fediverse.alpha.inbox, asked)).status in (401, 403)
    await fediverse.settle()
    assert await fediverse.alpha.count(ActorRow, ~ActorRow.local) == 0
    assert peer.received == []


@pytest.mark.row(75)
@pytest.mark.parametrize("kind", ["Person", "Service", "Application", "Group", "Organization"])
async def test_every_kind_of_actor_is_somebody(fediverse: Fediverse, alice: Client, kind: str) -> None:
    peer = fediverse.peer
    actor = peer.actor("somebody", "c.test", type=kind)
    answer = await alice.get("/api/v2/search", q=actor, resolve="true")
    (seen,) = answer["accounts"]
    assert (seen["bot"], seen["group"]) == (kind in ("Service", "Application"), kind == "Group")


@pytest.mark.row(77)
async def test_the_instance_is_an_actor_that_can_be_found(fediverse: Fediverse) -> None:
    peer = fediverse.peer
    links = (await peer.get("http://a.test/.well-known/nodeinfo")).json["links"]
    rel = "https://www.w3.org/ns/activitystreams#Application"
    (href,) = [link["href"] for link in links if link["rel"] == rel]
    assert (await peer.get(href)).json["type"] == "Application"
    named = (await peer.get("http://a.test/.well-known/webfinger?resource=http://a.test/")).json
    assert href in [link["href"] for link in named["links"] if link["rel"] == "self"]


@pytest.mark.row(64)
async def test_a_follow_sent_again_is_one_follow_and_is_answered_again(
    fediverse: Fediverse, alice: Client
) -> None:
    peer, alpha = fediverse.peer, fediverse.alpha
    carol = peer.actor()
    for number in (1, 1, 2):
        await peer.post(alpha.inbox, peer.activity("Follow", carol, alice.account.uri, number))
        await fediverse.settle()
    assert [each.activity["type"] for each in peer.received] == ["Accept", "Accept"]
    assert (await alice.get(f"/api/v1/accounts/{alice.id}"))["followers_count"] == 1


@pytest.mark.row(30)
async def test_what_we_send_names_its_author_by_a_plain_string(fediverse: Fediverse, alice: Client) -> None:
    peer, alpha = fediverse.peer, fediverse.alpha
    carol = peer.actor()
    await peer.post(alpha.inbox, peer.activity("Follow", carol, alice.account.uri))
    await alice.post("/api/v1/statuses", {"status": "hello"})
    await alice.call("PATCH", "/api/v1/accounts/update_credentials", json={"note": "hi"})
    await fediverse.settle()
    for each in peer.received:
        assert each.activity["actor"] == alice.account.uri
        carried = each.activity["object"]
        if isinstance(carried, dict) and carried["type"] == "Note":
            assert carried["attributedTo"] == alice.account.uri
    assert {each.activity["type"] for each in peer.received} == {"Accept", "Create", "Update"}
