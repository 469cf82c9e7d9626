"""The operator's figures: right, readable by Prometheus, private, and without a name of anybody."""

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from fedispace.clock import SystemClock
from fedispace.config import parse
from fedispace.errors import ConfigError
from fedispace.metrics import Metrics, group_of
from tests.api.site import Site
from tests.federation.fediverse import find, open_fediverse
from tests.ground import prometheus
from tests.ground.eventually import eventually
from tests.ground.ports import free_port
from tests.media.peers import Listener, Sound, Speaker
from tests.media.studio import Studio


async def _read(metrics: Metrics) -> prometheus.Figures:
    return prometheus.read(await metrics.text())


async def test_requests_are_counted_by_what_they_are_for_and_never_by_what_they_name(tmp_path: Path) -> None:
    async with Site(tmp_path) as site, aiohttp.ClientSession() as session:
        for path in ("/api/v1/instance", "/api/v1/accounts/secret-name", "/no-such-page", "/livez"):
            async with session.get(site.origin + path):
                pass
        async with session.post(site.origin + "/inbox", data=b"{}"):
            pass
        async with site.app.db.transaction():
            pass
        figures = await _read(site.app.metrics(worker=True, web=True))
        text = await site.app.metrics(worker=True, web=True).text()

    assert figures.value("fedispace_http_requests_total", group="api", status="2xx") == 1
    assert figures.value("fedispace_http_requests_total", group="api", status="4xx") == 1
    assert figures.value("fedispace_http_requests_total", group="pages", status="4xx") == 1
    assert figures.value("fedispace_http_requests_total", group="inbox", status="4xx") == 1
    assert figures.value("fedispace_http_seconds_count", group="health") == 1
    assert figures.value("fedispace_database_up") == 1
    assert figures.value("fedispace_queue_waiting", queue="deliveries") == 0
    assert figures.value("fedispace_database_commit_seconds_count") > 0
    assert figures.value("process_resident_memory_bytes") > 1_000_000
    assert "secret-name" not in text
    assert "no-such-page" not in text


async def test_what_became_of_deliveries_and_of_what_came_in_is_counted(tmp_path: Path) -> None:
    async with open_fediverse(tmp_path) as fediverse:
        alice, bob = await fediverse.alpha.person("alice"), await fediverse.beta.person("bob")
        target = await find(alice, "@bob@b.test")
        await alice.post(f"/api/v1/accounts/{target}/follow")
        await fediverse.settle()
        await bob.post("/api/v1/statuses", {"status": "hello"})
        await fediverse.settle()
        await fediverse.alpha.stop_listening()
        await bob.post("/api/v1/statuses", {"status": "does anybody hear?"})
        await fediverse.settle()
        here = await _read(fediverse.alpha.app.metrics(worker=True, web=True))
        there = await _read(fediverse.beta.app.metrics(worker=True, web=True))

    assert here.value("fedispace_deliveries_total", result="delivered") == 1
    assert here.value("fedispace_inbox_total", result="applied") == 2
    assert there.value("fedispace_inbox_total", result="applied") == 1
    assert there.value("fedispace_deliveries_total", result="delivered") == 2
    assert there.value("fedispace_deliveries_total", result="put_off") >= 1
    assert there.value("fedispace_queue_waiting", queue="deliveries") == 1


@pytest.mark.parametrize(
    "path", ["/api/v9/x", "/apix", "/inbox", "/users/a/inbox", "/users/a", "/@a", "/", "/x" * 500]
)
def test_there_are_only_so_many_groups(path: str) -> None:
    assert group_of(path) in {"api", "inbox", "federation", "pages"}


async def test_what_happens_in_the_rooms_is_told_without_their_names(tmp_path: Path) -> None:
    room = "room-of-somebody"
    async with Studio(tmp_path, recordings=tmp_path / "kept") as studio, Speaker(studio) as speaker:
        metrics = Metrics(clock=SystemClock(), sfus=lambda: {"studio": studio.client})
        async with Listener(studio) as listener:
            await listener.subscribe(room=room)
            await speaker.publish(Sound.tone(440), room=room)
            await studio.client.start_recording(room, "a.opus")
            await listener.listen(1.5)
            figures, text = await _read(metrics), await metrics.text()

    assert figures.value("fedispace_sfu_up") == 1
    assert figures.value("fedispace_sfu_rooms") == 1
    assert figures.value("fedispace_sfu_sessions", role="publish") == 1
    assert figures.value("fedispace_sfu_sessions", role="subscribe") == 1
    assert figures.value("fedispace_sfu_join_seconds_count") == 2
    assert figures.value("fedispace_sfu_packets_sent_total") > 40
    assert figures.value("fedispace_sfu_bytes_sent_total") > 1000
    assert figures.value("fedispace_sfu_bytes_received_total") > 1000
    assert figures.value("fedispace_sfu_uplink_publishers") == 1
    assert figures.value("fedispace_sfu_uplink_worst_lost_ratio") < 0.2
    assert 0 < figures.value("fedispace_sfu_uplink_jitter_seconds") < 1
    assert figures.value("fedispace_sfu_sessions_most") == 4000
    assert figures.value("fedispace_sfu_draining") == 0
    assert figures.value("fedispace_sfu_recordings") == 1
    assert figures.value("fedispace_sfu_recordings_bytes") > 0
    assert room not in text
    assert "session-1" not in text
    assert "127.0.0.1" not in text


async def test_an_audio_server_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    async with Studio(tmp_path) as studio:
        metrics = Metrics(clock=SystemClock(), sfus=lambda: {"studio": studio.client})
        await studio.process.stop()
        assert (await _read(metrics)).value("fedispace_sfu_up") == 0


async def test_every_audio_server_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with Studio(tmp_path / "one") as one, Studio(tmp_path / "two", max_sessions=7) as two:
        metrics = Metrics(clock=SystemClock(), sfus=lambda: {"one": one.client, "two": two.client})
        await two.client.drain(0)
        figures, text = await _read(metrics), await metrics.text()
        await one.process.stop()
        after = await _read(metrics)

    assert figures.value("fedispace_sfu_sessions_most", sfu="one") == 4000
    assert figures.value("fedispace_sfu_sessions_most", sfu="two") == 7
    assert figures.value("fedispace_sfu_draining", sfu="two") == 1
    assert text.count("# TYPE fedispace_sfu_up ") == 1
    assert after.value("fedispace_sfu_up", sfu="one") == 0
    assert after.value("fedispace_sfu_up", sfu="two") == 1


@pytest.mark.parametrize("address", ["8.8.8.8:9100", "[2600::1]:9100", "example.com:9100", "9100", ":9100"])
def test_figures_are_not_for_the_world(address: str) -> None:
    with pytest.raises(ConfigError, match=re.escape("server.metrics_listen")):
        parse(f'[server]\nmetrics_listen = "{address}"\n'.encode(), "x.toml", {})


@pytest.mark.parametrize("role", ["all", "sfu"])
async def test_a_process_tells_its_figures_on_a_listener_of_their_own(tmp_path: Path, role: str) -> None:
    front, private = free_port(), free_port()
    config = tmp_path / "config.toml"
    config.write_text(
        f'[instance]\nurl = "http://localhost:{front}"\n'
        f'[server]\nlisten = "127.0.0.1:{front}"\nmetrics_listen = "127.0.0.1:{private}"\n'
        f'[rtc]\nlisten = "127.0.0.1:0"\ncontrol = "sfu.sock"\nsecret_file = "secret"\n'
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "secret").write_bytes(b"s" * 32)

    async with _command("migrate", "--config", str(config)) as migrating:
        await migrating.wait()
    async with (
        _command("serve", "--role", role, "--config", str(config)) as process,
        aiohttp.ClientSession() as session,
    ):
        text = await eventually(
            "it tells figures", lambda: _get(session, f"http://127.0.0.1:{private}/metrics"), bool
        )
        figures = prometheus.read(text)
        assert figures.value("fedispace_sfu_up") == 1
        if role == "all":
            assert figures.value("fedispace_queue_waiting", queue="inbox") == 0
            assert await _get(session, f"http://127.0.0.1:{front}/metrics") == ""
        process.send_signal(signal.SIGTERM)
        await process.wait()


@contextlib.asynccontextmanager
async def _command(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "fedispace", *arguments)
    try:
        async with asyncio.timeout(60):
            yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _get(session: aiohttp.ClientSession, url: str) -> str:
    try:
        async with session.get(url) as answer:
            return await answer.text() if answer.status == 200 else ""
    except aiohttp.ClientError:
        return ""
