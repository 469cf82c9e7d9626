"""Who left is gone: nothing of him stays in the process, and that takes no garbage collector.

The process keeps what it loaded out of the collector's sight (`server`), and a collection while a room
plays is heard; so what a session leaves behind must be freed with the last reference to it.
"""

import asyncio
import gc
import itertools
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from bench.forwarding_peer import Peer, Remote
from bench.talking import Talking
from fedispace.clock import SystemClock
from fedispace.media.live import grants, port
from fedispace.media.live.grants import Role
from fedispace.media.live.settings import SfuSettings
from fedispace.media.live.sfu import Sfu
from tests.ground.eventually import eventually

_SECRET = secrets.token_bytes(32)


class _House:
    """An SFU in this process, so that its objects can be looked at."""

    def __init__(self, directory: Path, audio: port.Port) -> None:
        self.loaded = 0
        self._names = itertools.count(1)
        self.sfu = Sfu(
            settings=SfuSettings(
                listen="127.0.0.1:0",
                control=str(directory / "unused.sock"),
                secret=_SECRET,
                idle_seconds=600.0,  # they do not say that they are there while others come in
            ),
            port=audio,
            addresses=("127.0.0.1",),
            clock=SystemClock(),
            tell=lambda _event: None,
            on_loaded=self._note,
        )

    def _note(self) -> None:
        self.loaded += 1

    async def enter(self, role: Role, peer: Peer, *, sections: int = 1) -> str:
        name = f"{role}-{next(self._names)}"
        grant = grants.issue(
            room="room",
            session=name,
            participant=name,
            role=role,
            nonce=name,
            now=SystemClock().now(),
            stage=sections > 1,
        )
        mids = [str(number) for number in range(sections)]
        offer = peer.sdp("sendonly" if role == "publish" else "recvonly", mids=mids)
        answer = self.sfu.open(grants.sign(grant, _SECRET), role, offer)
        await peer.connect(Remote(answer.sdp), as_server=False)
        return name

    async def is_mixing(self) -> bool:
        return self.sfu.status().mixer.rooms == 1

    async def heard(self) -> int:
        return sum(room.received for room in self.sfu._rooms)

    async def people(self) -> int:
        status = self.sfu.status()
        return status.publishers + status.subscribers


@asynccontextmanager
async def _house(directory: Path) -> AsyncIterator[_House]:
    audio = port.Port(port.bind("127.0.0.1", 0), SystemClock())
    house = _House(directory, audio)
    await audio.open()
    running = asyncio.create_task(house.sfu.run())
    try:
        yield house
    finally:
        running.cancel()
        await asyncio.wait([running])
        audio.close()


@contextmanager
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _ours() -> Counter[str]:
    """Count everything there is of the audio server's classes."""
    return Counter(
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in map(type, gc.get_objects())
        if str(kind.__module__).startswith("fedispace.media.live.")
    )


async def _come_talk_and_go(house: _House) -> None:
    speakers = [Peer("127.0.0.1") for _ in range(4)]
    listeners = {Peer("127.0.0.1"): sections for sections in (1, 1, 2, 3)}
    names = [await house.enter("publish", peer) for peer in speakers]
    names += [await house.enter("subscribe", peer, sections=n) for peer, n in listeners.items()]
    async with Talking(speakers) as talking:
        talking.speaking = len(speakers)
        since = await house.heard()
        await eventually("they were heard", house.heard, lambda heard: heard > since + 200)
        await eventually("they are mixed", house.is_mixing, bool)
        for listener in listeners:
            listener.keep_alive()
    for name in names:
        house.sfu.hang_up(name)
    await eventually("one is left", house.people, lambda people: people == 1)
    for peer in (*speakers, *listeners):
        peer.close()


async def test_of_who_spoke_was_mixed_heard_and_left_nothing_is_there_any_more(tmp_path: Path) -> None:
    async with _house(tmp_path) as house:
        staying = Peer("127.0.0.1")
        await house.enter("subscribe", staying)
        await _come_talk_and_go(house)
        assert house.loaded == 1
        with _no_collector():
            before = _ours()
            await _come_talk_and_go(house)

            async def left() -> Counter[str]:
                return _ours() - before

            await eventually("nothing is left of those who left", left, lambda found: not found, within=10)
        staying.close()
