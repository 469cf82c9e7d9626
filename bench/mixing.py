"""What mixing a room costs: 13 talkers decoded, added up, encoded once.

    python -m bench.mixing [--talkers 13] [--seconds 20] [--rounds 3] [--realtime] [--json PATH]

The packets are what browsers would send (Opus, 20 ms, 32 kbit/s, with the copies for repair) of a sound
with the spectrum and the rhythm of speech. First the mixer alone runs, in virtual
time: the share of a core is its CPU time over the time it mixed for; the figures for a tick are wall-clock
time, as the other rooms would feel it. Then once more with the pauses there are in a server, in which others
use the caches. Then the same talkers meet in the server and in Janus AudioBridge (`mixing_room`), and
somebody is heard through the mix (`mouth_to_ear`).
"""

import argparse
import asyncio
import resource
import statistics
import sys
import time
from pathlib import Path

from bench import mixing_room, mouth_to_ear, namespace
from bench.goals import Goals
from bench.speech import packets
from fedispace.media.live.mixer import Mixer
from fedispace.media.live.programme import Heard, MixerCounts

GOAL_PERCENT = 4.0


def measure(talkers: int, seconds: int, *, paced: bool = False) -> dict[str, float]:
    """Mix `talkers` and return the figures; `paced`: with the pauses there are in a server."""
    streams = [packets(seconds, seed) for seed in range(talkers)]
    counts, ticks = MixerCounts(), []
    mixer = Mixer(counts)
    began, started = time.process_time(), time.monotonic()
    for number in range(seconds * 50):
        now = number * 0.02
        for talker, stream in enumerate(streams):
            if number:
                mixer.hear(str(talker), stream[number], now)
            else:
                mixer.join(str(talker), [Heard(stream[0], now)], None)
        start = time.perf_counter()
        mixer.tick(now + 0.01)
        ticks.append(time.perf_counter() - start)
        if paced:
            time.sleep(max(0.0, started + now + 0.02 - time.monotonic()))
    cpu = time.process_time() - began
    ticks.sort()
    return {
        "talkers": talkers,
        "percent_of_core": round(100 * cpu / seconds, 2),
        "tick_ms_p50": round(1000 * statistics.median(ticks), 3),
        "tick_ms_p99": round(1000 * ticks[int(0.99 * len(ticks))], 3),
        "tick_ms_max": round(1000 * ticks[-1], 3),
        "concealed": counts.concealed,
        "resident_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def main() -> int:
    """Measure, print, write JSON; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--talkers", type=int, default=13)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--realtime", action="store_true", help="let the SFU go before all else (root)")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    host, talkers = namespace.enter("bench.mixing"), arguments.talkers
    goals = Goals()
    measure(1, 1)
    alone = [measure(count, arguments.seconds) for count in (1, 2, 3, talkers)]
    for found in alone:
        goals.note(f"mixer alone, {found['talkers']} talkers", found["percent_of_core"], "% core")
    goals.note(f"mixer alone, {talkers} talkers: a tick, p50", alone[-1]["tick_ms_p50"], "ms")
    goals.note(f"mixer alone, {talkers} talkers: a tick, p99", alone[-1]["tick_ms_p99"], "ms")
    paced = measure(talkers, arguments.seconds // 2, paced=True)["percent_of_core"]
    goals.note(f"mixer alone, {talkers} talkers, one tick every 20 ms", paced, "% core")
    room = asyncio.run(
        mixing_room.measure(
            host, talkers, arguments.seconds / 4, arguments.rounds, realtime=arguments.realtime
        )
    )
    goals.note(f"room of {talkers}, the server's process", room["fedispace"], "% core")
    goals.note(f"room of {talkers}, as many packets, not mixed", room["quiet"], "% core")
    goals.at_most(f"room of {talkers}, the mix", room["mix"], GOAL_PERCENT, "% core")
    ticks = max(1, room["ticks"])
    goals.at_most("mixer's ticks late, of all", 100 * room["ticks_late"] / ticks, 0.1, "%")
    own = room["ticks_late"] - room["ticks_kept_waiting"]
    goals.at_most("mixer's ticks late by work of our own", 100 * own / ticks, 0.1, "%")
    if "audiobridge" in room:
        goals.note(f"room of {talkers}, AudioBridge's process", room["audiobridge"], "% core")
        goals.at_most("our process against AudioBridge's", room["fedispace"] / room["audiobridge"], 1)
    heard = asyncio.run(mouth_to_ear.measure(host, max(5, arguments.seconds // 2)))
    goals.at_most("mouth to ear through the mix, median", heard["delay_ms_median"], 150, "ms")
    goals.note("mouth to ear through the mix, longest", heard["delay_ms_longest"], "ms")
    goals.note("likeness of what was heard", heard["likeness_median"])
    return goals.finish(arguments.json, alone=alone, room=room, heard=heard)


if __name__ == "__main__":
    sys.exit(main())
