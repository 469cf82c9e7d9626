"""What strangers can do to a room that plays, and what they can learn of those in it: nothing."""

import asyncio
import contextlib
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aioice import stun

from fedispace.errors import Invalid
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media import flood
from tests.media.hearing import purity
from tests.media.peers import Listener, Sound, Speaker
from tests.media.studio import Studio
from tests.media.test_port import _Bench, _names
from tests.media.test_sdp import OFFER, REFUSED
from tests.media.test_sessions import _check_of

_HOSTILE = 1_000_000


@pytest.mark.attack(99)
async def test_a_million_hostile_datagrams_leave_a_room_undisturbed(
    studio: Studio, capfd: pytest.CaptureFixture[str]
) -> None:
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(1)
        before, received = await studio.client.status(), await _inbound(listener)
        capfd.readouterr()

        attack = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.media.flood"),
            *(str(studio.process.port), str(_HOSTILE), _names(speaker)),
        )
        assert await attack.wait() == 0
        after, lines = await studio.client.status(), capfd.readouterr().err.splitlines()
        heard = await listener.listen(1)
        now = await _inbound(listener)

        assert sum(after.packets_refused.values()) - sum(before.packets_refused.values()) > _HOSTILE / 10
        assert after.rooms == {"room": (1, 1)}
        lost = now.packetsLost - received.packetsLost
        assert lost <= 0.01 * (now.packetsReceived - received.packetsReceived + lost)
        assert after.resident_bytes - before.resident_bytes <= 32 << 20
        assert len(lines) <= 10
        assert purity(heard, RATE, 440) > 0.95


@pytest.mark.attack(99)
async def test_hostile_connections_leave_a_room_undisturbed(
    studio: Studio, capfd: pytest.CaptureFixture[str]
) -> None:
    """Thousands that say nothing, junk, half a frame, or are gone before they are looked at."""
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(1)
        before, received = await studio.client.status(), await _inbound(listener)
        capfd.readouterr()

        await asyncio.to_thread(_connect_and_say, studio.process.port, _names(speaker))

        async def count() -> int:
            return (await studio.client.status()).tcp_connections

        await eventually("all are gone", count, lambda found: found == 0)
        after, lines = await studio.client.status(), capfd.readouterr().err.splitlines()
        heard = await listener.listen(1)
        now = await _inbound(listener)

        for reason in ("tcp_frame", "tcp_unproved", "tcp_connections"):
            assert after.packets_refused[reason] > 0, reason
        lost = now.packetsLost - received.packetsLost
        assert lost <= 0.01 * (now.packetsReceived - received.packetsReceived + lost)
        assert after.resident_bytes - before.resident_bytes <= 32 << 20
        assert len(lines) <= 10
        assert purity(heard, RATE, 440) > 0.95


def _connect_and_say(port: int, user: str) -> None:
    forged = next(flood._kinds(user))
    said = [
        b"",
        b"\xff\xff" + bytes(2000),
        b"GET / HTTP/1.1\r\n\r\n",
        len(forged).to_bytes(2, "big") + forged,
        b"\0\x64half a frame",
        (b"\0\x40" + secrets.token_bytes(64)) * 200,
    ]
    kept: list[socket.socket] = []
    for number in range(3000):
        sock = socket.socket()
        sock.settimeout(5)
        try:
            sock.connect(("127.0.0.1", port))
            sock.sendall(said[number % len(said)])
        except OSError:
            sock.close()
            continue
        kept.append(sock)
        if len(kept) > 300:
            kept.pop(0).close()
    for sock in kept:
        sock.close()


@pytest.mark.attack(96, 97)
async def test_offers_that_are_refused_leave_nothing_and_delay_nobody(studio: Studio) -> None:
    """Each is answered soon, while another asks all the time and is answered as soon."""
    async with Listener(studio) as listener:
        await listener.subscribe()
        waits: list[float] = []
        done = asyncio.Event()

        async def ask() -> None:
            while not done.is_set():
                began = time.perf_counter()
                await studio.client.status()
                waits.append(time.perf_counter() - began)

        asking = asyncio.create_task(ask())
        took: list[float] = []
        for offer in REFUSED.values():
            grant = studio.grant("subscribe", room="another")
            began = time.perf_counter()
            with pytest.raises(Invalid):
                await studio.client.subscribe(grant, offer)
            took.append(time.perf_counter() - began)
        done.set()
        await asking
        status = await studio.client.status()

        assert sorted(took)[len(took) // 2] < 0.01
        assert sorted(took)[-2] < 0.05
        assert sorted(waits)[int(len(waits) * 0.99)] < 0.05
        assert (status.rooms, status.joining) == ({"room": (0, 1)}, 0)


@pytest.mark.attack(108)
def test_nobody_is_relayed_anywhere() -> None:
    """There is no TURN here: who asks for an allocation is not even answered, password or not."""
    bench = _Bench()
    for method in (stun.Method.ALLOCATE, stun.Method.CHANNEL_BIND, stun.Method.SEND, stun.Method.REFRESH):
        for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "192.0.2.1"):
            message = stun.Message(
                message_method=method,
                message_class=stun.Class.REQUEST,
                attributes={"USERNAME": "ours:them", "XOR-PEER-ADDRESS": (address, 80)},
            )
            message.add_message_integrity(bench.path.ice.password.encode())
            bench.port.receive(bytes(message), bench.HERE)

    assert bench.sent == []
    assert bench.path.address is None


@pytest.mark.attack(108)
async def test_an_offer_makes_us_send_to_no_address_of_its_choosing(tmp_path: Path) -> None:
    async with Studio(tmp_path, handshake_seconds=0.5) as studio, studio.events() as events:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as canary:
            canary.bind(("127.0.0.1", 0))
            canary.setblocking(False)
            number = canary.getsockname()[1]
            aimed = OFFER.replace("192.168.7.7 50000", f"127.0.0.1 {number}").replace(
                "c=IN IP4 0.0.0.0", "c=IN IP4 127.0.0.1"
            )
            assert f"127.0.0.1 {number}" in aimed
            await studio.client.subscribe(studio.grant("subscribe"), aimed)
            assert (await events.get()).reason == "timeout"

            with pytest.raises(BlockingIOError):
                canary.recv(2000)


@pytest.mark.attack(111)
@pytest.mark.privacy("P-08")
async def test_nobody_learns_anothers_address(studio: Studio, capfd: pytest.CaptureFixture[str]) -> None:
    """Not in answers, reports, events, counts or logs: the one who tells his address is 127.0.0.77."""
    told: list[str] = []
    async with studio.events() as events, Speaker(studio) as speaker, Listener(studio) as listener:
        hidden = await studio.client.publish(studio.grant("publish"), OFFER)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.77", 0))
            sock.setblocking(False)
            sock.sendto(_check_of(hidden.sdp, "AbCd"), ("127.0.0.1", studio.process.port))
            answered = await asyncio.get_running_loop().sock_recv(sock, 2000)
            assert answered[:2] == b"\x01\x01"
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(0.5)
        told += [listener.connection.remoteDescription.sdp, speaker.connection.remoteDescription.sdp]
        told += [repr((await listener.connection.getStats()).values()), repr(await studio.client.status())]
        await studio.client.hang_up(hidden.session)

        async def gone() -> bool:
            told.append(repr(event := await events.get()))
            return event.session == hidden.session and event.kind == "disconnected"

        await eventually("it is over", gone, bool)
    told.append(capfd.readouterr().err)

    for text in told:
        assert "127.0.0.77" not in text
        assert "192.168.7.7" not in text
    for answer in told[:2]:
        lines = [line.split() for line in answer.splitlines() if line.startswith("a=candidate:")]
        assert {(line[4], line[5]) for line in lines} == {("127.0.0.1", str(studio.process.port))}


async def test_a_publisher_has_a_socket_of_his_own_and_leaves_none_behind(studio: Studio) -> None:
    """So that a flood of the common one does not drown him; five come and go."""
    await studio.client.status()  # the client's own connection is there
    pid = studio.process.pid

    def sockets() -> int:
        found = 0
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                found += "socket:" in str(link.readlink())
        return found

    async def count() -> int:
        return sockets()

    before = sockets()
    for _ in range(5):
        async with Speaker(studio) as speaker:
            await speaker.publish(Sound.tone(440), participant=secrets.token_hex(4))
            await eventually("there is one more", count, lambda found: found == before + 1)
        await eventually("it is gone", count, lambda found: found == before)


async def _inbound(listener: Listener) -> Any:
    report = await listener.connection.getStats()
    return next(entry for entry in report.values() if entry.type == "inbound-rtp")
