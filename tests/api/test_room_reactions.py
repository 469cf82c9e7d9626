"""Reactions in a room: seen by the others within a second, counted together, kept nowhere."""

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy import update

from fedispace.accounts.models import CustomEmoji
from fedispace.spaces.models import Space
from tests.api.listener import Listener
from tests.api.site import Client, Site
from tests.api.test_signal import pass_of

AT = "/api/fedispace/v1/spaces"


async def react(who: Client, space: dict[str, Any], emoji: str = "🎉") -> tuple[int, Any, Any]:
    return await who.call("POST", f"{AT}/{space['id']}/room/reactions", json={"emoji": emoji})


async def test_a_reaction_is_seen_by_others_within_a_second(site: Site, bob: Client, space: Any) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        began = time.monotonic()
        assert (await react(bob, space, "❤"))[0] == 202
        assert (await visitor.event("reactions"))["counts"] == {"❤️": 1}
        assert time.monotonic() - began < 1


@pytest.mark.attack(105)
async def test_of_a_flood_five_are_counted_in_two_seconds(site: Site, bob: Client, space: Any) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        answers = await asyncio.gather(*(react(bob, space) for _ in range(20)))
        assert sorted(status for status, _, _ in answers) == [202] * 5 + [429] * 15
        assert {headers["Retry-After"] for status, _, headers in answers if status == 429} == {"2"}
        seen = 0
        while seen < 5:
            seen += (await visitor.event("reactions"))["counts"]["🎉"]
        site.home.clock.advance(seconds=2.1)
        assert (await react(bob, space))[0] == 202
        assert seen + (await visitor.event("reactions"))["counts"]["🎉"] == 6


@pytest.mark.attack(105)
async def test_what_is_no_reaction_of_the_room_is_refused(site: Site, bob: Client, space: Any) -> None:
    for emoji in ("<b>x</b>", "x", "", "🎉🎉", ":no_such_emoji:", ":x" * 400, "🎉" * 1000):
        site.home.clock.advance(seconds=3)
        assert (await react(bob, space, emoji))[0] == 422


async def test_an_emoji_of_the_instance_comes_with_its_picture(site: Site, bob: Client, space: Any) -> None:
    async with site.home.db.transaction() as tx:
        tx.add(
            CustomEmoji(
                id=1,
                shortcode="party",
                domain="",
                icon="https://a.example/party.png",
                in_picker=True,
                disabled=False,
                updated_at=site.home.clock.now(),
            )
        )
    async with Listener(site.origin, space["id"]) as visitor:
        assert (await react(bob, space, ":party:"))[0] == 202
        said = await visitor.event("reactions")
        assert (said["counts"], list(said["urls"])) == ({":party:": 1}, [":party:"])


async def test_a_visitor_does_not_react(site: Site, space: dict[str, Any]) -> None:
    assert (await react(site.anyone, space))[0] == 401


async def test_somebody_with_a_pass_reacts_in_that_room_only(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    guest = site.holder(await pass_of(site, bob, space))
    assert (await react(guest, space))[0] == 202
    other = await alice.post(AT, {"title": "Another"}, expect=201)
    assert (await react(guest, other))[0] == 401


async def test_a_room_that_is_paused_or_not_open_takes_none(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    waiting = await alice.post(AT, {"title": "Later"}, expect=201)
    assert (await react(bob, waiting))[0] == 409
    async with site.home.db.transaction() as tx:
        await tx.execute(
            update(Space).where(Space.id == int(space["id"])).values(paused_at=site.home.clock.now())
        )
    assert (await react(bob, space))[0] == 409
