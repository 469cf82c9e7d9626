"""A subscriber without WebRTC: a socket, and both ends of an SRTP key."""

import random
import socket
from contextlib import ExitStack

import pylibsrtp

from fedispace.media.live.fanout import FanOut, Slot

PROFILES = {
    "gcm": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "cm": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
}


class Ear:
    """Decrypts what a fan-out sends to him."""

    def __init__(self, profile: str, payload_type: int, stack: ExitStack) -> None:
        number, size = PROFILES[profile]
        key = random.randbytes(size)
        both = (pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self.keys, self._inbound = (
            pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=number)) for kind in both
        )
        self.payload_type = payload_type
        self.socket = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    def join(self, out: FanOut, red_payload_type: int | None = None) -> Slot:
        return out.add(self.keys, self.payload_type, self.socket.getsockname(), red_payload_type)

    def hears(self) -> list[tuple[int, int, bytes]]:
        """Return payload type, sequence and payload of everything that arrived."""
        found: list[tuple[int, int, bytes]] = []
        while True:
            try:
                data = self.socket.recv(2000)
            except BlockingIOError:
                return found
            plain = self._inbound.unprotect(data)
            found.append((plain[1] & 0x7F, int.from_bytes(plain[2:4], "big"), plain[12:]))
