"""Two settings, `database.url` and `bus.url`, and one server is several processes: two web, worker, SFU."""

import asyncio
import secrets
import socket
from collections.abc import Iterator

import pytest

from tests.ground.ear import RATE
from tests.ground.eventually import eventually, until
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.ground.ports import free_port
from tests.ground.recorder import Recorder
from tests.ground.whep import Listener
from tests.media.hearing import likeness, read_wav
from tests.system.stage import on_air

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def cluster(ground: Ground) -> Iterator[Instance]:
    """One server on PostgreSQL and Redis, its roles in processes of their own."""
    roles = ("sfu", "worker", "web", "web")
    found = ground.instance("many.test", database="postgres", redis=True, roles=roles)
    yield found
    ground.retire(found)


async def _follower(cluster: Instance, peers: Recorder) -> None:
    """Let someone on the recorder follow alice."""
    async with cluster.client("alice") as alice:
        me = await alice.me()
        inbox = (await alice.document(me["uri"]))["inbox"]
    follow = peers.activity("Follow", peers.actor("reader"), me["uri"])
    assert (await peers.send(inbox, follow)).status == 202

    async def accepts() -> int:
        return len(peers.received("Accept"))

    await eventually("the follow is accepted", accepts, bool)


async def _created(peers: Recorder) -> list[str]:
    return [create["object"]["id"] for create in peers.received("Create")]


async def test_what_one_web_process_takes_the_other_shows_and_the_worker_delivers(
    ground: Ground, cluster: Instance
) -> None:
    first, second = cluster.ports
    async with (
        cluster.client_of(first, "alice") as here,
        cluster.client_of(second, "alice") as there,
        ground.recorder(f"readers-{secrets.token_hex(3)}.test") as peers,
    ):
        await _follower(cluster, peers)

        post = await here.publish("taken by one")

        assert (await there.status(post["id"]))["uri"] == post["uri"]
        await eventually("it is delivered", lambda: _created(peers), lambda uris: post["uri"] in uris)


async def test_a_worker_that_was_killed_takes_up_what_it_left(ground: Ground, cluster: Instance) -> None:
    async with (
        cluster.client("alice") as alice,
        ground.recorder(f"patient-{secrets.token_hex(3)}.test") as peers,
    ):
        await _follower(cluster, peers)
        cluster.kill_nine("worker")
        post = await alice.publish("said while nobody was at work")
        assert post["uri"] not in await _created(peers)

        cluster.restart("worker")

        # What the worker had under way when it died is free again when its lease ends, in a minute.
        await eventually(
            "it is delivered", lambda: _created(peers), lambda uris: post["uri"] in uris, within=120
        )


async def test_a_space_is_heard_from_an_sfu_of_its_own(ground: Ground, cluster: Instance) -> None:
    async with (
        cluster.client("alice") as alice,
        cluster.client("bob") as bob,
        on_air(ground, cluster, alice, "Apart") as air,
        Listener() as listener,
    ):
        ticket = await bob.join_space(air.space["id"], "listener")
        await listener.subscribe(bob, ticket["whep_url"], ticket["ticket"])
        await listener.listen(0.5)

        heard = await listener.listen(4)

        said, rate = read_wav(air.said)
        assert likeness(said, rate, heard, RATE) > 0.75


async def test_an_audio_server_that_is_stopped_sends_its_people_to_another(
    ground: Ground, cluster: Instance
) -> None:
    """The second is commanded over TCP, as if it were on another machine, and is found by the bus."""
    number = free_port(cluster.address, socket.SOCK_DGRAM)
    settings = {
        "FEDISPACE__RTC__LISTEN": f"{cluster.address}:{number}",
        "FEDISPACE__RTC__CONTROL": f"tcp://127.0.0.1:{free_port()}",
    }
    second = cluster.also_serve("sfu", settings)
    try:
        until("both web processes found it", lambda: cluster.log.read_text().count("fleet.found") >= 2)
        async with (
            cluster.client("alice") as alice,
            cluster.client("bob") as bob,
            Listener() as before,
            Listener() as after,
        ):
            space = await alice.create_space("Moving house")
            space = await alice.open_space(space["id"])
            ticket = await bob.join_space(space["id"], "listener")
            await before.subscribe(bob, ticket["whep_url"], ticket["ticket"])
            home, other = (cluster.process("sfu"), number)
            if before.port == number:
                home, other = (second, cluster.rtc_port)

            assert await asyncio.to_thread(home.stop) == 0

            assert home.is_running() is False
            ticket = await bob.join_space(space["id"], "listener")
            await after.subscribe(bob, ticket["whep_url"], ticket["ticket"])
            assert after.port == other
            await alice.close_space(space["id"])
    finally:
        second.stop()
        if not cluster.process("sfu").is_running():
            cluster.restart("sfu")
