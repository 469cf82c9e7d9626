"""Stories of people whose servers know nothing of Spaces, and of programs that speak for people."""

import re
from collections.abc import AsyncIterator, Iterator
from html import unescape

import pytest
from playwright.async_api import Page, expect

from tests.ground import speech, whip
from tests.ground.api import Api, Json, Refusal
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.ground.peers import FedifyBot
from tests.ground.whep import Listener
from tests.media.hearing import likeness, read_wav
from tests.stories.cast import Cast

pytestmark = pytest.mark.system

RATE = 48_000
_LINK = re.compile(r'href="([^"]*/visit/link/[^"]+)"')
_KEY = re.compile(r"fsk_[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def dans_server(ground: Ground) -> Iterator[FedifyBot]:
    """A server that has never heard of Spaces, of OAuth or of us; dan is called bot there."""
    found = ground.fedify("dan.fedify.test", "draft-cavage-http-signatures-12")
    yield found
    print(found.words())


@pytest.fixture
async def alice(alpha: Instance) -> AsyncIterator[Api]:
    async with alpha.client("alice") as client:
        yield client


@pytest.fixture
async def space(alice: Api) -> AsyncIterator[Json]:
    made = await alice.create_space("Come as you are")
    yield await alice.open_space(made["id"])
    await alice.close_space(made["id"])


async def _messages(server: FedifyBot, alpha: Instance) -> list[str]:
    """Return what the instance itself wrote to dan, as Fedify verified and understood it."""
    handled = await server.desk.read("handled")
    from_us = f"https://{alpha.name}/actor"
    return [each["content"] for each in handled if each["type"] == "Create" and each["actor"] == from_us]


async def _link(server: FedifyBot, alpha: Instance, number: int) -> str:
    """Wait for the message of that number, from 1, and return the link in it."""
    messages = await eventually(
        "dan is written to",
        lambda: _messages(server, alpha),
        lambda found: len([one for one in found if _LINK.search(one)]) >= number,
        within=20,
    )
    found = _LINK.search([one for one in messages if _LINK.search(one)][number - 1])
    assert found is not None
    return unescape(found[1])


async def _ask(page: Page, alpha: Instance, space: Json, address: str, button: str) -> None:
    await page.goto(f"{alpha.origin}/visit?space={space['id']}")
    await page.get_by_label("Your address").fill(address)
    await page.get_by_role("button", name=button).click()


async def _room(alice: Api, space: Json) -> Json:
    room = await alice.get(f"/api/fedispace/v1/spaces/{space['id']}/room")
    assert isinstance(room, dict)
    return room


@pytest.mark.story("F5")
async def test_dan_comes_in_by_a_link_sent_to_his_account_and_by_a_raised_hand(
    cast: Cast, alpha: Instance, alice: Api, space: Json, dans_server: FedifyBot
) -> None:
    dan, other = await cast.guest("dan"), await cast.guest("somebody else")
    await _ask(dan.page, alpha, space, dans_server.handle, "Send me a link")
    await expect(dan.page.get_by_role("heading", name="Look at your messages")).to_be_visible()
    link = await _link(dans_server, alpha, 1)

    await other.page.goto(link)
    await expect(other.page.get_by_text("good only in the browser where it was asked for")).to_be_visible()

    await dan.page.goto(link)
    await expect(dan.page.get_by_role("heading", name="Come in as Echo?")).to_be_visible()
    await dan.page.get_by_role("button", name="Come in").click()
    await dan.page.wait_for_url(f"{alpha.origin}/@alice/spaces/{space['id']}*")
    [cookie] = [each for each in await dan.page.context.cookies() if each["name"].endswith("-visit")]
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")

    await dan.page.get_by_test_id("raise-hand").first.click()
    await eventually(
        "alice sees who asks to speak",
        lambda: _room(alice, space),
        lambda room: [one["account"]["acct"] for one in room["hands"]["queue"]] == [dans_server.handle[1:]],
        within=8,
    )

    again = await cast.guest("later")
    await again.page.goto(link)
    await expect(again.page.get_by_text("This link was used, or it is too old.")).to_be_visible()

    await dan.page.goto(f"{alpha.origin}/visit")
    await expect(dan.page.get_by_text("You are here as Echo")).to_be_visible()
    await dan.page.get_by_role("button", name="Leave this account").click()
    await expect(dan.page.get_by_text("Your visit here is over.")).to_be_visible()
    assert dan.errors == []


@pytest.mark.story("F5")
async def test_a_reply_with_a_raised_hand_stands_in_the_queue_and_approval_sends_the_link(
    cast: Cast, alpha: Instance, alice: Api, space: Json, dans_server: FedifyBot
) -> None:
    before = len([one for one in await _messages(dans_server, alpha) if _LINK.search(one)])
    me = await alice.me()
    posts = await alice.get(f"/api/v1/accounts/{me['id']}/statuses")
    announcement = next(post["uri"] for post in posts if space["url"] in post["content"])
    await dans_server.desk.order("note", content="<p>✋🏽 me!</p>", to=me["uri"], inReplyTo=announcement)
    room = await eventually(
        "dan's hand is up", lambda: _room(alice, space), lambda found: found["hands"]["count"] == 1, within=20
    )
    [hand] = room["hands"]["queue"]
    assert hand["account"]["acct"] == dans_server.handle[1:]
    path = f"/api/fedispace/v1/spaces/{space['id']}/room/hands/{hand['account']['id']}/approve"
    await alice.post(path)

    dan = await cast.guest("dan")
    await dan.page.goto(await _link(dans_server, alpha, before + 1))
    await dan.page.get_by_role("button", name="Come in").click()
    await dan.page.wait_for_url(f"{alpha.origin}/@alice/spaces/{space['id']}*")
    await expect(dan.page.get_by_test_id("mic-button")).to_be_visible(timeout=10_000)


@pytest.mark.story("F6")
async def test_bob_signs_in_at_his_own_server_and_is_known_in_the_space(
    cast: Cast, alpha: Instance, beta: Instance, alice: Api, space: Json
) -> None:
    bob = await cast.person(beta, "bob")
    await _ask(bob.page, alpha, space, f"@bob@{beta.name}", "Sign in at my server")
    await bob.page.wait_for_url(f"{beta.origin}/oauth/authorize*")
    await expect(bob.page.get_by_text("See your name and picture")).to_be_visible()
    assert await bob.page.get_by_text("Read everything").count() == 0
    await bob.page.get_by_role("button", name="Allow").click()

    await bob.page.wait_for_url(f"{alpha.origin}/@alice/spaces/{space['id']}*")
    await bob.page.get_by_test_id("raise-hand").first.click()
    await eventually(
        "alice sees bob's hand",
        lambda: _room(alice, space),
        lambda room: [one["account"]["acct"] for one in room["hands"]["queue"]] == [f"bob@{beta.name}"],
        within=8,
    )
    assert bob.errors == []


@pytest.mark.story("F8")
async def test_who_is_of_a_server_that_cannot_be_reached_listens_like_anybody(
    cast: Cast, alpha: Instance, space: Json
) -> None:
    erin = await cast.guest("erin")
    for button in ("Sign in at my server", "Send me a link"):
        await _ask(erin.page, alpha, space, "@erin@nowhere.test", button)
        await expect(erin.page.get_by_role("alert")).to_be_visible(timeout=20_000)
        await expect(erin.page.get_by_label("Your address")).to_have_value("@erin@nowhere.test")
    await erin.page.goto(space["url"])
    await expect(erin.page.get_by_test_id("listen-button")).to_be_visible()


@pytest.mark.story("B11")
async def test_a_host_speaks_from_ffmpeg_with_a_key_and_is_cut_off_when_it_is_revoked(
    ground: Ground, cast: Cast, alpha: Instance
) -> None:
    carol = await cast.person(alpha, "carol")
    async with alpha.client("carol") as client, alpha.client("dave") as dave, Listener() as listener:
        made = await client.create_space("On air")
        space = await client.open_space(made["id"])
        await carol.page.goto(f"{alpha.origin}/stage/{space['id']}/stream_keys")
        await carol.page.get_by_label("Name of the program").fill("FFmpeg")
        await carol.page.get_by_role("button", name="New key").click()
        url = await carol.page.get_by_label("Server").input_value()
        key = await carol.page.get_by_label("Bearer token").input_value()
        assert _KEY.fullmatch(key)

        said = speech.speak(ground.directory / "stream-key.wav")
        publisher = whip.publish(
            said,
            url=url,
            ticket=key,
            names=ground.names,
            authority=ground.authority,
            log=ground.directory / f"ffmpeg-key-{space['id']}.log",
        )
        try:
            ticket = await dave.join_space(space["id"], "listener")
            await listener.subscribe(dave, ticket["whep_url"], ticket["ticket"])
            await listener.listen(0.5)
            voice, rate = read_wav(said)
            assert likeness(voice, rate, await listener.listen(5), RATE) > 0.75

            await carol.page.goto(f"{alpha.origin}/stage/{space['id']}/stream_keys")
            await carol.page.get_by_role("button", name="Revoke FFmpeg").click()
            await eventually(
                "nobody is connected on stage",
                lambda: _room(client, space),
                lambda room: not any(seat["is_connected"] for seat in room["stage"]),
                within=3,
            )
            with pytest.raises(Refusal) as refused:
                await dave.exchange_sdp(url, key, "v=0\r\n")
            assert refused.value.status == 401
        finally:
            publisher.stop()
            print(publisher.tail(10))
        await client.close_space(space["id"])
