"""The page of a Space in a real browser: how much it loads, and that it can be used by keyboard and word."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, async_playwright, expect
from sqlalchemy import update

from fedispace.spaces.models import Space
from tests.factories import PASSWORD
from tests.ground.ground import Missing
from tests.web.house import House, Visitor
from tests.web.test_in_a_browser import CHROMIUM, FLAGS

_LOADED = """() => ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))
  .map((one) => ({ name: one.name, size: one.encodedBodySize, blocks: one.renderBlockingStatus,
                   type: one.initiatorType }))"""
_SHIFTS = """() => { window.shifted = 0; new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: 'layout-shift', buffered: true }); }"""
MOST_BYTES = 60_000
MOST_BLOCKING = 3


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        raise Missing("there is no Chromium (Debian: chromium)")
    expect.set_options(timeout=15_000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        await browser.close()
    expect.set_options(timeout=5_000)


async def _live(house: House, visitor: Visitor, *, access: str = "public") -> str:
    page = await visitor.get("/start-a-space")
    fields = (("title", "Reading slowly"), ("access", access), ("when", "now"))
    return (await visitor.submit(page, "/start-a-space", *fields)).path.split("?")[0]


async def _signed_in(chromium: Browser, house: House, name: str, **options: Any) -> Page:
    context = await chromium.new_context(base_url=house.origin, **options)
    opened = await context.new_page()
    await opened.goto("/auth/sign_in")
    await opened.get_by_label("Email or name").fill(name)
    await opened.get_by_label("Password").fill(PASSWORD)
    await opened.get_by_role("button", name="Sign in", exact=True).click()
    return opened


async def test_the_first_load_of_a_room_is_small_and_waits_for_little(
    chromium: Browser, house: House, alice: Visitor
) -> None:
    path = await _live(house, alice)
    page = await (await chromium.new_context(base_url=house.origin)).new_page()
    await page.goto(path)
    await expect(page.get_by_test_id("listen-button")).to_be_visible()
    await page.wait_for_timeout(500)
    loaded: list[dict[str, Any]] = await page.evaluate(_LOADED)
    total = sum(one["size"] for one in loaded)
    blocking = [one["name"] for one in loaded if one["type"] == "navigation" or one["blocks"] == "blocking"]
    for one in sorted(loaded, key=lambda one: -one["size"]):
        print(f"{one['size']:7} {one['blocks'] or '':12} {one['name'].removeprefix(house.origin)}")
    print(f"{total} bytes in {len(loaded)} requests, {len(blocking)} of them blocking")
    assert total <= MOST_BYTES
    assert len(blocking) <= MOST_BLOCKING, blocking


async def test_a_room_is_used_by_keyboard_alone(chromium: Browser, house: House, alice: Visitor) -> None:
    path = await _live(house, alice)
    await house.account("bob")
    page = await _signed_in(chromium, house, "bob")
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    await page.goto(path)
    await expect(page.locator("[data-seats] .name")).to_have_text(["Alice Moreau"])

    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)

    await page.keyboard.press("l")
    await expect(page.get_by_role("dialog", name="Who sees that you listen?")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("leave-button")).to_be_hidden()
    await page.keyboard.press("l")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("leave-button")).to_be_visible()
    await expect(page.get_by_test_id("leave-button")).to_be_focused()

    hand = page.get_by_test_id("raise-hand")
    await page.keyboard.press("h")
    await expect(hand).to_have_text("Lower hand (1st in queue)")
    await page.keyboard.press("h")
    await expect(hand).to_have_text("Raise hand")

    await page.get_by_role("tab", name="Thread").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="Listeners")).to_be_focused()
    await expect(page.get_by_role("tabpanel", name="Listeners")).to_contain_text("Listening is private.")
    await page.locator("#tab-thread").focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Your reply").fill("hl?")
    await expect(hand).to_have_text("Raise hand")
    assert wrong == []


async def test_a_hand_is_taken_and_whoever_raised_it_decides_about_the_microphone(
    chromium: Browser, house: House, alice: Visitor
) -> None:
    path = await _live(house, alice)
    await house.account("bob", display_name="Bob")
    host = await _signed_in(chromium, house, "alice")
    await host.goto(path)
    bob = await _signed_in(chromium, house, "bob")
    await bob.goto(path)
    await host.evaluate(_SHIFTS)
    await bob.get_by_test_id("raise-hand").click()
    await bob.get_by_test_id("listen-privately").click()
    queue = host.get_by_test_id("hand-queue")
    await expect(queue).to_contain_text("Bob")
    await expect(queue).to_contain_text("waiting ")
    await expect(host.locator("[data-said=assertive]")).to_have_text("Bob raised a hand")
    await host.get_by_role("button", name="Approve Bob").click()
    await expect(queue).not_to_contain_text("Bob")
    await expect(bob.get_by_role("alertdialog")).to_contain_text("You're on stage")
    await expect(bob.get_by_role("alertdialog").get_by_role("button")).to_have_text(["Unmute", "Not now"])
    await bob.get_by_test_id("decline-invitation").click()
    await expect(bob.get_by_role("alertdialog")).to_be_hidden()
    await expect(bob.get_by_test_id("mic-button")).to_have_text("Unmute")
    await expect(host.locator("[data-seats] .name")).to_have_text(["Alice Moreau", "Bob"])
    assert await host.evaluate("window.shifted") < 0.1

    await host.get_by_role("link", name="Bob").first.click()
    await host.get_by_role("button", name="Move to the audience").click()
    await expect(host.locator("[data-seats] .name")).to_have_text(["Alice Moreau"])
    await expect(bob.get_by_test_id("mic-button")).to_be_hidden()

    await host.get_by_label("Invite somebody").fill("@bob")
    await host.get_by_role("button", name="Invite", exact=True).click()
    await expect(bob.get_by_role("alertdialog")).to_be_visible(timeout=15_000)
    asked = host.get_by_test_id("invited-list")
    await expect(asked).to_contain_text(" · to speak")
    await asked.get_by_role("button", name="Withdraw: Bob").click()
    await expect(bob.get_by_role("alertdialog")).to_be_hidden()
    await expect(asked).to_be_hidden()


async def test_who_declines_the_only_invitation_is_led_home_and_told(
    chromium: Browser, house: House, alice: Visitor
) -> None:
    path = await _live(house, alice, access="invited")
    await house.account("bob")
    host = await _signed_in(chromium, house, "alice")
    await host.goto(path)
    await host.get_by_label("Invite somebody").fill("@bob")
    await host.get_by_label("As what").select_option("listener")
    await host.get_by_role("button", name="Invite", exact=True).click()
    await expect(host.get_by_test_id("invited-list")).to_be_visible()
    bob = await _signed_in(chromium, house, "bob")
    await bob.goto(path)
    await bob.get_by_test_id("decline-invitation").click()
    await bob.wait_for_url("**/?did=invitation-declined")
    await expect(bob.get_by_text("You declined the invitation.")).to_be_visible()
    gone = await bob.goto(path)
    assert gone is not None
    assert gone.status == 404


async def test_reactions_are_few_at_a_time_and_told_to_who_does_not_look(
    chromium: Browser, house: House, alice: Visitor
) -> None:
    path = await _live(house, alice)
    await house.account("bob")
    seen = await (await chromium.new_context(base_url=house.origin, reduced_motion="reduce")).new_page()
    await seen.goto(path)
    bob = await _signed_in(chromium, house, "bob")
    sent: list[str] = []
    bob.on(
        "request", lambda request: sent.append(request.url) if request.url.endswith("/reactions") else None
    )
    await bob.goto(path)
    await bob.get_by_test_id("reactions-button").click()
    await bob.evaluate("for (let n = 0; n < 20; n += 1) document.querySelector('[data-react]').click()")
    await expect(seen.locator("[data-said=polite]")).to_have_text("5 applause", timeout=5000)
    assert len(sent) == 5
    assert await seen.evaluate("document.getAnimations().length") == 0


async def test_what_was_written_while_a_page_heard_nothing_is_read_when_it_hears_again(
    chromium: Browser, house: House, alice: Visitor
) -> None:
    path = await _live(house, alice)
    page = await (await chromium.new_context(base_url=house.origin)).new_page()
    greeted: asyncio.Queue[WebSocketRoute] = asyncio.Queue()

    def through(line: WebSocketRoute) -> None:
        server = line.connect_to_server()

        def told(message: str | bytes) -> None:
            line.send(message)
            if '"hello"' in str(message):
                greeted.put_nowait(line)

        server.on_message(told)

    await page.route_web_socket("**/signal", through)
    await page.goto(path)
    line = await asyncio.wait_for(greeted.get(), 20)
    async with page.expect_request(lambda request: "only=replies" in request.url):
        await line.close(code=1001)


async def test_a_page_that_no_events_reach_sees_the_room_all_the_same(
    chromium: Browser, house: House, alice: Visitor, bob: Visitor
) -> None:
    path = await _live(house, alice)
    page = await _signed_in(chromium, house, "bob")
    await page.route_web_socket("**/signal", lambda line: line.close(code=1013))
    async with page.expect_response(lambda answer: answer.url.endswith("/room")):
        await page.goto(path)
    await expect(page.locator("[data-paused]")).to_be_hidden()
    async with house.app.db.transaction() as tx:
        await tx.execute(update(Space).values(paused_at=house.clock.now()))
    await expect(page.locator("[data-paused]")).to_be_visible()


async def test_a_space_starts_three_clicks_from_home(chromium: Browser, house: House) -> None:
    await house.account("alice")
    page = await _signed_in(chromium, house, "alice")
    asked: list[str] = []
    await page.expose_function("noted", lambda what: asked.append(what))
    await page.add_init_script(
        "navigator.mediaDevices && (navigator.mediaDevices.getUserMedia = async () => {"
        " noted('microphone'); throw new DOMException('', 'NotFoundError'); })"
    )
    await page.get_by_test_id("compose-space").click()
    await expect(page.get_by_test_id("space-title")).to_be_focused()
    await page.keyboard.type("Reading slowly")
    assert asked == []
    await page.get_by_test_id("start-now").click()
    await expect(page.get_by_text("No microphone was found.")).to_be_visible()
    assert asked == ["microphone"]
    await expect(page.locator("[data-onair]")).to_contain_text("LIVE")


async def test_the_card_of_a_space_stays_where_it_is_through_all_states(
    house: House, alice: Visitor, stranger: Visitor
) -> None:
    page = await alice.get("/start-a-space")
    later = (("title", "Soon"), ("access", "public"), ("when", "later"), ("starts_at", "2026-11-13T21:00"))
    path = (await alice.submit(page, "/start-a-space", *later, ("zone", "0"))).path.split("?")[0]
    number = path.rpartition("/")[2]
    card = f'id="space-{number}"'
    assert card in (await stranger.get("/@alice")).text
    await alice.submit(await alice.get(path), f"/stage/{number}/open")
    live = await stranger.get("/@alice")
    assert live.text.count(card) == 2, "on the profile, and in the post that announces it"
    assert f"{path}?listen=1" in live.text
    await alice.submit(await alice.get(f"/stage/{number}/end"), f"/stage/{number}/end")
    ended = await stranger.get("/@alice")
    assert card in ended.text
    assert "Read its thread" in ended.words


async def test_a_card_follows_its_space_while_the_page_stays_open(
    chromium: Browser, house: House, alice: Visitor, stranger: Visitor
) -> None:
    form = await alice.get("/start-a-space")
    later = (("title", "Soon"), ("access", "public"), ("when", "later"), ("starts_at", "2026-11-13T21:00"))
    path = (await alice.submit(form, "/start-a-space", *later, ("zone", "0"))).path.split("?")[0]
    number = path.rpartition("/")[2]
    page = await (await chromium.new_context(base_url=house.origin)).new_page()
    await page.goto("/spaces")
    card = page.locator(f"#space-{number}")
    await expect(card).to_have_attribute("data-state", "scheduled")
    await page.evaluate(_SHIFTS)
    await page.evaluate("document.getElementById('main').dataset.kept = 'the very page'")
    await alice.submit(await alice.get(path), f"/stage/{number}/open")
    await expect(card).to_have_attribute("data-state", "live", timeout=30_000)
    await expect(card.get_by_test_id("card-listen")).to_be_visible()
    await alice.submit(await alice.get(f"/stage/{number}/end"), f"/stage/{number}/end")
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(card).to_have_attribute("data-state", "ended", timeout=30_000)
    await expect(card).to_contain_text("Read its thread")
    await expect(page.locator("#main[data-kept]")).to_have_count(1)
    assert await page.evaluate("window.shifted") < 0.02


async def test_cards_that_are_true_are_not_drawn_anew_nor_shown_to_who_may_not_see(
    house: House, alice: Visitor, stranger: Visitor
) -> None:
    numbers: dict[str, str] = {}
    for access in ("public", "followers"):
        form = await alice.get("/start-a-space")
        fields = (("title", f"For {access}"), ("access", access), ("when", "now"))
        seen = await alice.submit(form, "/start-a-space", *fields)
        numbers[access] = seen.path.split("?")[0].rpartition("/")[2]
    true = ",".join(f"{id_}.live.0" for id_ in numbers.values())
    assert (await stranger.get(f"/stage/cards?have={true}")).text == ""
    old = ",".join(f"{id_}.scheduled.0" for id_ in numbers.values())
    drawn = (await stranger.get(f"/stage/cards?have={old}")).text
    assert f'id="space-{numbers["public"]}"' in drawn
    assert "For followers" not in drawn
    assert "For followers" in (await alice.get(f"/stage/cards?have={old}")).text
    for wrong in ("", "x", "1.live", "99999999999999999999.live.0", f"{numbers['public']}.live.0," * 200):
        answer = await stranger.get(f"/stage/cards?have={wrong}")
        assert (answer.status, answer.text) == (200, "")
