"""What the stage costs beside the programme: CPU per packet sent, in one process, without the network's cost
of receiving.

    python -m bench.stage [--speakers 13] [--talkers 3] [--seconds 20]

Everybody on stage receives three slots; `talkers` of them speak all the time. The same number of packets
is then sent by the fan-out of the programme. Both write to sockets whose buffers fill and are not read, as
the kernel drops what does not fit after the work of sending is done.
"""

import argparse
import random
import socket
import time

import pylibsrtp

from fedispace.media.live import rtp
from fedispace.media.live.fanout import FanOut
from fedispace.media.live.slots import Slots

_PROFILE = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM
_KEY_BYTES = 28
_PAYLOAD = b"\xfc" + bytes(79)
_PER_SECOND = 50


def _keys() -> pylibsrtp.Session:
    return pylibsrtp.Session(
        pylibsrtp.Policy(
            key=random.randbytes(_KEY_BYTES),
            ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=_PROFILE,
        )
    )


def _packet(talker: int, number: int) -> rtp.Packet:
    return rtp.Packet(111, False, number & 0xFFFF, number * 960, talker, 20, _PAYLOAD)


def stage(sock: socket.socket, sink: tuple[str, int], speakers: int, talkers: int, rounds: int) -> float:
    """Return the microseconds of CPU for each packet sent to somebody on stage."""
    slots = Slots(sock, "bench")
    for number in range(speakers):
        slots.add(f"person {number}", _keys(), (111, 111, 111), sink)
    began = time.process_time()
    for number in range(rounds):
        now = number / _PER_SECOND
        for talker in range(talkers):
            slots.hear(f"voice {talker}", f"person {talker}", _packet(talker, number), now)
    return 1e6 * (time.process_time() - began) / slots.sent


def programme(sock: socket.socket, sink: tuple[str, int], listeners: int, rounds: int) -> float:
    """Return the same for the programme's listeners."""
    fanout = FanOut(sock)
    for _ in range(listeners):
        fanout.add(_keys(), 111, sink)
    began = time.process_time()
    for number in range(rounds):
        fanout.send(_PAYLOAD, marker=False, sequence=number, timestamp=number * 960, ssrc=1)
    return 1e6 * (time.process_time() - began) / fanout.sent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speakers", type=int, default=13)
    parser.add_argument("--talkers", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20, help="of sound, sent as fast as it goes")
    chosen = parser.parse_args()
    rounds = chosen.seconds * _PER_SECOND
    family = (socket.AF_INET, socket.SOCK_DGRAM)
    with socket.socket(*family) as sink, socket.socket(*family) as sock:
        sink.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        address = sink.getsockname()
        apart = min(stage(sock, address, chosen.speakers, chosen.talkers, rounds) for _ in range(5))
        mixed = min(programme(sock, address, chosen.speakers, rounds * chosen.talkers) for _ in range(5))
    packets = chosen.talkers * (chosen.speakers - 1) * _PER_SECOND
    print(f"stage of {chosen.speakers}, {chosen.talkers} talking: {packets} packets/s")
    print(f"  to the stage     {apart:6.2f} us a packet, {apart * packets / 1e4:5.2f} % of a core")
    print(f"  by the programme {mixed:6.2f} us a packet")


if __name__ == "__main__":
    main()
