"""The SFU as a process: who may command it, how it ends, and how it comes back."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from fedispace.errors import ConfigError, Forbidden, Invalid, Unavailable
from fedispace.media.live import messages, protocol, settings
from fedispace.media.live.client import SfuClient
from fedispace.media.live.messages import Challenge, Proof
from fedispace.media.live.settings import SfuSettings
from fedispace.media.live.supervisor import SfuProcess
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.ground.stopwatch import Stopwatch
from tests.media.hearing import purity
from tests.media.peers import Listener, Sound, Speaker
from tests.media.studio import Studio
from tests.media.test_sdp import OFFER


async def test_it_starts_within_two_seconds_and_is_small(tmp_path: Path) -> None:
    watch = Stopwatch()
    async with Studio(tmp_path) as studio:
        status = await studio.client.status()

        assert watch.seconds(*_processes(studio)) < 2
        assert status.resident_bytes < 110e6
        assert status.port == studio.process.port


@pytest.mark.parametrize("token", ["", "forged.grant"])
async def test_without_a_grant_no_session_opens(studio: Studio, token: str) -> None:
    with pytest.raises(Forbidden):
        await studio.client.publish(token, OFFER)

    assert (await studio.client.status()).rooms == {}


async def test_a_grant_opens_one_session_and_no_second(studio: Studio) -> None:
    grant = studio.grant("subscribe")
    await studio.client.subscribe(grant, OFFER)
    with pytest.raises(Forbidden):
        await studio.client.subscribe(grant, OFFER)


async def test_a_grant_is_spent_even_when_its_session_is_over(studio: Studio) -> None:
    grant = studio.grant("subscribe")
    answer = await studio.client.subscribe(grant, OFFER)
    await studio.client.hang_up(answer.session)
    await eventually("the session is gone", studio.client.status, lambda now: now.rooms == {})

    with pytest.raises(Forbidden):
        await studio.client.subscribe(grant, OFFER)


async def test_a_listeners_grant_does_not_publish(studio: Studio) -> None:
    with pytest.raises(Forbidden):
        await studio.client.publish(studio.grant("subscribe"), OFFER)
    with pytest.raises(Forbidden):
        await studio.client.subscribe(studio.grant("publish"), OFFER)


async def test_an_offer_that_cannot_be_answered_is_refused_and_spends_nothing(studio: Studio) -> None:
    grant = studio.grant("publish")
    for offer in ("", OFFER.replace("sendrecv", "recvonly"), "x" * 100_000):
        with pytest.raises(Invalid):
            await studio.client.publish(grant, offer)

    assert (await studio.client.publish(grant, OFFER)).sdp.startswith("v=0")


async def test_who_does_not_finish_the_handshake_is_dropped(tmp_path: Path) -> None:
    async with Studio(tmp_path, handshake_seconds=0.3) as studio, studio.events() as events:
        answer = await studio.client.subscribe(studio.grant("subscribe"), OFFER)

        event = await events.get()

        assert (event.kind, event.session, event.reason) == ("disconnected", answer.session, "timeout")
        assert (await studio.client.status()).rooms == {}


@pytest.mark.reliability("L6")
async def test_a_client_that_vanishes_is_dropped(tmp_path: Path) -> None:
    async with (
        Studio(tmp_path, idle_seconds=1.0) as studio,
        Listener(studio) as listener,
        studio.events() as events,
    ):
        await listener.subscribe()
        assert (await events.get()).kind == "connected"
        await _cut_off(listener)

        event = await events.get()

        assert (event.kind, event.reason) == ("disconnected", "idle")


async def test_events_tell_who_comes_speaks_and_leaves(studio: Studio) -> None:
    async with studio.events() as events:
        async with Speaker(studio) as speaker:
            await speaker.publish(Sound.tone(440), participant="anna")
            came, spoke = await events.get(), await events.get()
        left = await events.get()
        while left.kind == "speaking":
            left = await events.get()

    assert [event.kind for event in (came, spoke, left)] == ["connected", "speaking", "disconnected"]
    assert {event.participant for event in (came, spoke, left)} == {"anna"}
    assert {event.room for event in (came, spoke, left)} == {"room"}
    assert spoke.level < 127
    assert left.reason == "left"


async def test_too_many_sessions_are_refused_with_a_reason(tmp_path: Path) -> None:
    async with Studio(tmp_path, max_sessions=2) as studio:
        for _ in range(2):
            await studio.client.subscribe(studio.grant("subscribe"), OFFER)
        with pytest.raises(Unavailable):
            await studio.client.subscribe(studio.grant("subscribe"), OFFER)


async def test_the_same_listener_has_at_most_three_sessions(studio: Studio) -> None:
    async with studio.events() as events:
        for _ in range(4):
            await studio.client.subscribe(studio.grant("subscribe", participant="anna"), OFFER)
        event = await events.get()

    assert (event.kind, event.reason) == ("disconnected", "replaced")


async def test_killed_it_comes_back_and_clients_hear_again(studio: Studio) -> None:
    async with studio.events() as events:
        async with Listener(studio) as before:
            await before.subscribe()
            assert (await events.get()).kind == "connected"
            pid, port = studio.process.pid, studio.process.port
            assert pid is not None

            os.kill(pid, signal.SIGKILL)

            event = await events.get()
        assert (event.kind, event.reason) == ("disconnected", "sfu_restarted")
        assert (await studio.client.status()).rooms == {}
        assert studio.process.pid not in (None, pid)
        assert studio.process.port == port
        async with Speaker(studio) as speaker, Listener(studio) as listener:
            await listener.subscribe()
            await speaker.publish(Sound.tone(440))
            await listener.listen(0.5)
            assert purity(await listener.listen(1), RATE, 440) > 0.95


async def test_killed_it_is_back_within_two_seconds(studio: Studio) -> None:
    assert studio.process.pid is not None
    watch = Stopwatch(*_processes(studio))
    os.kill(studio.process.pid, signal.SIGKILL)

    await eventually("it was started again", lambda: _starts(studio), lambda starts: starts == 2)

    assert watch.seconds(*_processes(studio)) < 2


def _processes(studio: Studio) -> tuple[int, int]:
    """Return the SFU and the process that brought it into the world."""
    assert studio.process.pid is not None
    status = Path(f"/proc/{studio.process.pid}/status").read_text()
    return studio.process.pid, int(status.partition("PPid:")[2].split()[0])


async def test_while_it_is_away_calls_say_so(tmp_path: Path) -> None:
    async with SfuClient(tmp_path / "nothing.sock", bytes(32), call_seconds=0.2) as client:
        with pytest.raises(Unavailable):
            await client.status()


async def test_it_ends_when_its_parent_goes_away(tmp_path: Path) -> None:
    chosen = SfuSettings(listen="127.0.0.1:0", control=str(tmp_path / "sfu.sock"), secret=bytes(32))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fedispace.media.live.server",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(settings.encode(chosen))
    assert b'"error":""' in await process.stdout.readline()

    process.stdin.close()

    assert await asyncio.wait_for(process.wait(), 5) == 0
    assert not Path(chosen.control).exists()


async def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        number = taken.getsockname()[1]
        control = str(tmp_path / "sfu.sock")
        process = SfuProcess(SfuSettings(listen=f"127.0.0.1:{number}", control=control, secret=bytes(32)))

        with pytest.raises(ConfigError, match=str(number)):
            await process.start()

        assert process.pid is None


async def test_one_that_was_launched_and_never_waited_for_is_taken_along_too(tmp_path: Path) -> None:
    """While it starts `serve` loads the application; should that fail, no audio server stays behind."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text().split()
    control = str(tmp_path / "sfu.sock")
    process = SfuProcess(SfuSettings(listen="127.0.0.1:0", control=control, secret=bytes(32)))

    await process.launch()
    assert len(children.read_text().split()) == len(before) + 1
    await process.stop()

    assert children.read_text().split() == before


async def test_a_successor_waits_for_the_port_of_one_that_is_ending(tmp_path: Path) -> None:
    """After kill -9 of the whole server its SFU lives a moment longer than its parent."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 0))
    number = taken.getsockname()[1]
    control = str(tmp_path / "sfu.sock")
    process = SfuProcess(SfuSettings(listen=f"127.0.0.1:{number}", control=control, secret=bytes(32)))
    start = asyncio.create_task(process.start())
    asyncio.get_running_loop().call_later(0.7, taken.close)

    await start

    assert process.port == number
    await process.stop()


@pytest.mark.attack(112)
async def test_the_control_socket_is_for_its_own_user_only(studio: Studio) -> None:
    mode = stat.S_IMODE(os.stat(studio.settings.control).st_mode)

    assert mode == 0o600


@pytest.mark.attack(112)
async def test_who_does_not_know_the_secret_commands_nothing(studio: Studio) -> None:
    reader, writer = await asyncio.open_unix_connection(studio.settings.control)
    challenge = protocol.heard_by_client(await protocol.read_frame(reader))
    assert isinstance(challenge, Challenge)
    writer.write(protocol.frame(Proof(version=protocol.VERSION, mac=protocol.proof_for(challenge, b"guess"))))
    writer.write(protocol.frame(messages.CloseRoom(id=1, room="room")))

    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    "said", [b"\xff\xff\xff\xff", b"\0\0\0\2{}", b"\0\0\0\5hello", b"GET / HTTP/1.1\r\n\r\n"]
)
async def test_what_is_not_the_protocol_ends_only_its_own_connection(studio: Studio, said: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(studio.settings.control)
    await protocol.read_frame(reader)
    writer.write(said)

    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    assert (await studio.client.status()).rooms == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.attack(112)
async def test_another_user_is_not_even_challenged() -> None:
    """Were the socket's mode ever widened by mistake, the kernel still tells who is calling."""
    code = (
        "import socket, sys\n"
        "caller = socket.socket(socket.AF_UNIX)\n"
        "caller.connect(sys.argv[1])\n"
        "sys.exit(len(caller.recv(100)))"
    )
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        async with Studio(Path(directory)) as studio:
            os.chmod(studio.settings.control, 0o666)
            stranger = await asyncio.create_subprocess_exec(
                "/usr/bin/python3", "-c", code, studio.settings.control, user="nobody", env={}
            )

            assert await stranger.wait() == 0


async def test_the_secret_is_not_in_its_arguments_or_environment(studio: Studio) -> None:
    process = Path(f"/proc/{studio.process.pid}")
    visible = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()

    assert studio.secret not in visible
    assert msgspec.json.encode(studio.secret)[1:-1] not in visible


async def test_comings_and_goings_leave_nothing_behind(studio: Studio) -> None:
    async def open_files() -> int:
        return len(list(Path(f"/proc/{studio.process.pid}/fd").iterdir()))

    await studio.client.status()
    before = await open_files()
    for _ in range(200):
        answer = await studio.client.subscribe(studio.grant("subscribe"), OFFER)
        await studio.client.hang_up(answer.session)

    status = await eventually("all are gone", studio.client.status, lambda now: now.rooms == {})
    assert status.resident_bytes < 110e6
    assert await open_files() == before


async def _cut_off(listener: Listener) -> None:
    """Stop a stock client's consent checks without a goodbye, as a lost network would."""
    for transceiver in listener.connection.getTransceivers():
        connection = transceiver.receiver.transport.transport._connection
        for candidate_protocol in connection._protocols:
            candidate_protocol.transport.abort()


async def _starts(studio: Studio) -> int:
    return studio.process.starts


def test_the_web_process_loads_no_webrtc() -> None:
    """The client's side of the SFU costs a web process neither aiortc's memory nor its attack surface."""
    code = (
        "import sys, fedispace.media.live.client, fedispace.media.live.supervisor\n"
        "heavy = {'aiortc', 'aioice', 'av', 'pylibsrtp', 'OpenSSL', 'cffi'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("directory", ["missing", "x" * 120])
async def test_a_control_path_that_cannot_be_used_is_said_in_one_line(tmp_path: Path, directory: str) -> None:
    control = str(tmp_path / directory / "sfu.sock")
    process = SfuProcess(SfuSettings(listen="127.0.0.1:0", control=control, secret=bytes(32)))

    with pytest.raises(
        ConfigError, match=r"rtc\.control: cannot use .+: (No such file|AF_UNIX path too long)"
    ):
        await process.start()


async def test_killed_again_and_again_it_comes_back_each_time(studio: Studio) -> None:
    seen = set()
    for start in (2, 3, 4):
        assert studio.process.pid is not None
        seen.add(studio.process.pid)
        os.kill(studio.process.pid, signal.SIGKILL)
        await eventually("it was started again", lambda: _starts(studio), lambda starts, n=start: starts == n)
        assert (await studio.client.status()).port == studio.process.port

    assert len(seen) == 3


def _lives(pid: int) -> bool:
    """Tell whether a process runs; one that has ended may wait for its new parent to take note."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def test_a_killed_nursery_takes_its_sfu_along_and_both_come_back(studio: Studio) -> None:
    pid, port = studio.process.pid, studio.process.port
    assert pid is not None
    nursery = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

    os.kill(nursery, signal.SIGKILL)

    await eventually("another was started", lambda: _starts(studio), lambda starts: starts == 2)
    assert studio.process.pid not in (None, pid)
    assert studio.process.port == port
    assert (await studio.client.status()).rooms == {}
    assert not _lives(pid)
