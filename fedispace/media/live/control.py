"""The SFU's end of the control socket: a Unix socket that only our own user may open, and behind it
a proof of the shared secret, because a process of the same user is not yet the web process."""

import asyncio
import contextlib
import hmac
import os
import secrets
import socket
import stat
import struct
from pathlib import Path

import msgspec
import structlog

from fedispace.errors import ConfigError, FedispaceError
from fedispace.media.live import protocol
from fedispace.media.live.protocol import (
    AskStatus,
    Challenge,
    CloseRoom,
    Done,
    FromSfu,
    HangUp,
    Open,
    Patch,
    Proof,
    RecordingEvent,
    Reply,
    Request,
    SessionEvent,
    Silence,
    StartRecording,
    StopRecording,
)
from fedispace.media.live.sfu import Sfu

log = structlog.get_logger()

_PROOF_SECONDS = 5.0
_CLIENTS = 16
_UNREAD_BYTES = 1 << 20


class ControlSocket:
    """Serves clients of one SFU."""

    def __init__(self, path: Path, secret: bytes) -> None:
        self._path = path
        self._secret = secret
        self._boot = secrets.token_hex(8)
        self._clients: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()
        self._sfu: Sfu | None = None

    async def open(self, sfu: Sfu) -> None:
        """Begin to serve commands for `sfu`; raise `ConfigError` when the path cannot be used."""
        self._sfu = sfu
        try:
            if self._path.exists() and stat.S_ISSOCK(self._path.lstat().st_mode):
                self._path.unlink()
            old = os.umask(0o177)
            try:
                self._server = await asyncio.start_unix_server(
                    self._accept, self._path, limit=protocol.MAX_FRAME
                )
            finally:
                os.umask(old)
        except OSError as error:
            raise ConfigError(f"rtc.control: cannot use {self._path}: {error.strerror or error}") from error

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for conversation in list(self._conversations):
            conversation.cancel()
        if self._conversations:
            await asyncio.wait(self._conversations)
        with contextlib.suppress(OSError):
            self._path.unlink()

    def tell(self, event: SessionEvent | RecordingEvent) -> None:
        """Send an event to every client that keeps up."""
        body = protocol.frame(event)
        for writer in list(self._clients):
            if writer.transport.get_write_buffer_size() > _UNREAD_BYTES:
                writer.transport.abort()
            else:
                writer.write(body)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._conversations.add(task)
        task.add_done_callback(self._conversations.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if len(self._conversations) > _CLIENTS or not _is_ours(writer):
                log.warning("sfu.control_refused")
                return
            async with asyncio.timeout(_PROOF_SECONDS):
                if not await self._is_proved(reader, writer):
                    log.warning("sfu.control_unproved")
                    return
            self._clients.add(writer)
            self._say(writer, Done(id=0))
            while True:
                request = protocol.heard_by_sfu(await protocol.read_frame(reader))
                if isinstance(request, Proof):
                    return
                self._say(writer, self._answer(request))
                await writer.drain()
        except (OSError, msgspec.DecodeError) as error:
            log.debug("sfu.control_closed", error=str(error))
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _is_proved(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        challenge = Challenge(version=protocol.VERSION, boot=self._boot, nonce=secrets.token_hex(16))
        self._say(writer, challenge)
        said = protocol.heard_by_sfu(await protocol.read_frame(reader))
        return (
            isinstance(said, Proof)
            and said.version == protocol.VERSION
            and hmac.compare_digest(said.mac.encode(), protocol.proof_for(challenge, self._secret).encode())
        )

    def _answer(self, request: Request) -> Reply:
        assert self._sfu is not None
        try:
            match request:
                case Open():
                    opened = self._sfu.open(request.grant, request.role, request.offer)
                    return msgspec.structs.replace(opened, id=request.id)
                case Patch():
                    patched = self._sfu.patch(request.session, request.matching, request.fragment)
                    return msgspec.structs.replace(patched, id=request.id)
                case AskStatus():
                    return msgspec.structs.replace(self._sfu.status(), id=request.id)
                case HangUp():
                    self._sfu.hang_up(request.session)
                case Silence():
                    self._sfu.silence(request.session, request.silent)
                case CloseRoom():
                    self._sfu.close_room(request.room)
                case StartRecording():
                    self._sfu.recorder.start(request.room, request.path)
                case StopRecording():
                    self._sfu.recorder.stop(request.room)
        except FedispaceError as error:
            return protocol.failure(request.id, error)
        return Done(id=request.id)

    @staticmethod
    def _say(writer: asyncio.StreamWriter, message: FromSfu) -> None:
        writer.write(protocol.frame(message))


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """Tell whether the peer process runs as our user, or as root, where the kernel says so."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    connection: socket.socket = writer.get_extra_info("socket")
    credentials = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return uid in (0, os.getuid())
