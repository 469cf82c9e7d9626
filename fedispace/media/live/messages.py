"""The words of the control socket: what the web process asks of the SFU, and what it answers and tells.

How they travel is `protocol`.
"""

import msgspec

from fedispace.media.live.grants import Role

UPSTREAM = "upstream"
"""The participant in events about a room's upstream."""


class Challenge(msgspec.Struct, frozen=True, tag=True):
    """The SFU's first word. `boot` differs each time the SFU starts: sessions of another are gone."""

    version: int
    boot: str
    nonce: str


class Proof(msgspec.Struct, frozen=True, tag=True):
    version: int
    mac: str
    nonce: str = ""


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """The SFU's own proof, over the client's nonce."""

    mac: str


class Open(msgspec.Struct, frozen=True, tag=True):
    """Open the session that `grant` names, with this SDP offer."""

    id: int
    grant: str
    role: Role
    offer: str


class TakeStream(msgspec.Struct, frozen=True, tag=True):
    """Send what the room of this subscriber's grant hears as Ogg/Opus (`streams`), on this connection, which
    serves for nothing else from then on: after `Done` there are no frames, only the stream, to its end."""

    id: int
    grant: str


class HangUp(msgspec.Struct, frozen=True, tag=True):
    id: int
    session: str


class Silence(msgspec.Struct, frozen=True, tag=True):
    id: int
    session: str
    silent: bool


class Patch(msgspec.Struct, frozen=True, tag=True):
    """What comes after the offer: candidates, or the names of an ICE restart. `matching` are the entity
    tags, or `*`, of which one must be the session's."""

    id: int
    session: str
    matching: list[str]
    fragment: str


class Mute(msgspec.Struct, frozen=True, tag=True):
    """Silence a person in a room, in every session, those to come too; or end it."""

    id: int
    room: str
    participant: str
    muted: bool


class Expel(msgspec.Struct, frozen=True, tag=True):
    """End a person's sessions in a room and withdraw the grants given so far; with a ban, later ones too."""

    id: int
    room: str
    participant: str
    banned: bool


class Readmit(msgspec.Struct, frozen=True, tag=True):
    """Lift a ban."""

    id: int
    room: str
    participant: str


class CloseRoom(msgspec.Struct, frozen=True, tag=True):
    id: int
    room: str


class StartRecording(msgspec.Struct, frozen=True, tag=True):
    """Record `room` into `path`, which is below the directory the SFU knows and ends with .opus."""

    id: int
    room: str
    path: str


class StopRecording(msgspec.Struct, frozen=True, tag=True):
    id: int
    room: str


class TakeClip(msgspec.Struct, frozen=True, tag=True):
    """Give out what was heard in a room in the last seconds (`safety`): what follows the packet of that
    number. An SFU whose status says no `safety_seconds` does not know this."""

    id: int
    room: str
    seconds: float
    after: int = 0


class OpenUpstream(msgspec.Struct, frozen=True, tag=True):
    """Begin to take the sound of `room` from another SFU; answered by an `Answer` that holds our offer.

    `anew`: although it is taken from one already.
    """

    id: int
    room: str
    anew: bool


class ConnectUpstream(msgspec.Struct, frozen=True, tag=True):
    """The other SFU's answer to that offer."""

    id: int
    session: str
    answer: str


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Take no more sessions, and send everybody away within so many seconds, room by room."""

    id: int
    seconds: float


class AskStatus(msgspec.Struct, frozen=True, tag=True):
    id: int


class Answer(msgspec.Struct, frozen=True, tag=True):
    """The SFU's SDP answer for `session`."""

    session: str
    sdp: str
    etag: str = ""
    id: int = 0


class Patched(msgspec.Struct, frozen=True, tag=True):
    """`fragment` answers a restart; empty after candidates. `etag` names the ICE generation now."""

    etag: str
    fragment: str = ""
    id: int = 0


class KeptPacket(msgspec.Struct, frozen=True, array_like=True):
    """A packet of the programme: numbered as it was kept, `at` when it went out (monotonic)."""

    number: int
    sequence: int
    timestamp: int
    at: float
    payload: bytes


class ClipPiece(msgspec.Struct, frozen=True, tag=True):
    """Part of a clip that is `seconds` long and ends `now`."""

    packets: list[KeptPacket]
    now: float
    seconds: float
    is_last: bool
    id: int = 0


class Done(msgspec.Struct, frozen=True, tag=True):
    id: int


class MixerStatus(msgspec.Struct, frozen=True):
    """The mixes of all rooms: how many now, and since the SFU started; lateness in seconds.

    A tick is late by more than 5 ms; one that is left out would have been later than three others. Kept
    waiting were those of the late ones before which the process computed no more than usual (`ticks`).
    Concealed, repaired and undecodable count pieces of talkers' sound.
    """

    rooms: int = 0
    begun: int = 0
    ticks: int = 0
    ticks_late: int = 0
    ticks_kept_waiting: int = 0
    ticks_left_out: int = 0
    worst_lateness: float = 0.0
    concealed: int = 0
    repaired: int = 0
    undecodable: int = 0


class ReceptionStatus(msgspec.Struct, frozen=True):
    """How sound arrives: at how many (or from how many), shares lost, jitter in seconds."""

    reporting: int = 0
    lost: float = 0.0
    worst_lost: float = 0.0
    jitter: float = 0.0
    worst_jitter: float = 0.0


class RecordingStatus(msgspec.Struct, frozen=True):
    """How far a recording has come. Missed: the disk was too slow; left out: they had no place in time."""

    room: str
    path: str
    state: str = "opening"
    seconds: float = 0.0
    bytes: int = 0
    packets_missed: int = 0
    packets_left_out: int = 0


class SfuStatus(msgspec.Struct, frozen=True, tag=True):
    """Counts since the SFU started; `rooms` maps a room to its (publishers, subscribers).

    Of the packets received some were redundant (they carried copies of others), and some that were
    lost on the way were repaired from such copies.
    `reception` is what subscribers told of late, `uplink` how the packets of publishers came here.
    `joining` have an answer and no connection yet; `lateness` of the event loop is in seconds.
    Joins are counted by how long they took from the offer; `join_seconds` is their sum.
    `streams` are those of the subscribers who read over HTTP; pages are left out when one is too slow.
    """

    rooms: dict[str, tuple[int, int]]
    publishers: int
    subscribers: int
    packets_received: int
    packets_forwarded: int
    packets_refused: dict[str, int]
    cpu_seconds: float
    resident_bytes: int
    port: int
    tcp_connections: int = 0
    joining: int = 0
    joins_refused: dict[str, int] = {}
    lateness: float = 0.0
    mixer: MixerStatus = MixerStatus()
    max_sessions: int = 0
    is_draining: bool = False
    packets_redundant: int = 0
    packets_repaired: int = 0
    reception: ReceptionStatus = ReceptionStatus()
    uplink: ReceptionStatus = ReceptionStatus()
    recordings: list[RecordingStatus] = []
    recordings_unfinished: int = 0
    bytes_received: int = 0
    bytes_forwarded: int = 0
    join_bounds: list[float] = []
    join_counts: list[int] = []
    join_seconds: float = 0.0
    sessions_ended: dict[str, int] = {}
    safety_seconds: float = 0.0
    safety_bytes: int = 0
    streams: int = 0
    stream_pages_left_out: int = 0
    id: int = 0


class Failed(msgspec.Struct, frozen=True, tag=True):
    id: int
    error: str
    detail: str
    field: str | None = None
    retry_after: int = 0


class SessionEvent(msgspec.Struct, frozen=True, tag=True):
    """`kind` is connected, disconnected (with a `reason`) or speaking.

    `level` belongs to speaking: RFC 6464 loudness in -dBov, 0 loudest; 127 means that they stopped.
    """

    kind: str
    session: str
    room: str
    participant: str
    role: Role
    reason: str = ""
    level: int = 127


class RecordingEvent(msgspec.Struct, frozen=True, tag=True):
    """`kind` is started, resumed, interrupted (its file waits to be gone on with), ended or failed.

    Reasons to end: stopped, too_long, recovered (with no room: nobody went on with it). To fail:
    disk_full, not_writable, disk, or a sentence.
    """

    kind: str
    room: str
    path: str
    seconds: float = 0.0
    bytes: int = 0
    reason: str = ""


Request = (
    Open
    | TakeStream
    | Patch
    | HangUp
    | Silence
    | Mute
    | Expel
    | Readmit
    | CloseRoom
    | StartRecording
    | StopRecording
    | Drain
    | TakeClip
    | OpenUpstream
    | ConnectUpstream
    | AskStatus
)
Reply = Answer | Patched | Done | SfuStatus | ClipPiece | Failed
FromClient = Proof | Request
FromSfu = Challenge | Welcome | Reply | SessionEvent | RecordingEvent
