"""Who left is gone: nothing of him stays in the process, and that takes no garbage collector.

The process keeps what it loaded out of the collector's sight (`server`), and a collection while a room
plays is heard; so what a session leaves behind must be freed with the last reference to it.
"""

import asyncio
import gc
import itertools
import secrets
import weakref
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
                listen="127.0.0.1:0", control=str(directory / "unused.sock"), secret=_SECRET
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

    def belongings(self, names: list[str]) -> dict[str, "weakref.ref[object]"]:
        """Return what there is of these sessions, without holding it."""
        found: dict[str, weakref.ref[object]] = {}
        for name in names:
            session = self.sfu._sessions[name]
            parts: dict[str, object | None] = {
                "session": session,
                "path": session.path,
                "dtls": session._dtls,
                "connection": session._dtls._ssl,
                "keys": session._dtls.outgoing,
                "publisher": session.publisher,
                "feedback": session._feedback,
            }
            mixer = session.room._programme._mixer
            if mixer is not None and name in mixer:
                parts["talker"] = mixer._talkers[name]  # type: ignore[attr-defined]
            found |= {f"{name} {part}": weakref.ref(it) for part, it in parts.items() if it is not None}
        return found


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


async def test_of_who_spoke_was_mixed_heard_and_left_nothing_is_there_any_more(tmp_path: Path) -> None:
    async with _house(tmp_path) as house:
        speakers, listeners = [Peer("127.0.0.1") for _ in range(4)], [Peer("127.0.0.1") for _ in range(4)]
        staying = Peer("127.0.0.1")
        await house.enter("subscribe", staying)
        names = [await house.enter("publish", peer) for peer in speakers]
        names += [
            await house.enter("subscribe", peer, sections=sections)
            for peer, sections in zip(listeners, (1, 1, 2, 3), strict=True)
        ]
        async with Talking(speakers) as talking:
            talking.speaking = len(speakers)

            async def belongings() -> dict[str, "weakref.ref[object]"]:
                return house.belongings(names)

            before = await eventually(
                "all are mixed",
                belongings,
                lambda found: sum(name.endswith("talker") for name in found) == len(speakers),
            )
        assert house.loaded == 1

        with _no_collector():
            for name in names:
                house.sfu.hang_up(name)

            async def left() -> list[str]:
                return [name for name, it in before.items() if it() is not None]

            await eventually("nothing is left of those who left", left, lambda found: not found, within=10)
            assert house.sfu.status().subscribers == 1
        for peer in (*speakers, *listeners, staying):
            peer.close()
