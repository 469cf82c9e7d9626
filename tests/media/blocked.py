"""`python -m tests.media.blocked whep|whip`, in a network namespace of its own: a browser listens, or
speaks, by UDP; then a firewall lets none of its UDP through any more. Prints one line of JSON.

    unshare --net python -m tests.media.blocked whep
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.ground.eventually import eventually
from tests.media.door import open_door
from tests.media.peers import Listener, Sound, Speaker
from tests.media.studio import Studio
from tests.media.test_other_clients import _chromium

_NETWORK = """
ip link set lo up
ip link add here type veth peer name there
ip addr add 10.77.0.1/24 dev here
ip link set here up
ip link set there up
"""
_SOME_PACKETS = 10


async def main(side: str) -> None:
    """Block, and tell after how long sound was there again, and whether the session is the same."""
    _run(_NETWORK)
    with tempfile.TemporaryDirectory() as directory:
        async with (
            Studio(Path(directory)) as studio,
            Speaker(studio) as speaker,
            Listener(studio) as listener,
            open_door(studio) as origin,
            _chromium(origin) as page,
        ):
            if side == "whep":
                await speaker.publish(Sound.tone(440))
            else:
                await listener.subscribe()
            await page.evaluate(f"hold('/{side}')")

            async def browser_received() -> int:
                reports = await page.evaluate("stats('inbound-rtp')")
                return int(reports[0]["packetsReceived"]) if reports else 0

            async def listener_received() -> int:
                report = await listener.connection.getStats()
                return sum(entry.packetsReceived for entry in report.values() if entry.type == "inbound-rtp")

            received = browser_received if side == "whep" else listener_received
            await eventually("there is sound", received, lambda count: count > 100)
            session = await page.evaluate("line.resource")
            _block(studio.process.port)
            back = await _seconds_until_more(received)
            kept = session == await page.evaluate("line.resource")
            print(json.dumps({"seconds": back, "same_session": kept}))


async def _seconds_until_more(received: Callable[[], Awaitable[int]]) -> float:
    began = time.monotonic()
    await asyncio.sleep(0.3)  # what was under way has arrived
    at_first = await received()
    await eventually(
        "sound is back", received, lambda count: count >= at_first + _SOME_PACKETS or count < at_first
    )
    return time.monotonic() - began


def _block(port: int) -> None:
    """Let no UDP through to and from `port`, but that of this process, which is the other peer."""
    shown = subprocess.run(["ss", "-Hunap"], capture_output=True, text=True, check=True).stdout
    ours = (line.split()[3] for line in shown.splitlines() if f"pid={os.getpid()}," in line)
    rules = [f"--{end} {local.rpartition(':')[2]} -j ACCEPT" for local in ours for end in ("dport", "sport")]
    rules += [f"--{end} {port} -j DROP" for end in ("dport", "sport")]
    _run("\n".join(f"iptables -A INPUT -p udp {rule}" for rule in rules))


def _run(commands: str) -> None:
    for command in commands.strip().splitlines():
        subprocess.run(command.split(), check=True, capture_output=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
