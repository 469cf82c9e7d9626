"""A room for hours: 13 speakers, 100 listeners, people who come and go. Does anything grow or drift?

    python -m bench.soak [--minutes 10] [--speakers 13] [--listeners 100] [--realtime] [--json PATH]

Speakers take turns, talk over one another, pause, and are silent as browsers are (a packet every 0.4 s); now
and then one leaves and comes back. A few listeners
hang up and as many others come, all the time. Each minute prints the server's memory, its CPU time, the
mixer's late ticks and what the steady listener saw. At the end these must hold, or the exit code is 1:

- memory at the end, against the median of the second quarter: no more than 5 % (and 2 MB) higher;
- in a run of half an hour or more, the slope of memory over its second half: at most 0.2 MiB a minute;
- the recording of it all is as long as it took, to 0.1 % (and half a second), and complete;
- the mixer's ticks late by more than 5 ms or left out: less than 0.1 % (in a short run, five), not counting
  those before which the server computed no more than usual: others had the processor;
  to tell these apart is not exact, so where many waited a quarter as many may be taken for the server's
  (`fedispace.media.live.ticks`). `--realtime` asks that it has it first, which takes root;
- the steady listener's timestamps against the clock, first sixth against last: no more than 50 ms apart;
- the steady listener heard all the time, and of what the room sent to him, as its sequence numbers count
  it, nothing is missing;
- nobody's packet was undecodable, and the SFU did not start again.
"""

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import namespace
from bench.crowd import Crowd
from bench.forwarding_fedispace import ROOM, Fedispace
from bench.forwarding_peer import Peer
from bench.goals import Goals
from bench.process import cpu_seconds, private_mb, resident_mb
from bench.talking import Talking
from fedispace.errors import Busy, Conflict, Unavailable
from fedispace.media.live.messages import RecordingStatus, SfuStatus

_RATE = 48_000
_CHANGE_SECONDS = 4.0
_LEAVERS = 3
_LISTEN_SECONDS = 0.5
_CONSENT_EVERY = 8
_SPEAKER_LEAVES = 0.1
_LATE_PERCENT = 0.1
_LATE_TICKS = 5
_UNSURE = 0.25
_HEARD = 0.7
_SILENCE_EVERY = 20
_TRIES = 30
_STARTS = 3
_DRIFT_MS = 50.0
_GROWTH = 0.05
_GROWTH_MB = 2.0
_SLOPE_MB = 0.2 * 1.048576
_SLOPE_FROM_MINUTES = 30
_RECORDING = "soak.opus"
_RECORDED = 0.001
_PAGE_SECONDS = 0.5


@dataclass(slots=True)
class Heard:
    """What the steady listener saw: his clock against the stream's, and the gaps."""

    offsets: list[tuple[float, float]] = field(default_factory=list)
    packets: int = 0
    missing: int = 0
    _sequence: int | None = None
    _timestamp: int = 0
    _total: int = 0

    def note(self, packets: Sequence[tuple[float, bytes]]) -> None:
        for came, packet in packets:
            sequence, timestamp = struct.unpack_from("!HI", packet, 2)
            if self._sequence is not None:
                self._total += (timestamp - self._timestamp + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
                self.missing += ((sequence - self._sequence + 0x8000) & 0xFFFF) - 0x8000 - 1
            self._sequence, self._timestamp = sequence, timestamp
            self.packets += 1
            self.offsets.append((came, came - self._total / _RATE))

    def drift_ms(self) -> float:
        """Compare the delay of the first sixth with that of the last, by that which a tenth stay below.

        What is mixed comes 40 to 60 ms later than what is forwarded, and how much of both there is differs.
        """
        if len(self.offsets) < 600:
            return 0.0
        part = len(self.offsets) // 6
        first, last = (
            sorted(offset for _, offset in them) for them in (self.offsets[:part], self.offsets[-part:])
        )
        return 1000 * (last[part // 10] - first[part // 10])


class Room:
    """The server and everybody in it."""

    def __init__(self, host: str, folder: Path, speakers: int) -> None:
        self.server = Fedispace(host, folder, records=True)
        self.crowd = Crowd(host, self.server)
        self.speakers = [Peer(host) for _ in range(speakers)]
        self.steady = Peer(host)
        self.heard = Heard()
        self._host = host
        self._random = random.Random(4)
        self._recording_since = 0.0

    async def enter(self, listeners: int) -> None:
        self.talking = Talking(self.speakers, silence_every=_SILENCE_EVERY)
        self.talking.speaking = 1
        await self._start()
        await self.crowd.join(listeners - 1)
        for speaker in self.speakers:
            await self.server.publish(speaker)
        await self.server.subscribe(self.steady)
        self.steady.stamp()
        await self.server.door.client.start_recording(ROOM, _RECORDING)
        self._recording_since = time.monotonic()

    async def _start(self) -> None:
        """Start the server; again where the machine is so busy that the supervisor gave up waiting."""
        for _ in range(_STARTS):
            with contextlib.suppress(Unavailable):
                await self.server.start()
                return
        await self.server.start()

    async def recorded(self) -> tuple[RecordingStatus, float]:
        """Return how far the recording is, and how long it has been made."""
        status = await self.server.door.client.status()
        return status.recordings[0], time.monotonic() - self._recording_since

    def hurry(self) -> bool:
        """Let the server, as by `LimitRTPRIO=1`, and the microphones go before all else, if we may."""
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
            for thread in Path(f"/proc/{self.server.pid}/task").iterdir():
                os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(1))
            return True
        return False

    def load_seconds(self) -> float:
        """Return what all these people cost, in seconds of a core."""
        return cpu_seconds(os.getpid()) + cpu_seconds(self.crowd.pid)

    async def live(self, ended: asyncio.Event) -> None:
        """Come, go, talk and listen until `ended`."""
        turn, changed = 0, time.monotonic()
        while not ended.is_set():
            await asyncio.sleep(_LISTEN_SECONDS)
            self.heard.note(self.steady.hear())
            turn += 1
            if turn % _CONSENT_EVERY == 0:
                self.steady.keep_alive()
            if time.monotonic() - changed > _CHANGE_SECONDS:
                changed = time.monotonic()
                await self._change()

    async def _change(self) -> None:
        self.talking.speaking = self._random.choice([0, 1, 2, 2, 3, len(self.speakers)])
        await self.crowd.leave(_LEAVERS)
        await self.crowd.join(_LEAVERS)
        if self._random.random() < _SPEAKER_LEAVES:
            await self._replace_speaker()

    async def _replace_speaker(self) -> None:
        at = self._random.randrange(len(self.speakers))
        peer, old = Peer(self._host), self.speakers[at]
        await self.server.hang_up(old)
        for _ in range(_TRIES):
            try:
                await self.server.publish(peer)
                break
            except (Conflict, Busy):  # his place is not free yet, or the machine is late
                await asyncio.sleep(_LISTEN_SECONDS)
        else:
            raise TimeoutError("a speaker was not let in again")
        self.speakers[at] = peer
        old.close()

    async def leave(self) -> None:
        await self.crowd.close()
        await self.server.stop()
        for peer in (*self.speakers, self.steady):
            peer.close()


@dataclass(frozen=True, slots=True)
class Run:
    """What a run showed."""

    room: Room
    minutes: list[dict[str, Any]]
    last: SfuStatus
    recording: RecordingStatus
    recorded_for: float
    load: float
    is_first: bool


async def _run(arguments: argparse.Namespace, host: str) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        room, ended = Room(host, Path(folder), arguments.speakers), asyncio.Event()
        minutes: list[dict[str, Any]] = []
        try:
            await room.enter(arguments.listeners)
            is_first = bool(arguments.realtime) and room.hurry()
            async with room.talking, asyncio.TaskGroup() as tasks:
                tasks.create_task(room.live(ended))
                first = await room.server.door.client.status()
                pid, since = room.server.pid, time.monotonic()
                until, load = since + 60 * arguments.minutes, room.load_seconds()
                while (left := until - time.monotonic()) > 1:
                    cpu, began = cpu_seconds(pid), time.monotonic()
                    await asyncio.sleep(min(arguments.every, left))
                    cpu = 100 * (cpu_seconds(pid) - cpu) / (time.monotonic() - began)
                    minutes.append(await _minute(room, first, cpu, since))
                    print("  ".join(f"{name} {value}" for name, value in minutes[-1].items()), flush=True)
                last = await room.server.door.client.status()
                recording, recorded_for = await room.recorded()
                load = (room.load_seconds() - load) / (time.monotonic() - since)
                assert room.server.pid == pid, "the SFU was started again"
                ended.set()
        finally:
            await room.leave()
    return Run(room, minutes, last, recording, recorded_for, load, is_first)


async def _minute(room: Room, first: SfuStatus, cpu: float, since: float) -> dict[str, Any]:
    status = await room.server.door.client.status()
    mixer = status.mixer
    ticks = mixer.ticks - first.mixer.ticks
    return {
        "minute": round((time.monotonic() - since) / 60, 2),
        "load": round(os.getloadavg()[0], 1),
        "MB": round(private_mb(room.server.pid), 2),
        "with_files": round(resident_mb(room.server.pid), 1),
        "cpu%": round(cpu, 1),
        "listeners": status.subscribers,
        "ticks": ticks,
        "late": mixer.ticks_late - first.mixer.ticks_late,
        "kept_waiting": mixer.ticks_kept_waiting - first.mixer.ticks_kept_waiting,
        "worst_ms": round(1000 * mixer.worst_lateness, 1),
        "heard": room.heard.packets,
        "missing": room.heard.missing,
        "drift_ms": round(room.heard.drift_ms(), 1),
    }


def _judge(run: Run) -> Goals:
    goals, room, minutes = Goals(), run.room, run.minutes
    sizes = [minute["MB"] for minute in minutes]
    second = sizes[len(sizes) // 4 : max(len(sizes) // 2, len(sizes) // 4 + 1)]
    before = statistics.median(second)
    goals.note("memory in the second quarter, median", before, "MB")
    goals.at_most("memory at the end", sizes[-1], round(before + max(_GROWTH_MB, _GROWTH * before), 1), "MB")
    half = minutes[len(minutes) // 2 :]
    if len(half) > 1:
        slope = statistics.linear_regression(
            [minute["minute"] for minute in half], [minute["MB"] for minute in half]
        ).slope
        if minutes[-1]["minute"] >= _SLOPE_FROM_MINUTES:
            goals.at_most("slope of memory in the second half", slope, _SLOPE_MB, "MB/min")
        else:
            goals.note("slope of memory in the second half", slope, "MB/min")
    ticks = max(1, minutes[-1]["ticks"])
    goals.note("mixer's ticks", ticks)
    late, kept_waiting = minutes[-1]["late"], minutes[-1]["kept_waiting"]
    goals.note("late of them", 100 * late / ticks, "%")
    unsure = _UNSURE * 100 * kept_waiting / ticks
    allowed = round(max(_LATE_PERCENT, 100 * _LATE_TICKS / ticks, unsure), 3)
    goals.at_most("late, and not for want of a processor", 100 * (late - kept_waiting) / ticks, allowed, "%")
    goals.note("before all else", "yes" if run.is_first else "no")
    goals.at_most("drift of the stream's clock", abs(room.heard.drift_ms()), _DRIFT_MS, "ms")
    expected = int(_HEARD * 50 * 60 * minutes[-1]["minute"])
    goals.at_least("packets of the steady listener", room.heard.packets, expected)
    goals.at_most("missing of them", room.heard.missing, 0)
    goals.at_most("undecodable packets", run.last.mixer.undecodable, 0)
    off = abs(run.recording.seconds - run.recorded_for)
    goals.note("recording", run.recording.seconds, "s")
    goals.at_most("recording and clock apart", off, _PAGE_SECONDS + _RECORDED * run.recorded_for, "s")
    goals.at_most("packets the recording missed", run.recording.packets_missed, 0)
    goals.note("concealed pieces", run.last.mixer.concealed)
    goals.note("talkers' own lateness, worst", 1000 * room.talking.late, "ms")
    goals.note("the clients' share of a core", 100 * run.load, "%")
    return goals


def main() -> int:
    """Run, print, write JSON; return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two lines")
    parser.add_argument("--speakers", type=int, default=13)
    parser.add_argument("--listeners", type=int, default=100)
    parser.add_argument("--realtime", action="store_true", help="let the SFU go before all else (root)")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    run = asyncio.run(_run(arguments, namespace.enter("bench.soak")))
    return _judge(run).finish(arguments.json, minutes=run.minutes)


if __name__ == "__main__":
    sys.exit(main())
