"""Stories of hosts: starting, scheduling, and how a Space looks from home."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.ground.eventually import eventually
from tests.ground.instance import Instance
from tests.stories.cast import Cast, Person
from tests.stories.room import start_talking, unmute
from tests.system.people import befriend

pytestmark = pytest.mark.system

SPACES = "/api/fedispace/v1/spaces"


async def plan(host: Person, server: Instance, title: str, days: float) -> None:
    """Fill in the form for a Space in so many days, and send it."""
    await host.page.goto(f"{server.origin}/start-a-space")
    await host.page.get_by_test_id("space-title").fill(title)
    begins = datetime.now(UTC) + timedelta(days=days)
    await host.page.get_by_test_id("starts-at").fill(begins.strftime("%Y-%m-%dT%H:%M"))
    await host.page.get_by_test_id("schedule").click()


@pytest.mark.story("B1")
async def test_a_space_is_started_in_three_clicks(cast: Cast, alpha: Instance, beta: Instance) -> None:
    anke = await cast.person(alpha, "anke", tone=440, timezone_id="UTC")
    async with beta.client("bert") as bert:
        await befriend(bert, f"anke@{alpha.name}")
        await anke.page.goto(f"{alpha.origin}/")
        await anke.page.get_by_test_id("compose-space").first.click()
        await anke.page.get_by_test_id("space-title").fill("Three clicks")
        assert not await anke.was_asked_for_a_microphone()
        await anke.page.get_by_test_id("start-now").click()

        await expect(anke.page.get_by_test_id("mic-button")).to_have_text("Unmute")
        await expect(anke.page.locator("[data-onair]")).to_contain_text("LIVE")
        await expect(anke.page.get_by_text("You are on air.")).to_have_count(0)
        await unmute(anke)

        home = await eventually(
            "bert's home timeline says that it is live",
            bert.home,
            lambda posts: any("Three clicks" in post["content"] for post in posts),
            within=60,
        )
        assert sum("Three clicks" in post["content"] for post in home) == 1


@pytest.mark.story("B2")
async def test_scheduling_has_limits_which_are_named(cast: Cast, alpha: Instance) -> None:
    host = await cast.person(alpha, "olga", timezone_id="UTC")
    await plan(host, alpha, "Too far away", 15.1)
    await expect(host.page.get_by_role("alert")).to_contain_text("14 days")
    await plan(host, alpha, "Next week", 13.9)
    await host.page.wait_for_url(re.compile(r"/spaces/\d+"))
    first = host.page.url.split("?")[0]
    await expect(host.page.locator("[data-countdown]")).to_be_visible()

    await plan(host, alpha, "One more", 3)
    await expect(host.page.get_by_role("alert")).to_contain_text("one Space scheduled already")

    await host.page.goto(first)
    address = await host.page.get_by_test_id("ics").first.get_attribute("href")
    assert address is not None
    text = await host.page.evaluate("async (at) => (await fetch(at)).text()", address)
    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert re.search(r"\r\nDTSTART(;VALUE=DATE-TIME)?:\d{8}T\d{6}Z\r\n", text)
    assert "SUMMARY:Next week" in text


@pytest.mark.story("C1", "C2")
async def test_one_card_through_all_states_and_the_bar_of_who_is_live(cast: Cast, alpha: Instance) -> None:
    host = await cast.person(alpha, "petra", tone=440, timezone_id="UTC")
    fan = await cast.person(alpha, "fritz")
    async with alpha.client("fritz") as client:
        account = await client.account(f"petra@{alpha.name}")
        await client.follow(account["id"])
    await fan.page.goto(f"{alpha.origin}/")
    await expect(fan.page.get_by_test_id("live-bar")).to_have_count(0)

    await plan(host, alpha, "All its life", 2)
    await host.page.wait_for_url(re.compile(r"/spaces/\d+"))
    url = host.page.url.split("?")[0]
    card = fan.page.get_by_test_id("space-card").filter(has_text="All its life")
    await fan.page.goto(f"{alpha.origin}/spaces")
    await expect(card).to_have_count(1)
    name = await card.get_attribute("id")
    assert await card.get_attribute("data-state") == "scheduled"

    await host.page.get_by_test_id("open-button").click()
    await host.page.get_by_test_id("mic-button").wait_for()
    await unmute(host)
    await fan.page.goto(f"{alpha.origin}/")
    await expect(card).to_have_count(1)
    assert (await card.get_attribute("data-state"), await card.get_attribute("id")) == ("live", name)
    bar = fan.page.get_by_test_id("live-bar")
    await expect(bar).to_contain_text("petra")
    await fan.page.goto(f"{alpha.origin}/@petra")
    await expect(fan.page.locator(".ringed").first).to_be_visible()

    await host.page.get_by_test_id("end-button").click()
    await host.page.get_by_role("button", name="End for everyone").click()
    await host.page.wait_for_url(url)
    await fan.page.goto(f"{alpha.origin}/")
    await expect(card).to_have_count(1)
    assert (await card.get_attribute("data-state"), await card.get_attribute("id")) == ("ended", name)
    await expect(fan.page.get_by_test_id("live-bar").filter(has_text="petra")).to_have_count(0)


@pytest.mark.story("C3")
async def test_a_reminder_is_asked_for_taken_back_and_kept(cast: Cast, alpha: Instance) -> None:
    async with alpha.client("rosa") as rosa, alpha.client("stan") as stan:
        begins = datetime.now(UTC) + timedelta(seconds=25)
        space = await rosa.create_space("Soon", starts_at=begins.isoformat())
        reader = await cast.person(alpha, "stan")
        await reader.page.goto(space["url"])
        button = reader.page.get_by_test_id("remind-button")
        await button.click()
        await expect(button).to_have_text("You will be reminded")
        await button.click()
        await expect(button).to_have_text("Remind me")
        await button.click()
        await expect(button).to_have_text("You will be reminded")

        told = await eventually(
            "stan is reminded",
            stan.notifications,
            lambda found: any("Soon" in str(one) or one["account"]["acct"] == "rosa" for one in found),
            within=60,
        )
        assert sum(one["account"]["acct"] == "rosa" for one in told) == 1
        guest = await cast.guest()
        await guest.page.goto(space["url"])
        await expect(guest.page.get_by_test_id("ics").first).to_be_visible()
        await rosa.post(f"{SPACES}/{space['id']}/cancel")


@pytest.mark.story("C2")
async def test_followers_at_home_are_told_once_that_it_is_live(cast: Cast, alpha: Instance) -> None:
    async with alpha.client("tilda") as tilda, alpha.client("uwe") as uwe:
        account = await uwe.account(f"tilda@{alpha.name}")
        await uwe.follow(account["id"])
        host = await cast.person(alpha, "tilda", tone=440)
        await start_talking(host, alpha, "Told once")
        home = await uwe.home()
        assert sum("Told once" in post["content"] for post in home) == 1
        assert [one for one in await tilda.notifications() if one["type"] == "poll"] == []
