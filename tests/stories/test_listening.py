"""Stories of people who listen."""

import asyncio
from collections.abc import Callable

import pytest
from playwright.async_api import expect

from tests.ground.eventually import eventually
from tests.ground.instance import Instance
from tests.stories.cast import NARROW, Cast, Person
from tests.stories.room import count_bubbles, end, id_of, listen, start_talking

pytestmark = pytest.mark.system

TONES = (440, 660, 880)


async def seen(person: Person, is_enough: Callable[[int], bool]) -> None:
    """Wait until enough reactions were seen."""

    async def count() -> int:
        return int(await person.page.evaluate("window.__seen"))

    await eventually("reactions are seen", count, is_enough)


async def read(person: Person, selector: str) -> str:
    return await person.page.locator(selector).first.inner_text()


async def hide(person: Person) -> None:
    """Tell somebody's page that it is behind another one: a Chromium without a screen never says so."""
    await person.page.evaluate(
        """() => {
          Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
          Object.defineProperty(document, "hidden", { get: () => true });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    other = await person.page.context.new_page()
    await other.goto("about:blank")
    await other.bring_to_front()


@pytest.mark.story("A1")
async def test_somebody_without_an_account_listens_with_one_click(cast: Cast, alpha: Instance) -> None:
    alice = await cast.person(alpha, "anna", tone=440)
    dave = await cast.guest("dave")
    url = await start_talking(alice, alpha, "Open floor")

    await dave.page.goto(url)
    assert await dave.page.get_by_role("heading", name="Open floor").is_visible()
    button = dave.page.get_by_test_id("listen-button")
    box = await button.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 900, "the button is in the first view"
    assert await dave.page.get_by_role("dialog").count() == 0
    await button.click()
    await dave.until_hears([440], TONES, within=20)

    await eventually("one listens", lambda: read(dave, "[data-count]"), lambda text: text == "1", within=20)
    await dave.page.locator("#tab-listeners").click()
    await expect(dave.page.get_by_text("1 anonymous listener")).to_be_visible()
    assert not await dave.was_asked_for_a_microphone()
    ours = (alpha.origin, "blob:", "data:")
    assert [request for request in dave.requests if not request.startswith(ours)] == []
    assert await dave.page.context.cookies() == []

    await dave.page.get_by_test_id("leave-button").click()
    assert await dave.hears(440) == set()
    assert dave.page.url.split("#")[0] == url
    await eventually(
        "nobody listens", lambda: read(dave, "[data-count]"), lambda text: text == "0", within=20
    )
    assert dave.errors == []


@pytest.mark.story("A2")
async def test_one_sees_and_is_told_who_talks(cast: Cast, alpha: Instance) -> None:
    alice = await cast.person(alpha, "bea", tone=440)
    dave = await cast.guest("dave")
    await dave.page.goto(await start_talking(alice, alpha, "Who talks"))
    await listen(dave)
    seat = dave.page.locator("[data-seat*=bea]")
    for _ in range(2):
        await expect(seat).to_contain_class("talking")
        await alice.page.get_by_test_id("mic-button").click()
        await expect(seat).not_to_contain_class("talking")
        await alice.page.get_by_test_id("mic-button").click()
    await expect(dave.page.get_by_text("bea is talking.")).to_have_count(1)


@pytest.mark.story("A3")
async def test_reactions_are_seen_by_others_and_a_flood_of_them_is_not(cast: Cast, alpha: Instance) -> None:
    alice = await cast.person(alpha, "cleo", tone=440)
    bob = await cast.person(alpha, "bob")
    dave = await cast.guest("dave")
    url = await start_talking(alice, alpha, "Applause")
    await bob.page.goto(url)
    await dave.page.goto(url)
    await count_bubbles(dave)
    await expect(bob.page.get_by_test_id("reactions-button")).to_be_visible()
    await bob.page.get_by_test_id("reactions-button").click()
    await bob.page.get_by_test_id("react-🎉").click()
    await seen(dave, lambda many: many == 1)
    bubble = dave.page.locator("[data-reaction]").first
    assert await bubble.evaluate("one => getComputedStyle(one).animationName") == "none"

    await asyncio.sleep(2.2)
    applause = bob.page.get_by_test_id("react-👏")
    await applause.evaluate("one => { for (let click = 0; click < 20; click += 1) one.click(); }")
    await seen(dave, lambda many: many > 1)
    await asyncio.sleep(1)
    assert 1 < await dave.page.evaluate("window.__seen") <= 6
    await expect(dave.page.get_by_text("applause")).not_to_have_count(0)

    refused = await dave.page.evaluate(
        """async (at) => (await fetch(at, { method: "POST", headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ emoji: "🎉" }) })).status""",
        f"/api/fedispace/v1/spaces/{id_of(url)}/room/reactions",
    )
    assert refused == 401


@pytest.mark.story("A6")
async def test_a_listener_is_asked_and_is_seen_by_choice_only(cast: Cast, alpha: Instance) -> None:
    alice = await cast.person(alpha, "dora", tone=440)
    bob = await cast.person(alpha, "bob")
    dave = await cast.guest("dave")
    url = await start_talking(alice, alpha, "Who is here")
    for person in (bob, dave):
        await person.page.goto(url)
    await bob.page.get_by_test_id("listen-button").click()
    notice = bob.page.get_by_test_id("presence-notice")
    await expect(notice).to_contain_text("others see a number, not your name")
    private = bob.page.get_by_test_id("listen-privately")
    await expect(private).to_be_focused()
    await private.press("Enter")
    await bob.until_hears([440], TONES, within=20)

    async def everybody_sees(*names: str) -> None:
        for person in (alice, bob, dave):
            await expect(person.page.locator("[data-listeners] .name")).to_have_text(list(names))

    for person in (alice, bob, dave):
        await person.page.locator("#tab-listeners").click()
        await expect(person.page.get_by_text("1 anonymous listener")).to_be_visible()
    await everybody_sees()
    async with alpha.client("dora") as client:
        room = await client.get(f"/api/fedispace/v1/spaces/{id_of(url)}/room")
    assert room["listeners"] == {"count": 1, "shown": [], "private": 1}

    switch = bob.page.get_by_test_id("presence-switch")
    await switch.click()
    await everybody_sees("bob")
    await switch.click()
    await everybody_sees()

    await bob.page.get_by_test_id("leave-button").click()
    await bob.page.get_by_test_id("listen-button").click()
    await bob.until_hears([440], TONES, within=20)
    await expect(notice).to_be_hidden()


@pytest.mark.story("A9")
async def test_it_plays_on_across_pages_and_the_system_can_pause_it(cast: Cast, alpha: Instance) -> None:
    alice = await cast.person(alpha, "edda", tone=440)
    bob = await cast.person(alpha, "bob", viewport=NARROW)
    await bob.page.goto(await start_talking(alice, alpha, "While cooking"))
    await bob.page.evaluate(
        """() => {
          window.__does = {};
          const set = navigator.mediaSession.setActionHandler.bind(navigator.mediaSession);
          navigator.mediaSession.setActionHandler = (name, act) => {
            window.__does[name] = act;
            set(name, act);
          };
        }"""
    )
    await listen(bob)
    await bob.until_hears([440], TONES, within=20)

    await bob.page.get_by_role("link", name="Home").first.click()
    await bob.page.wait_for_url(f"{alpha.origin}/")
    await bob.until_hears([440], TONES, within=20)
    await expect(bob.page.get_by_text("While cooking").filter(visible=True).first).to_be_visible()
    assert await bob.page.evaluate("navigator.mediaSession.metadata.title") == "While cooking"

    await hide(bob)
    await bob.until_hears([440], TONES, within=20)

    await bob.page.evaluate("window.__does.pause()")
    await bob.until_hears([], TONES, within=20)


@pytest.mark.story("A12")
async def test_everybody_sees_the_end(cast: Cast, alpha: Instance) -> None:
    alice = await cast.person(alpha, "fay", tone=440)
    bob = await cast.person(alpha, "bob")
    dave = await cast.guest("dave")
    url = await start_talking(alice, alpha, "Good night")
    for person in (bob, dave):
        await person.page.goto(url)
        await listen(person)
        await person.until_hears([440], TONES, within=20)
    await end(alice)
    for person in (bob, dave):
        await expect(person.page.get_by_text("That Space has ended").first).to_be_visible()
        await person.until_hears([], TONES, within=20)
        await expect(person.page.locator("#thread")).to_be_visible()
