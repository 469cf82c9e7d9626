"""How each of the web process's connections to the SFU begins, and one that carries a stream."""

import asyncio
import contextlib
import hmac
import secrets

from fedispace.media.live import channel, protocol
from fedispace.media.live.messages import (
    Challenge,
    Done,
    Failed,
    Proof,
    RecordingEvent,
    SessionEvent,
    TakeStream,
    Welcome,
)

_CHUNK = 16 << 10


async def introduce(
    control: str, secret: bytes, *, limit: int = protocol.MAX_FRAME
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Return a connection on which the SFU has welcomed us, and which start of an SFU it is."""
    reader, writer, binding = await channel.connect(control, limit=limit)
    try:
        challenge = protocol.heard_by_client(await protocol.read_frame(reader))
        if not isinstance(challenge, Challenge) or challenge.version != protocol.VERSION:
            raise ConnectionError("the SFU speaks another version")
        mac = protocol.proof_for(challenge, secret, binding)
        proof = Proof(version=protocol.VERSION, mac=mac, nonce=secrets.token_hex(16))
        writer.write(protocol.frame(proof))
        said = protocol.heard_by_client(await protocol.read_frame(reader))
        expected = protocol.welcome_for(proof, secret, binding)
        if not isinstance(said, Welcome) or not hmac.compare_digest(said.mac, expected):
            raise ConnectionError("the SFU did not prove that it is ours")
    except BaseException:
        writer.close()
        raise
    return reader, writer, challenge.boot


class Stream:
    """What a room hears from now on, as whole or broken pages of Ogg; close it, whatever happens."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def next(self) -> bytes:
        """Return what came; nothing at the end, be it of the room, of the session or of the SFU.

        Whoever does not call is sent less (`streams`): hardly anything is kept for them here.
        """
        try:
            return await self._reader.read(_CHUNK)
        except OSError:
            return b""

    def cut_off(self) -> None:
        """Have the stream end for whoever reads it."""
        self._writer.close()

    async def close(self) -> None:
        """End the session, if it has not ended."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def take(control: str, secret: bytes, grant: str) -> Stream:
    """Open the session that `grant` allows, on a connection of its own; raises what the SFU answers."""
    reader, writer, _ = await introduce(control, secret, limit=_CHUNK)
    try:
        writer.write(protocol.frame(TakeStream(id=1, grant=grant)))
        said = protocol.heard_by_client(await protocol.read_frame(reader))
        while isinstance(said, SessionEvent | RecordingEvent):  # until it knows what this connection is for
            said = protocol.heard_by_client(await protocol.read_frame(reader))
        if isinstance(said, Failed):
            raise protocol.raised(said)
        if not isinstance(said, Done):
            raise ConnectionError("the SFU answered something else")
    except BaseException:
        writer.close()
        raise
    return Stream(reader, writer)
