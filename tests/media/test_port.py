"""The filter in front of every parser: what a stranger's datagrams can do, which is nothing."""

import asyncio
import random
import secrets
import socket
from collections.abc import Iterator

import pytest
from aioice import stun

from fedispace.clock import ManualClock
from fedispace.media.live import port
from fedispace.media.live.path import Address, Path
from fedispace.media.live.port import UdpPort
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import purity
from tests.media.peers import Listener, Sound, Speaker
from tests.media.studio import Studio

_CLIENT_HELLO = bytes.fromhex("16feff000000000000000000") + bytes(120)
_SRTP = b"\x80\x6f" + bytes(90)


def _check(path: Path, *, password: str | None = None, user: str | None = None) -> bytes:
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={
            "USERNAME": user or f"{path.ufrag}:{path.remote_ufrag}",
            "PRIORITY": 1,
            "ICE-CONTROLLING": 1,
            "USE-CANDIDATE": None,
        },
    )
    if password != "":
        message.add_message_integrity((password or path.password).encode())
    return bytes(message)


class _Bench:
    """A port with one session's path, and two addresses to send from."""

    HERE: Address = ("127.0.0.1", 40_001)
    THERE: Address = ("127.0.0.1", 40_002)

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.port = UdpPort(port.bind("127.0.0.1", 0), self.clock)
        self.media: list[bytes] = []
        self.path = Path(ufrag="ours", password="secret" * 4, remote_ufrag="them", sender=self.port, now=0.0)
        self.path.on_media = self.media.append
        self.port.add(self.path)

    def dtls(self) -> int:
        return self.path._dtls.qsize()


@pytest.fixture
def bench() -> Iterator[_Bench]:
    found = _Bench()
    yield found
    found.port.socket.close()


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


def test_a_session_follows_its_browser_to_another_address(bench: _Bench) -> None:
    moves: list[Address] = []
    bench.path.on_move = moves.append
    bench.port.receive(_check(bench.path), bench.HERE)
    bench.port.receive(_check(bench.path), bench.THERE)

    assert moves == [bench.HERE, bench.THERE]


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
