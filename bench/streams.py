"""What a listener over plain HTTP costs the audio server, beside one by WebRTC.

    python -m bench.streams [--readers 400] [--web-readers 100] [--seconds 5] [--json PATH]

One person speaks in a room of an SFU of its own. So many read its stream, each over a connection of their
own from this process, as the web process of an instance holds them; the CPU time of the SFU, less what the
speaker costs alone, is divided by the readers. Then a whole `fedispace serve`: some read its stream over
HTTP, which is as many pages a second though nobody speaks, and the CPU time is that of the web process.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

from bench import namespace
from bench.entering import Instance
from bench.forwarding_fedispace import AS_THEY_COME, Fedispace
from bench.forwarding_peer import Peer
from bench.process import cpu_seconds, resident_mb
from bench.talking import Talking
from fedispace.media.live.stream_client import Stream

_SETTLE_SECONDS = 2.0
_AT_ONCE = 8


async def _drain(stream: Stream, octets: list[int]) -> None:
    while chunk := await stream.next():
        octets[0] += len(chunk)


async def _share(pid: int, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    before, began = cpu_seconds(pid), loop.time()
    await asyncio.sleep(seconds)
    return (cpu_seconds(pid) - before) / (loop.time() - began)


async def measure(host: str, readers: int, seconds: float) -> dict[str, Any]:
    """Return the figures of one run."""
    with tempfile.TemporaryDirectory() as folder:
        server = Fedispace(host, Path(folder), long_packets_above=AS_THEY_COME)
        await server.start()
        streams: list[Stream] = []
        tasks: list[asyncio.Task[None]] = []
        octets = [0]
        try:
            talker = Peer(host)
            await server.publish(talker)
            async with Talking([talker]) as talking:
                talking.speaking = 1
                await asyncio.sleep(_SETTLE_SECONDS)
                alone = await _share(server.pid, seconds)
                resident = resident_mb(server.pid)
                before = cpu_seconds(server.pid)
                for _ in range(0, readers, _AT_ONCE):
                    streams += await asyncio.gather(*(server.door.read() for _ in range(_AT_ONCE)))
                joins = cpu_seconds(server.pid) - before
                tasks = [asyncio.create_task(_drain(stream, octets)) for stream in streams]
                await asyncio.sleep(_SETTLE_SECONDS)
                octets[0] = 0
                share = await _share(server.pid, seconds)
                status = await server.door.client.status()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for stream in streams:
                await stream.close()
            await server.stop()
    return {
        "readers": len(streams),
        "still_there": status.streams,
        "left_out": status.stream_pages_left_out,
        "percent_of_core": round(100 * share, 2),
        "percent_of_core_alone": round(100 * alone, 2),
        "readers_per_core": round(len(streams) / max(1e-9, share - alone)),
        "join_ms": round(1e3 * joins / len(streams), 3),
        "kb_each": round((status.resident_bytes / 1e6 - resident) * 1000 / len(streams), 1),
        "octets_per_second_each": round(octets[0] / seconds / len(streams)),
    }


async def _web_share(readers: int, seconds: float) -> float:
    """Return the share of a core that one reader takes of a web process."""
    with tempfile.TemporaryDirectory() as folder:
        place = Instance(Path(folder))
        try:
            await place.start()
            web, _ = place.pids
            await asyncio.sleep(_SETTLE_SECONDS)
            alone = await _share(web, seconds)
            connector = aiohttp.TCPConnector(limit=0)
            timeout = aiohttp.ClientTimeout(total=None)
            async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
                answers = [await place.read(http) for _ in range(readers)]
                tasks = [asyncio.create_task(_drain_answer(answer)) for answer in answers]
                await asyncio.sleep(_SETTLE_SECONDS)
                share = await _share(web, seconds)
                assert not any(task.done() for task in tasks), "everybody reads on"
                for answer in answers:
                    answer.close()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            place.stop()
    return (share - alone) / readers


async def _drain_answer(answer: aiohttp.ClientResponse) -> None:
    while await answer.content.readany():
        pass


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--readers", type=int, default=400)
    parser.add_argument("--web-readers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    host = namespace.enter("bench.streams")
    found = asyncio.run(measure(host, arguments.readers, arguments.seconds))
    found["percent_of_core_web_each"] = round(
        100 * asyncio.run(_web_share(arguments.web_readers, arguments.seconds)), 4
    )
    for name, value in found.items():
        print(f"{name:24} {value}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(found["still_there"] != found["readers"])


if __name__ == "__main__":
    sys.exit(main())
