"""People on two instances: what one does, the other sees. Every step goes over real, signed HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.federation.models import Delivery, FollowerInbox, InboxItem
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, find, follow, open_fediverse


@pytest.fixture(params=["open", "strict"])
async def fediverse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Fediverse]:
    """Two instances that answer anybody, and two that answer signed requests only."""
    async with open_fediverse(tmp_path, authorized_fetch=request.param == "strict") as opened:
        yield opened


async def home(of: Client) -> list[Any]:
    return list(await of.get("/api/v1/timelines/home"))


async def only(of: Client) -> Any:
    posts = await home(of)
    assert len(posts) == 1, [post["content"] for post in posts]
    return posts[0]


@pytest.mark.attack(17)
@pytest.mark.privacy("P-05")
@pytest.mark.row(76)
async def test_a_follow_counts_only_when_it_is_accepted(fediverse: Fediverse, alice: Client) -> None:
    cautious = await fediverse.beta.person("cautious", locked=True)
    target = await find(alice, "@cautious@b.test")
    asked = await alice.post(f"/api/v1/accounts/{target}/follow")
    await fediverse.settle()
    assert (asked["following"], asked["requested"]) == (False, True)
    assert await fediverse.beta.count(FollowerInbox) == 0
    await cautious.post("/api/v1/statuses", {"status": "not for alice", "visibility": "private"})
    await fediverse.settle()
    assert await home(alice) == []

    (request,) = await cautious.get("/api/v1/follow_requests")
    await cautious.post(f"/api/v1/follow_requests/{request['id']}/authorize")
    await fediverse.settle()
    (now,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": target})
    assert (now["following"], now["requested"]) == (True, False)
    await cautious.post("/api/v1/statuses", {"status": "for alice", "visibility": "private"})
    await fediverse.settle()
    assert "for alice" in (await only(alice))["content"]


async def test_a_post_a_reply_a_like_and_a_boost_cross_over_and_are_taken_back(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, alice, "@bob@b.test")
    await follow(fediverse, bob, "@alice@a.test")
    post = await bob.post("/api/v1/statuses", {"status": "hello from b"})
    await fediverse.settle()
    seen = await only(alice)
    assert seen["uri"] == post["uri"]

    await alice.post(f"/api/v1/statuses/{seen['id']}/favourite")
    await alice.post(f"/api/v1/statuses/{seen['id']}/reblog")
    reply = await alice.post(
        "/api/v1/statuses", {"status": "@bob@b.test hello from a", "in_reply_to_id": seen["id"]}
    )
    await fediverse.settle()
    at_home = await bob.get(f"/api/v1/statuses/{post['id']}")
    assert (at_home["favourites_count"], at_home["reblogs_count"], at_home["replies_count"]) == (1, 1, 1)
    context = await bob.get(f"/api/v1/statuses/{post['id']}/context")
    assert [each["uri"] for each in context["descendants"]] == [reply["uri"]]
    told = {each["type"] for each in await bob.get("/api/v1/notifications")}
    assert told == {"follow", "favourite", "reblog", "mention"}

    await alice.post(f"/api/v1/statuses/{seen['id']}/unfavourite")
    await alice.post(f"/api/v1/statuses/{seen['id']}/unreblog")
    await alice.delete(f"/api/v1/statuses/{reply['id']}")
    await fediverse.settle()
    at_home = await bob.get(f"/api/v1/statuses/{post['id']}")
    assert (at_home["favourites_count"], at_home["reblogs_count"], at_home["replies_count"]) == (0, 0, 0)

    await bob.delete(f"/api/v1/statuses/{post['id']}")
    await fediverse.settle()
    status, _, _ = await alice.call("GET", f"/api/v1/statuses/{seen['id']}")
    assert status == 404
    assert await fediverse.alpha.count(Delivery) == await fediverse.beta.count(Delivery) == 0


@pytest.mark.privacy("P-05")
async def test_after_an_unfollow_nothing_more_is_sent(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    target = await follow(fediverse, alice, "@bob@b.test")
    assert await fediverse.beta.count(FollowerInbox) == 1
    await alice.post(f"/api/v1/accounts/{target}/unfollow")
    await fediverse.settle()
    assert await fediverse.beta.count(FollowerInbox) == 0
    before = await fediverse.alpha.count(InboxItem)
    await bob.post("/api/v1/statuses", {"status": "nobody hears this"})
    await fediverse.settle()
    assert await fediverse.alpha.count(InboxItem) == before


async def test_a_thread_arrives_whole_and_in_order(fediverse: Fediverse, alice: Client, bob: Client) -> None:
    await follow(fediverse, alice, "@bob@b.test")
    posts = [{"text": f"part {number} of a thread"} for number in range(1, 8)]
    thread = await bob.post("/api/fedispace/v1/threads", {"posts": posts}, expect=201)
    await fediverse.settle()
    arrived = [post["uri"] for post in await home(alice)]
    assert arrived == [post["uri"] for post in reversed(thread)]


async def test_what_was_written_while_the_other_was_away_arrives_in_order_when_it_is_back(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, alice, "@bob@b.test")
    await fediverse.alpha.stop_listening()
    sent = []
    for number in range(4):
        sent.append((await bob.post("/api/v1/statuses", {"status": f"number {number}"}))["uri"])
        await fediverse.beta.app.worker.settle()
        fediverse.clock.advance(seconds=1)
    await bob.delete(f"/api/v1/statuses/{sent[1].rpartition('/')[2]}")
    await fediverse.beta.app.worker.settle()
    await fediverse.alpha.listen()
    fediverse.clock.advance(hours=1)
    await fediverse.settle()
    assert [post["uri"] for post in await home(alice)] == [sent[3], sent[2], sent[0]]


@pytest.mark.privacy("P-03")
async def test_a_direct_message_reaches_its_recipient_only(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    other = await fediverse.alpha.person("other")
    await follow(fediverse, other, "@bob@b.test")
    await bob.post("/api/v1/statuses", {"status": "@alice@a.test psst", "visibility": "direct"})
    await fediverse.settle()
    assert await home(other) == []
    (told,) = await alice.get("/api/v1/notifications")
    assert "psst" in told["status"]["content"]
    async with fediverse.alpha.app.db.reading() as tx:
        known = set(await tx.scalars(select(Account.username).where(Account.domain == "b.test")))
    assert known == {"bob"}
