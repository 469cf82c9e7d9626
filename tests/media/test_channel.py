"""Commanding an SFU on another machine: nobody who stands between learns or says anything."""

import asyncio
import contextlib
import os
import signal
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fedispace.errors import ConfigError, Unavailable
from fedispace.media.live import channel, messages, protocol
from fedispace.media.live.client import SfuClient
from tests.ground.eventually import eventually
from tests.ground.ports import free_port
from tests.media.studio import Studio


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Studio]:
    """A studio that is commanded over TCP."""
    async with Studio(tmp_path, control=f"tcp://127.0.0.1:{free_port()}") as studio:
        yield studio


async def test_it_is_commanded_over_tcp_and_comes_back_there(far: Studio) -> None:
    assert (await far.client.status()).rooms == {}
    assert far.process.pid is not None
    starts = far.process.starts

    os.kill(far.process.pid, signal.SIGKILL)

    async def restarted() -> bool:
        return far.process.starts > starts

    await eventually("it was started again", restarted, bool)
    assert (await far.client.status()).port == far.process.port


async def test_who_does_not_know_the_secret_gets_nowhere(far: Studio) -> None:
    async with SfuClient(far.settings.control, b"?" * 32, call_seconds=1.0) as stranger:
        with pytest.raises(Unavailable):
            await stranger.status()


async def test_one_who_pretends_to_be_the_sfu_gets_no_grant(far: Studio) -> None:
    """He answers a proof he cannot read with a welcome he cannot make."""
    async with _false_sfu() as at, SfuClient(at, far.secret, call_seconds=1.0) as client:
        with pytest.raises(Unavailable):
            await client.status()
        assert not client.is_connected


async def test_one_in_the_middle_with_his_own_certificate_is_found_out(far: Studio) -> None:
    async with (
        _man_in_the_middle(far.settings.control) as (at, overheard),
        SfuClient(at, far.secret, call_seconds=1.0) as client,
    ):
        with pytest.raises(Unavailable):
            await client.subscribe("a grant", "an offer")

    assert b"Proof" in overheard
    assert b"a grant" not in overheard


@contextlib.asynccontextmanager
async def _man_in_the_middle(control: str) -> AsyncIterator[tuple[str, bytearray]]:
    """Pass on what both sides say, over two TLS connections, and write down what the client says."""
    overheard = bytearray()
    tasks: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer, _ = await channel.connect(control)

        async def pump(source: asyncio.StreamReader, to: asyncio.StreamWriter, note: bool) -> None:
            with contextlib.suppress(OSError, ssl.SSLError):
                while data := await source.read(4096):
                    if note:
                        overheard.extend(data)
                    to.write(data)
            to.close()

        await asyncio.gather(pump(reader, up_writer, True), pump(up_reader, writer, False))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(relay(reader, writer)))

    at = f"tcp://127.0.0.1:{free_port()}"
    listening = await channel.listen(at, accept)
    try:
        yield at, overheard
    finally:
        listening.server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def _false_sfu() -> AsyncIterator[str]:
    """Somebody who knows the protocol and not the secret, and admits everybody."""

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        challenge = messages.Challenge(version=protocol.VERSION, boot="b", nonce="n")
        writer.write(protocol.frame(challenge))
        writer.write(protocol.frame(messages.Welcome(mac="0" * 64)))

    at = f"tcp://127.0.0.1:{free_port()}"
    listening = await channel.listen(at, accept)
    try:
        yield at
    finally:
        listening.server.close()


@pytest.mark.parametrize("control", ["tcp://sfu.example:7883", "tcp://127.0.0.1", "tcp://127.0.0.1:0"])
def test_the_address_is_a_number_and_a_port(control: str) -> None:
    with pytest.raises(ConfigError, match=r"rtc\.control"):
        channel.check(control)
