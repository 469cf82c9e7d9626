"""kill -9, twenty times at random, while ten thousand deliveries are made and while activities arrive."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from sqlalchemy import func, insert, select, text

from fedispace.accounts.models import Notification
from fedispace.app import App, build
from fedispace.clock import SystemClock
from fedispace.federation.delivery import IN_FLIGHT
from fedispace.federation.keys import LocalKey
from fedispace.federation.models import Delivery, Fanout, FollowerInbox, InboxItem
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.signatures import sign_cavage
from fedispace.federation.vocab.activities import Like
from fedispace.federation.vocab.actors import Actor, PublicKeyRef
from fedispace.federation.vocab.uri import Uri
from fedispace.ids import TimeOrderedIds
from fedispace.threads.models import Favourite, Status
from fedispace.threads.written import Draft
from tests.factories import keys
from tests.ground.ground import Ground
from tests.system.loopback import Loopback, Sink

pytestmark = pytest.mark.system

SENDERS, POSTS, HOSTS = 4, 50, 50
DELIVERIES = SENDERS * POSTS * HOSTS
KILLS = 20
ARRIVING, ARRIVING_KILLS = 600, 4


@pytest.fixture(params=["sqlite", "postgresql"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Loopback]:
    if request.param == "sqlite":
        loopback = Loopback(tmp_path, "sqlite:///fedispace.sqlite3")
    else:
        ground: Ground = request.getfixturevalue("ground")
        loopback = Loopback(tmp_path, ground.postgres.database())
    yield loopback
    loopback.end()


@pytest.fixture
async def app(place: Loopback) -> AsyncIterator[App]:
    built = build(await place.prepare())
    yield built
    await built.close()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    opened = Sink(HOSTS)
    await opened.open()
    yield opened
    await opened.close()


async def count(app: App, table: Any, *where: Any) -> int:
    async with app.db.reading() as tx:
        return await tx.scalar(select(func.count()).select_from(table).where(*where)) or 0


async def queued(app: App, sink: Sink) -> dict[int, list[str]]:
    """Let everybody send their posts to followers on every host; return the ids in order, by sender."""
    outbox = Outbox(TimeOrderedIds(SystemClock()), SystemClock(), app.bus)
    sent: dict[int, list[str]] = {}
    async with app.db.transaction() as tx:
        for number in range(SENDERS):
            uri = app.addresses.actor(f"sender{number}")
            row = await app.actors.create_local(tx, uri=uri, type="Person", keys=keys())
            at = [f"{origin}/inbox" for origin in sink.origins]
            rows = [{"actor_id": row.id, "inbox": inbox, "count": 1} for inbox in at]
            await tx.execute(insert(FollowerInbox), rows)
            sent[row.id] = [f"{uri}#likes/{post}" for post in range(POSTS)]
    for number in range(POSTS):
        async with app.db.transaction() as tx:
            for sender_id, uris in sent.items():
                like = Like(
                    id=Uri(uris[number]),
                    actor=Uri(uris[number].partition("#")[0]),
                    object=Uri("http://c.test/1"),
                )
                await outbox.send(tx, sender_id, like, Audience(public=True, followers=True))
    return sent


@pytest.mark.reliability("R1")
async def test_ten_thousand_deliveries_survive_twenty_kills(place: Loopback, app: App, sink: Sink) -> None:
    sent = await queued(app, sink)
    rng = random.Random(5)
    at_once = 1 if app.db.dialect == "sqlite" else 2
    for _ in range(KILLS // at_once):
        workers = [place.serve("worker") for _ in range(at_once)]
        arrived = len(sink.copies)
        assert arrived < DELIVERIES, "the kills came too late to prove anything"
        wanted = arrived + at_once * rng.randrange(20, 500)
        await sink.has(min(wanted, DELIVERIES - 1), within=60)
        await asyncio.sleep(rng.random() / 50)
        for worker in workers:
            worker.kill_nine()
        if at_once > 1:
            await _the_leases_of_the_dead_run_out(app)
    place.serve("worker")
    await sink.has(DELIVERIES, within=60)
    for origin, arrived_there in sink.order.items():
        for uris in sent.values():
            mine = set(uris)
            assert [each for each in arrived_there if each in mine] == uris, f"out of order at {origin}"
    repeats = sum(copies - 1 for copies in sink.copies.values())
    assert repeats <= KILLS * IN_FLIGHT
    async with asyncio.timeout(20):
        while await count(app, Delivery) or await count(app, Fanout):
            await asyncio.sleep(0.1)


async def _the_leases_of_the_dead_run_out(app: App) -> None:
    """Do what ninety seconds would; nobody who holds one is alive."""
    async with app.db.transaction() as tx:
        for table in ("deliveries", "fanouts", "jobs", "inbox_items"):
            await tx.execute(text(f"UPDATE {table} SET leased_until = NULL"))


@pytest.mark.reliability("R2")
async def test_everything_that_was_accepted_is_applied_once_although_the_process_is_killed(
    place: Loopback, app: App
) -> None:
    """Likes of one post: each is one row and one notification, however often the process dies."""
    post = await _a_post(app)
    likers = await _strangers(app)
    accepted: set[str] = set()
    rng = random.Random(9)
    share = len(likers) // ARRIVING_KILLS
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20)) as session:
        for kill in range(ARRIVING_KILLS):
            process = place.serve("web", "worker")
            process.until_listening("127.0.0.1", place.port)
            sending = [
                asyncio.create_task(_like(session, place, liker, post, accepted))
                for liker in likers[kill * share : (kill + 1) * share]
            ]
            enough = len(accepted) + rng.randrange(20, share - 20)
            async with asyncio.timeout(30):
                while len(accepted) < enough:
                    await asyncio.sleep(0.005)
            process.kill_nine()
            await asyncio.gather(*sending)
        await _the_leases_of_the_dead_run_out(app)
        place.serve("web", "worker")
    assert 20 < len(accepted) < ARRIVING, "the kills came at no moment that proves anything"
    async with asyncio.timeout(60):
        while await count(app, InboxItem, InboxItem.state == "pending"):
            await asyncio.sleep(0.2)
    async with app.db.reading() as tx:
        rows = await tx.execute(select(InboxItem.activity_id, InboxItem.state))
        fates = {row.activity_id: row.state for row in rows}
        favourites = await tx.scalar(select(Status.favourites_count).where(Status.uri == post))
    assert {fates[uri] for uri in accepted} == {"done"}
    done = sum(state == "done" for state in fates.values())
    assert await count(app, Favourite) == favourites == done == await count(app, Notification)


async def _a_post(app: App) -> str:
    user = await app.registration.create_user(
        username="alice", email="alice@mail.example", password=secrets.token_urlsafe(12)
    )
    async with app.db.reading() as tx:
        alice = await app.people.by_id(tx, user.id)
    (post, *_) = await app.publishing.publish(alice, [Draft(text="Like me")], visibility="public")
    return post.uri


async def _strangers(app: App) -> list[LocalKey]:
    """Make so many people elsewhere known; return what each signs with."""
    signing = []
    async with app.db.transaction() as tx:
        for number in range(ARRIVING):
            uri = Uri(f"https://c.example/users/u{number}")
            key_id = Uri(f"{uri}#main-key")
            await app.actors.store(
                tx,
                Actor(
                    id=uri,
                    type="Person",
                    preferred_username=f"u{number}",
                    inbox=Uri(f"{uri}/inbox"),
                    public_keys=(PublicKeyRef(id=key_id, owner=uri, kind="rsa", pem=keys().rsa_public),),
                ),
            )
            signing.append(LocalKey.from_pem(key_id, keys().rsa_private))
    return signing


async def _like(
    session: aiohttp.ClientSession, place: Loopback, key: LocalKey, post: str, accepted: set[str]
) -> None:
    """Send a Like; note its id when it was accepted."""
    actor = key.key_id.partition("#")[0]
    like = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{actor}#like",
        "type": "Like",
        "actor": actor,
        "object": post,
    }
    url, body = f"http://127.0.0.1:{place.port}/inbox", msgspec.json.encode(like)
    headers = dict(sign_cavage(key, "POST", url, body, SystemClock().now()))
    headers["Content-Type"] = "application/activity+json"
    try:
        async with session.post(url, data=body, headers=headers) as answer:
            if answer.status == 202:
                accepted.add(like["id"])
    except (aiohttp.ClientError, OSError):
        return
