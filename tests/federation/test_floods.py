"""Floods at the door: deletes of people nobody knows, repeats of one activity, and poison."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Notification
from fedispace.clock import ManualClock
from fedispace.federation import dead_letters
from fedispace.federation.dead_letters import Kind, Which
from fedispace.federation.inbox import TRIES
from fedispace.federation.models import ActorRow, InboxItem, Tombstone
from fedispace.threads.models import Favourite, Status
from tests.factories import Home, open_home, remote_actor
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import Peer
from tests.federation.test_inbox import Post

DELETES = 10_000
CONNECTIONS = 16


def delete(number: int, at: Server) -> bytes:
    """Return the request by which a server says that somebody is gone whom nobody here knows."""
    actor = f"http://c.test/users/gone{number}"
    body = json.dumps(
        {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{actor}#delete",
            "type": "Delete",
            "actor": actor,
            "object": actor,
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
        }
    ).encode()
    date = at.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
    signature = (
        f'keyId="{actor}#main-key",algorithm="rsa-sha256",'
        'headers="(request-target) host date digest content-type",signature="bm90IGxvb2tlZCBhdA=="'
    )
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    head = (
        f"POST /inbox HTTP/1.1\r\nHost: {at.host}\r\nDate: {date}\r\nDigest: {digest}\r\n"
        f"Content-Type: application/activity+json\r\nSignature: {signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def flood(at: Server, numbers: range) -> set[int]:
    """Send the deletes over one connection; return the statuses of the answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
    statuses = set()
    for number in numbers:
        writer.write(delete(number, at))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        statuses.add(int(head[9:12]))
        if b"content-length:" in head:
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    writer.close()
    return statuses


@pytest.mark.reliability("R10")
async def test_ten_thousand_deletes_of_people_nobody_knows_cost_no_fetch_and_no_row(
    alpha: Server, peer: Peer
) -> None:
    before = [await alpha.count(table) for table in (InboxItem, ActorRow, Tombstone)]
    share = DELETES // CONNECTIONS
    statuses = await asyncio.gather(
        *(flood(alpha, range(n * share, (n + 1) * share)) for n in range(CONNECTIONS))
    )
    assert all(len(each) == 1 for each in statuses)
    assert set.union(*statuses) == {202}
    await alpha.app.worker.settle()
    assert peer.asked == []
    assert [await alpha.count(table) for table in (InboxItem, ActorRow, Tombstone)] == before


@pytest.mark.reliability("R3")
async def test_one_like_sent_twenty_times_to_both_inboxes_and_two_days_later_is_one_like(
    fediverse: Fediverse, alpha: Server, peer: Peer
) -> None:
    alice = await alpha.person("alice")
    posted = await alice.post("/api/v1/statuses", {"status": "Like me"})
    carol = peer.actor("carol", "c.test")
    like = peer.activity("Like", carol, posted["uri"])
    personal = f"{alpha.app.addresses.actor('alice')}/inbox"

    async def twenty() -> None:
        answers = await asyncio.gather(
            *(peer.post(alpha.inbox if n % 2 else personal, like) for n in range(20))
        )
        assert {answer.status for answer in answers} == {202}
        await fediverse.settle()

    await twenty()
    fediverse.clock.advance(days=2)
    await twenty()
    async with alpha.app.db.reading() as tx:
        count = await tx.scalar(select(Status.favourites_count).where(Status.uri == posted["uri"]))
    assert (count, await alpha.count(Favourite), await alpha.count(Notification)) == (1, 1, 1)


@pytest.fixture
async def slow() -> AsyncIterator[Peer]:
    started = Peer(ManualClock())
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def home(tmp_path: Path, slow: Peer) -> AsyncIterator[Home]:
    async with open_home(tmp_path, origin="http://a.test", net=slow.net("c.test")) as opened:
        for number in range(20):
            await opened.stranger(remote_actor(f"user{number}", "c.test", scheme="http"))
        yield opened


@pytest.mark.reliability("R22")
async def test_poison_among_many_stops_nobody_and_is_seen_and_applied_once_it_is_mended(home: Home) -> None:
    """One in a hundred crashes its handler; all others are applied at the first go."""
    post = Post(home)
    for number in range(400):
        object_ = "http://a.test/poison" if number % 100 == 50 else "http://a.test/1"
        await post.arrive(f"user{number % 19}", f"a{number}", object_)
    for _ in range(TRIES + 1):
        await post.run()
        home.clock.advance(minutes=5)
    assert len(post.feature.applied) == 396
    async with home.db.reading() as tx:
        letters = await dead_letters.newest(tx, Kind.INBOX, 10)
    assert len(letters) == 4
    assert all("nobody thought of this" in (letter.error or "") for letter in letters)
    post.feature.broken = False
    async with home.db.transaction() as tx:
        assert (
            await dead_letters.send_again(tx, home.ids, home.clock, Which(kind=Kind.INBOX, host="c.test"))
            == 4
        )
    await post.run()
    assert len(post.feature.applied) == 400
