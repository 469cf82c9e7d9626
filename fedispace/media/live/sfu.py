"""The SFU: rooms, their sessions, and the commands of the web process.

It decides nothing about people. A grant opens a session, a command ends or silences one, and time
ends those whose peer went away. It keeps no truth: killed and started again it knows no room, and
browsers come back with new grants.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path as Directory

import structlog

from fedispace.clock import Clock
from fedispace.errors import Busy, Conflict, Forbidden, Invalid, NotFound, Outdated, Unavailable
from fedispace.media.live import draining, grants, sdp
from fedispace.media.live.admission import Admission
from fedispace.media.live.answer import Local, Sending, answer_to, fragment_of, is_dtls_client
from fedispace.media.live.attendance import Attendance, Guest
from fedispace.media.live.dtls import Credentials, DtlsTransport
from fedispace.media.live.feeds import Feeds
from fedispace.media.live.grants import Grant, Role
from fedispace.media.live.messages import (
    Answer,
    ClipPiece,
    Patched,
    RecordingEvent,
    SessionEvent,
    SfuStatus,
)
from fedispace.media.live.mixers import Mixers
from fedispace.media.live.orders import Orders
from fedispace.media.live.path import Ice, Path
from fedispace.media.live.port import Port
from fedispace.media.live.publisher import UplinkCounts
from fedispace.media.live.recorder import Recorder
from fedispace.media.live.room import Room
from fedispace.media.live.rooms import Rooms
from fedispace.media.live.safety import SafetyBuffer
from fedispace.media.live.session import Session
from fedispace.media.live.settings import SfuSettings
from fedispace.media.live.sight import Sight
from fedispace.media.live.streams import Reader, Streams
from fedispace.media.live.tap import Taps

log = structlog.get_logger()

_TICK_SECONDS = 0.125
_TICKS_A_LOOK = 2
_SUBSCRIPTIONS_EACH = 3
_RETRY_SECONDS = 1


class Sfu:
    """Everything that lives behind one port."""

    def __init__(
        self,
        *,
        settings: SfuSettings,
        port: Port,
        addresses: tuple[str, ...],
        clock: Clock,
        tell: Callable[[SessionEvent | RecordingEvent], None],
        on_loaded: Callable[[], None] | None = None,
    ) -> None:
        """`on_loaded` is called when what is loaded late is there: the mixer, with numpy."""
        self._settings = settings
        self._port = port
        self._addresses = addresses
        self._clock = clock
        self._tell = tell
        self._draining: asyncio.Task[None] | None = None
        self._spent = grants.Spent()
        self._credentials = Credentials(clock.monotonic())
        self._admission = Admission()
        self._mixers = Mixers(on_loaded=on_loaded)
        self._orders = Orders()
        self._uplink = UplinkCounts()
        self.taps = Taps()
        self._streams = Streams(self.taps, clock)
        self._safety = SafetyBuffer(settings.safety_seconds)
        self.recorder = Recorder(
            directory=Directory(settings.recordings) if settings.recordings else None,
            taps=self.taps,
            clock=clock,
            tell=tell,
            resume_seconds=settings.resume_seconds,
        )
        self._rooms = Rooms(
            port=port,
            clock=clock,
            mixers=self._mixers,
            taps=self.taps,
            safety=self._safety,
            long_packets_above=settings.long_packets_above,
        )
        self.feeds = Feeds(
            self._credentials, clock, room_called=self._rooms.called, let_go=self._drop_room, tell=tell
        )
        self._sessions: dict[str, Guest] = {}
        self._attendance = Attendance()
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._sight = Sight(
            clock=clock,
            port=port,
            admission=self._admission,
            mixers=self._mixers,
            rooms=self._rooms,
            sessions=self._sessions,
            uplink=self._uplink,
            streams=self._streams,
            safety=self._safety,
            recorder=self.recorder,
            max_sessions=settings.max_sessions,
        )

    async def run(self) -> None:
        """Watch over the sessions until cancelled, then end them all."""
        self.recorder.recover()
        try:
            due, ticks = self._clock.monotonic() + _TICK_SECONDS, 0
            while True:
                await asyncio.sleep(due - self._clock.monotonic())
                now, ticks = self._clock.monotonic(), ticks + 1
                self._tell_who_speaks(now)
                if ticks % _TICKS_A_LOOK == 0:
                    self._admission.note(now - due)
                    self._look(now)
                due = self._clock.monotonic() + _TICK_SECONDS
        finally:
            if self._draining is not None:
                self._draining.cancel()
            for session in list(self._sessions.values()):
                session.end("shutdown")
            if self._lives:
                await asyncio.wait(list(self._lives.values()), timeout=1)
            await self._streams.close()
            await self.feeds.close()
            self._credentials.close()
            await self._mixers.close()
            await self.recorder.close()

    def open(self, token: str, role: Role, offer_text: str) -> Answer:
        """Open the session that the grant allows; nothing is kept when anything is refused."""
        grant = self._read(token, role)
        offer = sdp.read_offer(offer_text)
        if role == "publish" and not offer.sends:
            raise Invalid("a publisher's offer must send audio", field="sdp")
        if role == "publish" and len(offer.sections) > 1:
            raise Invalid("a publisher's offer must have one audio section", field="sdp")
        if role == "subscribe" and not offer.receives:
            raise Invalid("a subscriber's offer must receive audio", field="sdp")
        self._let_in(grant)
        return self._begin(grant, offer)

    def stream(self, token: str, transport: asyncio.WriteTransport) -> Reader:
        """Open the session that a subscriber's grant allows over `transport`, to which the stream goes."""
        grant = self._read(token, "subscribe")
        self._let_in(grant)
        room = self._rooms.called(grant.room)
        try:
            self._streams.tune(grant.room)
        except Unavailable:
            self._drop_room(room)
            raise
        reader = Reader(
            grant=grant, room=room, transport=transport, clock=self._clock, on_end=self._reader_left
        )
        self._sessions[grant.session] = reader
        self._attendance.add(reader)
        self._streams.add(reader)
        self._tell(_event(reader, "connected"))
        return reader

    def _read(self, token: str, role: Role) -> Grant:
        """Return the grant if nothing stands against it."""
        grant = grants.read(token, self._settings.secret, self._clock.now())
        if grant.role != role:
            raise Forbidden("the grant is for another role")
        if self._draining is not None:
            raise Busy("the audio server is about to end", retry_after=_RETRY_SECONDS)
        self._orders.require(grant)
        self._admission.check(grant.room)
        return grant

    def _let_in(self, grant: Grant) -> None:
        """Use the grant up, if there is a place; whoever gives way for it ends."""
        if grant.session in self._sessions:
            raise Forbidden("the grant was used before")
        given_up = self._make_place(grant)
        self._spent.spend(grant, self._clock.now())
        for session in given_up:
            session.end("replaced")

    def drain(self, seconds: float) -> None:
        """Take no more sessions, and end those there are within `seconds`, room by room."""
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain(seconds), name="drain")

    def patch(self, name: str, matching: list[str], text: str) -> Patched:
        """Take in candidates, which we need not know, or restart ICE (RFC 9725, section 4.3).

        The entity tag is our user name: it is what differs between generations.
        """
        session = self._sessions.get(name)
        if not isinstance(session, Session):
            raise NotFound("there is no such session")
        path = session.path
        fragment = sdp.read_fragment(text)
        if "*" not in matching and path.ice.ufrag not in matching:
            raise Outdated("this is not the session's entity tag any more")
        if fragment.ice_ufrag is None or fragment.ice_ufrag == path.ice.remote_ufrag:
            return Patched(etag=path.ice.ufrag)
        ice = _new_ice(fragment.ice_ufrag)
        self._port.demux.restart(path, ice)
        answer = fragment_of(session.offer, ice, self._addresses, self._port.number)
        return Patched(etag=ice.ufrag, fragment=answer)

    def hang_up(self, session: str) -> None:
        """End a session, if it is there."""
        found = self._sessions.get(session)
        if found is not None:
            found.end("hung_up")

    def silence(self, session: str, silent: bool) -> None:
        """Silence a publisher, or end the silence."""
        found = self._sessions.get(session)
        if found is None or found.grant.role != "publish":
            raise NotFound("there is no such publisher")
        found.silence(silent or self._orders.is_muted(found.grant.room, found.grant.participant))

    def mute(self, room: str, participant: str, muted: bool) -> None:
        """Silence a person wherever he publishes in a room, now and when he comes back, or end that."""
        self._orders.mute(room, participant, muted)
        for session in self._sessions_of(room, participant):
            session.silence(muted)

    def expel(self, room: str, participant: str, *, banned: bool) -> None:
        """Send a person away from a room: his packets stop with this call."""
        self._orders.send_away(room, participant, self._clock.now(), banned=banned)
        for session in self._sessions_of(room, participant):
            session.end("expelled")

    def readmit(self, room: str, participant: str) -> None:
        """Lift a ban."""
        self._orders.readmit(room, participant)

    def clip(self, room: str, seconds: float, after: int) -> ClipPiece:
        """Return a piece of what was heard of late in a room; raises `NotFound` where nothing is kept."""
        return self._safety.piece(room, seconds, after, self._clock.monotonic())

    def _sessions_of(self, room: str, participant: str) -> list[Guest]:
        return [
            session
            for session in self._sessions.values()
            if session.grant.room == room and session.grant.participant == participant
        ]

    def close_room(self, room: str) -> None:
        """End all sessions of a room, and those that have not begun."""
        self._orders.close(room, self._clock.now())
        for session in [s for s in self._sessions.values() if s.grant.room == room]:
            session.end("room_closed")
        self.feeds.end(room, "room_closed")
        self._safety.room_closes(room)
        with contextlib.suppress(NotFound):
            self.recorder.stop(room)

    def status(self) -> SfuStatus:
        """Return the counts."""
        return self._sight.status(is_draining=self._draining is not None)

    async def _drain(self, seconds: float) -> None:
        log.info("sfu.draining", sessions=len(self._sessions), seconds=seconds)
        began = self._clock.monotonic()
        everybody = [(name, session.grant.room) for name, session in self._sessions.items()]
        for at, name in draining.order_of(everybody, seconds):
            await asyncio.sleep(began + at - self._clock.monotonic())
            session = self._sessions.get(name)
            if session is not None:
                session.end("draining")

    def _make_place(self, grant: Grant) -> list[Guest]:
        """Return the sessions that the newcomer replaces; raise when there is no place for him.

        Somebody who comes back before we noticed that he left takes over his own place.
        """
        own = self._attendance.own(grant)
        allowed = 1 if grant.role == "publish" else _SUBSCRIPTIONS_EACH
        replaced = own[: max(0, len(own) - allowed + 1)]
        if (
            grant.role == "publish"
            and self._attendance.count(grant) - len(replaced) >= self._settings.max_speakers
        ):
            raise Conflict("all the speakers' places are taken")
        if len(self._sessions) - len(replaced) >= self._settings.max_sessions:
            self._admission.refused["full"] += 1
            raise Unavailable("the audio server is full")
        return replaced

    def _begin(self, grant: Grant, offer: sdp.Offer) -> Answer:
        now = self._clock.monotonic()
        room = self._rooms.called(grant.room)
        path = Path(ice=_new_ice(offer.ice_ufrag), sender=self._port, now=now)
        certificate = self._credentials.certificate(now)
        session = Session(
            grant=grant,
            offer=offer,
            room=room,
            path=path,
            dtls=DtlsTransport(path, self._credentials, certificate, is_client=is_dtls_client(offer)),
            clock=self._clock,
            refused=self._port.refused,
            uplink=self._uplink,
        )
        session.silence(self._orders.is_muted(grant.room, grant.participant))
        local = Local(
            number=secrets.randbits(62),
            ice_ufrag=path.ice.ufrag,
            ice_pwd=path.ice.password,
            fingerprint=certificate.fingerprint,
            addresses=self._addresses,
            port=self._port.number,
        )
        self._port.add(path)
        self._admission.begin(grant.room)
        self._sessions[grant.session] = session
        self._attendance.add(session)
        self._lives[grant.session] = asyncio.create_task(self._live(session), name=f"session {grant.session}")
        sending: tuple[Sending, ...] = ()
        if session.slots:
            sending = room.slots.sending(session.slots)
        elif grant.role == "subscribe":
            sending = (room.sending(),)
        return Answer(session=grant.session, sdp=answer_to(offer, local, sending), etag=path.ice.ufrag)

    async def _live(self, session: Session) -> None:
        """Be with a session from its answer to its end."""
        try:
            try:
                is_connected = await session.connect(self._settings.handshake_seconds)
            finally:
                self._admission.end(session.grant.room)
            if is_connected:
                self._sight.has_joined(self._clock.monotonic() - session.opened_at)
                if session.publisher is not None:
                    self._port.set_apart(session.path)
                self._tell(_event(session, "connected"))
                await session.last()
        finally:
            self._lives.pop(session.grant.session, None)
            self._forget(session)
            try:
                with contextlib.suppress(OSError):
                    session.close()
            finally:  # after the goodbye, for a TCP connection ends here too
                self._port.remove(session.path)

    def _reader_left(self, reader: Reader) -> None:
        self._streams.remove(reader)
        self._forget(reader)

    def _forget(self, session: Guest) -> None:
        """Count a session out that has ended, and tell."""
        self._sessions.pop(session.grant.session, None)
        self._attendance.remove(session)
        self._drop_room(session.room)
        self._tell(_event(session, "disconnected", reason=session.reason))
        self._sight.has_ended(session)

    def _drop_room(self, room: Room) -> None:
        if room.name not in self.feeds and self._attendance.is_empty(room):
            self._rooms.close(room)

    def _look(self, now: float) -> None:
        for session in list(self._sessions.values()):
            if now - session.heard_at > self._settings.idle_seconds:
                session.end("idle")
            elif session.connected:
                session.report(now)
        self._safety.tick(now)
        self.feeds.tick({session.grant.room for session in self._sessions.values()}, now)
        for room in self._rooms:
            room.adapt(now)
        self._sight.look(now)

    def _tell_who_speaks(self, now: float) -> None:
        for room in self._rooms:
            for name, level in room.speaking_changes(now):
                if (speaker := self._sessions.get(name)) is not None:
                    self._tell(_event(speaker, "speaking", level=level))


def _new_ice(remote_ufrag: str) -> Ice:
    return Ice(ufrag=secrets.token_hex(8), password=secrets.token_hex(16), remote_ufrag=remote_ufrag)


def _event(session: Guest, kind: str, *, reason: str = "", level: int = 127) -> SessionEvent:
    return SessionEvent(
        kind=kind,
        session=session.grant.session,
        room=session.grant.room,
        participant=session.grant.participant,
        role=session.grant.role,
        reason=reason,
        level=level,
    )
