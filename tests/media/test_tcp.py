"""The TCP carrier: what a connection may cost, and that a session runs over it as over UDP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pylibsrtp
import pytest
from aioice import stun

from fedispace.clock import SystemClock
from fedispace.media.live import port, tcp
from fedispace.media.live.fanout import FanOut
from fedispace.media.live.path import Ice, Path
from fedispace.media.live.port import Port
from tests.ground.eventually import eventually
from tests.media.test_port import _CLIENT_HELLO, _SRTP, _check

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _House:
    """A port that is open, with one session's path."""

    def __init__(self, host: str) -> None:
        clock = SystemClock()
        self.port = Port(port.bind(host, 0), clock)
        self.media: list[bytes] = []
        ice = Ice(ufrag="ours", password="secret" * 4, remote_ufrag="them")
        self.path = Path(ice=ice, sender=self.port, now=clock.monotonic())
        self.path.on_media = self.media.append
        self.port.demux.add(self.path)
        self._stack = AsyncExitStack()

    async def connection(self) -> Ends:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port.number)
        self._stack.callback(writer.close)
        return reader, writer

    async def proved(self) -> Ends:
        """Return a connection that brought the session's password."""
        reader, writer = await self.connection()
        writer.write(_frame(_check(self.path)))
        await _read_frame(reader)
        return reader, writer

    async def refused(self, reason: str) -> None:
        async def found() -> int:
            return self.port.refused[reason]

        await eventually(f"refused: {reason}", found, bool)


@asynccontextmanager
async def _opened(host: str = "127.0.0.1") -> AsyncIterator[_House]:
    house = _House(host)
    await house.port.open()
    try:
        yield house
    finally:
        await house._stack.aclose()
        house.port.close()
        await asyncio.sleep(0)


@pytest.fixture
async def house() -> AsyncIterator[_House]:
    async with _opened() as found:
        yield found


def _frame(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(5):
        try:
            return not await reader.read()
        except ConnectionError:
            return True


async def test_udp_and_tcp_have_one_number(house: _House) -> None:
    _, writer = await house.connection()

    assert writer.get_extra_info("peername")[1] == house.port.socket.getsockname()[1]


async def test_a_check_is_answered_and_what_follows_is_the_sessions(house: _House) -> None:
    reader, writer = await house.connection()
    everything = _frame(_check(house.path)) + _frame(_CLIENT_HELLO) + _frame(_SRTP) * 3
    for at in range(0, len(everything), 7):  # TCP may cut anywhere
        writer.write(everything[at : at + 7])
        await writer.drain()

    answer = await _read_frame(reader)
    assert answer[:2] == b"\x01\x01"

    async def media() -> list[bytes]:
        return house.media

    await eventually("the media came", media, lambda found: found == [_SRTP] * 3)
    assert len(house.path.inbox) == 1
    house.path.send(b"for the client")
    assert await _read_frame(reader) == b"for the client"


async def test_small_packets_are_not_held_back(house: _House) -> None:
    await house.proved()
    connection = house.path.address
    assert isinstance(connection, tcp.TcpConnection)
    assert connection._transport is not None
    sock: socket.socket = connection._transport.get_extra_info("socket")

    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    "said",
    [
        (1501).to_bytes(2, "big") + bytes(1501),
        b"\xff\xff",
        b"\x00\x00" * 100,
        b"GET / HTTP/1.1\r\nHost: example\r\n\r\n",
        _frame(_SRTP) * 20,
        _frame(_CLIENT_HELLO) * 20,
    ],
    ids=["too long", "much too long", "empty", "HTTP", "SRTP", "DTLS"],
)
async def test_who_sends_anything_but_checks_is_shown_the_door(house: _House, said: bytes) -> None:
    reader, writer = await house.connection()
    writer.write(said)

    assert await _is_closed(reader)
    assert house.media == []
    assert len(house.path.inbox) == 0


async def test_a_wrong_password_does_not_keep_a_connection(house: _House) -> None:
    reader, writer = await house.connection()
    writer.write(_frame(_check(house.path, password="guessed")) * 20)

    assert await _is_closed(reader)
    assert house.path.address is None


async def test_who_says_nothing_is_shown_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "_UNPROVED_SECONDS", 0.05)
    async with _opened() as house:
        reader, _ = await house.connection()

        assert await _is_closed(reader)
        assert house.port.refused["tcp_unproved"] == 1

        kept, _ = await house.proved()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await kept.read(1)


async def test_one_address_has_a_bounded_number_of_connections(
    monkeypatch: pytest.MonkeyPatch, house: _House
) -> None:
    monkeypatch.setattr(tcp, "_UNPROVED_EACH", 10)
    for _ in range(20):
        await house.connection()
    await house.refused("tcp_connections")

    async def count() -> int:
        return house.port.connections

    await eventually("the bound holds", count, lambda found: found == 10)


async def test_when_many_say_nothing_the_one_that_waited_longest_goes(
    monkeypatch: pytest.MonkeyPatch, house: _House
) -> None:
    monkeypatch.setattr(tcp, "_UNPROVED", 5)
    first, _ = await house.connection()
    for _ in range(5):
        await house.connection()

    assert await _is_closed(first)
    reader, _ = await house.proved()
    assert house.port.connections <= 6
    assert not reader.at_eof()


async def test_comings_and_goings_are_counted_to_nothing(house: _House) -> None:
    for _ in range(30):
        _, writer = await house.proved()
        writer.close()

    async def count() -> int:
        return house.port.connections

    await eventually("all are gone", count, lambda found: found == 0)
    assert house.path.validated == []
    assert not house.port._tcp._of_source
    assert not house.port._tcp._unproved_of_source


async def test_the_end_of_a_session_ends_its_connection(house: _House) -> None:
    reader, _ = await house.proved()
    house.port.demux.remove(house.path)

    assert await _is_closed(reader)


async def test_who_reads_slowly_loses_packets_and_costs_no_memory_and_nobody_elses(house: _House) -> None:
    """Two listeners of one room, one by TCP who does not read: the other hears every packet."""
    await house.proved()
    slow = house.path.address
    assert isinstance(slow, tcp.TcpConnection)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as quick:
        quick.bind(("127.0.0.1", 0))
        quick.setblocking(False)
        out = FanOut(house.port.socket)
        out.add(_keys(), 111, slow)
        out.add(_keys(), 111, quick.getsockname())
        out.add(_keys(), 111, slow)
        heard = 0
        for sequence in range(6000):
            out.send(bytes(160), marker=False, sequence=sequence, timestamp=sequence * 960, ssrc=7)
            heard += len(quick.recv(2000)) > 0

    assert heard == 6000
    assert house.port.refused["tcp_slow"] > 0
    assert slow._transport is not None
    assert slow._transport.get_write_buffer_size() <= 34 * 1024


async def test_a_listener_may_move_between_udp_and_tcp(house: _House) -> None:
    reader, _ = await house.proved()
    stream = house.path.address
    assert stream is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(5)
        out = FanOut(house.port.socket)
        slot = out.add(_keys(), 111, stream)
        for sequence, address in enumerate((ear.getsockname(), stream, ear.getsockname())):
            out.move(slot, address)
            out.send(b"opus", marker=False, sequence=sequence, timestamp=1, ssrc=7)
        out.remove(slot)
        out.send(b"opus", marker=False, sequence=9, timestamp=2, ssrc=7)

        assert len(ear.recv(2000)) == len(ear.recv(2000)) == len(await _read_frame(reader))
        assert out.sent == 3


def _keys() -> pylibsrtp.Session:
    kind = pylibsrtp.Policy.SSRC_ANY_OUTBOUND
    profile = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM
    return pylibsrtp.Session(pylibsrtp.Policy(key=bytes(28), ssrc_type=kind, srtp_profile=profile))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_both_families_reach_the_one_listener(address: str) -> None:
    async with _opened("::") as house:
        reader, writer = await asyncio.open_connection(address, house.port.number)
        writer.write(_frame(_check(house.path)))
        answer = stun.parse_message(await _read_frame(reader))
        writer.close()

        assert answer.attributes["XOR-MAPPED-ADDRESS"][0] == address


async def test_a_port_whose_tcp_half_is_taken_is_said_in_one_line() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(port.ConfigError, match="cannot use TCP"):
            port.bind("127.0.0.1", taken.getsockname()[1])
