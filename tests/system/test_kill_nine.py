"""kill -9 in the middle of a thousand deliveries: every one arrives, few arrive twice."""

import secrets
from collections import Counter

import pytest

from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.recorder import Delivery, Recorder

pytestmark = pytest.mark.system

HOSTS = 20
FOLLOWERS_PER_HOST = 5
POSTS = 10
DELIVERIES = HOSTS * FOLLOWERS_PER_HOST * POSTS

# What one process may have under way at once: sent, and not yet written down as done.
IN_FLIGHT = 100


async def test_every_delivery_survives_a_kill_and_only_those_in_flight_repeat(ground: Ground) -> None:
    run = secrets.token_hex(3)
    hosts = [f"host{number}-{run}.test" for number in range(HOSTS)]
    server = ground.instance(f"kill-{run}.test")
    try:
        async with server.client("alice") as alice, ground.recorder(*hosts, delay=0.02) as peers:
            me = await alice.me()
            inboxes = await _followed_by_everybody(
                peers, me["uri"], (await alice.document(me["uri"]))["inbox"]
            )
            posts = {(await alice.publish(f"number {number}"))["uri"] for number in range(POSTS)}

            async def arrived() -> int:
                return len(_copies(peers.deliveries))

            await eventually("a third has arrived", arrived, lambda count: count > DELIVERIES // 3, within=60)
            server.kill_nine()
            by_then = len(_copies(peers.deliveries))
            assert by_then < DELIVERIES * 9 // 10, "the kill came too late to prove anything"
            server.start()

            await eventually("all have arrived", arrived, lambda count: count >= DELIVERIES, within=120)
            copies = _copies(peers.deliveries)
            assert set(copies) == {(post, inbox) for post in posts for inbox in inboxes}
            repeated = {delivery: count for delivery, count in copies.items() if count > 1}
            assert len(repeated) <= IN_FLIGHT
            assert max(copies.values()) <= 2
            kept = await alice.get(f"/api/v1/accounts/{me['id']}/statuses", limit="40")
            assert {status["uri"] for status in kept} == posts
    finally:
        ground.retire(server)


async def _followed_by_everybody(peers: Recorder, alice: str, inbox: str) -> set[str]:
    """Let everyone on the recorder follow alice, and wait until all are accepted."""
    followers = [
        peers.actor(f"user{number}", host) for host in peers.hosts for number in range(FOLLOWERS_PER_HOST)
    ]
    for follower in followers:
        answer = await peers.send(inbox, peers.activity("Follow", follower, alice))
        assert answer.status == 202, answer

    async def accepted() -> int:
        return len(peers.received("Accept"))

    await eventually("all are accepted", accepted, lambda count: count >= len(followers), within=60)
    return {f"{follower}/inbox" for follower in followers}


def _copies(deliveries: list[Delivery]) -> Counter[tuple[str, str]]:
    """Count how often each post arrived at each inbox."""
    return Counter(
        (delivery.activity["object"]["id"], f"https://{delivery.host}{delivery.path}")
        for delivery in deliveries
        if delivery.activity["type"] == "Create"
    )
