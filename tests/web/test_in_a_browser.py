"""The pages in a real browser: what scripts add, and that nothing comes from elsewhere."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.factories import PASSWORD
from tests.ground.ground import Missing
from tests.ground.ports import free_port
from tests.web import gallery
from tests.web.house import House, Visitor

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
# What a control is called by assistive technology, and how much room it has for a finger.
_NAMELESS = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
  .filter((one) => one.type !== 'hidden')
  .filter((one) => one.checkVisibility() && !one.closest('[aria-hidden=true]'))
  .filter((one) => !(one.getAttribute('aria-label') || one.labels?.length || one.textContent.trim()))
  .map((one) => one.outerHTML)"""
_CRAMPED = """() => [...document.querySelectorAll('button, select, summary, .button, .act')]
  .filter((one) => one.checkVisibility())
  .map((one) => [one.getBoundingClientRect(), one.outerHTML.slice(0, 120)])
  .filter(([box]) => box.width < 24 || box.height < 24).map(([, html]) => html)"""


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        raise Missing("there is no Chromium (Debian: chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def page(chromium: Browser, house: House) -> AsyncIterator[Page]:
    """A page of Alice's browser; what it loads from elsewhere, and what it complains of, fails the test."""
    await house.account("alice")
    context = await chromium.new_context(base_url=house.origin)
    opened = await context.new_page()
    wrong: list[str] = []
    opened.on("request", lambda request: _note(wrong, request.url, house.origin))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: _complaint(wrong, message))
    await opened.goto("/auth/sign_in")
    await opened.get_by_label("Email or name").fill("alice")
    await opened.get_by_label("Password").fill(PASSWORD)
    await opened.get_by_role("button", name="Sign in", exact=True).click()
    await expect(opened.get_by_role("button", name="Start a Space")).to_be_visible()
    yield opened
    assert wrong == []


def _note(wrong: list[str], url: str, origin: str) -> None:
    if not url.startswith((origin, "blob:", "data:")):
        wrong.append(url)


def _complaint(wrong: list[str], message: Any) -> None:
    if message.type == "error" and "Failed to load resource" not in message.text:
        wrong.append(message.text)


async def test_a_thread_is_written_in_one_form(page: Page) -> None:
    await page.locator("textarea[name=post]").fill("One.")
    await page.get_by_role("button", name="Add another post").click()
    await page.get_by_role("button", name="Add another post").click()
    await expect(page.locator("textarea[name=post]")).to_have_count(3)
    await page.get_by_label("Post 2 of 3").fill("Two.")
    await page.get_by_role("button", name="Remove post 3").click()
    await page.get_by_role("button", name="Post", exact=True).click()
    await expect(page.get_by_role("link", name="2 posts · read on")).to_be_visible()


async def test_five_posts_are_published_as_one(page: Page) -> None:
    for number in range(5):
        if number:
            await page.get_by_role("button", name="Add another post").click()
        await page.locator("textarea[name=post]").nth(number).fill(f"Part {number + 1}.")
    await page.get_by_role("button", name="Post", exact=True).click()
    await page.get_by_role("link", name="5 posts · read on").click()
    await expect(page.get_by_role("heading", name="A thread of 5 posts")).to_be_visible()
    await expect(page.get_by_role("region", name="The thread").get_by_role("article")).to_have_count(5)


async def test_what_is_too_long_is_split_at_the_ends_of_sentences(page: Page) -> None:
    await page.locator("textarea[name=post]").fill("A sentence of words. " * 143)
    await expect(page.locator("[data-split]")).to_be_hidden()
    await page.locator("textarea[name=post]").fill("A sentence of words. " * 300)
    await page.get_by_role("button", name="Split into posts at sentence ends").click()
    boxes = page.locator("textarea[name=post]")
    await expect(boxes).to_have_count(2)
    whole = [await boxes.nth(0).input_value(), await boxes.nth(1).input_value()]
    assert all(text.startswith("A sentence") and text.endswith("words.") for text in whole)
    assert " ".join(whole) == ("A sentence of words. " * 300).strip()
    await page.get_by_role("button", name="Post", exact=True).click()
    await expect(page.get_by_role("link", name="2 posts · read on")).to_be_visible()


async def _signed_in(chromium: Browser, house: House, name: str) -> Page:
    """Return a browser of somebody, without scripts."""
    context = await chromium.new_context(base_url=house.origin, java_script_enabled=False)
    opened = await context.new_page()
    await opened.goto("/auth/sign_in")
    await opened.get_by_label("Email or name").fill(name)
    await opened.get_by_label("Password").fill(PASSWORD)
    await opened.get_by_role("button", name="Sign in", exact=True).click()
    return opened


async def test_two_people_ask_vote_quote_edit_and_delete_without_scripts(
    chromium: Browser, house: House
) -> None:
    await house.account("alice")
    await house.account("bob")
    alice = await _signed_in(chromium, house, "alice")
    bob = await _signed_in(chromium, house, "bob")

    await alice.goto("/compose")
    await alice.get_by_label("Your post").fill("Tee or coffee?")
    await alice.get_by_text("Ask a question").click()
    await alice.get_by_label("Answer 1").fill("tea")
    await alice.get_by_label("Answer 2").fill("coffee")
    await alice.get_by_text("Who may reply and quote").click()
    await alice.get_by_label("Quotes").select_option("ask")
    await alice.get_by_role("button", name="Post", exact=True).click()

    await bob.goto("/@alice")
    await bob.get_by_role("radio", name="tea").check()
    await bob.get_by_role("button", name="Vote").click()
    await bob.goto("/@alice")
    await expect(bob.get_by_text("1 person voted")).to_be_visible()
    await bob.get_by_label("More about this post").click()
    await bob.get_by_role("link", name="Ask to quote").click()
    await bob.get_by_label("Your post").fill("A good question.")
    await bob.get_by_role("button", name="Post", exact=True).click()
    await expect(bob.get_by_text("shown when its author approves")).to_be_visible()
    await alice.goto("/requests")
    await expect(alice.get_by_text("asks to quote your post")).to_be_visible()
    await alice.get_by_role("button", name="Let in").click()
    await bob.goto("/")
    await expect(bob.locator("blockquote.quoted")).to_contain_text("Tee or coffee?")

    await alice.goto("/@alice")
    await alice.get_by_label("More about this post").click()
    await alice.get_by_role("link", name="Edit", exact=True).click()
    await alice.get_by_role("textbox", name="Your post").fill("Tea or coffee?")
    await alice.get_by_role("button", name="Save").click()
    await alice.get_by_role("link", name="edited").click()
    await expect(alice.get_by_text("Tee or coffee?")).to_be_visible()
    await bob.goto("/@alice")
    await bob.get_by_role("link", name="Reply").click()
    await bob.get_by_label("Your reply").fill("Neither.")
    await bob.get_by_role("button", name="Reply", exact=True).click()
    await alice.goto("/@alice")
    await alice.get_by_label("More about this post").click()
    await alice.get_by_role("link", name="Delete…").click()
    await alice.get_by_role("button", name="Delete this post").click()
    await expect(alice.get_by_text("Deleted. Other servers have been told.")).to_be_visible()
    await bob.goto("/")
    await expect(bob.get_by_text("The quoted post was deleted.")).to_be_visible()


async def test_the_counter_counts_as_the_server_does(page: Page) -> None:
    composer = page.locator("textarea[name=post]")
    await composer.fill("a" * 4600 + " https://example.com/" + "b" * 300 + " @bob@b.example")
    await expect(page.locator("[data-left]")).to_have_text(str(5000 - 4600 - 1 - 23 - 1 - 4))
    await composer.fill("a" * 5001)
    await expect(page.locator("[data-left]")).to_have_text("-1")
    await expect(page.get_by_role("button", name="Post", exact=True)).to_have_attribute(
        "aria-disabled", "true"
    )


async def test_what_is_half_written_is_there_again(page: Page) -> None:
    await page.locator("textarea[name=post]").fill("Not done yet")
    await page.goto("/public")
    await page.goto("/")
    await expect(page.locator("textarea[name=post]")).to_have_value("Not done yet")


async def test_a_press_changes_the_post_where_it_stands(page: Page) -> None:
    await page.locator("textarea[name=post]").fill("Something to like.")
    await page.get_by_role("button", name="Post", exact=True).click()
    await page.evaluate("window.same = true")
    await page.get_by_role("button", name="Like").click()
    pressed = page.get_by_role("button", name="Like, 1 so far")
    await expect(pressed).to_have_attribute("aria-pressed", "true")
    await expect(pressed).to_be_focused()
    assert await page.evaluate("window.same") is True


async def test_a_space_says_what_it_is_doing_while_the_sound_is_away(page: Page) -> None:
    """There is no audio server in this house: the page keeps trying, and lets go when told to."""
    await page.get_by_role("button", name="Start a Space").click()
    await page.get_by_label("Title").fill("Quiet")
    await page.get_by_role("button", name="Start now").click()
    state = page.locator("[data-status]")
    await expect(state).to_have_text("Reconnecting…", timeout=20_000)
    await page.get_by_role("button", name="Leave").click()
    await expect(state).to_contain_text("You left the stage.")
    await expect(page.get_by_role("button", name="Unmute")).to_be_visible()


async def test_a_space_that_ends_tells_who_is_there(page: Page, house: House, stranger: Visitor) -> None:
    await page.get_by_role("button", name="Start a Space").click()
    await page.get_by_label("Title").fill("Short")
    await page.get_by_role("button", name="Start now").click()
    await page.wait_for_url("**/spaces/*")
    async with house.app.db.reading() as tx:
        alice = await house.app.people.by_handle(tx, "alice")
    assert alice is not None
    await house.app.hosting.close(alice, int(page.url.rpartition("/")[2]))
    await expect(page.locator("[data-status]")).to_have_text(
        "That Space has ended. Read its thread below.", timeout=10_000
    )


@pytest.fixture
async def drawn(tmp_path: Path) -> AsyncIterator[tuple[str, list[str]]]:
    """Every page with invented data, served as files."""
    names = gallery.write(tmp_path)
    application = web.Application()
    application.add_routes([web.static("/", tmp_path)])
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}", names
    await runner.cleanup()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
async def test_every_page_fits_and_every_control_has_a_name(
    chromium: Browser, drawn: tuple[str, list[str]], width: int
) -> None:
    origin, names = drawn
    context = await chromium.new_context(viewport={"width": width, "height": 900})
    page = await context.new_page()
    for name in names:
        await page.goto(f"{origin}/{name}.html")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        assert await page.evaluate(_NAMELESS) == [], name
        assert await page.evaluate(_CRAMPED) == [], name


async def test_text_at_twice_its_size_still_fits(chromium: Browser, drawn: tuple[str, list[str]]) -> None:
    origin, names = drawn
    context = await chromium.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    for name in names:
        await page.goto(f"{origin}/{name}.html")
        await page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
