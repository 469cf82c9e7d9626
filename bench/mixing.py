"""What mixing a room costs: 13 talkers decoded, added up, encoded once, in virtual time.

    python -m bench.mixing [--talkers 13] [--seconds 20] [--json PATH]

The packets are what browsers would send (Opus, 20 ms, 32 kbit/s, with the copies for repair) of a sound
with the spectrum and the rhythm of speech. Only the mixer runs: the share of a core is its CPU time over
the time it mixed for; the figures for a tick are wall-clock time, as the other rooms would feel it.
"""

import argparse
import json
import resource
import statistics
import time
from pathlib import Path

from bench.speech import packets
from fedispace.media.live.mixer import Mixer
from fedispace.media.live.programme import Heard, MixerCounts

GOAL_PERCENT = 4.0


def measure(talkers: int, seconds: int) -> dict[str, float]:
    """Mix `talkers` and return the figures."""
    streams = [packets(seconds, seed) for seed in range(talkers)]
    counts, ticks = MixerCounts(), []
    mixer = Mixer(counts)
    began = time.process_time()
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--talkers", type=int, default=13)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    measure(1, 1)
    found = [measure(talkers, arguments.seconds) for talkers in (1, 2, 3, arguments.talkers)]
    result = {"mixes": found, "goal_percent": GOAL_PERCENT}
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
