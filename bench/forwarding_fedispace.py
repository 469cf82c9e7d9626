"""Our SFU, started as `fedispace serve` starts it, and the signalling to enter a room of it."""

import itertools
import secrets
from collections.abc import Sequence
from pathlib import Path

from bench.forwarding_peer import Peer, Remote
from fedispace.clock import SystemClock
from fedispace.media.live import grants
from fedispace.media.live.client import SfuClient
from fedispace.media.live.grants import Role
from fedispace.media.live.settings import SfuSettings
from fedispace.media.live.stream_client import Stream
from fedispace.media.live.supervisor import SfuProcess

ROOM = "bench"
AS_THEY_COME = 1_000_000
"""A room never so large that three packets become one."""


class Door:
    """The way into a room: grants, and the control socket."""

    def __init__(self, control: Path, secret: bytes, name: str = "") -> None:
        self.client = SfuClient(control, secret, call_seconds=60)
        self._secret = secret
        self._names = (f"{name}{number}" for number in itertools.count())

    async def publish(self, peer: Peer) -> str:
        """Let `peer` publish; return the session's name."""
        name, grant = self._grant("publish")
        answer = await self.client.publish(grant, peer.sdp("sendonly"))
        await peer.connect(Remote(answer.sdp), as_server=False, insists=False)
        return name

    async def subscribe(self, peer: Peer, mids: Sequence[str] = ("0",)) -> str:
        """Let `peer` hear: the programme, or with several sections the stage."""
        name, grant = self._grant("subscribe", stage=len(mids) > 1)
        answer = await self.client.subscribe(grant, peer.sdp("recvonly", mids=mids))
        await peer.connect(Remote(answer.sdp), as_server=False, insists=False)
        return name

    async def read(self) -> Stream:
        """Let somebody listen over HTTP."""
        return await self.client.stream(self._grant("subscribe")[1])

    def _grant(self, role: Role, *, stage: bool = False) -> tuple[str, str]:
        name = f"{role}-{next(self._names)}"
        now = SystemClock().now()
        grant = grants.issue(
            room=ROOM, session=name, participant=name, role=role, nonce=name, now=now, stage=stage
        )
        return name, grants.sign(grant, self._secret)


class Fedispace:
    """An SFU process with one room."""

    def __init__(
        self, host: str, folder: Path, *, long_packets_above: int = AS_THEY_COME, records: bool = False
    ) -> None:
        self.secret = secrets.token_bytes(32)
        settings = SfuSettings(
            listen=f"{host}:0",
            control=str(folder / "sfu.sock"),
            secret=self.secret,
            long_packets_above=long_packets_above,
            recordings=str(folder) if records else "",
        )
        self._process = SfuProcess(settings)
        self.control = self._process.control
        self.door = Door(self.control, self.secret)
        self.slots = 1
        self._publishers: dict[Peer, str] = {}

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid is not None
        return pid

    async def start(self) -> None:
        await self._process.start()
        await self.door.client.start()
        await self.door.client.status()

    async def stop(self) -> None:
        await self.door.client.close()
        await self._process.stop()

    async def publish(self, peer: Peer) -> None:
        self._publishers[peer] = await self.door.publish(peer)

    async def hang_up(self, peer: Peer) -> None:
        """End a publisher's session."""
        await self.door.client.hang_up(self._publishers.pop(peer))

    async def subscribe(self, peer: Peer) -> None:
        await self.door.subscribe(peer, [str(number) for number in range(self.slots)])
