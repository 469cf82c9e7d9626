"""A clip of a room's last seconds: from the packets of its safety buffer to an Ogg/Opus file in memory."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from fedispace.media.live.continuity import RATE
from fedispace.media.live.messages import KeptPacket
from fedispace.media.live.ogg_opus import OpusStream
from fedispace.media.live.timeline import Timeline

MEDIA_TYPE = "audio/ogg; codecs=opus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """`seconds` long, silences included; `sound` is a whole Ogg file."""

    seconds: float
    sound: bytes = field(repr=False)


def clip_of(packets: Sequence[KeptPacket], *, now: float, seconds: float) -> Clip:
    """Write the packets of the `seconds` before `now` (the audio server's monotonic time) as a file."""
    stream = OpusStream(secrets.randbits(32))
    timeline = Timeline(now - seconds)
    pages = [stream.begin({})]
    last = -1
    for packet in sorted(packets, key=lambda packet: packet.sequence):
        if packet.sequence > last:
            last = packet.sequence
            pages.append(stream.put(timeline.place(1, packet.timestamp, packet.at), packet.payload))
    pages.append(stream.pass_time(timeline.position(now)))
    pages.append(stream.finish())
    return Clip(seconds=round(max(0, stream.end) / RATE, 3), sound=b"".join(pages))
