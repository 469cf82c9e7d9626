"""The federation door over real HTTP: limits, refusals, who is shown what, and what caches may keep."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from fedispace.federation import http as door
from fedispace.federation.http import MAX_BODY, wants_activity
from fedispace.federation.models import InboxItem
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server, open_fediverse
from tests.federation.peer import Peer
from tests.ground.signing import ACTIVITY_TYPE

AS2 = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
KEY_FIELDS = ("@context", "id", "type", "preferredUsername", "inbox", "publicKey", "assertionMethod")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def raw(server: Server, request: bytes, *, then: bytes = b"", pause: bool = False) -> bytes:
    """Send bytes as they are, and return the answer's head; `pause` keeps the connection open meanwhile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    await writer.drain()
    try:
        if then:
            writer.write(then)
            await writer.drain()
        if not pause and not then:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(4096), 20)
    finally:
        writer.close()


def post_head(*headers: str) -> bytes:
    lines = ["POST /inbox HTTP/1.1", "Host: a.test", f"Content-Type: {ACTIVITY_TYPE}", *headers, "", ""]
    return "\r\n".join(lines).encode()


# What an inbox takes.


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({"Content-Type": "application/json"}, 415, "content_type"),
        ({"Content-Type": "text/plain"}, 415, "content_type"),
        ({"Content-Type": "application/ld+json"}, 415, "content_type"),
        ({"Content-Encoding": "gzip"}, 415, "content_type"),
        ({"Content-Encoding": "identity"}, 202, None),
        ({"Content-Type": AS2}, 202, None),
        ({"Content-Type": f"{ACTIVITY_TYPE}; charset=utf-8"}, 202, None),
    ],
)
@pytest.mark.attack(23, 24)
@pytest.mark.row(22, 23)
async def test_an_inbox_takes_activities_and_nothing_else(
    alpha: Server, peer: Peer, headers: dict[str, str], status: int, reason: str | None
) -> None:
    carol = peer.actor()
    activity = peer.activity("Follow", carol, f"{alpha.origin}/users/alice")
    body = gzip.compress(json.dumps(activity).encode()) if headers.get("Content-Encoding") == "gzip" else None
    covered = ("(request-target)", "host", "date", "digest")
    answer = await peer.post(alpha.inbox, activity, headers=headers, body=body, covered=covered)
    assert answer.status == status
    if reason:
        assert answer.problem == reason
        assert await alpha.count(InboxItem) == 0


@pytest.mark.attack(23)
@pytest.mark.row(21)
async def test_a_body_that_says_it_is_too_long_is_refused_unread(alpha: Server) -> None:
    answer = await raw(alpha, post_head(f"Content-Length: {2 * 1024**3}"), pause=True)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.attack(23)
@pytest.mark.row(21)
async def test_a_body_that_turns_out_too_long_is_refused(alpha: Server) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    head = post_head("Transfer-Encoding: chunked")
    answer = await raw(alpha, head, then=chunk * (MAX_BODY // 0x10000 + 1))
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.attack(23)
async def test_a_body_that_drips_is_not_waited_for(alpha: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "BODY_SECONDS", 0.2)
    answer = await raw(alpha, post_head("Content-Length: 100"), then=b"{", pause=True)
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.attack(23)
async def test_a_body_with_two_lengths_is_refused(alpha: Server) -> None:
    head = post_head("Content-Length: 4", "Transfer-Encoding: chunked")
    answer = await raw(alpha, head, then=b"0\r\n\r\n")
    assert answer.split(b" ")[1] == b"400"


async def test_an_absolute_request_line_does_not_say_who_we_are(alpha: Server, peer: Peer) -> None:
    request = post_head("Content-Length: 2").replace(b"POST /inbox", b"POST http://evil.test/inbox")
    answer = await raw(alpha, request + b"{}", pause=True)
    assert answer.split(b" ")[1] in (b"400", b"401", b"404")


async def test_every_inbox_is_an_inbox_with_and_without_a_slash(
    alpha: Server, alice: Client, peer: Peer
) -> None:
    carol = peer.actor()
    paths = ["/inbox", "/inbox/", "/actor/inbox", "/users/alice/inbox", "/users/alice/inbox/"]
    for number, path in enumerate(paths):
        activity = peer.activity("Like", carol, f"{alpha.origin}/x", number)
        assert (await peer.post(alpha.origin + path, activity)).status == 202, path


# Who is shown what.


@pytest.mark.parametrize(
    ("accept", "is_activity"),
    [
        (ACTIVITY_TYPE, True),
        (f"{ACTIVITY_TYPE}, application/ld+json", True),
        (AS2, True),
        ("application/ld+json", True),
        ("application/json", True),
        ("*/*", True),
        (None, True),
        (f"text/html, {ACTIVITY_TYPE};q=0.9", True),
        (BROWSER, False),
        ("text/html", False),
    ],
)
@pytest.mark.attack(43)
@pytest.mark.row(24, 25)
async def test_programs_get_the_activity_and_browsers_the_page(
    alpha: Server, alice: Client, peer: Peer, accept: str | None, is_activity: bool
) -> None:
    uri = alice.account.uri
    answer = await peer.get(uri, accept=accept)
    assert answer.headers["Vary"] == "Accept, Signature"
    if is_activity:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/activity+json; charset=utf-8"
        assert answer.json["id"] == uri
    else:
        assert (answer.status, answer.headers["Location"]) == (303, f"{alpha.origin}/@alice")
    assert wants_activity([accept] if accept else []) is is_activity


async def test_head_says_what_get_would(alice: Client, peer: Peer) -> None:
    shown = await peer.get(alice.account.uri)
    asked = await peer.get(alice.account.uri, method="HEAD")
    assert (asked.status, asked.body) == (200, b"")
    for name in ("Content-Type", "Content-Length", "Vary", "Cache-Control"):
        assert asked.headers[name] == shown.headers[name]


async def test_a_slash_at_the_end_is_tolerated(alice: Client, peer: Peer) -> None:
    assert (await peer.get(f"{alice.account.uri}/")).json["id"] == alice.account.uri


@pytest.mark.attack(43)
async def test_what_was_shown_to_somebody_known_is_not_to_be_kept(alice: Client, peer: Peer) -> None:
    anybody = await peer.get(alice.account.uri)
    carol = await peer.get(alice.account.uri, by=peer.actor())
    assert anybody.headers["Cache-Control"] == "public, max-age=60"
    assert carol.headers["Cache-Control"] == "private, no-store"
    for answer in (anybody, carol):
        assert answer.headers["Vary"] == "Accept, Signature"


@pytest.mark.privacy("P-01")
async def test_a_post_for_followers_is_shown_to_them_and_does_not_exist_for_others(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    carol, dora = peer.actor(), peer.actor("dora", "d.test")
    follow = peer.activity("Follow", carol, alice.account.uri)
    await peer.post(alpha.inbox, follow)
    await fediverse.settle()
    post = await alice.post("/api/v1/statuses", {"status": "psst", "visibility": "private"})
    shown = await peer.get(post["uri"], by=carol)
    assert (shown.status, shown.headers["Cache-Control"]) == (200, "private, no-store")
    hidden = [
        await peer.get(post["uri"]),
        await peer.get(post["uri"], by=dora),
        await peer.get(post["uri"], by=carol, key="another"),
        await peer.get(f"{alice.account.uri}/statuses/1"),
    ]
    for answer in hidden:
        assert (answer.status, answer.body) == (404, hidden[-1].body)
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Vary"] == "Accept, Signature"


@pytest.mark.attack(43)
@pytest.mark.row(102)
async def test_a_blocked_server_is_refused_even_what_everybody_may_see(
    alpha: Server, alice: Client, peer: Peer
) -> None:
    mallory = peer.actor("m", "evil.test")
    await alpha.block("evil.test")
    assert (await peer.get(alice.account.uri)).status == 200
    refused = await peer.get(alice.account.uri, by=mallory)
    assert (refused.status, refused.problem) == (403, "blocked")
    assert refused.headers["Cache-Control"] == "private, no-store"
    assert (await peer.get(f"{alpha.origin}/actor", by=mallory)).status == 200


@pytest.mark.row(57)
async def test_what_was_deleted_is_gone_and_says_what_it_was(
    alpha: Server, alice: Client, peer: Peer
) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    await alice.delete(f"/api/v1/statuses/{post['id']}")
    answer = await peer.get(post["uri"])
    assert answer.status == 410
    assert (answer.json["type"], answer.json["formerType"]) == ("Tombstone", "Note")


GARBAGE = [
    "x",
    "-1",
    "9" * 40,
    "%00",
    "a%00b",
    "%FF",
    "%F0%9F%92%A9",
    "..%2F..%2Fetc",
    "%0d%0aX:%20y",
    "a" * 3000,
]


async def test_nonsense_in_an_address_is_never_our_fault(alpha: Server, alice: Client, peer: Peer) -> None:
    for resource in alpha.app.web_application().router.resources():
        pattern = resource.get_info().get("formatter", "")
        if not pattern.startswith(("/users", "/contexts", "/spaces", "/activities", "/nodeinfo", "/actor")):
            continue
        for word in GARBAGE:
            path = pattern.replace("{name}", "alice" if "{id}" in pattern else word)
            path = path.replace("{id}", word).replace("{version}", word)
            for query in ("", "?page=" + word, "?page=true&max_id=" + word):
                answer = await peer.get(alpha.origin + path + query)
                assert answer.status < 500, (path, query)


@pytest.mark.parametrize(
    "resource", ["", "?resource=", "?resource=acct:a%00@a.test", "?resource=" + "x" * 6000]
)
@pytest.mark.attack(44)
async def test_webfinger_refuses_what_names_nobody(alpha: Server, peer: Peer, resource: str) -> None:
    answer = await peer.get(f"{alpha.origin}/.well-known/webfinger{resource}", accept=None)
    assert answer.status in (400, 404)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.row(70)
async def test_host_meta_leads_to_webfinger_in_both_forms(alpha: Server, alice: Client, peer: Peer) -> None:
    xml = await peer.get(f"{alpha.origin}/.well-known/host-meta", accept=None)
    template = f"{alpha.origin}/.well-known/webfinger?resource={{uri}}"
    assert xml.headers["Content-Type"].startswith("application/xrd+xml")
    assert template in xml.body.decode()
    answer = await peer.get(f"{alpha.origin}/.well-known/host-meta.json", accept=None)
    (link,) = answer.json["links"]
    assert (link["rel"], link["template"]) == ("lrdd", template)
    found = await peer.get(template.replace("{uri}", "acct:alice@a.test"), accept=None)
    assert found.json["subject"] == "acct:alice@a.test"


async def test_a_document_is_asked_for_later_when_the_database_is_away(
    alpha: Server, alice: Client, peer: Peer
) -> None:
    async with alpha.app.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE accounts RENAME TO away"))
    for path in ("/users/alice", "/.well-known/webfinger?resource=acct:alice@a.test", "/nodeinfo/2.1"):
        answer = await peer.get(alpha.origin + path)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "60"), path
        assert b"accounts" not in answer.body


@pytest.mark.row(103)
async def test_who_is_blocked_gets_a_key_and_finds_nothing_else(
    fediverse: Fediverse, alpha: Server, alice: Client, peer: Peer
) -> None:
    """The key, because what alice sends them (the Block first of all) has to be verified there."""
    carol, dora = peer.actor(), peer.actor("dora", "d.test")
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    found = await alice.get("/api/v2/search", q=carol, resolve="true", type="accounts")
    await alice.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/block")
    uri = alice.account.uri
    assert set((await peer.get(uri, by=carol)).json) == set(KEY_FIELDS)
    assert "followers" in (await peer.get(uri, by=dora)).json
    names = ("followers", "following", "featured", "outbox", "followers_synchronization")
    for address in (post["uri"], f"{post['uri']}/activity", *(f"{uri}/{name}" for name in names)):
        assert (await peer.get(address, by=carol)).status == 404, address
        assert (await peer.get(address, by=dora)).status == 200, address
    bare = await peer.get(f"{uri}/statuses/1", by=carol)
    assert (await peer.get(post["uri"], by=carol)).json == bare.json


@pytest.mark.row(103)
async def test_somebody_of_a_domain_that_is_blocked_by_a_person_finds_nothing_else_either(
    alpha: Server, alice: Client, peer: Peer
) -> None:
    carol, dora = peer.actor(), peer.actor("dora", "d.test")
    bob = await alpha.person("bob")
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    his = await bob.post("/api/v1/statuses", {"status": "hello"})
    assert (await peer.get(post["uri"], by=carol)).status == 200
    await alice.post("/api/v1/domain_blocks", {"domain": "c.test"})
    for address in (post["uri"], f"{alice.account.uri}/outbox", f"{alice.account.uri}/followers"):
        assert (await peer.get(address, by=carol)).status == 404, address
        assert (await peer.get(address, by=dora)).status == 200, address
    assert set((await peer.get(alice.account.uri, by=carol)).json) == set(KEY_FIELDS)
    assert (await peer.get(his["uri"], by=carol)).status == 200, "bob blocks nobody"


# Where only signed requests are answered.


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Fediverse]:
    async with open_fediverse(tmp_path, authorized_fetch=True) as opened:
        yield opened


@pytest.mark.privacy("P-06")
async def test_a_strict_server_shows_a_stranger_a_key_and_nothing_else(strict: Fediverse) -> None:
    alice = await strict.alpha.person("alice")
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    shown = (await strict.peer.get(alice.account.uri)).json
    assert set(shown) == set(KEY_FIELDS)
    assert shown["publicKey"]["owner"] == alice.account.uri
    names = ("outbox", "followers", "following", "featured")
    collections = [f"{alice.account.uri}/{name}" for name in names]
    for uri in (post["uri"], f"{post['uri']}/activity", f"{post['uri']}/replies", *collections):
        answer = await strict.peer.get(uri)
        assert (answer.status, answer.problem) == (401, "sig_missing"), uri
    page = await strict.peer.get(post["uri"], accept=BROWSER)
    assert page.status == 303, "people are shown pages, which judge for themselves"


async def test_a_strict_server_shows_everything_to_who_signs(strict: Fediverse) -> None:
    alice = await strict.alpha.person("alice")
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    carol = strict.peer.actor()
    assert (await strict.peer.get(post["uri"], by=carol)).json["content"] == "<p>hello</p>"
    assert "followers" in (await strict.peer.get(alice.account.uri, by=carol)).json


@pytest.mark.privacy("P-06")
async def test_a_strict_server_gives_no_half_document_to_who_signed_badly(strict: Fediverse) -> None:
    """A peer would store what it gets, and lose the shared inbox and the followers of the whole one."""
    alice = await strict.alpha.person("alice")
    carol = strict.peer.actor()
    assert (await strict.peer.get(alice.account.uri, by=carol, key="another")).status == 401
    strict.peer.statuses[strict.peer.actor("dora", "d.test")] = 503
    answer = await strict.peer.get(alice.account.uri, by="http://d.test/users/dora")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")


@pytest.mark.privacy("P-06")
@pytest.mark.row(76)
async def test_the_instance_actor_of_a_strict_server_is_shown_to_anybody(strict: Fediverse) -> None:
    """By its key a peer verifies the request with which we would ask for theirs."""
    for path in ("/actor", "/actor/"):
        for signed_by in (None, "http://c.test/users/nobody"):
            answer = await strict.peer.get(strict.alpha.origin + path, by=signed_by)
            assert answer.status == 200
            assert "outbox" in answer.json
    assert strict.peer.asked == []


@pytest.mark.row(76)
async def test_two_strict_servers_do_not_wait_for_each_other(strict: Fediverse) -> None:
    """Neither knows anybody of the other; each must see a key before it shows one."""
    alice, bob = await strict.alpha.person("alice"), await strict.beta.person("bob")

    async def find(by: Client, handle: str) -> Any:
        return await by.get("/api/v2/search", q=handle, resolve="true", type="accounts")

    found = await asyncio.wait_for(asyncio.gather(find(alice, "@bob@b.test"), find(bob, "@alice@a.test")), 30)
    assert [each["accounts"][0]["acct"] for each in found] == ["bob@b.test", "alice@a.test"]
