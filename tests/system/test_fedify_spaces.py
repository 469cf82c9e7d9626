"""Fedify, as a third server that knows events and not Spaces: it reads ours, comes, is invited, and leaves.

It stands in for Mobilizon: everything it sends is read and written by its own vocabulary, and what it takes
from us it has verified (RFC 9421) and understood as JSON-LD.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.ground.api import Api, Json
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.ground.peers import FedifyBot

pytestmark = pytest.mark.system

SPACES = "/api/fedispace/v1/spaces"


@pytest.fixture(scope="module")
def bot(ground: Ground) -> Iterator[FedifyBot]:
    found = ground.fedify("spaces.fedify.test", "rfc9421", takes="rfc9421")
    yield found
    print(found.words())


@pytest.fixture
async def alice(alpha: Instance, bot: FedifyBot) -> AsyncIterator[Api]:
    async with alpha.client("alice") as client:
        yield client


async def handled(bot: FedifyBot, is_it: Callable[[Json], bool]) -> Json:
    """Wait for something that Fedify has verified and understood."""
    entries: list[Json] = await eventually(
        "the bot understood it", lambda: bot.desk.read("handled"), lambda found: any(map(is_it, found))
    )
    return next(entry for entry in reversed(entries) if is_it(entry))


async def send(bot: FedifyBot, to: str, kind: str, object_: str) -> str:
    """Let the bot send an activity about something, and return its id."""
    id_ = f"https://{bot.name}/activities/{secrets.token_hex(8)}"
    context = "https://www.w3.org/ns/activitystreams"
    activity: Json = {"@context": context, "id": id_, "type": kind, "actor": bot.actor, "to": to}
    await bot.desk.order("send", activity={**activity, "object": object_}, to=to)
    return id_


async def coming(host: Api, space: Json, many: int) -> None:
    async def ask() -> int:
        return int((await host.get(f"{SPACES}/{space['id']}/attendance"))["count"])

    await eventually(f"{many} will come", ask, lambda found: found == many)


@pytest.mark.row(100)
async def test_an_event_of_ours_is_one_to_fedify_which_joins_it_hears_of_its_end_and_leaves(
    alice: Api, bot: FedifyBot
) -> None:
    me = (await alice.me())["uri"]
    at = datetime.now(UTC) + timedelta(hours=2)
    space = await alice.create_space("Tea and talk", starts_at=f"{at:%Y-%m-%dT%H:%M:%SZ}", topics=["tea"])
    assert (await bot.desk.order("look", uri=space["uri"]))["type"] == "Event"

    join = await send(bot, me, "Join", space["uri"])
    accept = await handled(bot, lambda each: each["type"] == "Accept" and each["object"] == join)
    assert accept["actor"] == me
    await coming(alice, space, 1)

    await send(bot, me, "Leave", space["uri"])
    await coming(alice, space, 0)
    await send(bot, me, "Join", space["uri"])
    await coming(alice, space, 1)
    await alice.post(f"{SPACES}/{space['id']}/cancel")
    told = await handled(bot, lambda each: each["type"] == "Update" and each["object"] == space["uri"])
    assert told["actor"] == me, "although it follows nobody"


async def test_somebody_on_fedify_is_invited_accepts_and_is_an_organizer(alice: Api, bot: FedifyBot) -> None:
    me = (await alice.me())["uri"]
    space = await alice.create_space("Together")
    await alice.open_space(space["id"])
    await alice.post(f"{SPACES}/{space['id']}/room/invite", {"handle": bot.handle, "role": "cohost"})
    invite = await handled(bot, lambda each: each["type"] == "Invite" and each["object"] == space["uri"])
    assert (invite["actor"], invite["target"]) == (me, bot.actor)

    await send(bot, me, "Accept", invite["id"])
    added = await handled(bot, lambda each: each["type"] == "Add" and each["object"] == bot.actor)
    assert added["target"] == f"{space['uri']}/organizers"
    members = await bot.desk.order("members", uri=f"{space['uri']}/organizers")
    assert members["items"] == [me, bot.actor]
