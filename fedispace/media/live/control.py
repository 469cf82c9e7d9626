"""The SFU's end of the control socket: a Unix socket that only our own user may open, or TLS over TCP,
and behind both a proof of the shared secret, because who may connect is not yet the web process.

A connection on which a stream is asked for carries that alone from then on (`streams`), until either side
closes it. Such connections are sessions, and bounded with them."""

import asyncio
import hmac
import os
import secrets
import socket
import struct

import msgspec
import structlog

from fedispace.errors import FedispaceError
from fedispace.media.live import channel, protocol
from fedispace.media.live.messages import (
    AskStatus,
    Challenge,
    CloseRoom,
    ConnectUpstream,
    Done,
    Drain,
    Expel,
    FromSfu,
    HangUp,
    Mute,
    Open,
    OpenUpstream,
    Patch,
    Proof,
    Readmit,
    RecordingEvent,
    Reply,
    Request,
    SessionEvent,
    Silence,
    StartRecording,
    StopRecording,
    TakeClip,
    TakeStream,
    Welcome,
)
from fedispace.media.live.sfu import Sfu

log = structlog.get_logger()

_PROOF_SECONDS = 5.0
_CLIENTS = 64
_UNREAD_BYTES = 1 << 20


class ControlSocket:
    """Serves clients of one SFU."""

    def __init__(self, address: str, secret: bytes) -> None:
        self._address = address
        self._binding = ""
        self._secret = secret
        self._boot = secrets.token_hex(8)
        self._clients: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()
        self._streaming = 0
        self._sfu: Sfu | None = None

    async def open(self, sfu: Sfu) -> None:
        """Begin to serve commands for `sfu`; raise `ConfigError` when the address cannot be used."""
        self._sfu = sfu
        listening = await channel.listen(self._address, self._accept)
        self._server, self._binding = listening.server, listening.binding

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for conversation in list(self._conversations):
            conversation.cancel()
        if self._conversations:
            await asyncio.wait(self._conversations)
        channel.remove(self._address)

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
            if len(self._conversations) - self._streaming > _CLIENTS or not _is_ours(writer):
                log.warning("sfu.control_refused")
                return
            async with asyncio.timeout(_PROOF_SECONDS):
                if not await self._is_proved(reader, writer):
                    log.warning("sfu.control_unproved")
                    return
            self._clients.add(writer)
            while True:
                request = protocol.heard_by_sfu(await protocol.read_frame(reader))
                if isinstance(request, Proof):
                    return
                if isinstance(request, TakeStream):
                    self._clients.discard(writer)
                    await self._stream(request, reader, writer)
                    return
                self._say(writer, self._answer(request))
                await writer.drain()
                # What came with it is here already: a hundred who want to come in are not answered in one go.
                await asyncio.sleep(0)
        except (OSError, msgspec.DecodeError) as error:
            log.debug("sfu.control_closed", error=str(error))
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _is_proved(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        challenge = Challenge(version=protocol.VERSION, boot=self._boot, nonce=secrets.token_hex(16))
        self._say(writer, challenge)
        said = protocol.heard_by_sfu(await protocol.read_frame(reader))
        if not isinstance(said, Proof) or said.version != protocol.VERSION:
            return False
        expected = protocol.proof_for(challenge, self._secret, self._binding)
        if not hmac.compare_digest(said.mac.encode(), expected.encode()):
            return False
        self._say(writer, Welcome(mac=protocol.welcome_for(said, self._secret, self._binding)))
        return True

    async def _stream(
        self, request: TakeStream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Be with somebody who reads, to the end of his session or of the connection."""
        assert self._sfu is not None
        try:
            session = self._sfu.stream(request.grant, writer.transport)
        except FedispaceError as error:
            self._say(writer, protocol.failure(request.id, error))
            return
        self._streaming += 1
        self._say(writer, Done(id=request.id))
        gone = asyncio.create_task(reader.read(1), name="stream: gone")
        over = asyncio.create_task(session.over.wait(), name="stream: over")
        try:
            await asyncio.wait((gone, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streaming -= 1
            session.end("left")
            for task in (gone, over):
                task.cancel()
            await asyncio.gather(gone, over, return_exceptions=True)

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
                case TakeClip():
                    piece = self._sfu.clip(request.room, request.seconds, request.after)
                    return msgspec.structs.replace(piece, id=request.id)
                case HangUp():
                    self._sfu.hang_up(request.session)
                case Silence():
                    self._sfu.silence(request.session, request.silent)
                case OpenUpstream():
                    begun = self._sfu.feeds.begin(request.room, anew=request.anew)
                    return msgspec.structs.replace(begun, id=request.id)
                case ConnectUpstream() | Drain() | StartRecording() | StopRecording():
                    _arrange(self._sfu, request)
                case Mute() | Expel() | Readmit():
                    _order(self._sfu, request)
                case CloseRoom():
                    self._sfu.close_room(request.room)
        except FedispaceError as error:
            return protocol.failure(request.id, error)
        return Done(id=request.id)

    @staticmethod
    def _say(writer: asyncio.StreamWriter, message: FromSfu) -> None:
        writer.write(protocol.frame(message))


def _order(sfu: Sfu, request: Mute | Expel | Readmit) -> None:
    """Carry out what concerns a person, in whatever sessions."""
    match request:
        case Mute():
            sfu.mute(request.room, request.participant, request.muted)
        case Expel():
            sfu.expel(request.room, request.participant, banned=request.banned)
        case Readmit():
            sfu.readmit(request.room, request.participant)


def _arrange(sfu: Sfu, request: ConnectUpstream | Drain | StartRecording | StopRecording) -> None:
    """Do what concerns no person: where the sound comes from, where it is kept, and the end."""
    match request:
        case ConnectUpstream():
            sfu.feeds.connect(request.session, request.answer)
        case Drain():
            sfu.drain(request.seconds)
        case StartRecording():
            sfu.recorder.start(request.room, request.path)
        case StopRecording():
            sfu.recorder.stop(request.room)


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    """Tell whether the peer process runs as our user, or as root, where the kernel says so."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    connection: socket.socket = writer.get_extra_info("socket")
    if connection.family != socket.AF_UNIX:
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return uid in (0, os.getuid())
