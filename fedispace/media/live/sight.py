"""What can be seen of the SFU from outside: the counts of everything, and a line in the log now and then."""

import resource
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
import structlog

from fedispace.clock import Clock
from fedispace.exposition import Histogram
from fedispace.media.live.admission import Admission
from fedispace.media.live.attendance import Guest
from fedispace.media.live.feedback import Told, summary
from fedispace.media.live.messages import MixerStatus, ReceptionStatus, SfuStatus
from fedispace.media.live.mixers import Mixers
from fedispace.media.live.port import Port
from fedispace.media.live.publisher import UplinkCounts
from fedispace.media.live.recorder import Recorder
from fedispace.media.live.rooms import Rooms
from fedispace.media.live.safety import SafetyBuffer
from fedispace.media.live.streams import Streams

log = structlog.get_logger()

_JOIN_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
_LOG_SECONDS = 60.0
_LOSS_WORTH_A_LINE = 0.05


class Sight:
    """Reads the parts of the SFU, and counts what none of them counts: joins and ends."""

    def __init__(
        self,
        *,
        clock: Clock,
        port: Port,
        admission: Admission,
        mixers: Mixers,
        rooms: Rooms,
        sessions: Mapping[str, Guest],
        uplink: UplinkCounts,
        streams: Streams,
        safety: SafetyBuffer,
        recorder: Recorder,
        max_sessions: int,
    ) -> None:
        self._clock = clock
        self._port = port
        self._admission = admission
        self._mixers = mixers
        self._rooms = rooms
        self._sessions = sessions
        self._uplink = uplink
        self._streams = streams
        self._safety = safety
        self._recorder = recorder
        self._max_sessions = max_sessions
        self._joins = Histogram(_JOIN_SECONDS)
        self._ended: Counter[str] = Counter()
        self._logged_at = clock.monotonic()
        self._refused_logged = 0

    def has_joined(self, seconds: float) -> None:
        """Count a session that is connected, so long after its offer."""
        self._joins.observe(seconds)

    def has_ended(self, session: Guest) -> None:
        """Count a session that is over, by its reason."""
        self._ended[session.reason] += 1
        log.info(
            "sfu.session_ended",
            session=session.grant.session,
            room=session.grant.room,
            role=session.grant.role,
            reason=session.reason,
        )

    def status(self, *, is_draining: bool) -> SfuStatus:
        """Return the counts."""
        rooms = {room.name: (0, 0) for room in self._rooms}
        for session in self._sessions.values():
            if session.connected:
                publishers, subscribers = rooms[session.grant.room]
                is_publisher = session.grant.role == "publish"
                rooms[session.grant.room] = (publishers + is_publisher, subscribers + (not is_publisher))
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return SfuStatus(
            rooms=rooms,
            publishers=sum(publishers for publishers, _ in rooms.values()),
            subscribers=sum(subscribers for _, subscribers in rooms.values()),
            packets_received=self._port.demux.received,
            packets_forwarded=self._rooms.packets,
            packets_refused=dict(self._port.refused),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            resident_bytes=_resident_bytes(),
            port=self._port.number,
            tcp_connections=self._port.connections,
            joining=self._admission.joining,
            joins_refused=dict(self._admission.refused),
            lateness=self._admission.lateness,
            mixer=self._mixer(),
            max_sessions=self._max_sessions,
            is_draining=is_draining,
            packets_redundant=self._uplink.redundant,
            packets_repaired=self._uplink.repaired,
            reception=self._reception(),
            uplink=_summed(session.uplink for session in self._sessions.values()),
            recordings=self._recorder.status(),
            recordings_unfinished=self._recorder.unfinished,
            bytes_received=self._port.demux.received_octets,
            bytes_forwarded=self._rooms.octets,
            join_bounds=list(self._joins.bounds),
            join_counts=self._joins.counts,
            join_seconds=self._joins.total,
            sessions_ended=dict(self._ended),
            safety_seconds=self._safety.seconds,
            safety_bytes=self._safety.octets,
            streams=len(self._streams),
            stream_pages_left_out=self._streams.left_out,
        )

    def look(self, now: float) -> None:
        """Write what goes wrong on the wire: once a minute at most, however much strangers send."""
        if now - self._logged_at <= _LOG_SECONDS:
            return
        refused = sum(self._port.refused.values())
        if refused > self._refused_logged:
            log.info("sfu.datagrams_refused", **self._port.refused)
        reception = self._reception()
        if reception.worst_lost > _LOSS_WORTH_A_LINE:
            log.info("sfu.reception", **msgspec.structs.asdict(reception))
        self._refused_logged, self._logged_at = refused, now

    def _mixer(self) -> MixerStatus:
        counts = self._mixers.counts
        return MixerStatus(
            rooms=self._rooms.mixing,
            begun=counts.begun,
            ticks=counts.ticks.ticks,
            ticks_late=counts.ticks.late,
            ticks_kept_waiting=counts.ticks.kept_waiting,
            ticks_left_out=counts.ticks.left_out,
            worst_lateness=counts.ticks.worst,
            concealed=counts.concealed,
            repaired=counts.repaired,
            undecodable=counts.undecodable,
        )

    def _reception(self) -> ReceptionStatus:
        return _summed(session.told(self._clock.monotonic()) for session in self._sessions.values())


def _summed(told: Iterable[Told | None]) -> ReceptionStatus:
    found = summary(told)
    return ReceptionStatus(
        reporting=found.reporting,
        lost=found.lost,
        worst_lost=found.worst_lost,
        jitter=found.jitter,
        worst_jitter=found.worst_jitter,
    )


def _resident_bytes() -> int:
    """Return our resident memory now, where the system tells (Linux), else its highest value."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
