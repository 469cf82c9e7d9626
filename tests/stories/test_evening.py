"""An evening across servers, from the plan to the end, by nothing but the doors that everybody has."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Error, expect

from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.stories.cast import Cast, Person
from tests.stories.room import choose_for, id_of, listen, raise_hand, unmute

pytestmark = pytest.mark.system

TONES = (440, 660, 880)
TITLE = "An evening of reading"


@pytest.fixture(scope="module")
def north(ground: Ground) -> Iterator[Instance]:
    """Alice's server; its operator waits for a host who is gone no longer than must be."""
    found = ground.instance("north.test", settings={"spaces.host_absence_seconds": "10"})
    yield found
    ground.retire(found)


@pytest.fixture(scope="module")
def shut(ground: Ground) -> Iterator[Instance]:
    """Erin's server, which will be shut out."""
    found = ground.instance("shut.test")
    yield found
    ground.retire(found)


async def look_up(person: Person, server: Instance, url: str) -> None:
    """Let somebody find another server's Space by pasting its link into the search of theirs."""
    await person.page.goto(f"{server.origin}/search")
    await person.page.get_by_role("searchbox").fill(url)
    await person.page.get_by_role("searchbox").press("Enter")
    await person.page.wait_for_url(f"{server.origin}/@alice@north.test/spaces/*")


async def go_by_notification(person: Person, server: Instance, words: str) -> None:
    """Let somebody read their notifications until there is one of the Space with `words`, and follow it."""
    told = person.page.locator("article").filter(has_text=TITLE).filter(has_text=words)

    async def looked() -> int:
        await person.page.goto(f"{server.origin}/notifications")
        return await told.count()

    await eventually(f"{person.name} is told: {words}", looked, lambda count: count > 0)
    await told.first.get_by_role("link", name=TITLE).click()
    await person.page.wait_for_url(f"{server.origin}/@alice@north.test/spaces/*")


@pytest.mark.story("evening")
async def test_an_evening_across_servers(cast: Cast, north: Instance, beta: Instance, shut: Instance) -> None:
    alice = await cast.person(north, "alice", tone=440)
    bob = await cast.person(beta, "bob", tone=660)
    carol = await cast.person(beta, "carol")
    erin = await cast.person(shut, "erin")
    dave = await cast.guest("dave")

    # Alice plans it at north; bob wants to be reminded by his own server.
    await alice.page.goto(f"{north.origin}/start-a-space")
    await alice.page.get_by_test_id("space-title").fill(TITLE)
    later = datetime.now(UTC).astimezone() + timedelta(hours=2)  # a form's time is that of the browser
    await alice.page.get_by_test_id("starts-at").fill(f"{later:%Y-%m-%dT%H:%M}")
    await alice.page.get_by_test_id("schedule").click()
    await expect(alice.page.get_by_role("timer")).to_contain_text("in ")
    url = alice.page.url.split("?")[0]
    await look_up(bob, beta, url)
    await bob.page.get_by_test_id("remind-button").click()
    await expect(bob.page.get_by_test_id("remind-button")).to_have_text("You will be reminded")
    await bob.page.goto(f"{beta.origin}/@alice@north.test")
    await bob.page.get_by_role("button", name="Follow", exact=True).click()
    following = bob.page.get_by_role("button", name="Following")

    async def followed() -> bool:
        await bob.page.reload()
        return await following.is_visible()

    await eventually("bob follows alice", followed, bool)

    # She opens it. Bob is reminded, and listens; dave has no account anywhere, and listens.
    await alice.page.get_by_test_id("open-button").click()
    await unmute(alice)
    await go_by_notification(bob, beta, "a Space that begins")
    await dave.page.goto(url)
    for person in (bob, dave):
        await listen(person)
        await person.until_hears([440], TONES, within=60)

    # Bob raises a hand, is let on stage, and speaks.
    await raise_hand(bob)
    await alice.page.get_by_role("button", name="Approve bob").click()
    await bob.page.get_by_test_id("accept-invitation").click()
    await expect(bob.page.get_by_text("You are on air.")).to_be_visible()
    await dave.until_hears([440, 660], TONES, within=60)
    await expect(dave.page.locator("[data-seat='@bob@b.test']")).to_be_visible()

    # Carol is asked to be co-host, wherever she is; she comes, accepts, and mutes bob from her own server.
    await alice.page.get_by_label("Invite somebody").fill("@carol@b.test")
    await alice.page.get_by_label("As what").select_option("cohost")
    await alice.page.get_by_role("button", name="Invite", exact=True).click()
    await go_by_notification(carol, beta, "invites you to a Space")
    await listen(carol)
    await carol.page.get_by_test_id("accept-invitation").click()
    seat = dave.page.locator("[data-seat='@carol@b.test']")
    await expect(seat.locator("[data-role]")).to_have_text("Co-host")
    await expect(carol.page.get_by_test_id("hand-queue")).to_be_attached()
    await choose_for(carol, "bob", "Mute until I allow it")
    await dave.until_hears([440], TONES, within=60)
    await expect(bob.page.get_by_text("A host muted you until they allow it").first).to_be_visible()
    await bob.page.get_by_test_id("mic-button").click()
    await expect(bob.page.get_by_text("You can speak again when they allow it.")).to_be_visible()
    assert 660 not in await dave.hears(*TONES)

    # A server that is shut out: erin is told no, hears nothing, and is nobody in the room.
    await look_up(erin, shut, url)
    await expect(erin.page.get_by_test_id("listen-button")).to_be_visible()
    north.command("domain", "suspend", "shut.test")
    await erin.page.get_by_test_id("listen-button").click()
    private = erin.page.get_by_test_id("listen-privately").filter(visible=True)
    refused = erin.page.locator("[data-status][data-is=bad]")
    await expect(private.or_(refused).first).to_be_visible()
    if await private.count():
        await private.click()
    await expect(refused).to_be_visible()
    assert await erin.hears(*TONES) == set()
    await expect(dave.page.locator("[data-count]")).to_have_text("1")

    # Alice's browser dies without a word. The room lives on, and carol hosts it.
    with contextlib.suppress(Error):
        await alice.page.goto("chrome://crash")
    await dave.until_hears([], TONES, within=60)
    await expect(seat.locator("[data-role]")).to_have_text("Host", timeout=90_000)
    hers = carol.page.locator("[data-seat='@carol@b.test'] [data-role]")
    await expect(hers).to_have_text("Host")

    # She ends it: on alice's server, on the card at beta, on the page before dave.
    await carol.page.get_by_test_id("more-button").click()
    await carol.page.get_by_role("button", name="End for everyone").click()
    await carol.page.get_by_role("button", name="Yes, do it").click()
    for person in (dave, bob, carol):
        await expect(person.page.get_by_text("That Space has ended").first).to_be_visible()
    latecomer = await cast.guest("latecomer")
    await latecomer.page.goto(url)
    await expect(latecomer.page.locator(f"[data-space='{id_of(url)}']")).to_have_attribute(
        "data-state", "ended"
    )
    card = bob.page.get_by_test_id("space-card").filter(has_text=TITLE)

    async def card_at_beta() -> str | None:
        await bob.page.goto(f"{beta.origin}/")
        return await card.first.get_attribute("data-state") if await card.count() else None

    await eventually("the card at beta says so", card_at_beta, lambda state: state == "ended")
    assert (bob.errors, carol.errors, dave.errors) == ([], [], [])
