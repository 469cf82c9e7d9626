"""`python -m tests.media.flood PORT COUNT USERNAME`: hostile datagrams, as fast as they go.

From several addresses: nothing at all, noise, STUN cut short or signed with a guess, a forged
ClientHello, what looks like RTP. USERNAME is that of a session, as somebody on the way reads it.
"""

import contextlib
import secrets
import socket
import sys
from collections.abc import Iterator

from aioice import stun

_SOURCES = 16
_FORGED_EVERY = 50


def _kinds(user: str) -> Iterator[bytes]:
    request = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={"USERNAME": user, "PRIORITY": 1, "ICE-CONTROLLING": 1, "USE-CANDIDATE": None},
    )
    unsigned = bytes(request)
    request.add_message_integrity(b"guessed")
    yield bytes(request)  # the dearest one to refuse, so it comes less often
    yield b""
    yield secrets.token_bytes(60)
    yield secrets.token_bytes(1200)
    yield unsigned[:-3]
    yield unsigned[:20]
    yield bytes.fromhex("16feff000000000000000000") + bytes(120)
    yield b"\x80\x6f" + secrets.token_bytes(90)
    yield b"\0\1" + secrets.token_bytes(100)


def main(port: int, count: int, user: str) -> None:
    """Send `count` datagrams."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(_SOURCES)]
    for number, sock in enumerate(sockets):
        sock.bind((f"127.0.0.{number + 2}", 0))
        sock.connect(("127.0.0.1", port))
    dear, *cheap = _kinds(user)
    sent = turn = 0
    while sent < count:
        for sock in sockets:
            for data in (dear, *cheap) if turn % _FORGED_EVERY == 0 else cheap:
                with contextlib.suppress(OSError):
                    sock.send(data)
                sent += 1
        turn += 1


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
