"""What an operator watches: figures of this process, of the queues, and of the sound.

    GET /metrics on `server.metrics_listen`  ->  this process | the database | the SFU's status

They are served on a listener of their own, never beside the pages, and it refuses addresses that the
world can reach. What counts the whole instance (queues) is read from the database, and kept a while so
that watching costs nothing. The SFU's own figures come over its control socket, from whichever process
talks to it; it listens nowhere for this.
"""

import asyncio
import os
import resource
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from fedispace import __version__
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import Unavailable
from fedispace.exposition import (
    CONTENT_TYPE,
    Family,
    Histogram,
    Sample,
    by,
    counter,
    gauge,
    histogram_samples,
    text,
)
from fedispace.federation import dead_letters, queue_report
from fedispace.media.live.client import SfuClient
from fedispace.media.live.messages import SfuStatus
from fedispace.spaces.events.hub import Hub

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

QUEUES_SECONDS: Final = 30.0
_SECONDS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_GROUPS: Final = (
    ("/api/v", "api"),
    ("/api/fedispace", "api"),
    ("/oauth", "oauth"),
    ("/inbox", "inbox"),
    ("/whip", "sound"),
    ("/whep", "sound"),
    ("/users", "federation"),
    ("/.well-known", "federation"),
    ("/nodeinfo", "federation"),
    ("/media", "media"),
    ("/assets", "assets"),
    ("/livez", "health"),
    ("/readyz", "health"),
    ("/health", "health"),
)


_SOUND: Final = (["whip"], ["whep"], ["stream"], ["sessions"])
_SWITCHED: Final = 101
_UNBUFFERED: Final = "X-Accel-Buffering"


class Traffic:
    """Counts the requests that the web process answers."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, str]] = Counter()
        self._seconds: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(_SECONDS))

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count one; what lasts (events, or sound) is counted when it ends, and its seconds are not."""
        began, status, lasts = time.perf_counter(), 500, False
        try:
            response = await handler(request)
            status = response.status
            lasts = status == _SWITCHED or _UNBUFFERED in response.headers
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            group = group_of(request.path)
            self._answers[group, f"{status // 100}xx"] += 1
            if not lasts:
                self._seconds[group].observe(time.perf_counter() - began)
        return response

    def families(self) -> list[Family]:
        answers = [
            Sample(count, {"group": group, "status": status})
            for (group, status), count in sorted(self._answers.items())
        ]
        seconds = [
            line for group, one in sorted(self._seconds.items()) for line in one.samples({"group": group})
        ]
        return [
            Family("fedispace_http_requests_total", "counter", "Requests answered.", answers),
            Family("fedispace_http_seconds", "histogram", "How long answers took.", seconds),
        ]


def group_of(path: str) -> str:
    """Return which kind of address this is; there are only so many."""
    if path.endswith("/inbox"):
        return "inbox"
    if path.startswith("/spaces/") and path.split("/")[3:4] in _SOUND:
        return "sound"
    return next((group for prefix, group in _GROUPS if path.startswith(prefix)), "pages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What became of the work that this process did."""

    deliveries: Counter[str]
    arrivals: Counter[str]


class Metrics:
    """Everything that is told. A role that has no database or no SFU tells less."""

    def __init__(
        self,
        *,
        clock: Clock,
        db: Database | None = None,
        outcomes: Outcomes | None = None,
        traffic: Traffic | None = None,
        sfus: Callable[[], Mapping[str, SfuClient]] | None = None,
        hub: Hub | None = None,
    ) -> None:
        self._clock = clock
        self._db = db
        self._outcomes = outcomes
        self._traffic = traffic
        self._sfus = sfus
        self._hub = hub
        self._queues: list[Family] = []
        self._queues_until = 0.0

    def application(self) -> web.Application:
        """Return what is served on the private listener."""
        application = web.Application()
        application.add_routes([web.get("/metrics", self._answer)])
        return application

    async def text(self) -> str:
        """Return all figures."""
        families = _process()
        if self._traffic is not None:
            families += self._traffic.families()
        if self._outcomes is not None:
            families += _outcomes(self._outcomes)
        if self._db is not None:
            families += _commits(self._db) + await self._waiting(self._db)
        if self._hub is not None:
            families.append(
                gauge("fedispace_room_connections", "Who follows a room's events here.", len(self._hub))
            )
        if self._sfus is not None:
            families += await _of_all(self._sfus())
        return text(families)

    async def _answer(self, _request: web.Request) -> web.Response:
        return web.Response(body=(await self.text()).encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _waiting(self, db: Database) -> list[Family]:
        now = self._clock.monotonic()
        if now < self._queues_until:
            return self._queues
        try:
            async with db.reading() as tx:
                rows = await queue_report.waiting(tx)
                dead = await dead_letters.count(tx)
        except (SQLAlchemyError, OSError, Unavailable):
            return [gauge("fedispace_database_up", "Whether the database answers.", 0)]
        at = self._clock.now()
        lag = {row.kind: max(0.0, (at - row.oldest).total_seconds()) if row.oldest else 0.0 for row in rows}
        self._queues = [
            gauge("fedispace_database_up", "Whether the database answers.", 1),
            by("fedispace_queue_waiting", "gauge", "What waits.", "queue", {r.kind: r.count for r in rows}),
            by("fedispace_queue_oldest_seconds", "gauge", "How old the oldest of it is.", "queue", lag),
            by(
                "fedispace_queue_dead",
                "gauge",
                "What was given up.",
                "queue",
                {kind.value: count for kind, count in dead.items()},
            ),
        ]
        self._queues_until = now + QUEUES_SECONDS
        return self._queues


async def _of_all(sfus: Mapping[str, SfuClient]) -> list[Family]:
    """Return the figures of every audio server; which it is, is said where there are several."""
    if len(sfus) == 1:
        return [*(await _of_one(next(iter(sfus.values()))))]
    told = await asyncio.gather(*(_of_one(sfu) for sfu in sfus.values()))
    families: dict[str, Family] = {}
    for name, figures in zip(sfus, told, strict=True):
        for family in figures:
            known = families.get(family.name)
            samples = [replace(sample, labels={"sfu": name, **sample.labels}) for sample in family.samples]
            before = [] if known is None else list(known.samples)
            families[family.name] = replace(family, samples=[*before, *samples])
    return list(families.values())


async def _of_one(sfu: SfuClient) -> list[Family]:
    what = "Whether the audio server answers."
    try:
        status = await sfu.status()
    except Unavailable:
        return [gauge("fedispace_sfu_up", what, 0)]
    return [gauge("fedispace_sfu_up", what, 1), *sound(status)]


def sound(status: SfuStatus) -> list[Family]:
    """Return the audio server's figures. Rooms have no names here: they would be labels without end."""
    mixer, reception, uplink = status.mixer, status.reception, status.uplink
    joined = histogram_samples(status.join_bounds, status.join_counts, status.join_seconds)
    recorded = status.recordings
    return [
        gauge("fedispace_sfu_rooms", "Rooms that are open.", len(status.rooms)),
        by(
            "fedispace_sfu_sessions",
            "gauge",
            "Sessions, by role; joining have no role yet.",
            "role",
            {"publish": status.publishers, "subscribe": status.subscribers, "joining": status.joining},
        ),
        gauge("fedispace_sfu_sessions_most", "Sessions it takes at most.", status.max_sessions),
        gauge("fedispace_sfu_draining", "Whether it sends everybody away.", int(status.is_draining)),
        Family("fedispace_sfu_join_seconds", "histogram", "From offer to sound.", joined),
        by(
            "fedispace_sfu_joins_refused_total",
            "counter",
            "Sessions not let in, by reason.",
            "reason",
            status.joins_refused,
        ),
        by(
            "fedispace_sfu_sessions_ended_total",
            "counter",
            "Sessions that are over, by reason.",
            "reason",
            status.sessions_ended,
        ),
        counter("fedispace_sfu_packets_received_total", "Datagrams that came in.", status.packets_received),
        counter("fedispace_sfu_bytes_received_total", "Bytes of them.", status.bytes_received),
        counter("fedispace_sfu_packets_sent_total", "Packets of sound sent.", status.packets_forwarded),
        counter("fedispace_sfu_bytes_sent_total", "Bytes of Opus in them.", status.bytes_forwarded),
        by(
            "fedispace_sfu_packets_refused_total",
            "counter",
            "Datagrams dropped, by reason.",
            "reason",
            status.packets_refused,
        ),
        counter("fedispace_sfu_packets_redundant_total", "Copies received.", status.packets_redundant),
        counter("fedispace_sfu_packets_repaired_total", "Restored from copies.", status.packets_repaired),
        gauge("fedispace_sfu_reception_reporting", "Listeners who reported of late.", reception.reporting),
        gauge("fedispace_sfu_reception_lost_ratio", "Share they lost, on average.", reception.lost),
        gauge("fedispace_sfu_reception_worst_lost_ratio", "Share the worst off lost.", reception.worst_lost),
        gauge("fedispace_sfu_reception_jitter_seconds", "Their jitter, on average.", reception.jitter),
        gauge("fedispace_sfu_uplink_publishers", "Publishers whose packets are judged.", uplink.reporting),
        gauge("fedispace_sfu_uplink_lost_ratio", "Share of them lost on the way, on average.", uplink.lost),
        gauge("fedispace_sfu_uplink_worst_lost_ratio", "Share the worst off lost.", uplink.worst_lost),
        gauge("fedispace_sfu_uplink_jitter_seconds", "Their jitter, on average.", uplink.jitter),
        gauge("fedispace_sfu_uplink_worst_jitter_seconds", "The worst one's jitter.", uplink.worst_jitter),
        gauge("fedispace_sfu_streams", "Listeners over plain HTTP.", status.streams),
        counter(
            "fedispace_sfu_stream_pages_left_out_total",
            "Pieces of sound for which they were too slow.",
            status.stream_pages_left_out,
        ),
        gauge("fedispace_sfu_safety_bytes", "Held for reports, in memory.", status.safety_bytes),
        gauge("fedispace_sfu_loop_late_seconds", "How late the event loop runs.", status.lateness),
        gauge("fedispace_sfu_mixer_rooms", "Rooms that are mixed just now.", mixer.rooms),
        counter("fedispace_sfu_mixer_ticks_total", "Strokes of 20 ms.", mixer.ticks),
        counter("fedispace_sfu_mixer_ticks_late_total", "Later than 5 ms.", mixer.ticks_late),
        counter(
            "fedispace_sfu_mixer_ticks_kept_waiting_total",
            "Late because the machine was busy.",
            mixer.ticks_kept_waiting,
        ),
        counter("fedispace_sfu_mixer_ticks_left_out_total", "So late that they went.", mixer.ticks_left_out),
        gauge("fedispace_sfu_mixer_worst_late_seconds", "The latest since the start.", mixer.worst_lateness),
        counter("fedispace_sfu_mixer_concealed_total", "Frames made up for lost ones.", mixer.concealed),
        counter("fedispace_sfu_mixer_undecodable_total", "Packets that were no sound.", mixer.undecodable),
        gauge("fedispace_sfu_recordings", "Rooms being recorded.", len(recorded)),
        gauge("fedispace_sfu_recordings_unfinished", "Files to be finished.", status.recordings_unfinished),
        gauge("fedispace_sfu_recordings_bytes", "Bytes written.", sum(one.bytes for one in recorded)),
        gauge(
            "fedispace_sfu_recordings_missed",
            "Packets for which the disk was too slow.",
            sum(one.packets_missed for one in recorded),
        ),
        counter("fedispace_sfu_cpu_seconds_total", "CPU used by the audio server.", status.cpu_seconds),
        gauge("fedispace_sfu_resident_bytes", "Memory it holds.", status.resident_bytes),
    ]


def _outcomes(outcomes: Outcomes) -> list[Family]:
    return [
        by(
            "fedispace_deliveries_total",
            "counter",
            "Attempts to deliver, by result.",
            "result",
            outcomes.deliveries,
        ),
        by(
            "fedispace_inbox_total",
            "counter",
            "Activities that came in, by what became of them.",
            "result",
            outcomes.arrivals,
        ),
    ]


def _commits(db: Database) -> list[Family]:
    lines = db.commit_seconds.samples()
    families = [Family("fedispace_database_commit_seconds", "histogram", "How long COMMIT took.", lines)]
    pool = db.pool()
    if pool:
        families.append(
            by("fedispace_database_connections", "gauge", "Connections in use and at most.", "of", pool)
        )
    return families


def _process() -> list[Family]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return [
        Family("fedispace_info", "gauge", "The version that runs.", [Sample(1, {"version": __version__})]),
        counter("process_cpu_seconds_total", "CPU used.", used.ru_utime + used.ru_stime),
        gauge("process_resident_memory_bytes", "Memory held.", _resident_bytes(used.ru_maxrss)),
        gauge("process_open_fds", "Files and sockets open.", _open_files()),
        gauge("process_threads", "Threads.", threading.active_count()),
    ]


def _resident_bytes(highest_kilobytes: int) -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return highest_kilobytes * 1024


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0
