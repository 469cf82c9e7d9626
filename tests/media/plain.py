"""A WHEP client that wants as little as the standard lets it: one section that only receives, Opus and
nothing else, no BUNDLE, no mid, no header extensions, no redundancy, one candidate."""

import asyncio
import secrets
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Self

import av
import numpy as np
from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

_OPUS = 96
_REQUEST = b"\x00\x01"


class PlainListener:
    """One socket. It is its own ICE transport, as far as RTCDtlsTransport looks."""

    role = "controlling"
    state = "completed"

    def __init__(self, host: str) -> None:
        self.heard = bytearray()
        self.packets = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self._ufrag, self._password = secrets.token_hex(4), secrets.token_hex(16)
        self._certificate = RTCCertificate.generateCertificate()
        self._dtls = RTCDtlsTransport(self, [self._certificate])  # type: ignore[arg-type]
        self._decoder = av.CodecContext.create("libopus", "r")
        self._remote: dict[str, str] = {}
        self._address = ("", 0)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._socket.close()

    def offer(self) -> str:
        """Return an offer of a dozen lines."""
        host, port = self._socket.getsockname()
        fingerprint = self._certificate.getFingerprints()[0]
        lines = [
            *("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"),
            *(f"m=audio {port} UDP/TLS/RTP/SAVPF {_OPUS}", f"c=IN IP4 {host}", "a=recvonly", "a=rtcp-mux"),
            *(f"a=ice-ufrag:{self._ufrag}", f"a=ice-pwd:{self._password}"),
            *(f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}", "a=setup:actpass"),
            *(f"a=rtpmap:{_OPUS} opus/48000/2", f"a=candidate:1 1 udp 2130706431 {host} {port} typ host"),
        ]
        return "\r\n".join(lines) + "\r\n"

    async def accept(self, answer: str) -> None:
        """Connect to what the answer names, and begin to hear."""
        lines = [line[2:] for line in answer.splitlines() if line.startswith("a=")]
        self._remote = dict(line.split(":", 1) for line in lines if ":" in line)
        candidates = [line.split() for line in lines if line.startswith("candidate:")]
        found = next(parts for parts in candidates if parts[2].lower() == "udp")
        self._address = (found[4], int(found[5]))
        algorithm, value = self._remote["fingerprint"].split(" ", 1)
        fingerprint = RTCDtlsFingerprint(algorithm=algorithm, value=value)
        async with asyncio.timeout(15):
            while True:
                self._check()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        while (await self._recv())[0] > 3:
                            pass
                        break
            self._dtls._set_role("server" if self._remote["setup"] == "active" else "client")
            await self._dtls.start(RTCDtlsParameters(fingerprints=[fingerprint]))
        assert self._dtls.state == "connected"
        assert self._dtls._task is not None
        self._dtls._task.cancel()
        self._task = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while True:
            data = await self._recv()
            if loop.time() - checked > 3:
                checked = loop.time()
                self._check()
            if 127 < data[0] < 192 and not 192 <= data[1] <= 223:
                self.packets += 1
                packet = self._dtls._rx_srtp.unprotect(data)
                assert packet[1] & 0x7F == _OPUS
                assert not packet[0] & 0x10, "an extension that was not agreed on"
                for frame in self._decoder.decode(av.Packet(packet[12 + 4 * (packet[0] & 15) :])):
                    assert isinstance(frame, av.AudioFrame)
                    samples = frame.to_ndarray().reshape(-1)[:: len(frame.layout.channels)]
                    self.heard += samples.astype(np.int16).tobytes()

    def _check(self) -> None:
        message = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.REQUEST,
            attributes={
                "USERNAME": f"{self._remote['ice-ufrag']}:{self._ufrag}",
                "PRIORITY": 1_853_824_767,
                "ICE-CONTROLLING": struct.unpack("!Q", secrets.token_bytes(8))[0],
                "USE-CANDIDATE": None,
            },
        )
        message.add_message_integrity(self._remote["ice-pwd"].encode())
        self._socket.sendto(bytes(message), self._address)

    async def _recv(self) -> bytes:
        while True:
            data = await asyncio.get_running_loop().sock_recv(self._socket, 2048)
            if data[:2] != _REQUEST:
                return data

    async def _send(self, data: bytes) -> None:
        self._socket.sendto(data, self._address)
