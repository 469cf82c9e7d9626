"""Stream keys by HTTP: FFmpeg speaks with one and is heard; one that is revoked is nothing."""

import asyncio
import re
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from sqlalchemy import select

from fedispace.accounts.tokens import at_rest
from fedispace.spaces import members
from fedispace.spaces.models import StreamKey
from fedispace.spaces.roles import MemberRole
from tests.api.site import Client, Site
from tests.api.sound.doors import AT, SDP, offer
from tests.ground.eventually import eventually
from tests.ground.process import Process
from tests.media.hearing import main_frequency, purity
from tests.media.peers import Listener
from tests.media.studio import Studio

RATE = 48_000


async def _key(who: Client, space: dict[str, Any], label: str = "OBS") -> dict[str, Any]:
    made = await who.post(f"{AT}/{space['id']}/room/stream_keys", {"label": label}, expect=201)
    assert isinstance(made, dict)
    return made


async def _knock(site: Site, space: dict[str, Any], key: str, door: str = "whip") -> int:
    offered = await offer("sendonly" if door == "whip" else "recvonly")
    headers = {**SDP, "Authorization": f"Bearer {key}"}
    status, _, _ = await site.anyone.call(
        "POST", f"/spaces/{space['id']}/{door}", data=offered, headers=headers
    )
    return status


async def _becomes(site: Site, space: dict[str, Any], who: Client, role: MemberRole) -> None:
    """Write what somebody is from now on, as the verbs of the room do."""
    async with site.app.db.transaction() as tx:
        row = await members.ensured(tx, int(space["id"]), who.account.id, site.app.clock.now())
        row.role = role


@pytest.mark.attack(93)
async def test_a_key_is_told_once_and_only_its_hash_is_kept(
    site: Site, alice: Client, space: dict[str, Any]
) -> None:
    made = await _key(alice, space, "OBS at home")
    assert re.fullmatch(r"fsk_[A-Za-z0-9_-]{43}", made["key"])
    assert made["whip_url"] == f"{site.origin}/spaces/{space['id']}/whip"

    [listed] = await alice.get(f"{AT}/{space['id']}/room/stream_keys")

    assert set(listed) == {"id", "label", "created_at", "used_at"}
    assert (listed["id"], listed["label"], listed["used_at"]) == (made["id"], "OBS at home", None)
    async with site.app.db.reading() as tx:
        [row] = (await tx.scalars(select(StreamKey))).all()
    assert row.token_hash == at_rest(made["key"])


@pytest.mark.attack(103)
async def test_only_who_is_on_stage_makes_keys(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    path = f"{AT}/{space['id']}/room/stream_keys"
    assert (await bob.call("POST", path, json={"label": "x"}))[0] == 403
    assert (await bob.call("GET", path))[0] == 403
    assert (await site.anyone.call("POST", path, json={"label": "x"}))[0] == 401

    await _becomes(site, space, bob, MemberRole.SPEAKER)

    assert (await _key(bob, space))["key"]
    assert len(await bob.get(path)) == 1
    assert await alice.get(path) == []


@pytest.mark.attack(103)
async def test_nobody_revokes_or_reads_somebody_elses_key(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    made = await _key(alice, space)
    await _becomes(site, space, bob, MemberRole.COHOST)
    status, _, _ = await bob.call("DELETE", f"{AT}/{space['id']}/room/stream_keys/{made['id']}")
    assert status == 404
    assert await _knock(site, space, made["key"]) == 201


@pytest.mark.attack(93)
async def test_a_key_opens_the_microphone_of_its_space_and_nothing_else(
    site: Site, alice: Client, space: dict[str, Any]
) -> None:
    key = (await _key(alice, space))["key"]
    other = await alice.post(AT, {"title": "Another"}, expect=201)
    await alice.post(f"{AT}/{other['id']}/open")

    assert await _knock(site, space, key) == 201
    assert await _knock(site, space, key, "whep") == 401
    assert await _knock(site, other, key) == 401
    assert await _knock(site, space, key[:-1] + ("a" if key[-1] != "a" else "b")) == 401
    shown = {"Authorization": f"Bearer {key}"}
    for method, path in (
        ("GET", f"{AT}/{space['id']}/room/stream_keys"),
        ("POST", f"{AT}/{space['id']}/pass"),
        ("POST", f"{AT}/{space['id']}/close"),
        ("GET", "/api/v1/accounts/verify_credentials"),
    ):
        assert (await site.anyone.call(method, path, headers=shown))[0] == 401, path
    [listed] = await alice.get(f"{AT}/{space['id']}/room/stream_keys")
    assert listed["used_at"] is not None


@pytest.mark.attack(104)
async def test_a_key_is_nothing_when_its_owner_is_not_on_stage_any_more(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    await _becomes(site, space, bob, MemberRole.SPEAKER)
    key = (await _key(bob, space))["key"]
    assert await _knock(site, space, key) == 201

    await _becomes(site, space, bob, MemberRole.LISTENER)
    assert await _knock(site, space, key) == 401

    await _becomes(site, space, bob, MemberRole.SPEAKER)
    assert await _knock(site, space, key) == 201


async def test_one_person_has_five_keys_at_most(site: Site, alice: Client, space: dict[str, Any]) -> None:
    keys = [await _key(alice, space, str(number)) for number in range(5)]
    path = f"{AT}/{space['id']}/room/stream_keys"
    assert (await alice.call("POST", path, json={}))[0] == 409
    assert (await alice.call("DELETE", f"{path}/{keys[0]['id']}"))[0] == 200
    assert (await alice.call("DELETE", f"{path}/{keys[0]['id']}"))[0] == 200
    assert (await _key(alice, space))["label"] == "OBS"


async def test_a_space_that_is_over_has_no_keys(site: Site, alice: Client, space: dict[str, Any]) -> None:
    key = (await _key(alice, space))["key"]
    await alice.post(f"{AT}/{space['id']}/close")
    assert (await alice.call("POST", f"{AT}/{space['id']}/room/stream_keys", json={}))[0] == 409
    assert await _knock(site, space, key) in (401, 409)
    for chore in site.app.housekeeping.chores:
        await chore()
    async with site.app.db.reading() as tx:
        assert (await tx.scalars(select(StreamKey))).all() == []


async def test_ffmpeg_speaks_with_a_key_and_is_silent_within_a_second_of_its_revocation(
    site: Site, studio: Studio, alice: Client, space: dict[str, Any], tmp_path: Path
) -> None:
    made = await _key(alice, space, "FFmpeg")
    publisher = _broadcast(440, made["whip_url"], made["key"], tmp_path / "ffmpeg.log")
    try:
        async with Listener(studio) as listener:
            offered = await listener.offer_to_listen()
            status, answer, _ = await site.anyone.call(
                "POST", f"/spaces/{space['id']}/whep", data=offered, headers=SDP
            )
            assert status == 201
            await listener.accept(answer)
            await listener.connected()
            heard = await _heard_within(listener, 20.0)
            assert abs(main_frequency(heard, RATE) - 440) < 5

            began = asyncio.get_running_loop().time()
            path = f"{AT}/{space['id']}/room/stream_keys/{made['id']}"
            assert (await alice.call("DELETE", path))[0] == 200
            await eventually("nobody speaks", lambda: _speakers(site), lambda count: count == 0, within=1.0)
            assert asyncio.get_running_loop().time() - began < 1.0

            async def still_heard() -> int:
                listener.forget()
                await asyncio.sleep(0.3)  # the length of a silence, not a wait for something
                return len(listener.heard())

            await eventually("nothing is heard", still_heard, lambda samples: samples == 0, within=1.3)
        assert await _knock(site, space, made["key"]) == 401
    finally:
        publisher.stop()


async def _heard_within(listener: Listener, seconds: float) -> Any:
    async def tone() -> Any:
        return await listener.listen(0.5)

    return await eventually(
        "the tone is heard", tone, lambda heard: purity(heard, RATE, 440) > 0.5, within=seconds
    )


async def _speakers(site: Site) -> int:
    status = await site.app.sfu.status() if site.app.sfu is not None else None
    assert status is not None
    return sum(publishers for publishers, _ in status.rooms.values())


def _broadcast(hertz: int, url: str, key: str, log: Path) -> Process:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "verbose", "-re"]
    command += ["-f", "lavfi", "-i", f"sine=frequency={hertz}:sample_rate=48000"]
    command += ["-c:a", "libopus", "-ac", "2", "-ar", "48000", "-b:a", "64k"]
    command += ["-f", "whip", "-authorization", key, url]
    return Process(command, log=log)
