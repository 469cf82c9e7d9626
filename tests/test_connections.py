"""Connections to peers, and TLS by hand: against real servers, good and bad."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from fedispace import connections
from fedispace.net import Net, Unreachable
from tests.ground.ca import Authority
from tests.test_net import ACTIVITY, HOST, Peer, get, net_for, post, reason_of, serving

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOSTS = ("a.test", "b.test", "c.test")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("connections"))


@asynccontextmanager
async def talking(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, int]]:
    """Serve `talk`, over TLS with a context and bare without."""
    talks: set[asyncio.Task[None]] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(guarded(reader, writer)))

    server = await asyncio.start_server(accepted, "127.0.0.21", 0, ssl=context)
    yield server.sockets[0].getsockname()
    server.close()
    for task in talks:
        task.cancel()
    await asyncio.gather(*talks, return_exceptions=True)


@asynccontextmanager
async def meeting(talk: Talk, authority: Authority, *names: str, **options: Any) -> AsyncIterator[Net]:
    """Serve `talk` over TLS to somebody who knows where these hosts are (`HOST`, when none is named)."""
    hosts = names or (HOST,)
    async with (
        talking(talk, authority.issue(*hosts).server_context()) as address,
        net_for(authority, dict.fromkeys(hosts, address), **options) as net,
    ):
        yield net


async def both_fail(net: Net, reason: str) -> None:
    for attempt in (get, post):
        assert await reason_of(attempt(net, f"https://{HOST}/")) == reason


# Handshakes.


async def test_an_expired_certificate_is_refused(authority: Authority, tmp_path: Path) -> None:
    taken: list[bytes] = []

    async def take(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        taken.append(await reader.read(1))

    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    began, ended = (datetime(2020, month, 1, tzinfo=UTC) for month in (1, 2))
    ca.issue_cert(HOST, not_before=began, not_after=ended).configure_cert(context)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    async with talking(take, context) as address:
        net = Net(
            allow_private=["127.0.0.21"], user_agent="test", resolver={HOST: address}, ssl_context=trusting
        )
        await both_fail(net, "tls")
        await net.close()
    assert b"".join(taken) == b""


async def test_a_peer_that_did_not_prove_its_name_gets_no_request(authority: Authority) -> None:
    taken: list[bytes] = []

    async def take(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        taken.append(await reader.read(1))

    async with (
        talking(take, authority.issue("other.test").server_context()) as address,
        net_for(authority, {HOST: address}) as net,
    ):
        await both_fail(net, "tls")
    assert b"".join(taken) == b""


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "connect"),
        (b"\x16\x03\x03\x00\x7a\x02\x00", "connect"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "tls"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "tls"),
    ],
)
async def test_a_handshake_that_breaks_off_is_a_failure_of_its_own(
    authority: Authority, said: bytes, reason: str
) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(said)

    async with talking(break_off) as address, net_for(authority, {HOST: address}) as net:
        await both_fail(net, reason)


@pytest.mark.attack(34)
async def test_a_peer_that_hangs_or_drips_in_the_handshake_is_left(authority: Authority) -> None:
    left = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(b"\x16\x03\x03\x40\x00")
        try:
            while True:
                writer.write(b"\x02")
                await writer.drain()
                await asyncio.sleep(0.02)
        finally:
            left.set()

    async with talking(drip) as address, net_for(authority, {HOST: address}, total_seconds=0.3) as net:
        await both_fail(net, "timeout")
        async with asyncio.timeout(5):
            await left.wait()


async def test_a_handshake_in_pieces_and_an_older_tls_are_understood(authority: Authority) -> None:
    peer = Peer(("", 0))
    peer.answer("/", b"x" * 50_000)
    context = authority.issue(HOST).server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving(peer, context) as behind:

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection(*behind)

            async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, piece: int) -> None:
                while data := await source.read(piece):
                    sink.write(data)
                    await sink.drain()

            await asyncio.gather(copy(reader, back, 4096), copy(there, writer, 7), return_exceptions=True)
            back.close()

        async with talking(pass_on) as address, net_for(authority, {HOST: address}) as net:
            response = await net.get(f"https://{HOST}/", accept="*/*")
            assert response.body == b"x" * 50_000


# What goes over it.


async def test_much_goes_both_ways_whole(authority: Authority) -> None:
    much = bytes(range(256)) * 4000
    taken: list[bytes] = []

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"content-length" in head:
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            await asyncio.sleep(0.05)
            taken.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(much) + much)
        await writer.drain()
        await reader.read(1)

    async with meeting(slowly, authority) as net:
        limit = len(much)
        sent = await net.post(f"https://{HOST}/", much * 8, content_type=ACTIVITY, sign=None, limit=limit)
        got = await net.get(f"https://{HOST}/", accept="*/*", limit=limit)
    assert taken == [much * 8]
    assert sent.body == got.body == much


async def test_an_answer_that_ends_early_is_no_answer(authority: Authority) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()

    async with meeting(cut, authority) as net:
        await both_fail(net, "connect")


async def test_what_a_peer_says_unasked_is_the_answer_to_nothing(authority: Authority) -> None:
    count = 0

    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % count)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlies")
        await reader.read(1)

    async with meeting(chatter, authority) as net:
        answers = [(await net.get(f"https://{HOST}/", accept="*/*")).body for _ in range(2)]
    assert answers == [b"1", b"2"]


# What is kept.


class Visitors:
    """A server of many names that tells who is connected."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.connected: list[str] = []
        self._changed = asyncio.Condition()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = ""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if not name:
                    name = head.split(b"Host: ")[1].split(b"\r\n")[0].decode()
                    self.opened.append(name)
                    self.connected.append(name)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        finally:
            async with self._changed:
                self.connected.remove(name)
                self._changed.notify_all()

    async def are(self, *names: str) -> None:
        """Return when these are connected, and nobody else."""
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: self.connected == list(names))


@asynccontextmanager
async def visited(authority: Authority, **options: Any) -> AsyncIterator[tuple[Net, Visitors]]:
    visitors = Visitors()
    async with meeting(visitors, authority, *HOSTS, **options) as net:
        yield net, visitors


async def test_of_too_many_kept_connections_the_one_idle_longest_is_closed(authority: Authority) -> None:
    async with visited(authority, keep=2) as (net, visitors):
        for name in ("a.test", "b.test", "a.test", "c.test"):
            await get(net, f"https://{name}/")
        await visitors.are("a.test", "c.test")
        for name in ("a.test", "c.test", "b.test"):
            await get(net, f"https://{name}/")
        await visitors.are("c.test", "b.test")
        assert visitors.opened == ["a.test", "b.test", "c.test", "b.test"]


async def test_an_operator_may_keep_none(authority: Authority) -> None:
    async with visited(authority, keep=0) as (net, visitors):
        await get(net, "https://a.test/")
        await post(net, "https://a.test/")
        await visitors.are()
        assert len(visitors.opened) == 2


async def test_an_idle_connection_is_closed_after_a_while(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "KEPT_SECONDS", 0.05)
    async with visited(authority) as (net, visitors):
        await get(net, "https://a.test/")
        await get(net, "https://b.test/")
        await visitors.are()


async def test_closing_leaves_nothing_open_and_more_can_follow(authority: Authority) -> None:
    async with visited(authority) as (net, visitors):
        await get(net, "https://a.test/")
        await net.close()
        await visitors.are()
        await get(net, "https://a.test/")
        assert visitors.connected == ["a.test"]


async def test_who_gives_up_waiting_for_a_place_takes_none(authority: Authority) -> None:
    hanging: list[asyncio.StreamWriter] = []
    full = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while b"/quick" in await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        hanging.append(writer)
        if len(hanging) == connections.PER_HOST:
            full.set()
        await reader.read(1)

    async with meeting(hang, authority) as net:
        stuck = [asyncio.create_task(get(net, f"https://{HOST}/")) for _ in range(connections.PER_HOST)]
        await full.wait()
        waiting = [asyncio.create_task(get(net, f"https://{HOST}/quick")) for _ in range(9)]
        await asyncio.sleep(0)
        for task in (*waiting[:8], *stuck[:1]):
            task.cancel()
        await waiting[8]
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, *waiting, return_exceptions=True)
        await asyncio.gather(*(get(net, f"https://{HOST}/quick") for _ in range(9)))
    assert len(hanging) == connections.PER_HOST


# Names.


async def test_a_name_is_looked_up_once_for_all_and_a_failure_is_forgotten(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    peer = Peer(("", 0))
    peer.answer("/")
    async with serving(peer, authority.issue(HOST).server_context()) as address:

        async def answer(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
            asked.append(host)
            if len(asked) == 1:
                raise socket.gaierror(socket.EAI_AGAIN, "later")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answer)
        async with net_for(authority, {}) as net:
            failed = await asyncio.gather(
                *(get(net, f"https://{HOST}/") for _ in range(3)), return_exceptions=True
            )
            assert {error.reason for error in failed if isinstance(error, Unreachable)} == {"dns"}
            await asyncio.gather(*(get(net, f"https://{HOST}/") for _ in range(9)))
    assert asked == [HOST, HOST]


async def test_an_address_that_does_not_answer_is_passed_over(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Peer(("", 0))
    peer.answer("/")
    async with serving(peer, authority.issue(HOST).server_context()) as (host, port):

        async def answer(*_: object, **__: object) -> list[tuple[Any, ...]]:
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("127.0.0.22", host)
            ]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answer)
        async with net_for(authority, {}, allow_private=("127.0.0.21", "127.0.0.22")) as net:
            await get(net, f"https://{HOST}/")
    assert len(peer.asked) == 1
