"""The fetcher against servers that mean harm: all real, on loopback, and canaries nobody may reach."""

import asyncio
import gzip
import json
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.net import ACTIVITY_TYPES, Net, Unreachable, is_activity_type
from tests.ground.ca import Authority
from tests.ground.canary import Canaries

HOST = "peer.test"
ACTIVITY = "application/activity+json"
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Peer:
    """A server at `address`, reached as https://peer.test; it keeps what it was asked."""

    address: tuple[str, int]
    routes: dict[str, Handler] = field(default_factory=dict)
    asked: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def answer(self, path: str, body: bytes = b"{}", *, status: int = 200, **headers: str) -> None:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("Content-Type", ACTIVITY)

        async def handler(_: web.BaseRequest) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers=sent)

        self.routes[path] = handler

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        self.answer(path, b"", status=status, Location=location)

    def document(self, path: str, **members: Any) -> None:
        self.answer(path, json.dumps(members).encode())

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(await request.read())
        handler = self.routes.get(request.path)
        return web.Response(status=404) if handler is None else await handler(request)


@asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, int]]:
    runner = web.ServerRunner(web.Server(handler, access_log=None))
    await runner.setup()
    address = ("127.0.0.21", unused_port())
    await web.TCPSite(runner, *address, ssl_context=context, shutdown_timeout=0.1).start()
    yield address
    await runner.cleanup()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("net"))


@pytest.fixture
async def peer(authority: Authority) -> AsyncIterator[Peer]:
    found = Peer(("", 0))
    async with serving(found, authority.issue(HOST, "other.test").server_context()) as address:
        found.address = address
        yield found


@asynccontextmanager
async def net_for(
    authority: Authority,
    hosts: Mapping[str, tuple[str, int]],
    *,
    allow_private: tuple[str, ...] = ("127.0.0.21",),
    **options: Any,
) -> AsyncIterator[Net]:
    net = Net(
        allow_private=allow_private,
        user_agent="fedispace-test",
        resolver=hosts,
        ssl_context=authority.client_context(),
        **options,
    )
    try:
        yield net
    finally:
        await net.close()


@pytest.fixture
async def net(authority: Authority, peer: Peer) -> AsyncIterator[Net]:
    async with net_for(authority, {HOST: peer.address, "other.test": peer.address}) as found:
        yield found


async def reason_of(attempt: Awaitable[object]) -> str:
    with pytest.raises((Refused, Unreachable)) as error:
        await attempt
    assert isinstance(error.value, Refused | Unreachable)
    return error.value.reason


async def get(net: Net, url: str) -> object:
    return await net.get(url, accept=ACTIVITY_TYPES)


async def post(net: Net, url: str) -> object:
    return await net.post(url, b"{}", content_type=ACTIVITY, sign=None)


# What must never be reached.


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "localhost",
        "10.0.0.1",
        "169.254.169.254",
        "[::ffff:10.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "[::]",
        "192.168.1.1",
    ],
)
@pytest.mark.attack(32)
@pytest.mark.row(79)
async def test_private_addresses_are_refused_before_any_connection(authority: Authority, host: str) -> None:
    port = unused_port()
    with Canaries(("127.0.0.1", port), ("::1", port)) as canaries:
        async with net_for(authority, {}, allow_private=()) as net:
            assert await reason_of(get(net, f"https://{host}:{port}/")) == "addr_private"
            assert await reason_of(
                net.post(f"https://{host}:{port}/", b"{}", content_type="a/b", sign=None)
            ) == ("addr_private")
        assert canaries.visits == []


@pytest.mark.parametrize(
    "host",
    ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "①②⑦.⓪.⓪.①", "127.0.0.1.", "u:p@peer.test", "a\tb.test"],
)
@pytest.mark.attack(32)
@pytest.mark.row(79)
async def test_disguised_addresses_are_refused_before_any_connection(authority: Authority, host: str) -> None:
    port = unused_port()
    with Canaries(("127.0.0.1", port)) as canaries:
        async with net_for(authority, {}, allow_private=()) as net:
            reason = await reason_of(get(net, f"https://{host}:{port}/"))
        assert reason in ("url", "addr_private")
        assert canaries.visits == []


@pytest.mark.parametrize(
    "url", ["ftp://peer.test/", "file:///etc/passwd", "data:,x", "gopher://peer.test/", "x", ""]
)
@pytest.mark.attack(32)
@pytest.mark.row(80)
async def test_only_https_is_fetched(net: Net, url: str) -> None:
    assert await reason_of(get(net, url)) == "scheme"


@pytest.mark.row(80)
async def test_plain_http_is_refused_unless_the_operator_allows_it(authority: Authority) -> None:
    peer = Peer(("", 0))
    peer.answer("/")
    async with serving(peer) as address:
        async with net_for(authority, {HOST: address}) as net:
            assert await reason_of(get(net, f"http://{HOST}/")) == "scheme"
        assert peer.asked == []
        async with net_for(authority, {HOST: address}, allow_http=True) as net:
            await get(net, f"http://{HOST}/")
        assert len(peer.asked) == 1


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
@pytest.mark.attack(32)
async def test_other_ports_of_public_addresses_are_refused(authority: Authority, port: int) -> None:
    async with net_for(authority, {HOST: ("8.8.8.8", port)}) as net:
        assert await reason_of(get(net, f"https://{HOST}:{port}/")) == "port"
        assert await reason_of(get(net, f"https://8.8.8.8:{port}/")) == "port"


@pytest.mark.attack(33)
@pytest.mark.row(79)
async def test_a_public_name_with_a_private_address_is_refused(authority: Authority) -> None:
    port = unused_port()
    with Canaries(("127.0.0.1", port)) as canaries:
        async with net_for(authority, {"public.example": ("127.0.0.1", port)}, allow_private=()) as net:
            assert await reason_of(get(net, "https://public.example/")) == "addr_private"
        assert canaries.visits == []


@pytest.mark.attack(33)
async def test_one_private_answer_among_allowed_ones_refuses_the_name(
    authority: Authority, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = unused_port()
    peer.answer("/")

    async def both(*_: object, **__: object) -> list[tuple[Any, ...]]:
        return [(2, 1, 6, "", peer.address), (2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    with Canaries(("127.0.0.1", port)) as canaries:
        async with net_for(authority, {}) as net:
            assert await reason_of(get(net, "https://other.test/")) == "addr_private"
        assert (canaries.visits, peer.asked) == ([], [])


@pytest.mark.attack(37)
@pytest.mark.row(79)
async def test_the_socket_itself_is_guarded_when_the_resolver_is_fooled(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that changes its answer between two looks finds the second look at the socket."""
    port = unused_port()

    async def fooled(_: object, host: str, port_: int = 0, family: int = 0) -> list[dict[str, Any]]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 6, "flags": 0}]

    monkeypatch.setattr("fedispace.judged_resolver.JudgedResolver.resolve", fooled)
    with Canaries(("127.0.0.1", port)) as canaries:
        async with net_for(authority, {}, allow_private=()) as net:
            assert await reason_of(get(net, "https://rebinding.example/")) == "addr_private"
        assert canaries.visits == []


async def test_a_proxy_of_the_environment_is_not_used(
    net: Net, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = unused_port()
    peer.answer("/")
    with Canaries(("127.0.0.1", port)) as canaries:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        await get(net, f"https://{HOST}/")
        assert canaries.visits == []


# Redirects.


@pytest.mark.parametrize(
    "location", ["https://127.0.0.1:{port}/", "https://[::1]:{port}/", "https://inner.test/"]
)
@pytest.mark.attack(36)
@pytest.mark.row(78)
async def test_a_redirect_to_a_private_address_is_refused(
    authority: Authority, peer: Peer, location: str
) -> None:
    port = unused_port()
    peer.redirect("/", location.format(port=port))
    with Canaries(("127.0.0.1", port), ("::1", port)) as canaries:
        async with net_for(authority, {HOST: peer.address, "inner.test": ("127.0.0.1", port)}) as net:
            assert await reason_of(get(net, f"https://{HOST}/")) == "addr_private"
        assert canaries.visits == []


@pytest.mark.attack(36)
async def test_a_redirect_to_plain_http_is_a_downgrade(authority: Authority, peer: Peer) -> None:
    peer.redirect("/", f"http://{HOST}/")
    async with net_for(authority, {HOST: peer.address}, allow_http=True) as net:
        assert await reason_of(get(net, f"https://{HOST}/")) == "downgrade"


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://peer.test/", "gopher://x/"])
@pytest.mark.attack(36)
async def test_a_redirect_to_another_scheme_is_refused(net: Net, peer: Peer, location: str) -> None:
    peer.redirect("/", location)
    assert await reason_of(get(net, f"https://{HOST}/")) == "scheme"


@pytest.mark.attack(36)
async def test_a_circle_of_redirects_is_left(net: Net, peer: Peer) -> None:
    peer.redirect("/a", "/b")
    peer.redirect("/b", f"https://{HOST}/a")
    assert await reason_of(get(net, f"https://{HOST}/a")) == "redirect_loop"
    assert len(peer.asked) == 2
    peer.redirect("/self", "/self")
    assert await reason_of(get(net, f"https://{HOST}/self")) == "redirect_loop"


@pytest.mark.attack(36)
@pytest.mark.row(78)
async def test_three_redirects_are_followed_and_a_fourth_is_not(net: Net, peer: Peer) -> None:
    for number in range(4):
        peer.redirect(f"/{number}", f"/{number + 1}?n={number}")
    peer.answer("/4", b"there")
    response = await net.get(f"https://{HOST}/1", accept="*/*")
    assert (response.body, response.url) == (b"there", f"https://{HOST}/4?n=3")
    assert await reason_of(get(net, f"https://{HOST}/0")) == "redirect_limit"


@pytest.mark.row(78)
async def test_each_hop_is_signed_anew_for_its_own_host(net: Net, peer: Peer) -> None:
    peer.redirect("/a", "https://other.test/b?x=1")
    peer.answer("/b")
    signed: list[tuple[str, str, bytes | None]] = []

    def sign(method: str, url: str, body: bytes | None) -> dict[str, str]:
        signed.append((method, url, body))
        return {"Host": url.split("/")[2], "Signature": f"for {url}"}

    await net.get(f"https://{HOST}/a", accept="*/*", sign=sign)
    assert signed == [("GET", f"https://{HOST}/a", None), ("GET", "https://other.test/b?x=1", None)]
    assert [request.headers.getall("Signature") for request in peer.asked] == [
        [f"for https://{HOST}/a"],
        ["for https://other.test/b?x=1"],
    ]
    assert [request.headers.getall("Host") for request in peer.asked] == [[HOST], ["other.test"]]


@pytest.mark.row(78)
async def test_a_post_follows_only_the_redirects_that_keep_it_a_post(net: Net, peer: Peer) -> None:
    peer.redirect("/old", "/new", 308)
    peer.redirect("/gone", "/new", 302)
    peer.answer("/new", b"", status=202)
    kept = await net.post(f"https://{HOST}/old", b"{1}", content_type=ACTIVITY, sign=None)
    left = await net.post(f"https://{HOST}/gone", b"{2}", content_type=ACTIVITY, sign=None)
    assert (kept.status, left.status) == (202, 302)
    assert [(request.method, request.path) for request in peer.asked] == [
        ("POST", "/old"),
        ("POST", "/new"),
        ("POST", "/gone"),
    ]
    assert peer.bodies == [b"{1}", b"{1}", b"{2}"]


# Budgets.


@pytest.mark.attack(35)
async def test_an_answer_larger_than_the_limit_is_refused(net: Net, peer: Peer) -> None:
    peer.answer("/", b"x" * (1024 * 1024 + 1))
    assert await reason_of(get(net, f"https://{HOST}/")) == "too_large"
    peer.answer("/", b"x" * 1024 * 1024)
    await get(net, f"https://{HOST}/")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.attack(35)
async def test_size_is_counted_after_decompression(net: Net, peer: Peer, encoding: str) -> None:
    plain = b"\0" * (64 * 1024 * 1024)
    packed = gzip.compress(plain, 9) if encoding == "gzip" else zlib.compress(plain, 9)
    assert len(packed) < 128 * 1024
    peer.answer("/", packed, Content_Encoding=encoding)
    assert await reason_of(get(net, f"https://{HOST}/")) == "too_large"


async def test_of_a_long_answer_to_a_post_only_the_beginning_is_read(net: Net, peer: Peer) -> None:
    peer.answer("/inbox", b"x" * 300_000, status=202)
    response = await net.post(f"https://{HOST}/inbox", b"{}", content_type=ACTIVITY, sign=None)
    assert (response.status, len(response.body)) == (202, 64 * 1024)


@pytest.mark.attack(35)
async def test_of_a_packed_answer_to_a_post_only_the_beginning_is_unpacked(net: Net, peer: Peer) -> None:
    peer.answer("/inbox", gzip.compress(b"x" * (64 * 1024 * 1024), 9), Content_Encoding="gzip")
    response = await net.post(f"https://{HOST}/inbox", b"{}", content_type=ACTIVITY, sign=None)
    assert response.body == b"x" * 64 * 1024


@pytest.mark.attack(34)
async def test_slow_peers_are_left_in_time_and_delay_nobody(authority: Authority, peer: Peer) -> None:
    release = asyncio.Event()

    async def hanging(_: web.BaseRequest) -> web.StreamResponse:
        await release.wait()
        return web.Response()

    async def dripping(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not release.is_set():
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    peer.routes |= {"/hanging": hanging, "/dripping": dripping}
    healthy = Peer(("", 0))
    healthy.answer("/")
    certificate = authority.issue("healthy.test").server_context()
    async with serving(healthy, certificate) as address:
        hosts = {HOST: peer.address, "healthy.test": address}
        async with net_for(authority, hosts, total_seconds=0.5) as net:
            slow = [
                asyncio.create_task(reason_of(get(net, f"https://{HOST}/{path}")))
                for path in ["hanging", "dripping"] * 25
            ]
            slow += [asyncio.create_task(reason_of(post(net, f"https://{HOST}/hanging"))) for _ in range(9)]
            async with asyncio.timeout(0.4):
                await get(net, "https://healthy.test/")
            assert set(await asyncio.gather(*slow)) == {"timeout"}
            release.set()


@pytest.mark.attack(34)
async def test_a_peer_that_sends_its_headers_by_the_byte_is_left(authority: Authority) -> None:
    stop = asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not stop.is_set():
            writer.write(b"H")
            await asyncio.sleep(0.02)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.21", 0)
    address = server.sockets[0].getsockname()
    async with net_for(authority, {HOST: address}, allow_http=True, total_seconds=0.3) as net:
        assert await reason_of(get(net, f"http://{HOST}/")) in ("timeout", "connect")
        assert await reason_of(post(net, f"http://{HOST}/")) in ("timeout", "connect")
    stop.set()
    server.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
async def test_a_peer_that_speaks_no_http_is_unreachable(authority: Authority, raw: bytes) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.21", 0)
    async with net_for(authority, {HOST: server.sockets[0].getsockname()}, allow_http=True) as net:
        assert await reason_of(get(net, f"http://{HOST}/")) == "connect"
        assert await reason_of(post(net, f"http://{HOST}/")) == "connect"
    server.close()


async def test_an_answer_before_the_whole_request_was_read_ends_the_connection(authority: Authority) -> None:
    ended = asyncio.Event()

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        with suppress(ConnectionError):
            while await reader.read(1024 * 1024):
                await asyncio.sleep(0)
        writer.close()
        ended.set()

    server = await asyncio.start_server(hasty, "127.0.0.21", 0)
    async with net_for(authority, {HOST: server.sockets[0].getsockname()}, allow_http=True) as net:
        response = await net.post(f"http://{HOST}/", b"x" * 2**25, content_type=ACTIVITY, sign=None)
        assert response.status == 413
        async with asyncio.timeout(5):
            await ended.wait()
    server.close()


async def test_a_signed_header_cannot_begin_another_line(net: Net, peer: Peer) -> None:
    for value in ("a\r\nX-Other: b", "a\nX-Other: b", "a\rb", "a\0b"):
        with pytest.raises((Refused, Unavailable)):
            await net.post(
                f"https://{HOST}/inbox", b"{}", content_type=ACTIVITY, sign=lambda *_, v=value: {"X-One": v}
            )
    assert peer.asked == []


async def test_a_post_says_who_sends_it_where_and_how_long_it_is(net: Net, peer: Peer) -> None:
    await net.post("https://PEER.test:443/a?b=%2F", b"{1}", content_type=ACTIVITY, sign=None)
    request = peer.asked[0]
    assert (request.method, request.raw_path, peer.bodies) == ("POST", "/a?b=%2F", [b"{1}"])
    assert dict(request.headers) == {
        "Host": HOST,
        "User-Agent": "fedispace-test",
        "Accept-Encoding": "gzip, deflate",
        "Content-Type": ACTIVITY,
        "Accept": ACTIVITY_TYPES,
        "Content-Length": "3",
    }


async def test_connections_are_kept_and_few_per_host(net: Net, peer: Peer) -> None:
    peers: set[object] = set()
    under_way = 0
    most = 0

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal under_way, most
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return web.Response(content_type=ACTIVITY)

    peer.routes["/"] = slow
    await asyncio.gather(*(get(net, f"https://{HOST}/") for _ in range(30)))
    assert most <= 4
    assert len(peers) <= 4


async def test_a_kept_connection_that_the_peer_was_closing_loses_nothing(authority: Authority) -> None:
    connections: list[int] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(0)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.21", 0)
    address = server.sockets[0].getsockname()
    async with net_for(authority, {HOST: address}, allow_http=True) as net:
        for _ in range(3):
            response = await net.post(f"http://{HOST}/inbox", b"{}", content_type=ACTIVITY, sign=None)
            assert response.status == 202
    assert len(connections) == 3
    server.close()


# What peers answer.


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, Refused),
        (403, Refused),
        (404, NotFound),
        (410, Gone),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_each_failure_of_a_get_has_its_own_error(
    net: Net, peer: Peer, status: int, error: type[Exception]
) -> None:
    peer.answer("/", status=status, Retry_After="7")
    with pytest.raises(error) as raised:
        await get(net, f"https://{HOST}/")
    if isinstance(raised.value, Unreachable):
        assert (raised.value.reason, raised.value.retry_after) == ("status", "7")
    if status in (401, 403):
        assert isinstance(raised.value, Refused)
        assert raised.value.reason == "peer_unauthorized"


async def test_a_certificate_of_another_name_or_authority_is_refused(tmp_path: Path, peer: Peer) -> None:
    stranger = Authority(tmp_path)
    async with net_for(stranger, {HOST: peer.address}) as net:
        assert await reason_of(get(net, f"https://{HOST}/")) == "tls"


async def test_the_authorities_of_the_environment_are_trusted(
    authority: Authority, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.answer("/")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    net = Net(allow_private=["127.0.0.21"], user_agent="fedispace-test", resolver={HOST: peer.address})
    await get(net, f"https://{HOST}/")
    await net.close()


async def test_a_certificate_for_another_host_is_refused(authority: Authority, peer: Peer) -> None:
    async with net_for(authority, {"wrong.test": peer.address}) as net:
        assert await reason_of(get(net, "https://wrong.test/")) == "tls"
        assert await reason_of(post(net, "https://wrong.test/")) == "tls"


async def test_a_closed_port_and_an_unknown_name_are_unreachable(authority: Authority) -> None:
    async with net_for(authority, {HOST: ("127.0.0.21", unused_port())}) as net:
        for attempt in (get, post):
            assert await reason_of(attempt(net, f"https://{HOST}/")) == "connect"
            assert await reason_of(attempt(net, "https://nowhere.invalid/")) == "dns"


async def test_the_address_is_sent_as_it_is_signed(net: Net, peer: Peer) -> None:
    peer.answer("/@bob@takahe.test/")
    signed: list[str] = []

    def sign(_: str, url: str, __: bytes | None) -> dict[str, str]:
        signed.append(url)
        return {}

    await net.get("https://PEER.test:443/@bob@takahe.test/?q=%2F&a=é#part", accept="*/*", sign=sign)
    assert peer.asked[0].raw_path == "/@bob@takahe.test/?q=%2F&a=%C3%A9"
    assert signed == [f"https://{HOST}{peer.asked[0].raw_path}"]
    assert peer.asked[0].headers["User-Agent"] == "fedispace-test"


async def test_cookies_are_not_kept(net: Net, peer: Peer) -> None:
    peer.answer("/", Set_Cookie="a=b; Path=/")
    await get(net, f"https://{HOST}/")
    await get(net, f"https://{HOST}/")
    assert "Cookie" not in peer.asked[1].headers


# Documents and their origin.


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "application/json",
        "text/plain",
        "application/ld+json",
        'application/ld+json; profile="https://example.org/"',
        "application/octet-stream",
        "",
    ],
)
@pytest.mark.attack(27)
@pytest.mark.row(24)
async def test_a_document_of_another_content_type_is_refused(net: Net, peer: Peer, content_type: str) -> None:
    peer.answer("/a", json.dumps({"id": f"https://{HOST}/a"}).encode(), Content_Type=content_type)
    assert await reason_of(net.fetch_document(f"https://{HOST}/a", sign=None)) == "content_type"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/activity+json",
        "application/activity+json; charset=utf-8",
        "Application/Activity+JSON",
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
        "application/ld+json;profile=https://www.w3.org/ns/activitystreams",
        'application/ld+json; charset=utf-8; profile="https://a.example https://www.w3.org/ns/activitystreams"',
    ],
)
@pytest.mark.row(23)
def test_the_content_types_of_activitypub_are_known(content_type: str) -> None:
    assert is_activity_type(content_type)


@pytest.mark.attack(28)
@pytest.mark.row(27)
async def test_a_document_that_claims_another_origin_is_refused(net: Net, peer: Peer) -> None:
    peer.document("/a", id="https://victim.test/a")
    peer.document("/b", name="no id")
    peer.document("/c", id=["https://peer.test/c"])
    peer.document("/d", id=f"https://{HOST}:8443/d")
    for path in "abcd":
        assert await reason_of(net.fetch_document(f"https://{HOST}/{path}", sign=None)) == "origin_mismatch"
    assert len(peer.asked) == 4


@pytest.mark.attack(29)
@pytest.mark.row(27)
async def test_a_document_with_another_id_is_fetched_once_from_there(net: Net, peer: Peer) -> None:
    peer.document("/@ada", id=f"https://{HOST}/users/ada", name="from the page")
    peer.document("/users/ada", id=f"https://{HOST}/users/ada", name="from the id")
    found = await net.fetch_document(f"https://{HOST}/@ada", sign=None)
    assert (found.url, found.document["name"]) == (f"https://{HOST}/users/ada", "from the id")


@pytest.mark.attack(29)
async def test_ids_that_lead_in_a_circle_are_refused(net: Net, peer: Peer) -> None:
    peer.document("/a", id=f"https://{HOST}/b")
    peer.document("/b", id=f"https://{HOST}/a")
    assert await reason_of(net.fetch_document(f"https://{HOST}/a", sign=None)) == "origin_mismatch"
    assert len(peer.asked) == 2


async def test_a_redirect_moves_the_origin_to_where_the_document_came_from(net: Net, peer: Peer) -> None:
    peer.redirect("/a", "https://other.test/b")
    peer.document("/b", id=f"https://{HOST}/a")
    assert await reason_of(net.fetch_document(f"https://{HOST}/a", sign=None)) == "origin_mismatch"
    peer.document("/b", id="https://other.test/b")
    assert (await net.fetch_document(f"https://{HOST}/a", sign=None)).url == "https://other.test/b"


async def test_a_key_id_with_a_fragment_leads_to_its_owners_document(net: Net, peer: Peer) -> None:
    peer.document("/users/ada", id=f"https://{HOST}/users/ada")
    found = await net.fetch_document(f"https://{HOST}/users/ada#main-key", sign=None)
    assert found.url == f"https://{HOST}/users/ada"
    assert len(peer.asked) == 1


async def test_a_document_that_is_no_sound_json_is_invalid(net: Net, peer: Peer) -> None:
    for body in (b"", b"[]", b'{"id":1,"id":2}', b"\xff", b"{" * 10_000):
        peer.answer("/a", body)
        with pytest.raises(Invalid):
            await net.fetch_document(f"https://{HOST}/a", sign=None)


async def test_json_that_is_not_activitypub_is_fetched_as_such(net: Net, peer: Peer) -> None:
    peer.answer(
        "/.well-known/webfinger", b'{"subject":"acct:a@peer.test"}', Content_Type="application/jrd+json"
    )
    found = await net.fetch_json(f"https://{HOST}/.well-known/webfinger?resource=acct:a@peer.test")
    assert found == {"subject": "acct:a@peer.test"}
    peer.answer("/page", b"<html>", Content_Type="text/html")
    assert await reason_of(net.fetch_json(f"https://{HOST}/page")) == "content_type"
