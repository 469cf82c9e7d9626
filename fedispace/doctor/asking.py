"""Asks an audio port whether what is sent there arrives, by UDP and by TCP."""

import asyncio
import secrets
import socket
from dataclasses import dataclass
from typing import cast

from fedispace.media.live import question

_TRIES = 3
_WAIT_SECONDS = 1.0
_CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of it: from where the port saw us, or why there was no answer."""

    seen_as: tuple[str, int] | None = None
    why_not: str = ""


async def by_udp(host: str, port: int) -> Heard:
    """Ask by datagram, a few times."""
    loop = asyncio.get_running_loop()
    transaction = secrets.token_bytes(12)
    answers: asyncio.Queue[tuple[str, int] | str] = asyncio.Queue()
    try:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Listening(transaction, answers), remote_addr=(host, port)
        )
    except OSError as error:
        return Heard(why_not=error.strerror or str(error))
    said = "no answer"
    try:
        for _ in range(_TRIES):
            transport.sendto(question.ask(transaction))
            try:
                async with asyncio.timeout(_WAIT_SECONDS):
                    answer = await answers.get()
            except TimeoutError:
                continue
            if isinstance(answer, tuple):
                return Heard(seen_as=answer)
            said = answer
    finally:
        transport.close()
    return Heard(why_not=said)


async def by_tcp(host: str, port: int) -> Heard:
    """Ask over a connection, in a frame (RFC 4571)."""
    transaction = secrets.token_bytes(12)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Heard(why_not="no answer")
    except OSError as error:
        return Heard(why_not=error.strerror or str(error))
    try:
        asked = question.ask(transaction)
        writer.write(len(asked).to_bytes(2, "big") + asked)
        async with asyncio.timeout(_CONNECT_SECONDS):
            size = int.from_bytes(await reader.readexactly(2), "big")
            seen = question.read_answer(await reader.readexactly(size), transaction)
        return Heard(seen_as=seen) if seen else Heard(why_not="something else answers")
    except TimeoutError:
        return Heard(why_not="connected, but no answer")
    except (OSError, asyncio.IncompleteReadError):
        return Heard(why_not="connected, and was hung up on")
    finally:
        writer.close()


class StandIn:
    """Answers at the port while the server is stopped, so that the way there can be tried."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._datagrams: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "StandIn":
        """Bind both; raises OSError."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            sock = socket.socket(family, kind)
            try:
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                if kind == socket.SOCK_STREAM:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.setblocking(False)
                sock.bind((self._host, self._port))
            except OSError:
                sock.close()
                await self.__aexit__()
                raise
            if kind == socket.SOCK_DGRAM:
                self._datagrams, _ = await loop.create_datagram_endpoint(_Answering, sock=sock)
            else:
                self._server = await asyncio.start_server(_answer_stream, sock=sock)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
        if self._server is not None:
            self._server.close()


class _Listening(asyncio.DatagramProtocol):
    def __init__(self, transaction: bytes, answers: "asyncio.Queue[tuple[str, int] | str]") -> None:
        self._transaction = transaction
        self._answers = answers

    def datagram_received(self, data: bytes, addr: object) -> None:
        seen = question.read_answer(data, self._transaction)
        self._answers.put_nowait(seen or "something else answers")

    def error_received(self, exc: Exception) -> None:
        told = exc.strerror if isinstance(exc, OSError) else None
        self._answers.put_nowait(told or str(exc))


class _Answering(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if question.is_question(data):
            self._transport.sendto(question.answer(data, (addr[0], addr[1])), addr)


async def _answer_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        if question.is_question(data):
            host, port = writer.get_extra_info("peername")[:2]
            answer = question.answer(data, (host, port))
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        pass
    finally:
        writer.close()
