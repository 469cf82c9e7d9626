"""What must not get in, tried on a running server: each attempt leaves no row and no connection."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.ground.api import Api, Refusal
from tests.ground.canary import Canaries
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.ground.recorder import Answer, Recorder
from tests.ground.rows import count_rows, jobs_due_within
from tests.ground.signing import COVERED, Headers, SigningKey, new_private_key, signed_headers
from tests.system.people import Pair, is_told, sees_at_home

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def evil(ground: Ground) -> AsyncIterator[Recorder]:
    """Two hosts with people on them; what they send is up to the test."""
    run = secrets.token_hex(3)
    async with ground.recorder(f"evil-{run}.test", f"good-{run}.test") as hosts:
        yield hosts


class Target:
    """One of our servers, one person on it, and someone elsewhere who writes to them honestly first.

    After `acquaint` the sender's actor and key are known, so that a refused attempt has no reason to
    add a row.
    """

    def __init__(self, instance: Instance, reader: Api, sender: str, peer: Recorder) -> None:
        self.instance = instance
        self.reader = reader
        self.sender = sender
        self.peer = peer
        self.inbox = ""

    async def acquaint(self) -> None:
        me = await self.reader.me()
        self.inbox = (await self.reader.document(me["uri"]))["inbox"]
        host = self.sender.split("/")[2]
        user = self.sender.rsplit("/", 1)[1]
        await befriend_peer(self.reader, f"@{user}@{host}", self.peer, self.inbox)
        await self.mark()

    async def mark(self) -> None:
        """Deliver an honest post and wait until it is read: everything sent before it is settled."""
        note = self.peer.note(self.sender, f"mark {secrets.token_hex(4)}")
        assert (await self.peer.send(self.inbox, self.peer.create(note))).status == 202
        await sees_at_home(self.reader, note["id"])

    def a_create(self, **more: object) -> dict[str, object]:
        return self.peer.create(self.peer.note(self.sender, f"sneaky {secrets.token_hex(4)}", **more))


async def befriend_peer(reader: Api, address: str, peer: Recorder, inbox: str) -> None:
    """Follow someone on the recorder, who accepts."""
    me = await reader.me()
    account = await reader.account(address)
    await reader.follow(account["id"])

    async def follows() -> list[dict[str, object]]:
        return [follow for follow in peer.received("Follow") if follow["actor"] == me["uri"]]

    follow = (await eventually("the follow arrived", follows, bool))[-1]
    accept = peer.activity("Accept", str(follow["object"]), follow)
    assert (await peer.send(inbox, accept)).status == 202
    await eventually(
        "the follow is accepted",
        lambda: reader.relationship(account["id"]),
        lambda relationship: bool(relationship["following"]),
    )


@asynccontextmanager
async def nothing_is_stored(target: Target) -> AsyncIterator[None]:
    """Fail when any table has another number of rows afterwards than before and one honest post."""
    await target.mark()
    before = await _settled_rows(target.instance)
    await target.mark()
    one_mark = _difference(before, after := await _settled_rows(target.instance))
    yield
    await target.mark()
    grown = _difference(after, await _settled_rows(target.instance))
    assert grown == one_mark, f"rows beyond those of one honest post: {grown} against {one_mark}"


async def _settled_rows(instance: Instance) -> dict[str, int]:
    """Count until two counts agree: the worker has nothing left to do."""
    seen: list[dict[str, int]] = [{}]

    async def count() -> bool:
        now = await count_rows(instance.database)
        same = now == seen[-1]
        seen.append(now)
        return same

    await eventually("the database is at rest", count, bool)
    return seen[-1]


def _difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {
        table: after[table] - before.get(table, 0) for table in after if after[table] != before.get(table, 0)
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(pair: Pair, evil: Recorder) -> AsyncIterator[Target]:
    """A server that already knows the sender."""
    async with pair.a.client("victim") as reader:
        found = Target(pair.a, reader, evil.actor("mallory"), evil)
        await found.acquaint()
        yield found


def _is_refused(answer: Answer, reason: str, status: int = 401) -> None:
    """Assert that the door refused, at once, and for this reason rather than for a slip of the test."""
    assert (answer.status, json.loads(answer.body)["title"]) == (status, reason), answer
    assert answer.seconds < 5.0, answer


@pytest.mark.attack(1)
async def test_an_activity_without_a_signature_is_refused(target: Target) -> None:
    body = json.dumps(target.a_create()).encode()
    headers = [("Content-Type", "application/activity+json")]
    async with nothing_is_stored(target):
        _is_refused(await target.peer.post(target.inbox, body, headers), "sig_missing")


async def test_a_signature_by_another_key_is_refused(target: Target) -> None:
    other = SigningKey(key_id=f"{target.sender}#main-key", private=new_private_key())
    body = json.dumps(target.a_create()).encode()
    async with nothing_is_stored(target):
        answer = await target.peer.post(target.inbox, body, signed_headers(other, "POST", target.inbox, body))
        _is_refused(answer, "sig_invalid")


@pytest.mark.attack(3)
async def test_a_body_changed_after_signing_is_refused(target: Target) -> None:
    key = target.peer.key(target.sender)
    body = json.dumps(target.a_create()).encode()
    changed = body.replace(b"sneaky", b"sneakier")
    assert changed != body
    async with nothing_is_stored(target):
        headers = signed_headers(key, "POST", target.inbox, body)
        _is_refused(await target.peer.post(target.inbox, changed, headers), "digest_mismatch")


@pytest.mark.parametrize(
    "age", [timedelta(hours=2), timedelta(minutes=-10)], ids=["two hours old", "ten minutes ahead"]
)
@pytest.mark.attack(10)
async def test_a_date_outside_the_window_is_refused(target: Target, age: timedelta) -> None:
    key = target.peer.key(target.sender)
    body = json.dumps(target.a_create()).encode()
    headers = signed_headers(key, "POST", target.inbox, body, date=datetime.now(UTC) - age)
    async with nothing_is_stored(target):
        _is_refused(await target.peer.post(target.inbox, body, headers), "sig_date")


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [("digest", "sig_weak"), ("host", "sig_weak"), ("(request-target)", "sig_weak"), ("date", "sig_weak")],
)
@pytest.mark.attack(11)
async def test_a_signature_that_leaves_out_what_matters_is_refused(
    target: Target, left_out: str, reason: str
) -> None:
    key = target.peer.key(target.sender)
    body = json.dumps(target.a_create()).encode()
    covered = [name for name in COVERED if name != left_out]
    headers = signed_headers(key, "POST", target.inbox, body, covered=covered)
    async with nothing_is_stored(target):
        _is_refused(await target.peer.post(target.inbox, body, headers), reason)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Date", "sig_date"), ("Digest", "repeated_header")],
)
@pytest.mark.attack(10)
async def test_a_signed_header_that_stands_twice_is_refused(target: Target, name: str, reason: str) -> None:
    key = target.peer.key(target.sender)
    body = json.dumps(target.a_create()).encode()
    signed = signed_headers(key, "POST", target.inbox, body)
    repeated: Headers = [*signed, (name, dict(signed)[name])]
    async with nothing_is_stored(target):
        _is_refused(await target.peer.post(target.inbox, body, repeated), reason)


async def test_an_hmac_keyed_with_the_public_key_is_refused(target: Target) -> None:
    key = target.peer.key(target.sender)
    body = json.dumps(target.a_create()).encode()
    headers = signed_headers(key, "POST", target.inbox, body, algorithm="hmac-sha256")
    async with nothing_is_stored(target):
        _is_refused(await target.peer.post(target.inbox, body, headers), "sig_alg")


@pytest.mark.attack(13)
async def test_a_signature_made_for_another_inbox_is_refused(target: Target) -> None:
    key = target.peer.key(target.sender)
    body = json.dumps(target.a_create()).encode()
    headers = signed_headers(key, "POST", f"{target.instance.origin}/inbox", body)
    async with nothing_is_stored(target):
        _is_refused(await target.peer.post(target.inbox, body, headers), "sig_invalid")


@pytest.mark.attack(2)
async def test_speaking_in_the_name_of_someone_elsewhere_is_refused(target: Target) -> None:
    innocent = target.peer.actor("innocent", target.peer.hosts[1])
    note = target.peer.note(innocent, "I never said this")
    create = target.peer.create(note)
    target.peer.documents.clear()
    body = json.dumps(create).encode()
    headers = signed_headers(target.peer.key(target.sender), "POST", target.inbox, body)
    async with nothing_is_stored(target):
        _is_refused(await target.peer.post(target.inbox, body, headers), "actor_key_mismatch", 403)


@pytest.mark.attack(4)
async def test_a_post_of_a_foreign_origin_inside_an_honest_activity_is_not_believed(target: Target) -> None:
    innocent = target.peer.actor("innocent", target.peer.hosts[1])
    forged = target.peer.note(innocent, "I never said this either")
    target.peer.documents.clear()
    create = target.peer.activity("Create", target.sender, forged, to=forged["to"])
    assert (await target.peer.send(target.inbox, create)).status in (202, 400, 401, 403)
    await target.mark()
    assert forged["id"] not in [post["uri"] for post in await target.reader.home()]
    with pytest.raises((Refusal, AssertionError)):
        await target.reader.status_of(forged["id"])


@pytest.mark.attack(14)
async def test_a_key_that_is_ours_or_no_web_address_is_refused_without_a_look(target: Target) -> None:
    key = target.peer.key(target.sender)
    me = await target.reader.me()
    body = json.dumps(target.a_create()).encode()
    async with nothing_is_stored(target):
        for key_id in (
            f"{me['uri']}#main-key",
            f"acct:mallory@{target.peer.hosts[0]}",
            f"{target.sender}#main-key".replace("https:", "http:"),
            "file:///etc/passwd",
        ):
            headers = signed_headers(key, "POST", target.inbox, body, key_id=key_id)
            _is_refused(await target.peer.post(target.inbox, body, headers), "key_id")


@pytest.mark.attack(7)
async def test_a_delete_by_another_host_changes_nothing(target: Target) -> None:
    note = target.peer.note(target.sender, f"mine {secrets.token_hex(4)}")
    await target.peer.send(target.inbox, target.peer.create(note))
    await sees_at_home(target.reader, note["id"])
    stranger = target.peer.actor("stranger", target.peer.hosts[1])

    await target.peer.send(target.inbox, target.peer.activity("Delete", stranger, note["id"], to=note["to"]))

    await target.mark()
    assert note["id"] in [post["uri"] for post in await target.reader.home()]


# Each of these names this machine or its network in another spelling; none may be connected to.
PRIVATE = (
    "https://127.0.0.1/users/x",
    "https://127.1/users/x",
    "https://0x7f.1/users/x",
    "https://2130706433/users/x",
    "https://0177.0.0.1/users/x",
    "https://①②⑦.⓪.⓪.①/users/x",
    "https://0.0.0.0/users/x",
    "https://localhost/users/x",
    "https://localhost./users/x",
    "https://[::1]/users/x",
    "https://[::]/users/x",
    "https://[::ffff:127.0.0.1]/users/x",
    "https://[::127.0.0.1]/users/x",
    "https://[::ffff:0:127.0.0.1]/users/x",
    "https://[64:ff9b::7f00:1]/users/x",
    "https://[2002:7f00:1::]/users/x",
    "https://10.0.0.1/users/x",
    "https://172.16.0.1/users/x",
    "https://192.168.0.1/users/x",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/users/x",
    "https://[fe80::1]/users/x",
    "https://[fd00::1]/users/x",
    "https://user:pass@127.0.0.1/users/x",
)


@pytest.fixture
def canaries(ground: Ground) -> Canaries:
    """Listeners at the addresses above, wherever this machine has them."""
    hidden = ground.names.hidden_address_of("hidden.test")
    return Canaries(("127.0.0.1", 443), ("::1", 443), (hidden, 443), ("127.0.0.1", 0))


@pytest.mark.attack(32, 33)
async def test_a_search_for_a_private_address_connects_to_nobody(pair: Pair, canaries: Canaries) -> None:
    addresses = (
        *PRIVATE,
        "https://hidden.test/users/x",
        f"https://127.0.0.1:{canaries.ports[-1]}/users/x",
        "http://127.0.0.1/users/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1/x",
        "@x@127.0.0.1",
        "@x@[::1]",
        "@x@localhost",
        "@x@hidden.test",
    )
    async with pair.a.client("victim") as reader:
        await eventually(
            "no job of former tests is about to run",
            lambda: jobs_due_within(pair.a.database, seconds=90),
            lambda many: many == 0,
            within=150,
        )
        before = await _settled_rows(pair.a)
        with canaries:
            for address in addresses:
                assert await _finds_nothing(reader, address), address
            assert canaries.visits == []
        assert _difference(before, await _settled_rows(pair.a)) == {}


async def _finds_nothing(reader: Api, address: str) -> bool:
    """Tell whether the search answers with nothing, or with a refusal that is not a failure of ours."""
    try:
        found = await reader.search(address)
    except Refusal as refusal:
        return 400 <= refusal.status < 500
    return not found["accounts"] and not found["statuses"]


@pytest.mark.attack(36)
async def test_a_redirect_to_a_private_address_is_not_followed(target: Target, canaries: Canaries) -> None:
    host = target.peer.hosts[0]
    moved = {
        f"https://{host}/moved/{number}": to
        for number, to in enumerate(
            (
                "https://127.0.0.1/users/x",
                "https://[::1]/users/x",
                "https://hidden.test/users/x",
                "http://127.0.0.1/x",
            )
        )
    }
    target.peer.redirects.update(moved)
    with canaries:
        for url in moved:
            with pytest.raises(AssertionError):
                await target.reader.status_of(url)
        assert set(moved) <= set(target.peer.fetched), "the redirects were not even asked for"
        assert canaries.visits == []


@pytest.mark.attack(32, 33)
async def test_an_activity_that_points_at_private_addresses_makes_no_connection(
    target: Target, canaries: Canaries
) -> None:
    peer = target.peer
    with canaries:
        for address in (*PRIVATE, "https://hidden.test/users/x"):
            for kind in ("Announce", "Create", "Accept", "Undo"):
                answer = await peer.send(
                    target.inbox, peer.activity(kind, target.sender, address, to=[target.sender])
                )
                assert answer.status < 500, (kind, address, answer)
            body = json.dumps(target.a_create()).encode()
            key = peer.key(target.sender)
            headers = signed_headers(key, "POST", target.inbox, body, key_id=f"{address}#main-key")
            answer = await peer.post(target.inbox, body, headers)
            assert 400 <= answer.status < 500, (address, answer)
        await target.mark()
        assert canaries.visits == []


async def test_nothing_is_delivered_to_an_inbox_at_a_private_address(
    target: Target, canaries: Canaries
) -> None:
    peer, me = target.peer, await target.reader.me()
    lurker = peer.actor(f"lurker{secrets.token_hex(2)}")
    peer.documents[lurker] = {**peer.actor_document(lurker), "inbox": "https://hidden.test/inbox"}
    with canaries:
        await peer.send(target.inbox, peer.activity("Follow", lurker, me["uri"]))
        friend = peer.actor(f"friend{secrets.token_hex(2)}")
        assert (await peer.send(target.inbox, peer.activity("Follow", friend, me["uri"]))).status == 202
        await is_told(target.reader, "follow", by=f"{friend.rsplit('/', 1)[1]}@{peer.hosts[0]}")
        post = await target.reader.publish("for the public inboxes only")

        async def posts() -> list[object]:
            return [create["object"]["id"] for create in peer.received("Create")]

        await eventually("the honest follower received the post", posts, lambda ids: post["uri"] in ids)
        assert canaries.visits == []


async def test_a_body_that_is_too_large_or_of_another_type_is_refused(target: Target) -> None:
    key = target.peer.key(target.sender)
    huge = json.dumps(target.a_create(summary="x" * (1 << 20))).encode()
    plain = json.dumps(target.a_create()).encode()
    async with nothing_is_stored(target):
        _is_refused(
            await target.peer.post(target.inbox, huge, signed_headers(key, "POST", target.inbox, huge)),
            "too_large",
            413,
        )
        headers = [
            (name, "text/plain" if name == "Content-Type" else value)
            for name, value in signed_headers(
                key, "POST", target.inbox, plain, covered=[name for name in COVERED if name != "content-type"]
            )
        ]
        _is_refused(await target.peer.post(target.inbox, plain, headers), "content_type", 415)


async def test_the_same_activity_delivered_again_has_one_effect(target: Target) -> None:
    note = target.peer.note(target.sender, f"once {secrets.token_hex(4)}")
    create = target.peer.create(note)
    for _ in range(5):
        assert (await target.peer.send(target.inbox, create)).status == 202
    await sees_at_home(target.reader, note["id"])
    await target.mark()
    assert [post["uri"] for post in await target.reader.home()].count(note["id"]) == 1
