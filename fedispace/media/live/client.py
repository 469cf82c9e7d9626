"""The web process's end of the control socket.

One connection, kept by one task that owns it: it connects, proves the secret, reads until the
socket closes, and starts again. A call made while the SFU is away waits a moment for it to come
back (it restarts in well under a second) and then raises `Unavailable`. When a new SFU answers, or
none does for long, every session of the old one is reported as disconnected: the SFU holds no
truth, so what it forgot is over.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from fedispace.errors import Invalid, NotFound, Unavailable
from fedispace.media.live import messages, protocol
from fedispace.media.live.clip import Clip, clip_of
from fedispace.media.live.grants import Role
from fedispace.media.live.messages import (
    Answer,
    AskStatus,
    Challenge,
    ClipPiece,
    CloseRoom,
    ConnectUpstream,
    Drain,
    Expel,
    Failed,
    HangUp,
    KeptPacket,
    Mute,
    Open,
    OpenUpstream,
    Patch,
    Patched,
    Readmit,
    RecordingEvent,
    Reply,
    Request,
    SessionEvent,
    SfuStatus,
    Silence,
    StartRecording,
    StopRecording,
    TakeClip,
    Welcome,
)
from fedispace.media.live.stream_client import Stream, introduce, take

log = structlog.get_logger()

E = TypeVar("E", SessionEvent, RecordingEvent)

_CALL_SECONDS = 5.0
_RETRY_SECONDS = 0.1
_RETRY_SECONDS_MAX = 2.0
_EVENTS_KEPT = 1024
_CLIP_PACKETS = 40_000
_OPENING = 8


class SfuClient:
    """Commands an SFU and hears what happens there. `start()` it in the loop that uses it."""

    def __init__(self, control: Path | str, secret: bytes, *, call_seconds: float = _CALL_SECONDS) -> None:
        self._control = str(control)
        self._secret = secret
        self._call_seconds = call_seconds
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        self._boot = ""
        self._sessions: dict[str, SessionEvent] = {}
        self._listeners: set[asyncio.Queue[SessionEvent | None]] = set()
        self._archivists: set[asyncio.Queue[RecordingEvent | None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._opening = asyncio.Semaphore(_OPENING)

    @property
    def boot(self) -> str:
        """Which SFU it is: another after each start of it, and empty before there was one."""
        return self._boot

    @property
    def is_connected(self) -> bool:
        """Whether there is an SFU at the other end now."""
        return self._connected.is_set()

    async def start(self) -> None:
        """Begin to connect, and to reconnect; returns at once."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_connected(), name="sfu-client")

    async def close(self) -> None:
        """Let go of the SFU; its sessions go on without us."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        for queue in self._listeners:
            _offer(queue, None)
        for archivist in self._archivists:
            _offer(archivist, None)

    async def __aenter__(self) -> "SfuClient":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def publish(self, grant: str, offer: str) -> Answer:
        """Open a publisher's session (WHIP) with the browser's SDP offer."""
        return await self._open(grant, "publish", offer)

    async def subscribe(self, grant: str, offer: str) -> Answer:
        """Open a subscriber's session (WHEP) with the browser's SDP offer."""
        return await self._open(grant, "subscribe", offer)

    async def stream(self, grant: str) -> Stream:
        """Open a subscriber's session over HTTP; what it yields is Ogg/Opus, headers first."""
        try:
            async with asyncio.timeout(self._call_seconds), self._opening:
                return await take(self._control, self._secret, grant)
        except (TimeoutError, OSError, msgspec.DecodeError) as error:
            raise Unavailable("the audio server is not there now") from error

    async def patch(self, session: str, matching: list[str], fragment: str) -> Patched:
        """Pass on candidates or an ICE restart of `session`; raises `NotFound` if it has ended and
        `Outdated` if none of the entity tags in `matching` is its own."""
        request = Patch(id=next(self._ids), session=session, matching=matching, fragment=fragment)
        reply = await self._call(request)
        if not isinstance(reply, Patched):
            raise Unavailable("the audio server answered something else")
        return reply

    async def hang_up(self, session: str) -> None:
        """End `session`; it is no error if it has ended."""
        await self._call(HangUp(id=next(self._ids), session=session))

    async def silence(self, session: str, silent: bool) -> None:
        """Drop, or let through again, what `session` publishes; raises `NotFound` if it has ended."""
        await self._call(Silence(id=next(self._ids), session=session, silent=silent))

    async def mute(self, room: str, participant: str, muted: bool) -> None:
        """Silence a person in `room` from the next packet on, whatever session it comes in, or end that."""
        await self._call(Mute(id=next(self._ids), room=room, participant=participant, muted=muted))

    async def expel(self, room: str, participant: str, *, banned: bool = False) -> None:
        """End a person's sessions in `room`; the grants they hold open nothing, nor later ones if banned."""
        await self._call(Expel(id=next(self._ids), room=room, participant=participant, banned=banned))

    async def readmit(self, room: str, participant: str) -> None:
        """Lift a ban from `room`."""
        await self._call(Readmit(id=next(self._ids), room=room, participant=participant))

    async def close_room(self, room: str) -> None:
        """End every session of `room`."""
        await self._call(CloseRoom(id=next(self._ids), room=room))

    async def start_recording(self, room: str, path: str) -> None:
        """Record `room` into `path`, or go on with it; `recordings` tells what comes of it."""
        await self._call(StartRecording(id=next(self._ids), room=room, path=path))

    async def stop_recording(self, room: str) -> None:
        """End the recording of `room`; raises `NotFound` if there is none."""
        await self._call(StopRecording(id=next(self._ids), room=room))

    async def clip(self, room: str, seconds: float) -> Clip:
        """Return what was heard in `room` in the last `seconds`, as far as it is kept.

        Raises `NotFound` where nothing is.
        """
        if not (await self.status()).safety_seconds:
            raise NotFound("the audio server keeps no safety buffer")
        packets: list[KeptPacket] = []
        first: ClipPiece | None = None
        while True:
            after = packets[-1].number if packets else 0
            reply = await self._call(TakeClip(id=next(self._ids), room=room, seconds=seconds, after=after))
            if not isinstance(reply, ClipPiece):
                raise Unavailable("the audio server answered something else")
            first = first or reply
            packets += [packet for packet in reply.packets if packet.at <= first.now]
            if reply.is_last or len(packets) > _CLIP_PACKETS or reply.packets[-1].at > first.now:
                return clip_of(packets, now=first.now, seconds=first.seconds)

    async def open_upstream(self, room: str, *, anew: bool = False) -> Answer:
        """Return the offer with which `room` begins to take its sound from another SFU.

        Raises `Conflict` when it does so already, unless it is to begin `anew`.
        """
        reply = await self._call(OpenUpstream(id=next(self._ids), room=room, anew=anew))
        if not isinstance(reply, Answer):
            raise Unavailable("the audio server answered something else")
        return reply

    async def connect_upstream(self, session: str, answer: str) -> None:
        """Pass on the other SFU's answer to that offer."""
        await self._call(ConnectUpstream(id=next(self._ids), session=session, answer=answer))

    async def drain(self, seconds: float) -> None:
        """Have the SFU take no more sessions, and send everybody away within `seconds`."""
        await self._call(Drain(id=next(self._ids), seconds=seconds))

    async def status(self) -> SfuStatus:
        """Return the SFU's counts."""
        reply = await self._call(AskStatus(id=next(self._ids)))
        if not isinstance(reply, SfuStatus):
            raise Unavailable("the audio server answered something else")
        return reply

    async def events(self) -> AsyncIterator[SessionEvent]:
        """Yield what happens to sessions from now on; a reader that sleeps loses the oldest."""
        queue: asyncio.Queue[SessionEvent | None] = asyncio.Queue(_EVENTS_KEPT)
        self._listeners.add(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._listeners.discard(queue)

    async def recordings(self) -> AsyncIterator[RecordingEvent]:
        """Yield what happens to recordings from now on."""
        queue: asyncio.Queue[RecordingEvent | None] = asyncio.Queue(_EVENTS_KEPT)
        self._archivists.add(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._archivists.discard(queue)

    async def _open(self, grant: str, role: Role, offer: str) -> Answer:
        reply = await self._call(Open(id=next(self._ids), grant=grant, role=role, offer=offer))
        if not isinstance(reply, Answer):
            raise Unavailable("the audio server answered something else")
        return reply

    async def _call(self, request: Request) -> Reply:
        body = protocol.frame(request)
        if len(body) > protocol.MAX_FRAME:
            raise Invalid("the offer is too long", field="sdp")
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._call_seconds):
                await self._connected.wait()
                self._waiting[request.id] = reply
                assert self._writer is not None
                self._writer.write(body)
                await self._writer.drain()
                answer = await reply
        except (TimeoutError, ConnectionError) as error:
            raise Unavailable("the audio server is not there now") from error
        finally:
            self._waiting.pop(request.id, None)
            if reply.done() and not reply.cancelled():
                reply.exception()
        if isinstance(answer, Failed):
            raise protocol.raised(answer)
        return answer

    async def _keep_connected(self) -> None:
        pause = _RETRY_SECONDS
        while True:
            try:
                reader, writer = await self._connect()
            except (OSError, msgspec.DecodeError) as error:
                if pause >= _RETRY_SECONDS_MAX:
                    self._forget_sessions("sfu_lost")
                log.debug("sfu.unreachable", error=str(error))
            else:
                pause = _RETRY_SECONDS
                await self._converse(reader, writer)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _RETRY_SECONDS_MAX)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection on which the SFU has welcomed us."""
        async with asyncio.timeout(self._call_seconds):
            reader, writer, boot = await introduce(self._control, self._secret)
        if boot != self._boot:
            self._forget_sessions("sfu_restarted")
            self._boot = boot
        return reader, writer

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold one connection until it ends."""
        self._writer = writer
        self._connected.set()
        try:
            while True:
                self._hear(protocol.heard_by_client(await protocol.read_frame(reader)))
        except (OSError, msgspec.DecodeError) as error:
            log.warning("sfu.disconnected", error=str(error))
        finally:
            self._connected.clear()
            self._writer = None
            for reply in self._waiting.values():
                if not reply.done():
                    reply.set_exception(ConnectionError("the socket closed"))
            writer.close()

    def _hear(self, message: messages.FromSfu) -> None:
        if isinstance(message, Challenge | Welcome):
            raise ConnectionError("a challenge in the middle")
        if isinstance(message, SessionEvent):
            self._tell(message)
            return
        if isinstance(message, RecordingEvent):
            for queue in self._archivists:
                _offer(queue, message)
            return
        waiting = self._waiting.get(message.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def _tell(self, event: SessionEvent) -> None:
        if event.kind == "connected":
            self._sessions[event.session] = event
        elif event.kind == "disconnected":
            self._sessions.pop(event.session, None)
        for queue in self._listeners:
            _offer(queue, event)

    def _forget_sessions(self, reason: str) -> None:
        for known in list(self._sessions.values()):
            self._tell(msgspec.structs.replace(known, kind="disconnected", reason=reason))


def _offer(queue: "asyncio.Queue[E | None]", event: E | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(event)
