"""The filter in front of every parser: what a stranger's datagrams can do, which is nothing."""

import asyncio
import errno
import random
import secrets
import socket

import pytest
from aioice import stun

from fedispace.clock import ManualClock
from fedispace.media.live import port, udp
from fedispace.media.live.candidates import candidate_addresses
from fedispace.media.live.demux import Demux
from fedispace.media.live.path import Address, Ice, Path
from fedispace.media.live.settings import SfuSettings
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import purity
from tests.media.peers import Listener, Sound, Speaker
from tests.media.studio import Studio

_CLIENT_HELLO = bytes.fromhex("16feff000000000000000000") + bytes(120)
_SRTP = b"\x80\x6f" + bytes(90)


def _check(
    path: Path, *, password: str | None = None, user: str | None = None, nominates: bool = True
) -> bytes:
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={
            "USERNAME": user or f"{path.ice.ufrag}:{path.ice.remote_ufrag}",
            "PRIORITY": 1,
            "ICE-CONTROLLING": 1,
            **({"USE-CANDIDATE": None} if nominates else {}),
        },
    )
    if password != "":
        message.add_message_integrity((password or path.ice.password).encode())
    return bytes(message)


class _Stream:
    """A TCP connection, as the filter sees it."""

    peer = ("127.0.0.1", 40_003)

    def __init__(self) -> None:
        self.proved = self.closed = False

    def send(self, data: bytes) -> bool:
        return True

    def prove(self) -> None:
        self.proved = True

    def close(self) -> None:
        self.closed = True


class _Bench:
    """A filter with one session's path, and two addresses to send from."""

    HERE: Address = ("127.0.0.1", 40_001)
    THERE: Address = ("127.0.0.1", 40_002)

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.sent: list[tuple[bytes, Address]] = []
        self.port = Demux(self.clock, self)
        self.media: list[bytes] = []
        self.path = self.another("ours")
        self.path.on_media = self.media.append

    def another(self, name: str) -> Path:
        """Add the path of one more session."""
        ice = Ice(ufrag=name, password="secret" * 4, remote_ufrag="them")
        path = Path(ice=ice, sender=self, now=self.clock.monotonic())
        self.port.add(path)
        return path

    def send(self, data: bytes, to: Address) -> None:
        self.sent.append((data, to))

    def dtls(self) -> int:
        return len(self.path.inbox)


@pytest.fixture
def bench() -> _Bench:
    return _Bench()


def test_before_stun_nothing_else_is_read(bench: _Bench) -> None:
    bench.port.receive(_CLIENT_HELLO, bench.HERE)
    bench.port.receive(_SRTP, bench.HERE)

    assert (bench.dtls(), bench.media) == (0, [])
    assert bench.port.refused["not_validated"] == 2


def test_after_stun_only_the_source_that_proved_itself_is_read(bench: _Bench) -> None:
    bench.port.receive(_check(bench.path), bench.HERE)
    for source in (bench.HERE, bench.THERE):
        bench.port.receive(_CLIENT_HELLO, source)
        bench.port.receive(_SRTP, source)

    assert (bench.dtls(), bench.media) == (1, [_SRTP])


@pytest.mark.parametrize("password", ["", "wrong"])
def test_stun_without_the_password_proves_nothing(bench: _Bench, password: str) -> None:
    bench.port.receive(_check(bench.path, password=password), bench.HERE)
    bench.port.receive(_CLIENT_HELLO, bench.HERE)

    assert bench.path.address is None
    assert bench.dtls() == 0
    assert bench.port.refused["stun_integrity"] == 1


@pytest.mark.parametrize("user", ["ours:other", "other:them", "ours", ":", "oursthem"])
def test_stun_for_another_user_name_proves_nothing(bench: _Bench, user: str) -> None:
    bench.port.receive(_check(bench.path, user=user), bench.HERE)

    assert bench.path.address is None


def test_a_repeated_check_from_elsewhere_does_not_outlive_its_session(bench: _Bench) -> None:
    bench.port.receive(_check(bench.path), bench.HERE)
    bench.port.remove(bench.path)
    bench.port.receive(_check(bench.path), bench.HERE)
    bench.port.receive(_SRTP, bench.HERE)

    assert bench.media == []


def test_a_source_may_ask_only_so_often(bench: _Bench) -> None:
    for _ in range(500):
        bench.port.receive(_check(bench.path), bench.HERE)
    assert bench.port.refused["stun_rate"] >= 350

    bench.clock.advance(seconds=5)
    refused = bench.port.refused["stun_rate"]
    bench.port.receive(_check(bench.path), bench.HERE)
    assert bench.port.refused["stun_rate"] == refused


def test_strangers_who_know_a_name_cannot_make_its_session_lose_its_consent(bench: _Bench) -> None:
    bench.port.receive(_check(bench.path), bench.HERE)
    for number in range(5000):
        bench.port.receive(_check(bench.path, password="guessed"), ("198.51.100.7", 1024 + number))
    assert bench.port.refused["stun_rate"] > 4000

    bench.sent.clear()
    bench.port.receive(_check(bench.path), bench.HERE)
    assert [to for _, to in bench.sent] == [bench.HERE]


def test_an_ipv6_network_is_one_stranger(bench: _Bench) -> None:
    paths = [bench.another(f"session{number}") for number in range(100)]
    for number in range(5000):
        bench.port.receive(
            _check(paths[number % 100], password="guessed"), (f"2001:db8::{number:x}", 40_000, 0, 0)
        )
    assert bench.port.refused["stun_integrity"] <= 2000

    bench.port.receive(_check(paths[0]), ("2001:db8:0:1::1", 40_000, 0, 0))
    assert paths[0].address is not None


def test_all_strangers_together_are_held_to_a_rate(bench: _Bench) -> None:
    paths = [bench.another(f"session{number}") for number in range(1000)]
    for number in range(12_000):
        source = (f"198.51.{number >> 8}.{number & 0xFF}", 40_000)
        bench.port.receive(_check(paths[number % 1000], password="guessed"), source)

    assert bench.port.refused["stun_integrity"] <= 8000
    assert bench.port.refused["stun_rate"] >= 4000


def test_a_session_follows_its_browser_to_another_address(bench: _Bench) -> None:
    moves: list[Address] = []
    bench.path.on_move = moves.append
    bench.port.receive(_check(bench.path), bench.HERE)
    bench.port.receive(_check(bench.path), bench.THERE)

    assert moves == [bench.HERE, bench.THERE]


def test_who_offers_udp_and_tcp_is_sent_to_by_udp_while_it_is_heard(bench: _Bench) -> None:
    stream = _Stream()
    bench.port.receive(_check(bench.path), stream)
    bench.port.receive(_check(bench.path), bench.HERE)
    bench.port.receive(_check(bench.path), stream)
    assert bench.path.address == bench.HERE

    bench.clock.advance(seconds=3)
    bench.port.receive(_check(bench.path), stream)
    assert bench.path.address is stream


def test_a_connection_ends_with_its_session(bench: _Bench) -> None:
    stream = _Stream()
    bench.port.receive(_check(bench.path), stream)
    assert stream.proved
    bench.port.remove(bench.path)
    assert stream.closed


def test_after_a_restart_the_old_name_serves_until_the_new_one_is_used(bench: _Bench) -> None:
    bench.port.receive(_check(bench.path), bench.HERE)
    old = _check(bench.path)
    bench.port.restart(bench.path, Ice(ufrag="again", password="other" * 5, remote_ufrag="they"))
    bench.port.receive(old, bench.HERE)
    bench.port.receive(_SRTP, bench.HERE)
    assert bench.path.address == bench.HERE
    assert bench.media == [_SRTP]

    bench.port.receive(_check(bench.path), bench.THERE)
    assert bench.path.address == bench.THERE
    bench.sent.clear()
    bench.port.receive(old, bench.HERE)
    assert (bench.sent, bench.path.address) == ([], bench.THERE)


def test_a_restart_because_the_old_way_broke_takes_the_first_that_works(bench: _Bench) -> None:
    """Browsers choose a new way seconds after it works, while the old one is not quite given up."""
    bench.port.receive(_check(bench.path), bench.HERE)
    bench.port.restart(bench.path, Ice(ufrag="again", password="other" * 5, remote_ufrag="they"))
    bench.port.receive(_check(bench.path, nominates=False), bench.THERE)
    assert bench.path.address == bench.HERE, "which may well work"

    bench.clock.advance(seconds=3)
    bench.port.receive(_check(bench.path, nominates=False), bench.THERE)
    assert bench.path.address == bench.THERE


def test_restarts_without_end_leave_two_names(bench: _Bench) -> None:
    for number in range(50):
        bench.port.restart(bench.path, Ice(ufrag=f"n{number}", password="other" * 5, remote_ufrag="they"))
    assert len(bench.port._by_ufrag) == 2
    bench.port.remove(bench.path)
    assert not bench.port._by_ufrag


def test_a_session_has_a_bounded_number_of_addresses(bench: _Bench) -> None:
    for number in range(50):
        bench.port.receive(_check(bench.path), ("127.0.0.1", 41_000 + number))

    assert len(bench.path.validated) <= 4
    assert bench.path.address == ("127.0.0.1", 41_049)


def test_queued_handshake_records_are_bounded_and_the_oldest_give_way(bench: _Bench) -> None:
    bench.port.receive(_check(bench.path), bench.HERE)
    for number in range(1000):
        bench.port.receive(_CLIENT_HELLO + number.to_bytes(2, "big"), bench.HERE)

    assert bench.dtls() <= 256


def test_no_datagram_raises(bench: _Bench) -> None:
    chance = random.Random(7)
    valid = _check(bench.path)
    for size in range(len(valid)):
        bench.port.receive(valid[:size], bench.THERE)
    for _ in range(20_000):
        data = bytearray(valid)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        bench.port.receive(bytes(data), bench.THERE)
        bench.port.receive(chance.randbytes(chance.randrange(200)), bench.THERE)


async def test_junk_and_forgeries_are_not_heard_in_the_room(studio: Studio) -> None:
    """Empty datagrams, garbage, STUN without integrity, DTLS and RTP out of nowhere: the process
    lives, the music plays on, and each is counted."""
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(0.5)
        pid = studio.process.pid

        attack = asyncio.create_task(asyncio.to_thread(_attack, studio.process.port, _names(speaker)))
        heard = await listener.listen(2)
        await attack
        status = await eventually(
            "the forgeries were counted", studio.client.status, lambda now: bool(now.packets_refused)
        )

        assert purity(heard, RATE, 440) > 0.95
        assert studio.process.pid == pid
        for reason in ("size", "not_validated", "stun_unknown", "stun_integrity"):
            assert status.packets_refused[reason] > 0, reason
        assert status.rooms == {"room": (1, 1)}


def _names(peer: Speaker) -> str:
    """Return the user name that a check for this session carries, as somebody on the path reads it."""
    ours = next(
        line.partition(":")[2]
        for line in peer.connection.remoteDescription.sdp.splitlines()
        if line.startswith("a=ice-ufrag:")
    )
    theirs = next(
        line.partition(":")[2]
        for line in peer.connection.localDescription.sdp.splitlines()
        if line.startswith("a=ice-ufrag:")
    )
    return f"{ours}:{theirs}"


def _attack(number: int, user: str) -> None:
    forged = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={"USERNAME": user, "PRIORITY": 1, "ICE-CONTROLLING": 1, "USE-CANDIDATE": None},
    )
    without = bytes(forged)
    forged.add_message_integrity(b"guessed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(400):
            for data in (b"", b"\0", _CLIENT_HELLO, _SRTP, without, bytes(forged), bytes(without[:-3])):
                sock.sendto(data, ("127.0.0.1", number))
            sock.sendto(b"\0\1" + secrets.token_bytes(100), ("127.0.0.1", number))
            sock.sendto(secrets.token_bytes(60), ("127.0.0.1", number))


def test_everybody_is_told_the_addresses_the_world_sees_in_the_order_given() -> None:
    """Behind NAT none of them is ours."""
    chosen = SfuSettings(
        listen="[::]:7882",
        control="unused",
        secret=bytes(32),
        public_addresses=["203.0.113.5", "2001:db8::5", "198.51.100.9"],
    )
    assert candidate_addresses(chosen.listen, chosen.public_addresses) == (
        "203.0.113.5",
        "2001:db8::5",
        "198.51.100.9",
    )


def test_listening_everywhere_tells_of_both_families_and_of_the_loopback_last() -> None:
    told = candidate_addresses("[::]:7882", [])
    only_v4 = candidate_addresses("0.0.0.0:7882", [])

    assert {"127.0.0.1", "::1"} <= set(told[-2:])
    assert set(only_v4) < set(told)
    assert not any(":" in address for address in only_v4)


def test_a_machine_without_ipv6_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    real = udp.bind

    def without(host: str, number: int) -> socket.socket:
        if ":" in host:
            raise OSError(errno.EAFNOSUPPORT, "no such family")
        return real(host, number)

    monkeypatch.setattr(udp, "bind", without)
    datagrams, listener = port.bind("::", 0)
    with datagrams, listener:
        assert datagrams.family == listener.family == socket.AF_INET
        assert datagrams.getsockname() == listener.getsockname()
