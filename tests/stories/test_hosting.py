"""Stories of hosts: starting, scheduling, and how a Space looks from home."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from fedispace.accounts.gate import SPACE_REMINDER
from tests.ground.api import Json
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.stories.cast import Cast, Person
from tests.stories.room import end, id_of, unmute
from tests.system.people import befriend

pytestmark = pytest.mark.system

SPACES = "/api/fedispace/v1/spaces"
ROOM_PAGE = re.compile(r"/spaces/\d+")
PLACE = "(card) => [...card.parentElement.children].indexOf(card)"


async def plan(host: Person, server: Instance, title: str, days: float) -> datetime:
    """Fill in the form for a Space in so many days, and send it; return when it begins."""
    await host.page.goto(f"{server.origin}/start-a-space")
    await host.page.get_by_test_id("space-title").fill(title)
    begins = datetime.now(UTC) + timedelta(days=days)
    offset = await host.page.evaluate("new Date().getTimezoneOffset()")
    typed = begins - timedelta(minutes=offset)
    await host.page.get_by_test_id("starts-at").fill(typed.strftime("%Y-%m-%dT%H:%M"))
    await host.page.get_by_test_id("schedule").click()
    return begins


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

        await expect(anke.page.get_by_text("You are on stage, muted.")).to_be_visible()
        assert await anke.was_asked_for_a_microphone()
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
    host = await cast.person(alpha, "olga", timezone_id="Asia/Tokyo")
    await plan(host, alpha, "Too far away", 15.1)
    await expect(host.page.get_by_role("alert")).to_contain_text("at most 14 days ahead")
    begins = await plan(host, alpha, "Two weeks", 13.9)
    await host.page.wait_for_url(ROOM_PAGE)
    first = host.page.url.split("?")[0]
    # In the reader's own time: Tokyo is nine hours ahead of what the server keeps.
    there = begins.astimezone(ZoneInfo("Asia/Tokyo"))
    await expect(host.page.locator(".when-big")).to_contain_text(there.strftime("%H:%M"))
    await expect(host.page.locator("[data-countdown]")).to_contain_text("13 d")

    await plan(host, alpha, "One more", 3)
    await expect(host.page.get_by_role("alert")).to_contain_text("one Space scheduled already")

    await host.page.goto(first)
    address = await host.page.get_by_test_id("ics").first.get_attribute("href")
    assert address is not None
    text = await host.page.evaluate("async (at) => (await fetch(at)).text()", address)
    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert f"\r\nDTSTART:{begins.strftime('%Y%m%dT%H%M00Z')}\r\n" in text
    assert re.search(r"\r\nSUMMARY(;LANGUAGE=\w+)?:Two weeks\r\n", text)


@pytest.mark.story("B2")
async def test_the_operator_changes_the_limits_of_scheduling(cast: Cast, ground: Ground) -> None:
    settings = {"spaces.schedule_horizon_days": "30", "spaces.max_scheduled_per_host": "2"}
    generous = ground.instance("c.test", settings=settings)
    host = await cast.person(generous, "olga", timezone_id="UTC")
    for title, days in (("A month away", 29.9), ("One more", 3)):
        await plan(host, generous, title, days)
        await host.page.wait_for_url(ROOM_PAGE)
        await expect(host.page.get_by_role("heading", name=title)).to_be_visible()
    await plan(host, generous, "A third", 4)
    await expect(host.page.get_by_role("alert")).to_contain_text("2 Spaces scheduled already")
    await plan(host, generous, "Too far away", 30.1)
    await expect(host.page.get_by_role("alert")).to_contain_text("at most 30 days ahead")
    ground.retire(generous)


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
    await host.page.wait_for_url(ROOM_PAGE)
    url = host.page.url.split("?")[0]
    # One page that stays open, and is never loaded anew: the card goes through its life where it is.
    await fan.page.goto(f"{alpha.origin}/spaces")
    card = fan.page.get_by_test_id("space-card").filter(has_text="All its life")
    await expect(card).to_have_count(1)
    name, place = await card.get_attribute("id"), await card.evaluate(PLACE)
    await expect(card).to_have_attribute("data-state", "scheduled")
    await expect(card.get_by_test_id("card-remind")).to_be_visible()

    await host.page.get_by_test_id("open-button").click()
    await expect(host.page.get_by_text("You are on stage, muted.")).to_be_visible()
    await expect(card).to_have_attribute("data-state", "live")
    await expect(card.get_by_test_id("card-listen")).to_be_visible()
    assert (await card.get_attribute("id"), await card.evaluate(PLACE)) == (name, place)

    other = await fan.page.context.new_page()
    await other.goto(f"{alpha.origin}/")
    bar = other.get_by_test_id("live-bar")
    await expect(bar).to_contain_text("petra")
    await expect(bar.get_by_role("link")).to_have_attribute("href", re.compile(rf"/spaces/{id_of(url)}"))
    at_home = other.get_by_test_id("space-card").filter(has_text="All its life")
    await expect(at_home).to_have_count(1)
    assert (await at_home.get_attribute("id"), await at_home.get_attribute("data-state")) == (name, "live")
    await other.goto(f"{alpha.origin}/@petra")
    await expect(other.locator(".ringed").first).to_be_visible()
    stranger = await cast.person(alpha, "stefan")
    await expect(stranger.page.get_by_test_id("live-bar")).to_have_count(0)

    await fan.page.bring_to_front()
    await end(host)
    await expect(card).to_have_attribute("data-state", "ended")
    assert (await card.get_attribute("id"), await card.evaluate(PLACE)) == (name, place)
    await other.goto(f"{alpha.origin}/")
    await expect(at_home).to_have_count(1)
    assert (await at_home.get_attribute("id"), await at_home.get_attribute("data-state")) == (name, "ended")
    await expect(other.get_by_test_id("live-bar")).to_have_count(0)


@pytest.mark.story("C3")
async def test_a_reminder_is_asked_for_taken_back_and_kept(cast: Cast, alpha: Instance) -> None:
    async with alpha.client("rosa") as rosa, alpha.client("stan") as stan:
        reader, guest = await cast.person(alpha, "stan"), await cast.guest()
        begins = datetime.now(UTC) + timedelta(hours=2)
        space = await rosa.create_space("Soon", starts_at=begins.isoformat())
        await reader.page.goto(space["url"])
        button = reader.page.get_by_test_id("remind-button")
        await button.click()
        await expect(button).to_have_text("You will be reminded")
        await button.click()
        await expect(button).to_have_text("Remind me")
        await button.click()
        await expect(button).to_have_text("You will be reminded")

        # Without an account: the calendar keeps it.
        await guest.page.goto(space["url"])
        await expect(guest.page.get_by_test_id("remind-button")).to_have_text("Sign in for a reminder")
        address = await guest.page.get_by_test_id("ics").first.get_attribute("href")
        text = await guest.page.evaluate("async (at) => (await fetch(at)).text()", address)
        assert f"\r\nDTSTART:{begins.strftime('%Y%m%dT%H%M%SZ')}\r\n" in text

        begins = datetime.now(UTC) + timedelta(seconds=12)
        await rosa.patch(f"{SPACES}/{space['id']}", {"starts_at": begins.isoformat()})

        async def reminders() -> list[Json]:
            found: list[Json] = await stan.get("/api/v1/notifications", **{"types[]": SPACE_REMINDER})
            return found

        [told] = await eventually("stan is reminded", reminders, bool, within=90)
        assert told["account"]["acct"] == "rosa"
        assert datetime.fromisoformat(told["created_at"]) >= begins - timedelta(seconds=1), (
            "in time, not before"
        )
        await reader.page.goto(f"{alpha.origin}/notifications")
        await expect(reader.page.locator("#main")).to_contain_text("Soon")
        await rosa.post(f"{SPACES}/{space['id']}/cancel")
