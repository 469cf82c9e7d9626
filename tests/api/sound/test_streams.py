"""Listening over plain HTTP, as a player does, with a real SFU behind and a stock aiortc that speaks."""

import asyncio
import contextlib
import json
import socket
from typing import Any

import aiohttp
import pytest

from fedispace.media.live import ogg
from tests.api.site import Client, Site
from tests.api.sound.doors import AT, SDP, ticket
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.media.hearing import Samples
from tests.media.peers import Sound, Speaker
from tests.media.playing import played
from tests.media.studio import Studio
from tests.media.talking import strength

_AUDIBLE = 2500


async def ask(who: Client, space: dict[str, Any]) -> dict[str, Any]:
    """Ask for an address."""
    status, said, headers = await who.call("POST", f"/spaces/{space['id']}/stream")
    assert status == 201, said
    assert headers["Location"] == said["url"]
    assert headers["Cache-Control"] == "no-store"
    assert isinstance(said, dict)
    return said


async def read(answer: aiohttp.ClientResponse, seconds: float, *, within: float = 30.0) -> Samples:
    """Read on until so much more can be played; return that."""
    received = b""
    async with asyncio.timeout(within):
        while True:
            received += await answer.content.readany()
            sound = played(received) if len(received) > 4000 else played(received)[:0]
            if len(sound) >= seconds * RATE:
                return sound


async def listeners(who: Client, space: dict[str, Any]) -> int:
    count: int = (await who.get(f"{AT}/{space['id']}"))["listener_count"]
    return count


async def test_a_visitor_hears_the_speaker_and_is_counted_until_they_go(
    site: Site, studio: Studio, alice: Client, space: dict[str, Any]
) -> None:
    said = await ask(site.anyone, space)
    assert said["media_type"] == "audio/ogg; codecs=opus"
    assert await listeners(alice, space) == 0
    async with Speaker(studio) as speaker:
        await speaker.publish(Sound.tone(440), room=str(space["id"]))
        async with site.anyone.session.get(said["url"], headers={"Range": "bytes=0-"}) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "audio/ogg; codecs=opus"
            assert answer.headers["X-Accel-Buffering"] == "no"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "chunked" in answer.headers["Transfer-Encoding"]
            assert strength(await read(answer, 3.0), 440) > _AUDIBLE
            await eventually("one listens", lambda: listeners(alice, space), lambda count: count == 1)
            answer.close()
        await eventually("nobody listens", lambda: listeners(alice, space), lambda count: count == 0)


async def test_an_address_opens_once_and_not_for_long_and_not_elsewhere(
    site: Site, alice: Client, space: dict[str, Any]
) -> None:
    said = await ask(site.anyone, space)
    path = said["url"].removeprefix(site.origin)
    other = path.replace(str(space["id"]), str(int(space["id"]) + 1))
    assert (await site.anyone.call("HEAD", path))[0] == 405
    async with site.anyone.session.get(site.origin + other) as elsewhere:
        assert elsewhere.status == 404
    async with site.anyone.session.get(said["url"]) as first:
        assert first.status == 200
        status, problem, headers = await site.anyone.call("GET", path)
        assert (status, headers["Content-Type"]) == (404, "application/problem+json")
        assert "used" in problem["detail"]
    async with site.anyone.session.get(said["url"]) as again:
        assert again.status == 404

    late = await ask(site.anyone, space)
    site.home.clock.advance(seconds=31)
    assert (await site.anyone.call("GET", late["url"].removeprefix(site.origin)))[0] == 404
    for guess in ("x", "a" * 43, f"{'a' * 43}.{'b' * 43}", "%00"):
        assert (await site.anyone.call("GET", f"/spaces/{space['id']}/stream/{guess}"))[0] == 404


async def test_whoever_never_opens_the_address_is_forgotten(
    site: Site, alice: Client, space: dict[str, Any]
) -> None:
    said = await ask(site.anyone, space)
    site.home.clock.advance(seconds=61)
    await site.app.rooms.reconcile()
    site.home.clock.advance(seconds=-61)
    assert (await site.anyone.call("GET", said["url"].removeprefix(site.origin)))[0] == 404
    assert await listeners(alice, space) == 0


async def test_a_form_is_sent_on_to_the_address(site: Site, space: dict[str, Any]) -> None:
    async with site.anyone.session.post(
        f"{site.origin}/spaces/{space['id']}/stream", data={"listen": "1"}, allow_redirects=False
    ) as answer:
        assert answer.status == 303
        where = answer.headers["Location"]
    async with site.anyone.session.get(where) as answer:
        assert answer.content_type == "audio/ogg"
        assert (await answer.content.readexactly(4)) == b"OggS"


async def test_who_may_not_listen_gets_no_address(site: Site, alice: Client, bob: Client) -> None:
    closed = await alice.post(AT, {"title": "Among us", "access": "invited"}, expect=201)
    await alice.post(f"{AT}/{closed['id']}/open")
    path = f"/spaces/{closed['id']}/stream"
    for who in (site.anyone, bob):
        status, _, headers = await who.call("POST", path)
        assert (status, headers["Content-Type"]) == (404, "application/problem+json")
    assert (await site.anyone.call("POST", path, headers={"Authorization": "Bearer nonsense"}))[0] == 401
    scheduled = await bob.post(AT, {"title": "Not yet"}, expect=201)
    assert (await site.anyone.call("POST", f"/spaces/{scheduled['id']}/stream"))[0] == 409
    assert (await site.anyone.call("GET", path))[0] == 405
    assert (await site.anyone.call("POST", "/spaces/nonsense/stream"))[0] == 404


async def test_a_ticket_gives_one_address(site: Site, bob: Client, space: dict[str, Any]) -> None:
    found = await bob.post(f"{AT}/{space['id']}/join", {"role": "listener"})
    shown = {"Authorization": f"Bearer {found['ticket']}"}
    path = f"/spaces/{space['id']}/stream"
    assert (await site.anyone.call("POST", path, headers=shown))[0] == 201
    assert (await site.anyone.call("POST", path, headers=shown))[0] == 401


async def test_whoever_is_on_stage_is_told_that_it_is_not_for_them(
    site: Site, studio: Studio, alice: Client, space: dict[str, Any]
) -> None:
    shown = await ticket(alice, space, "speaker")
    async with Speaker(studio) as speaker:
        speaker.connection.addTrack(Sound.tone(440))
        offered = await speaker.offer()
        status, answer, _ = await site.anyone.call(
            "POST", f"/spaces/{space['id']}/whip", data=offered, headers={**SDP, **shown}
        )
        assert status == 201
        await speaker.accept(answer)
        await speaker.connected()

        async def refusal() -> tuple[int, Any]:
            status, said, _ = await alice.call("POST", f"/spaces/{space['id']}/stream")
            return status, said

        _, said = await eventually("refused", refusal, lambda found: found[0] == 409)
    assert "on stage" in said["detail"]


@pytest.mark.parametrize("how", ["ended", "banned", "left"])
async def test_the_stream_ends_when_the_listener_may_listen_no_more(
    site: Site, alice: Client, bob: Client, space: dict[str, Any], how: str
) -> None:
    said = await ask(bob, space)
    async with site.anyone.session.get(said["url"]) as answer:
        received = await answer.content.readany()
        match how:
            case "ended":
                await alice.post(f"{AT}/{space['id']}/close")
            case "banned":
                await alice.post(f"{AT}/{space['id']}/room/people/{bob.id}/ban")
            case "left":
                await site.anyone.delete(said["session"].removeprefix(site.origin))
        async with asyncio.timeout(2):
            received += await answer.content.read()
    pages, at = [], 0
    while (found := ogg.read(received, at)) is not None:
        pages.append(found[0])
        at = found[1]
    assert pages[-1].flags == ogg.ENDS
    again = await bob.call("POST", f"/spaces/{space['id']}/stream")
    assert again[0] == {"ended": 409, "banned": 403, "left": 201}[how], again[1]


async def test_a_player_that_goes_without_a_word_is_noticed(
    site: Site, studio: Studio, space: dict[str, Any]
) -> None:
    said = await ask(site.anyone, space)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1024)
    path = said["url"].removeprefix(site.origin)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {site.origin[7:]}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.transport.abort()
    await eventually("he is gone", studio.client.status, lambda seen: not seen.rooms)


async def test_a_player_that_stops_reading_is_sent_less_and_then_away(
    site: Site, studio: Studio, space: dict[str, Any]
) -> None:
    """What it does not read is kept for it nowhere."""
    said = await ask(site.anyone, space)
    async with Speaker(studio) as speaker:
        await speaker.publish(Sound.tone(440), room=str(space["id"]))
        with socket.socket() as asleep:
            asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
            asleep.connect(("127.0.0.1", site.port))
            path = said["url"].removeprefix(site.origin)
            asleep.sendall(f"GET {path} HTTP/1.1\r\nHost: {site.origin[7:]}\r\n\r\n".encode())
            await eventually(
                "it is sent less", studio.client.status, lambda now: now.stream_pages_left_out > 0
            )
            await eventually("it is sent away", studio.client.status, lambda now: now.streams == 0)
            asleep.settimeout(5)
            received = 0
            with contextlib.suppress(OSError):
                while data := asleep.recv(65536):
                    received += len(data)
    assert received < 100_000


async def test_whep_says_where_the_stream_is(site: Site, space: dict[str, Any]) -> None:
    for name, expected in (("whep", '<stream>; rel="alternate"; type="audio/ogg"'), ("whip", None)):
        _, _, headers = await site.anyone.call("OPTIONS", f"/spaces/{space['id']}/{name}")
        assert headers.get("Link") == expected
    assert "Link" in headers["Access-Control-Expose-Headers"]


async def test_the_address_is_in_no_log(
    site: Site, space: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    said = await ask(site.anyone, space)
    async with site.anyone.session.get(said["url"]) as answer:
        await answer.content.readany()
    await site.anyone.call("GET", said["url"].removeprefix(site.origin))
    written = "".join(capfd.readouterr())
    assert said["url"].rpartition("/")[2] not in written
    assert json.dumps(said["url"])[1:-1] not in written
