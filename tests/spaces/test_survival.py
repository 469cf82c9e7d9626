"""The audio server is killed in a full room, or the web process, or a listener: who hears what, and when."""

import asyncio
import contextlib
import os
import signal
import statistics
from pathlib import Path

import pytest

from bench.forwarding_peer import Remote
from fedispace.accounts.models import Account
from fedispace.spaces.models import LiveSession, Space
from tests.ground.eventually import eventually
from tests.media.lines import Line, Wire
from tests.spaces.test_live import Hall, hall

__all__ = ["hall"]

_SPEAKERS = 5
_LISTENERS = 50


@pytest.fixture
async def alice(hall: Hall) -> Account:
    return await hall.town.resident("alice")


@pytest.fixture
async def space(hall: Hall, alice: Account) -> Space:
    return await hall.town.live_space(alice)


def listener(hall: Hall, space: Space) -> Line:
    """Somebody without an account who listens, as the page of a Space does."""

    async def join(offer: str) -> tuple[str, str]:
        connection = await hall.live.subscribe(space.id, None, offer)
        return connection.answer, connection.resource

    async def is_over(resource: str) -> bool:
        async with hall.town.db.reading() as tx:
            session = await tx.get(LiveSession, resource)
            return session is None or session.ended_at is not None

    return Line(join, is_over, speaks=False)


class Stage:
    """People on stage. Who may be there is not the matter here: their grants are written by the test."""

    def __init__(self, hall: Hall, space: Space) -> None:
        self._hall = hall
        self._space = space
        self._over: set[str] = set()

    async def follow(self) -> None:
        """Learn which sessions are over, as the web process does."""
        async for event in self._hall.studio.client.events():
            if event.kind == "disconnected":
                self._over.add(event.session)

    def speaker(self, name: str) -> Line:
        async def join(offer: str) -> tuple[str, str]:
            grant = self._hall.studio.grant("publish", room=str(self._space.id), participant=name)
            answer = await self._hall.studio.client.publish(grant, offer)
            return answer.sdp, answer.session

        async def is_over(session: str) -> bool:
            return session in self._over

        return Line(join, is_over, speaks=True)


@pytest.mark.reliability("L2")
async def test_after_a_kill_everybody_hears_again_by_himself_within_five_seconds(
    hall: Hall, alice: Account, space: Space
) -> None:
    stage = Stage(hall, space)
    loop = asyncio.get_running_loop()
    following = asyncio.create_task(stage.follow())
    async with contextlib.AsyncExitStack() as stack:
        speakers = [await stack.enter_async_context(stage.speaker(f"s{n}")) for n in range(_SPEAKERS)]
        listeners = [await stack.enter_async_context(listener(hall, space)) for _ in range(_LISTENERS)]
        everybody = [*speakers, *listeners]
        for line in everybody:
            await line.began_after(0.0, loop.time() + 15)
        await hall.shows(space, _LISTENERS, [])
        pid, port = hall.studio.process.pid, hall.studio.process.port
        assert pid is not None

        os.kill(pid, signal.SIGKILL)

        killed = loop.time()
        outages = sorted(await asyncio.gather(*(line.began_after(killed, 12) for line in everybody)))
        p50, p95, worst = statistics.median(outages), outages[int(len(outages) * 0.95)], outages[-1]
        print(f"kill -9 with {len(outages)} peers: p50 {p50:.2f} s, p95 {p95:.2f} s, max {worst:.2f} s")
        assert p95 <= 5
        assert worst <= 10
        assert hall.studio.process.port == port
        await hall.shows(space, _LISTENERS, [])
    following.cancel()


@pytest.mark.reliability("L13")
async def test_a_room_is_freed_within_five_seconds_of_its_end(
    hall: Hall, alice: Account, space: Space
) -> None:
    stage = Stage(hall, space)
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(listener(hall, space)) for _ in range(10)]
        lines.append(await stack.enter_async_context(stage.speaker("last")))
        for line in lines:
            await line.began_after(0.0, loop.time() + 15)
        ended = loop.time()

        await hall.town.hosting.close(alice, space.id)

        await eventually("the room is gone", hall.rooms, lambda rooms: not rooms)
        assert loop.time() - ended < 5
        assert await hall.count_sessions(ended=False) == 0


@pytest.mark.reliability("L9")
async def test_five_hundred_comings_and_goings_leave_nothing_behind(
    hall: Hall, alice: Account, space: Space
) -> None:
    await _come_and_go(hall, space, 100)
    files, memory, tasks = await _open_files(hall), await _memory(hall), len(asyncio.all_tasks())

    await _come_and_go(hall, space, 500)

    assert await _open_files(hall) == files
    assert await _memory(hall) <= memory * 1.05
    assert len(asyncio.all_tasks()) <= tasks * 1.05
    assert await hall.count_sessions(ended=False) == 0


async def _come_and_go(hall: Hall, space: Space, times: int) -> None:
    """Let so many listeners connect, twenty at a time, and leave."""
    for _ in range(times // 20):
        wires = [Wire("127.0.0.1") for _ in range(20)]
        joined = await asyncio.gather(*(_connect(hall, space, wire) for wire in wires))
        for wire, resource in zip(wires, joined, strict=True):
            await hall.live.leave(space.id, resource)
            wire.close()
    await eventually("the room is empty", hall.rooms, lambda rooms: not rooms)


async def _connect(hall: Hall, space: Space, wire: Wire) -> str:
    connection = await hall.live.subscribe(space.id, None, wire.sdp("recvonly"))
    await wire.connect(Remote(connection.answer), as_server=False)
    return connection.resource


async def _open_files(hall: Hall) -> int:
    return len(list(Path(f"/proc/{hall.studio.process.pid}/fd").iterdir()))


async def _memory(hall: Hall) -> int:
    return (await hall.studio.client.status()).resident_bytes
