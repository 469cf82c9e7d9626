"""How the Spaces of an instance are discovered by whoever follows the instance and none of its people."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Follow
from fedispace.clock import ManualClock
from fedispace.errors import Conflict
from fedispace.federation.models import FollowerInbox
from fedispace.spaces.access import Access
from fedispace.spaces.models import Space
from tests.api.site import Client, Site
from tests.spaces.town import Town

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
AS2 = {"Accept": "application/activity+json"}


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=2)])
async def test_a_public_space_is_announced_by_the_instance_when_it_is_made(
    town: Town, clock: ManualClock, later: timedelta
) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="Soon", starts_at=clock.now() + later)
    [(announce, audience)] = await town.said_by_the_instance()
    assert (announce["type"], announce["object"]) == ("Announce", space.uri)
    assert announce["to"] == [PUBLIC]
    assert announce["cc"] == ["https://a.example/actor/followers"]
    assert audience == {"followers": True, "actors": []}
    await town.hosting.open(alice, space.id)
    await town.hosting.close(alice, space.id)
    assert len(await town.said_by_the_instance()) == 1


@pytest.mark.parametrize("access", ["unlisted", "followers", "invited"])
async def test_a_space_that_is_not_public_is_shown_to_no_directory(town: Town, access: Access) -> None:
    await town.live_space(await town.resident("alice"), access=access)
    assert await town.said_by_the_instance() == []


async def test_a_space_that_was_refused_is_not_announced(town: Town, clock: ManualClock) -> None:
    alice = await town.resident("alice")
    tomorrow = clock.now() + timedelta(days=1)
    await town.hosting.create(alice, title="First", starts_at=tomorrow)
    with pytest.raises(Conflict):
        await town.hosting.create(alice, title="Second", starts_at=tomorrow)
    assert len(await town.said_by_the_instance()) == 1


class Neighbours:
    """Two whole instances over real HTTP: alice lives at `near`, bob at `far`."""

    def __init__(self, near: Site, far: Site, alice: Client, bob: Client) -> None:
        self.near, self.far, self.alice, self.bob = near, far, alice, bob

    async def settle(self) -> None:
        """Let everything arrive that was sent, and be answered."""
        for _ in range(3):
            await self.far.app.worker.settle()
            await self.near.app.worker.settle()

    async def follow_the_instance(self) -> str:
        """Let bob follow the instance actor of alice's server; return its id at his."""
        address = f"{self.near.origin}/actor"
        found = await self.bob.get("/api/v2/search", q=address, resolve="true")
        [instance] = found["accounts"]
        await self.bob.post(f"/api/v1/accounts/{instance['id']}/follow")
        await self.settle()
        return str(instance["id"])

    async def make_space(self) -> Any:
        """Let alice make a Space and everybody hear of it."""
        space = await self.alice.post("/api/fedispace/v1/spaces", {"title": "Come in"}, expect=201)
        await self.settle()
        return space

    async def spaces_at_far(self) -> list[str]:
        async with self.far.home.db.reading() as tx:
            return list(await tx.scalars(select(Space.uri)))


@pytest.fixture
async def neighbours(tmp_path: Path) -> AsyncIterator[Neighbours]:
    (tmp_path / "near").mkdir()
    (tmp_path / "far").mkdir()
    async with Site(tmp_path / "near") as near, Site(tmp_path / "far") as far:
        yield Neighbours(near, far, await near.person("alice"), await far.person("bob"))


async def test_the_instance_lets_itself_be_followed_and_delivers_to_its_followers(
    neighbours: Neighbours,
) -> None:
    instance = await neighbours.follow_the_instance()
    [relationship] = await neighbours.bob.get("/api/v1/accounts/relationships", **{"id[]": instance})
    assert relationship["following"] is True
    async with neighbours.near.home.db.reading() as tx:
        follow = (await tx.scalars(select(Follow))).one()
        inboxes = (await tx.scalars(select(FollowerInbox))).all()
    assert follow.accepted
    assert [(row.actor_id, row.inbox) for row in inboxes] == [
        (follow.target_id, f"{neighbours.far.origin}/inbox")
    ]


async def test_a_space_is_discovered_by_a_server_that_follows_the_instance_and_none_of_its_people(
    neighbours: Neighbours,
) -> None:
    await neighbours.follow_the_instance()
    space = await neighbours.make_space()
    assert await neighbours.spaces_at_far() == [space["uri"]]
    listed = await neighbours.bob.get("/api/fedispace/v1/spaces")
    assert [(each["uri"], each["host"]["uri"]) for each in listed] == [
        (space["uri"], f"{neighbours.near.origin}/users/alice")
    ]


async def test_a_space_is_not_discovered_by_a_server_that_stopped_following(neighbours: Neighbours) -> None:
    instance = await neighbours.follow_the_instance()
    await neighbours.bob.post(f"/api/v1/accounts/{instance}/unfollow")
    await neighbours.settle()
    await neighbours.make_space()
    assert await neighbours.spaces_at_far() == []


async def test_the_outbox_of_the_instance_lists_what_it_announced_and_each_can_be_read(
    neighbours: Neighbours,
) -> None:
    space = await neighbours.make_space()
    _, outbox, _ = await neighbours.near.anyone.call("GET", "/actor/outbox", headers=AS2)
    assert (outbox["type"], outbox["totalItems"]) == ("OrderedCollection", 1)
    [uri] = outbox["orderedItems"]
    path = uri.removeprefix(neighbours.near.origin)
    _, announce, _ = await neighbours.near.anyone.call("GET", path, headers=AS2)
    assert (announce["id"], announce["type"], announce["object"]) == (uri, "Announce", space["uri"])
    assert announce["actor"] == f"{neighbours.near.origin}/actor"


async def test_directories_find_whom_to_follow(neighbours: Neighbours) -> None:
    """By NodeInfo (FEP-2677), or by the name relay@host that Mobilizon tries."""
    instance = f"{neighbours.near.origin}/actor"
    links = (await neighbours.near.anyone.get("/.well-known/nodeinfo"))["links"]
    application = "https://www.w3.org/ns/activitystreams#Application"
    assert [link["href"] for link in links if link["rel"] == application] == [instance]
    host = neighbours.near.origin.removeprefix("http://")
    status, found, _ = await neighbours.near.anyone.call(
        "GET", "/.well-known/webfinger", params={"resource": f"acct:relay@{host}"}
    )
    assert status == 200
    assert instance in [link.get("href") for link in found["links"] if link["rel"] == "self"]
