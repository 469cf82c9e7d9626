"""How fast what happens in a room is known to all who are in it, and what that costs.

    python -m bench.room_events [--sockets 1000] [--events 60] [--json PATH]

One `serve` with every role, a live Space, and real WebSockets that another process holds: nine of ten are
visitors', the others show tokens, three of each person. A host pins a link and takes it down again by the
API; each of these is one event to all sockets. The delay is from sending the command to the bytes at a
socket's end in the other process, on one clock, so it holds the call, the transaction with its fsync, and the
reading. The memory is what the server's own grew by, for each socket; the CPU for an event is the server's,
less what it uses with all sockets at rest.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from bench.process import Server, cpu_seconds, free_port, private_mb
from bench.world import instance, local_person
from fedispace.accounts.models import Account
from fedispace.accounts.scopes import parse
from fedispace.app import build

GOAL_P95_MS = 250.0
_AT = "/api/fedispace/v1/spaces"
_PAUSE = 0.2
_AT_ONCE = 50
_PEOPLE_EVERY = 10
_OF_ONE = 3
_PING = b"\x89\x00"
_PONG = b"\x8a\x80\0\0\0\0"


class Ear(asyncio.Protocol):
    """One WebSocket, as little of it as is needed: it counts the events it hears, and when."""

    def __init__(self, heard: list[tuple[int, float]], first: bytes, path: str) -> None:
        self.is_in = asyncio.get_running_loop().create_future()
        self._heard = heard
        self._first = first
        self._path = path
        self._count = 0
        self._began = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        mask = b"\0\0\0\0"
        head = (
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        transport.write(head.encode() + bytes((0x81, 0x80 | len(self._first))) + mask + self._first)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if _PING in data and self._transport is not None:
            self._transport.write(_PONG)
        if not self.is_in.done():
            self._began += data
            if b'"event":"hello"' in self._began:
                self.is_in.set_result(None)
            return
        for _ in range(data.count(b'"event":"pins"')):
            self._heard.append((self._count, now))
            self._count += 1

    def connection_lost(self, error: Exception | None) -> None:
        if not self.is_in.done():
            self.is_in.set_exception(error or ConnectionError(self._began[-300:].decode(errors="replace")))


async def listen(port: int, path: str, sockets: int, tokens: Sequence[str]) -> None:
    """Hold the sockets: say when all are in, and at the end what was heard when."""
    heard: list[tuple[int, float]] = []
    loop = asyncio.get_running_loop()
    for begin in range(0, sockets, _AT_ONCE):
        ears = []
        for number in range(begin, min(begin + _AT_ONCE, sockets)):
            known, person = divmod(number, _PEOPLE_EVERY)
            token = tokens[known // _OF_ONE] if person == 0 else None
            ear = Ear(heard, json.dumps({"pass": token}).encode(), path)
            await loop.create_connection(lambda made=ear: made, "127.0.0.1", port)  # type: ignore[misc]
            ears.append(ear)
        await asyncio.gather(*(ear.is_in for ear in ears))
    print("in", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(json.dumps(heard), flush=True)


async def measure(sockets: int, events: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        port = free_port()
        file, config = await instance(directory, port, free_port())
        app = build(config)
        people = sockets // _PEOPLE_EVERY // _OF_ONE + 1
        ids = [await local_person(app, "host")]
        async with app.db.transaction() as tx:
            host = await tx.get(Account, ids[0])
            assert host is not None
        tokens = []
        for number in range(people):
            someone = await local_person(app, f"p{number}")
            tokens.append(await app.oauth.issue(someone, parse("read write")))
        own = await app.oauth.issue(host.id, parse("read write"))
        await app.close()
        command = ["-m", "fedispace", "serve", "--log-level", "warning", "--config", str(file)]
        server = Server(command, directory / "serve.log")
        try:
            await server.answers(port, seconds=60)
            return await _measured(server.pid, port, own, tokens, sockets, events)
        finally:
            server.stop()


async def _measured(
    pid: int, port: int, own: str, tokens: Sequence[str], sockets: int, events: int
) -> dict[str, float]:
    headers = {"Authorization": f"Bearer {own}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        async with session.post(_AT, json={"title": secrets.token_hex(4)}) as made:
            space = (await made.json())["id"]
        async with session.post(f"{_AT}/{space}/open") as opened:
            assert opened.status == 200, await opened.text()
        await _happen(session, space, 4)  # what is loaded by the first is not a socket's
        before = private_mb(pid)
        command = [sys.executable, "-m", "bench.room_events", "--listen", str(port)]
        command += ["--path", f"/spaces/{space}/signal", "--sockets", str(sockets)]
        command += ["--tokens", ",".join(tokens)]
        began, joins_from = time.monotonic(), cpu_seconds(pid)
        ears = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert ears.stdout is not None
        said = await asyncio.to_thread(ears.stdout.readline)
        assert said == "in\n", "the sockets did not get in"
        joined, joins = time.monotonic() - began, cpu_seconds(pid) - joins_from
        await asyncio.sleep(2)
        after = private_mb(pid)
        idle_from = cpu_seconds(pid)
        await asyncio.sleep(events * _PAUSE)
        idle = cpu_seconds(pid) - idle_from
        busy_from = cpu_seconds(pid)
        sent = await _happen(session, space, events)
        busy = cpu_seconds(pid) - busy_from
        await asyncio.sleep(1)
        told, _ = await asyncio.to_thread(ears.communicate, "enough\n")
    delays = sorted(1000 * (at - sent[number]) for number, at in json.loads(told))
    assert len(delays) == sockets * events, f"{len(delays)} of {sockets * events} came"
    return {
        "sockets": sockets,
        "events": events,
        "p50_ms": statistics.median(delays),
        "p95_ms": delays[int(len(delays) * 0.95)],
        "worst_ms": delays[-1],
        "kb_per_socket": 1000 * (after - before) / sockets,
        "cpu_ms_per_event": 1000 * max(0.0, busy - idle) / events,
        "cpu_idle_percent": 100 * idle / (events * _PAUSE),
        "cpu_ms_per_join": 1000 * joins / sockets,
        "join_seconds": joined,
    }


async def _happen(session: aiohttp.ClientSession, space: str, events: int) -> list[float]:
    """Have so many events happen; return when each was asked for."""
    sent: list[float] = []
    pin = ""
    for number in range(events):
        due = time.monotonic() + _PAUSE
        sent.append(time.monotonic())
        if number % 2 == 0:
            given = {"url": "https://example.org/", "title": "Held up"}
            async with session.post(f"{_AT}/{space}/room/pins", json=given) as made:
                assert made.status == 201, await made.text()
                pin = (await made.json())["id"]
        else:
            async with session.delete(f"{_AT}/{space}/room/pins/{pin}") as gone:
                assert gone.status == 200, await gone.text()
        await asyncio.sleep(due - time.monotonic())
    return sent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--events", type=int, default=60)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--listen", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--path", default="", help=argparse.SUPPRESS)
    parser.add_argument("--tokens", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.listen:
        asyncio.run(listen(arguments.listen, arguments.path, arguments.sockets, arguments.tokens.split(",")))
        return
    figures = asyncio.run(measure(arguments.sockets, arguments.events // 2 * 2))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    print(f"sockets, events                    {figures['sockets']:7.0f}      {figures['events']:.0f}")
    print(f"from command to socket, p50        {figures['p50_ms']:7.1f} ms")
    print(f"from command to socket, p95        {figures['p95_ms']:7.1f} ms   (goal <= {GOAL_P95_MS:.0f})")
    print(f"from command to socket, worst      {figures['worst_ms']:7.1f} ms")
    print(f"server's memory for a socket       {figures['kb_per_socket']:7.1f} kB")
    print(f"server's CPU for an event          {figures['cpu_ms_per_event']:7.1f} ms")
    print(f"server's CPU, all at rest          {figures['cpu_idle_percent']:7.1f} %")
    print(f"server's CPU for one who comes     {figures['cpu_ms_per_join']:7.1f} ms")
    print(f"until all were in                  {figures['join_seconds']:7.1f} s")


if __name__ == "__main__":
    main()
