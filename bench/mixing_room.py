"""Thirteen talkers in one room, in the server: what the mix costs there, and against Janus AudioBridge.

Each side has the same clients, who are connected throughout and send the same speech in the same 20 ms.
In turn, for a few seconds each, they talk. AudioBridge encodes a mix for each participant, ours one for
all of them; its listeners are muted participants. `quiet` is our room with the same packets while their
level says that twelve of the thirteen are silent: receiving and forwarding, no mix. What the mix costs is
the difference.
"""

import asyncio
import statistics
import tempfile
from pathlib import Path
from typing import Any

from bench import namespace
from bench.forwarding_fedispace import Fedispace
from bench.forwarding_janus import AudioBridge
from bench.forwarding_side import Side, keep_consent
from bench.process import cpu_seconds, go_before_all
from bench.talking import Talking

_LISTENERS = 10
_SETTLE_SECONDS = 1.0


async def measure(
    host: str, talkers: int, seconds: float, rounds: int, *, realtime: bool = False
) -> dict[str, Any]:
    """Return the shares of a core, in percent; `realtime`: our server goes before all else."""
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("fedispace", "janus")]
        for place in places:
            place.mkdir()
        ours = Fedispace(host, places[0])
        sides = [Side("fedispace", ours, host)]
        if namespace.has_janus(host):
            sides.append(Side("audiobridge", AudioBridge(places[1]), host))
        consent = asyncio.create_task(keep_consent(sides))
        found: dict[str, list[float]] = {side.name: [] for side in sides}
        try:
            for side in sides:
                await side.open(talkers, _LISTENERS)
            if realtime:
                go_before_all(ours.pid)
            found["quiet"] = []
            for _ in range(rounds):
                found["quiet"].append(await _share(sides[0], 1, seconds))
                for side in sides:
                    found[side.name].append(await _share(side, talkers, seconds))
            mixer = (await ours.door.client.status()).mixer
        finally:
            consent.cancel()
            for side in sides:
                await side.close()
    result: dict[str, Any] = {name: statistics.median(values) for name, values in found.items()}
    pairs = zip(found["fedispace"], found["quiet"], strict=True)
    result["mix"] = statistics.median(mixed - quiet for mixed, quiet in pairs)
    result["rounds"] = found
    result["ticks"], result["ticks_late"] = mixer.ticks, mixer.ticks_late
    result["ticks_kept_waiting"] = mixer.ticks_kept_waiting
    return result


async def _share(side: Side, aloud: int, seconds: float) -> float:
    async with Talking(side.talkers, silence_every=1) as talking:
        talking.speaking = aloud
        await asyncio.sleep(_SETTLE_SECONDS)
        cpu, began = cpu_seconds(side.server.pid), asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        cpu = cpu_seconds(side.server.pid) - cpu
        elapsed = asyncio.get_running_loop().time() - began
    side.count()
    return 100 * cpu / elapsed
