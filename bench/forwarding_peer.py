"""A WebRTC client with nothing in it: a socket, a real DTLS-SRTP handshake, and a counter.

Both servers get the same clients. After the handshake the socket is no longer watched: packets wait
in the kernel and are counted a few times a second, so that the sender's CPU time, which includes
the kernel's work of delivering on the loopback, does not pay for waking hundreds of readers.
"""

import asyncio
import secrets
import socket
import struct
from collections.abc import Sequence

from aioice import stun
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)

from bench.forwarding_drain import heads

_OPUS = 111
_LEVEL_EXTENSION = 1
_TRIES = 50
_PAYLOAD = 80
_TWENTY_MS = bytes((15 << 3,))  # what follows is noise to an Opus decoder, but nobody decodes
_REQUEST = b"\x00\x01"
_RECEIVER_REPORT = 201
_STAMP = getattr(socket, "SO_TIMESTAMPNS", 35)


class _Certificate(RTCCertificate):
    """One context for all clients: they live in one process and should cost little there."""

    _context = None

    def _create_ssl_context(self, srtp_profiles):  # type: ignore[no-untyped-def]
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
        return self._context


_CERTIFICATE = _Certificate.generateCertificate()


class Remote:
    """What the other side's SDP says."""

    def __init__(self, sdp: str) -> None:
        lines = [line[2:] for line in sdp.splitlines() if line.startswith("a=")]
        attributes = dict(line.split(":", 1) for line in lines if ":" in line)
        self.ufrag, self.password = attributes["ice-ufrag"], attributes["ice-pwd"]
        algorithm, value = attributes["fingerprint"].split(" ", 1)
        self.fingerprint = RTCDtlsFingerprint(algorithm=algorithm, value=value)
        self.setup = attributes["setup"]
        self.mids = [line.partition(":")[2] for line in lines if line.startswith("mid:")] or ["0"]
        sources = [line.partition(":")[2].split()[0] for line in lines if line.startswith("ssrc:")]
        self.ssrcs = [int(source) for source in dict.fromkeys(sources)]
        candidates = [line.split() for line in lines if line.startswith("candidate:")]
        found = next(parts for parts in candidates if parts[2].lower() == "udp")
        self.address = (found[4], int(found[5]))


class Peer:
    """One client. It is its own ICE transport, as far as RTCDtlsTransport looks."""

    role = "controlling"
    state = "completed"

    def __init__(self, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((host, 0))
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)
        self.received = 0
        self.connected = False
        self._remote: Remote | None = None
        self._check = b""
        self._dtls = RTCDtlsTransport(self, [_CERTIFICATE])  # type: ignore[arg-type]
        self._dtls._srtp_profiles = [SRTP_AEAD_AES_128_GCM]
        self._sequence = secrets.randbits(15)
        self._ssrc = secrets.randbits(31)
        self._timestamp = secrets.randbits(31)

    def sdp(self, direction: str, *, setup: str = "actpass", mids: Sequence[str] = ("0",)) -> str:
        """Return an offer or an answer with an audio section for each of `mids`."""
        host, port = self.socket.getsockname()
        fingerprint = _CERTIFICATE.getFingerprints()[0]
        lines = [
            *("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {' '.join(mids)}"),
        ]
        for mid in mids:
            lines += [
                *(f"m=audio 9 UDP/TLS/RTP/SAVPF {_OPUS}", "c=IN IP4 0.0.0.0"),
                *(f"a=mid:{mid}", f"a={direction}", "a=rtcp-mux"),
                *(f"a=ice-ufrag:{self.ufrag}", f"a=ice-pwd:{self.password}"),
                *(f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}", f"a=setup:{setup}"),
                *(f"a=rtpmap:{_OPUS} opus/48000/2", f"a=fmtp:{_OPUS} minptime=10;useinbandfec=1"),
                f"a=extmap:{_LEVEL_EXTENSION} urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            ]
            if direction != "recvonly":
                lines.append(f"a=ssrc:{self._ssrc} cname:bench")
            lines += [f"a=candidate:1 1 udp 2130706431 {host} {port} typ host", "a=end-of-candidates"]
        return "\r\n".join(lines) + "\r\n"

    async def connect(self, remote: Remote, *, as_server: bool, insists: bool = True) -> None:
        """Prove the password by STUN, complete DTLS, and stop watching the socket.

        `insists`: check the path again and again meanwhile.
        """
        self._remote = remote
        await self._check_path(0.2 if insists else 1.0)
        self._dtls._set_role("server" if as_server else "client")
        checks = asyncio.create_task(self._check_again()) if insists else None
        try:
            async with asyncio.timeout(20):
                await self._dtls.start(RTCDtlsParameters(fingerprints=[remote.fingerprint]))
        finally:
            if checks is not None:
                checks.cancel()
        assert self._dtls.state == "connected", self._dtls.state
        assert self._dtls._task is not None
        self._dtls._task.cancel()
        self.connected = True

    def keep_alive(self) -> None:
        """Renew consent (RFC 7675), and report on what is received, as browsers do.

        The check is the last one once more, which costs nothing to make.
        """
        assert self._remote is not None
        self.socket.sendto(self._check, self._remote.address)
        blocks = b"".join(
            struct.pack("!IIIIII", source, 0, 0x8000, 40, 0, 0) for source in self._remote.ssrcs[:3]
        )
        head = struct.pack(
            "!BBHI", 0x80 | len(blocks) // 24, _RECEIVER_REPORT, 1 + len(blocks) // 4, self._ssrc
        )
        self.socket.sendto(self._dtls._tx_srtp.protect_rtcp(head + blocks), self._remote.address)

    def count(self) -> int:
        """Drain the socket; return the media packets that were waiting."""
        arrived = 0
        for head in heads(self.socket):
            if head[:2] == _REQUEST:
                self._answer_check(head)
            elif 127 < head[0] < 192 and not 192 <= head[1] <= 223:
                arrived += 1
        self.received += arrived
        return arrived

    def stamp(self) -> None:
        """From now on let the kernel note when datagrams come, for `hear`."""
        self.socket.setsockopt(socket.SOL_SOCKET, _STAMP, 1)

    def hear(self) -> list[tuple[float, bytes]]:
        """Drain the socket; return the media packets, decrypted, and when each came (clock time)."""
        heard: list[tuple[float, bytes]] = []
        while True:
            try:
                data, extra, _, _ = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                self.received += len(heard)
                return heard
            if 127 < data[0] < 192 and not 192 <= data[1] <= 223:
                seconds, nanoseconds = struct.unpack("qq", extra[0][2])
                heard.append((seconds + nanoseconds / 1e9, self._dtls._rx_srtp.unprotect(data)))

    def speak(self, payload: bytes | None = None, *, level: int = 20) -> None:
        """Send one frame of 20 ms: noise, unless `payload` is given."""
        header = struct.pack("!BBHII", 0x90, _OPUS, self._sequence, self._timestamp, self._ssrc)
        extension = struct.pack("!HHBBH", 0xBEDE, 1, _LEVEL_EXTENSION << 4, 0x80 | level, 0)
        packet = header + extension + (payload or _TWENTY_MS + secrets.token_bytes(_PAYLOAD - 1))
        assert self._remote is not None
        self.socket.sendto(self._dtls._tx_srtp.protect(packet), self._remote.address)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + 960) & 0xFFFFFFFF

    def pause(self) -> None:
        """Let the time of a frame pass without sending one."""
        self._timestamp = (self._timestamp + 960) & 0xFFFFFFFF

    def close(self) -> None:
        self.socket.close()

    async def _check_path(self, seconds: float) -> None:
        for _ in range(_TRIES):
            self._send_check()
            try:
                async with asyncio.timeout(seconds):
                    while (await self._recv())[0] > 3:
                        pass
                return
            except TimeoutError:
                continue
        raise TimeoutError("no answer to STUN")

    async def _check_again(self) -> None:
        """Janus looks for a nominated pair a moment after it answered the first check."""
        while True:
            await asyncio.sleep(0.05)
            self._send_check()

    def _send_check(self) -> None:
        assert self._remote is not None
        message = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.REQUEST,
            attributes={
                "USERNAME": f"{self._remote.ufrag}:{self.ufrag}",
                "PRIORITY": 1_853_824_767,
                "ICE-CONTROLLING": 1,
                "USE-CANDIDATE": None,
            },
        )
        message.add_message_integrity(self._remote.password.encode())
        self._check = bytes(message)
        self.socket.sendto(self._check, self._remote.address)

    async def _recv(self) -> bytes:
        while True:
            data = await asyncio.get_running_loop().sock_recv(self.socket, 2048)
            if data[:2] != _REQUEST:
                return data
            self._answer_check(data)

    def _answer_check(self, data: bytes) -> None:
        """Janus checks the path in its turn, although it says that it is lite."""
        assert self._remote is not None
        message = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.RESPONSE,
            transaction_id=data[8:20],
            attributes={"XOR-MAPPED-ADDRESS": self._remote.address},
        )
        message.add_message_integrity(self.password.encode())
        self.socket.sendto(bytes(message), self._remote.address)

    async def _send(self, data: bytes) -> None:
        assert self._remote is not None
        self.socket.sendto(data, self._remote.address)
