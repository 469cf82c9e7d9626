"""Software that is not ours and speaks ActivityPub, run as servers of this run.

Each has a desk: a port of 127.0.0.1 at which a test gives orders and reads what was received.
"""

import signal
from pathlib import Path
from typing import Any, Literal

import aiohttp

from tests.ground.ca import Authority
from tests.ground.names import Names
from tests.ground.ports import free_port
from tests.ground.process import Process

_HOME = Path(__file__).parents[1] / "peers"
_REPOSITORY = _HOME.parents[1]
NODE = _HOME / "node_modules" / ".bin" / "node"
BOVINE_PYTHON = _REPOSITORY / ".venv-peers" / "bin" / "python"
ACTIVITYPUB_TESTING = _HOME / "node_modules" / "activitypub-testing" / "src" / "cli.js"

FirstKnock = Literal["draft-cavage-http-signatures-12", "rfc9421"]


class Desk:
    """The control port of a peer."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"

    async def read(self, what: str, **parameters: str) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self._base}/{what}", params=parameters) as response,
        ):
            assert response.status == 200, await response.text()
            return await response.json()

    async def order(self, what: str, **order: Any) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self._base}/{what}", json=order) as response,
        ):
            assert response.status == 200, await response.text()
            return await response.json()


class _Peer:
    """A peer process with a public address and a desk; it finds its settings below `prefix`."""

    def __init__(
        self,
        command: list[str],
        prefix: str,
        name: str,
        *,
        names: Names,
        authority: Authority,
        directory: Path,
        **more: str,
    ) -> None:
        address, desk, certificate = names.address_of(name), free_port(), authority.issue(name)
        settings = {
            "NAME": name,
            "ADDRESS": address,
            "CHAIN": str(certificate.chain),
            "KEY": str(certificate.key),
            "CONTROL": str(desk),
            **more,
        }
        self.name = name
        self.desk = Desk(desk)
        self._process = Process(
            names.wrap(command),
            log=directory / f"{name}.log",
            environment={
                **authority.environment(),
                **{f"{prefix}_{key}": value for key, value in settings.items()},
            },
        )
        self._process.until_listening(address, 443, within=90)
        self._process.until_listening("127.0.0.1", desk)

    def words(self) -> str:
        """Return the end of what the peer wrote to its log."""
        return self._process.tail()

    def stop(self) -> None:
        self._process.stop(signal.SIGKILL)


class FedifyBot(_Peer):
    """The bot of `tests/peers/fedify-bot.mjs`: accepts follows, echoes mentions."""

    def __init__(
        self,
        name: str,
        first_knock: FirstKnock,
        *,
        takes: str = "",
        names: Names,
        authority: Authority,
        directory: Path,
    ) -> None:
        self.actor = f"https://{name}/users/bot"
        self.handle = f"@bot@{name}"
        super().__init__(
            [str(NODE), str(_HOME / "fedify-bot.mjs")],
            "BOT",
            name,
            names=names,
            authority=authority,
            directory=directory,
            FIRST_KNOCK=first_knock,
            TAKES=takes,
        )


class BovinePeer(_Peer):
    """The peer of `tests/peers/bovine_peer.py`: verifies and records; posts any activity, signed."""

    def __init__(self, name: str, *, names: Names, authority: Authority, directory: Path) -> None:
        self.actor = f"https://{name}/actor"
        self.handle = f"@buttercup@{name}"
        command = [str(BOVINE_PYTHON), str(_HOME / "bovine_peer.py")]
        super().__init__(command, "PEER", name, names=names, authority=authority, directory=directory)
