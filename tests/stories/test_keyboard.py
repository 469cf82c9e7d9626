"""Stories of people who use no mouse, and of people who do not see the page."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Locator, Page, expect

from tests.ground.eventually import eventually
from tests.ground.instance import Instance
from tests.stories.axe import looks
from tests.stories.cast import Cast, Person
from tests.stories.room import bring_on_stage, count_bubbles, listen, start, start_talking, unmute

pytestmark = pytest.mark.system

TONES = (440, 660, 880)
_FOCUSED = """() => {
  const one = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return {
    what: one.dataset.testid || one.getAttribute("aria-label") || one.textContent.trim().slice(0, 40),
    isRinged: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    isSeen: Boolean(top) && (one.contains(top) || top.contains(one)),
  };
}"""
# What the polite region says from now on of who talks, and when; and how often the seats changed meanwhile.
_WATCH = """() => {
  window.__told = [];
  window.__turns = 0;
  const said = document.querySelector("[data-said=polite]");
  new MutationObserver(() => window.__told.push([performance.now(), said.textContent]))
    .observe(said, { childList: true, characterData: true, subtree: true });
  new MutationObserver((all) => {
    for (const { target, oldValue } of all) {
      const was = (oldValue ?? "").includes("talking");
      if (target.matches(".seat") && was !== target.classList.contains("talking")) window.__turns += 1;
    }
  }).observe(document.querySelector("[data-seats]"),
    { subtree: true, attributes: true, attributeFilter: ["class"], attributeOldValue: true });
}"""


async def tab_to(page: Page, wanted: Locator, *, most: int = 60) -> list[str]:
    """Press Tab until `wanted` has the focus; every stop on the way shows where it is. Return the stops."""
    stops: list[str] = []
    for _ in range(most):
        await page.keyboard.press("Tab")
        at = await page.evaluate(_FOCUSED)
        stops.append(at["what"])
        assert at["isRinged"], f"one does not see that this has the focus: {at['what']}"
        assert at["isSeen"], f"something lies over what has the focus: {at['what']}"
        if await wanted.evaluate("one => one === document.activeElement"):
            return stops
    raise AssertionError(f"Tab does not come there, but to {stops}")


async def _until_told(person: Person, many: int) -> list[float]:
    """Wait until it was said so often that somebody talks; return when, in ms."""

    async def moments() -> list[float]:
        told = await person.page.evaluate("window.__told")
        return [at for at, words in told if "talking" in words]

    return await eventually("it is said who talks", moments, lambda all: len(all) >= many)


@pytest.mark.story("A11")
async def test_listening_a_hand_and_a_microphone_by_keys_alone(cast: Cast, alpha: Instance) -> None:
    kim = await cast.person(alpha, "kim", tone=440)
    bob = await cast.person(alpha, "bob", tone=660)
    dave = await cast.guest("dave")
    url = await start_talking(kim, alpha, "By keys")
    await dave.page.goto(url)
    await listen(dave)
    await count_bubbles(dave)
    keys = bob.page.keyboard

    # A1: Tab comes to the button before the thread, Enter presses it and the answer to what is asked.
    await bob.page.goto(url)
    button = bob.page.get_by_test_id("listen-button")
    stops = await tab_to(bob.page, button)
    assert stops[0] == "Skip to content"
    assert "Thread" not in stops
    await keys.press("Enter")
    await expect(bob.page.get_by_test_id("listen-privately")).to_be_focused()
    await keys.press("Enter")
    await expect(bob.page.get_by_test_id("leave-button")).to_be_focused()
    await bob.until_hears([440], TONES, within=60)
    await keys.press("l")
    await expect(button).to_be_focused()
    await bob.until_hears([], TONES, within=60)
    await keys.press("l")
    await bob.until_hears([440], TONES, within=60)

    # A3: reactions open, go off and close again, and the focus is back where it was.
    opener = bob.page.get_by_test_id("reactions-button")
    await opener.focus()
    await keys.press("Enter")
    await expect(bob.page.get_by_test_id("react-👏")).to_be_focused()
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(dave.page.locator("[data-reaction]")).to_have_text("❤️")
    await keys.press("Escape")
    await expect(opener).to_be_focused()
    await expect(opener).to_have_attribute("aria-expanded", "false")

    # A4: a hand, told to the host at once, who takes it without a mouse.
    hand = bob.page.get_by_test_id("raise-hand")
    await keys.press("h")
    await expect(hand).to_have_text("Lower hand (1st in queue)")
    told = kim.page.locator("[data-said=assertive][aria-live=assertive]")
    await expect(told).to_have_text("bob raised a hand")
    await keys.press("h")
    await expect(hand).to_have_text("Raise hand")
    await keys.press("h")
    await kim.page.locator("h1").first.click()
    await tab_to(kim.page, kim.page.get_by_role("button", name="Approve bob"))
    await kim.page.keyboard.press("Enter")
    await expect(bob.page.get_by_role("alertdialog")).to_be_visible()
    await expect(kim.page.locator("[data-desk] h2")).to_be_focused()

    # The microphone.
    microphone = bob.page.get_by_test_id("mic-button")
    await keys.press("m")
    await expect(bob.page.get_by_text("You are on air.")).to_be_visible()
    await expect(bob.page.get_by_role("alertdialog")).to_be_hidden()
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await dave.until_hears([440, 660], TONES, within=60)
    await keys.press("m")
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await dave.until_hears([440], TONES, within=60)

    # Who writes, writes: no key of a word is taken for an order.
    reply = bob.page.get_by_label("Your reply")
    await reply.focus()
    await keys.type("mlhm?")
    await expect(reply).to_have_value("mlhm?")
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await expect(bob.page.get_by_test_id("leave-button")).to_be_visible()
    assert await bob.page.get_by_role("dialog").count() == 0
    invitation = kim.page.get_by_label("Invite somebody")
    await invitation.focus()
    await kim.page.keyboard.type("@milhem")
    await expect(invitation).to_have_value("@milhem")
    assert 440 in await dave.hears(*TONES)

    # Who drives the page by voice turns single keys off, and they stay off.
    await microphone.focus()
    await keys.press("?")
    await bob.page.get_by_test_id("use-keys").focus()
    await keys.press("Space")
    await keys.press("Escape")
    await microphone.focus()
    await keys.press("m")
    await keys.press("?")
    assert await bob.page.get_by_role("dialog").count() == 0
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    assert (kim.errors, bob.errors, dave.errors) == ([], [], [])


@pytest.mark.story("A11")
async def test_who_does_not_look_is_told_who_talks_and_not_at_every_turn(cast: Cast, alpha: Instance) -> None:
    lea = await cast.person(alpha, "lea", tone=440)
    bob = await cast.person(alpha, "bob", tone=660)
    dave = await cast.guest("dave")
    url = await start(lea, alpha, "Taking turns")
    for person in (bob, dave):
        await person.page.goto(url)
    await listen(dave)
    await bring_on_stage(lea, bob)
    await unmute(lea)
    await unmute(bob)
    await dave.until_hears([440, 660], TONES, within=60)
    await dave.page.evaluate(_WATCH)

    async def turns() -> None:
        seat = dave.page.locator("[data-seat*=lea]")
        while True:
            await lea.page.keyboard.press("m")
            await expect(seat).not_to_contain_class("talking")
            await lea.page.keyboard.press("m")
            await expect(seat).to_contain_class("talking")

    talking = asyncio.create_task(turns())
    try:
        moments = await _until_told(dave, 4)
    finally:
        talking.cancel()
        await asyncio.wait([talking])
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert min(gaps) >= 4_950, gaps
    assert await dave.page.evaluate("window.__turns") > len(moments)
    await expect(dave.page.locator("[data-said=polite][aria-live=polite]")).to_contain_text("talking")


async def _opened(page: Page, opener: Locator) -> None:
    await opener.click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def _every_tab(page: Page, state: str) -> list[str]:
    wrong: list[str] = []
    for name in ("Thread", "Listeners", "Pinned", "About"):
        await page.get_by_role("tab", name=name).click()
        wrong += await looks(page, f"{state}, {name}")
    await page.get_by_role("tab", name="Thread").click()
    return wrong


async def _sheets(page: Page, state: str, *openers: str) -> list[str]:
    """Look at what opens at the press of each; a name after "more: " stands in the menu of that button."""
    wrong: list[str] = []
    for opener in openers:
        first, _, inside = opener.partition(": ")
        await page.get_by_test_id(first).click()
        if inside:
            await page.get_by_role("dialog").get_by_role("button", name=inside).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        wrong += await looks(page, f"{state}, {opener}")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
    return wrong


@pytest.mark.story("A11")
async def test_axe_finds_nothing_grave_in_a_live_room(cast: Cast, alpha: Instance) -> None:
    mia = await cast.person(alpha, "mia")
    bob, carol = await cast.person(alpha, "bob"), await cast.person(alpha, "carol")
    dave = await cast.guest("dave")
    url = await start(mia, alpha, "In every state")
    for person in (bob, carol, dave):
        await person.page.goto(url)
    wrong = await _every_tab(dave.page, "live, stranger")
    wrong += await _sheets(dave.page, "stranger", "share-button", "raise-hand", "more-button")
    await listen(dave)
    wrong += await looks(dave.page, "live, a stranger listens")

    await bob.page.get_by_test_id("listen-button").click()
    await expect(bob.page.get_by_test_id("listen-shown")).to_be_visible()
    wrong += await looks(bob.page, "what others see, asked before listening")
    await bob.page.get_by_test_id("listen-shown").click()
    await expect(bob.page.get_by_test_id("leave-button")).to_be_visible()
    await bob.page.get_by_test_id("raise-hand").click()
    await carol.page.get_by_test_id("raise-hand").click()
    await carol.page.get_by_test_id("listen-privately").click()
    await bob.page.get_by_test_id("reactions-button").click()
    await bob.page.get_by_label("Your reply").fill("What do you read?")
    await bob.page.get_by_role("button", name="Reply", exact=True).click()
    await expect(bob.page.locator("#thread article")).to_have_count(1)
    wrong += await _every_tab(bob.page, "live, listener")
    wrong += await _sheets(
        bob.page, "listener", "share-button", "more-button", "more-button: Report", "more-button: Keyboard"
    )

    await expect(mia.page.get_by_test_id("hand-queue").locator("li")).to_have_count(2)
    await expect(mia.page.locator("#listeners [data-account]")).to_have_count(1)
    wrong += await _every_tab(mia.page, "live, host with a queue")
    await mia.page.get_by_role("button", name="Approve bob").click()
    await expect(bob.page.get_by_role("alertdialog")).to_be_visible()
    wrong += await looks(bob.page, "asked on stage")
    await bob.page.get_by_test_id("decline-invitation").click()
    wrong += await looks(bob.page, "live, speaker")
    await mia.page.locator("[data-seat^='@bob@'] [data-person]").click()
    await expect(mia.page.get_by_role("dialog")).to_be_visible()
    wrong += await looks(mia.page, "what one can do about somebody")
    await mia.page.get_by_role("button", name="Remove from this Space").click()
    await expect(mia.page.get_by_role("button", name="Yes, do it")).to_be_visible()
    wrong += await looks(mia.page, "are you sure")
    await mia.page.get_by_role("button", name="Yes, do it").click()
    await expect(bob.page.get_by_text("You were removed from this Space.").first).to_be_visible()
    wrong += await looks(bob.page, "removed")
    wrong += await _sheets(mia.page, "host", "share-button", "more-button", "more-button: Who was removed")

    await mia.page.get_by_test_id("more-button").click()
    await mia.page.get_by_role("button", name="Pause the room").click()
    for person in (mia, carol, dave):
        await expect(person.page.locator("[data-paused]")).to_be_visible()
        wrong += await looks(person.page, f"paused, {person.name}")
    await mia.page.get_by_test_id("end-button").click()
    await mia.page.get_by_role("button", name="End for everyone").wait_for()
    wrong += await looks(mia.page, "end it?")
    await mia.page.get_by_role("button", name="End for everyone").click()
    for person in (carol, dave):
        await expect(person.page.get_by_text("That Space has ended").first).to_be_visible()
        wrong += await looks(person.page, f"ended under one's eyes, {person.name}")
    await dave.page.goto(url)
    wrong += await _every_tab(dave.page, "ended")
    wrong += await _sheets(dave.page, "ended", "share-button")
    assert wrong == []


@pytest.mark.story("A11")
async def test_axe_finds_nothing_grave_before_after_and_beside_a_room(
    cast: Cast, alpha: Instance, beta: Instance
) -> None:
    nora, dave = await cast.person(alpha, "nora"), await cast.guest("dave")
    bob = await cast.person(beta, "bob")
    wrong: list[str] = []
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    async with alpha.client("nora") as client, beta.client("bob") as next_door:
        await nora.page.goto(f"{alpha.origin}/start-a-space")
        wrong += await looks(nora.page, "start")
        await nora.page.get_by_test_id("space-details").click()
        wrong += await looks(nora.page, "start, with everything")
        planned = await client.create_space(
            "Tomorrow", starts_at=tomorrow, topics=["reading"], description="What we read.", language="en"
        )
        for person in (dave, nora):
            await person.page.goto(planned["url"])
            wrong += await _every_tab(person.page, f"scheduled, {person.name}")
            wrong += await _sheets(person.page, f"scheduled, {person.name}", "share-button")
        await dave.page.goto(f"{alpha.origin}/embed/spaces/{planned['id']}")
        wrong += await looks(dave.page, "embedded, scheduled")
        for what in ("edit", "cancel", "share"):
            await nora.page.goto(f"{alpha.origin}/stage/{planned['id']}/{what}")
            wrong += await looks(nora.page, what)
        await nora.page.goto(f"{alpha.origin}/stage/{planned['id']}/cancel")
        await nora.page.get_by_role("main").get_by_role("button").click()
        await dave.page.goto(planned["url"])
        await expect(dave.page.get_by_text("called this Space off")).to_be_visible()
        wrong += await looks(dave.page, "cancelled")

        closed = await client.create_space("For some", access="followers")
        await client.open_space(closed["id"])
        await dave.page.goto(closed["url"])
        wrong += await looks(dave.page, "refused")
        await client.close_space(closed["id"])

        space = await client.create_space("For all")
        await client.open_space(space["id"])
        await dave.page.goto(f"{alpha.origin}/embed/spaces/{space['id']}")
        await expect(dave.page.get_by_test_id("listen-button")).to_be_visible()
        wrong += await looks(dave.page, "embedded, live")
        found = await next_door.resolve_space(space["url"])
        await bob.page.goto(f"{beta.origin}/@{found['host']['acct']}/spaces/{found['id']}")
        await expect(bob.page.get_by_test_id("listen-button")).to_be_visible()
        wrong += await _every_tab(bob.page, "another server's")
        await listen(bob)
        wrong += await looks(bob.page, "another server's, listening")
        await dave.page.goto(f"{alpha.origin}/visit?space={space['id']}")
        wrong += await looks(dave.page, "come in from another server")
        await nora.page.goto(f"{alpha.origin}/stage/{space['id']}/stream_keys")
        wrong += await looks(nora.page, "stream keys")
        await client.close_space(space["id"])
        await dave.page.goto(f"{alpha.origin}/embed/spaces/{space['id']}")
        wrong += await looks(dave.page, "embedded, ended")
    for person in (nora, dave):
        await person.page.goto(f"{alpha.origin}/spaces")
        wrong += await looks(person.page, f"the list of Spaces, {person.name}")
    assert wrong == []
