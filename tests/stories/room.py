"""What people do on the pages of Spaces, in one call each."""

import re

from playwright.async_api import expect

from tests.ground.instance import Instance
from tests.stories.cast import Person


async def start(host: Person, server: Instance, title: str) -> str:
    """Let `host` start a Space from the form, and return its address; their microphone is off."""
    await host.page.goto(f"{server.origin}/start-a-space")
    await host.page.get_by_test_id("space-title").fill(title)
    await host.page.get_by_test_id("start-now").click()
    # The button is in the page before there is anything behind it.
    await expect(host.page.get_by_text("You are on stage, muted.")).to_be_visible()
    return host.page.url.split("?")[0]


async def unmute(person: Person) -> None:
    """Let somebody on stage turn the microphone on, and wait until they are on air."""
    await person.page.get_by_test_id("mic-button").click()
    await expect(person.page.get_by_text("You are on air.")).to_be_visible()


async def start_talking(host: Person, server: Instance, title: str) -> str:
    """Start a Space and talk in it."""
    url = await start(host, server, title)
    await unmute(host)
    return url


async def listen(person: Person) -> None:
    """Let somebody who is on a Space's page listen, and say that they listen privately if they are asked."""
    await person.page.get_by_test_id("listen-button").click()
    await listen_privately(person)


async def listen_privately(person: Person) -> None:
    """Wait until somebody listens; where they are asked who may see it, it is nobody."""
    private = person.page.get_by_test_id("listen-privately").filter(visible=True)
    leave = person.page.get_by_test_id("leave-button").filter(visible=True)
    await expect(private.or_(leave)).to_have_count(1)
    if await private.count():
        await private.click()
    await expect(leave).to_be_visible()


async def end(host: Person) -> None:
    """Let a host end the Space for everybody."""
    await host.page.get_by_test_id("end-button").click()
    # What asks whether they are sure has a button of the same name.
    await host.page.locator("form[method=post][action$='/end'] button").click()


async def count_bubbles(person: Person) -> None:
    """Count in `window.__seen` the reactions that rise on somebody's page from now on."""
    await person.page.evaluate(
        """() => {
          window.__seen = 0;
          const count = (node) => { window.__seen += Number(node.querySelector?.("b")?.textContent ?? 1); };
          new MutationObserver((all) => all.forEach((one) => one.addedNodes.forEach(count)))
            .observe(document.querySelector("[data-bubbles]"), { childList: true });
        }"""
    )


def id_of(url: str) -> str:
    """Return the id of the Space at a page's address."""
    found = re.search(r"/spaces/(\d+)", url)
    assert found is not None, url
    return found[1]


async def raise_hand(person: Person) -> None:
    """Let somebody on a Space's page ask to speak; who does so listens."""
    button = person.page.get_by_test_id("raise-hand")
    await expect(button).to_have_text("Raise hand")
    await button.click()
    await expect(button).to_contain_text("Lower hand")
    await listen_privately(person)


async def bring_on_stage(host: Person, person: Person) -> None:
    """Let somebody ask to speak and be let on stage; their microphone is off."""
    await raise_hand(person)
    await host.page.get_by_role("button", name=f"Approve {person.name}").click()
    invitation = person.page.get_by_test_id("stage-invitation").filter(visible=True)
    microphone = person.page.get_by_test_id("mic-button").filter(visible=True)
    await expect(invitation.or_(microphone)).to_have_count(1)
    if await invitation.count():
        await person.page.get_by_test_id("decline-invitation").click()
    await expect(microphone).to_be_visible()


async def choose_for(host: Person, name: str, words: str, *, sure: bool = False) -> None:
    """Let a host choose something from the menu of somebody on stage."""
    await host.page.locator(f"[data-seat^='@{name}@'] [data-person]").click()
    await host.page.get_by_test_id("person-menu").get_by_role("button", name=words, exact=True).click()
    if sure:
        await host.page.get_by_role("button", name="Yes, do it").click()


async def order(host: Person, words: str) -> None:
    """Let a host give an order to the whole room."""
    await host.page.get_by_test_id("more-button").click()
    await host.page.get_by_role("button", name=words).click()
