"""alice speaks in a Space at alpha; bob hears her through beta, and so does a visitor without an account."""

import pytest

from tests.ground.api import Json, Refusal
from tests.ground.browser import inbound_audio
from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.ground.whep import Listener
from tests.media.hearing import likeness, read_wav
from tests.system.people import befriend, sees_at_home
from tests.system.stage import on_air

pytestmark = pytest.mark.system


async def test_bob_hears_through_his_own_server_what_alice_says(
    ground: Ground, alpha: Instance, beta: Instance
) -> None:
    async with (
        alpha.client("alice") as alice,
        beta.client("bob") as bob,
        on_air(ground, alpha, alice, "Open floor") as air,
        Listener() as listener,
    ):
        remote = await bob.resolve_space(air.space["uri"])
        assert (remote["title"], remote["state"]) == ("Open floor", "live")
        ticket = await bob.join_space(remote["id"], "listener")
        assert ticket["whep_url"].startswith(alpha.origin)

        await listener.subscribe(bob, ticket["whep_url"], ticket["ticket"])
        await listener.listen(0.5)
        heard = await listener.listen(5)

        said, rate = read_wav(air.said)
        assert likeness(said, rate, heard, RATE) > 0.75


async def test_a_ticket_opens_one_door_once(ground: Ground, alpha: Instance, beta: Instance) -> None:
    async with (
        alpha.client("alice") as alice,
        beta.client("bob") as bob,
        on_air(ground, alpha, alice, "Once") as air,
        Listener() as first,
        Listener() as second,
        Listener() as third,
    ):
        remote = await bob.resolve_space(air.space["uri"])
        ticket = await bob.join_space(remote["id"], "listener")
        await first.subscribe(bob, ticket["whep_url"], ticket["ticket"])

        with pytest.raises(Refusal) as again:
            await second.subscribe(bob, ticket["whep_url"], ticket["ticket"])
        assert again.value.status in (401, 403)

        fresh = await bob.join_space(remote["id"], "listener")
        whip_url = air.space["uri"].rstrip("/") + "/whip"
        with pytest.raises(Refusal) as other:
            await third.subscribe(bob, fresh["whip_url"] or whip_url, fresh["ticket"])
        assert other.value.status in (401, 403, 409)


async def test_a_visitor_without_an_account_hears_the_space(ground: Ground, alpha: Instance) -> None:
    async with alpha.client("alice") as alice, on_air(ground, alpha, alice, "Come in") as air:
        async with ground.browser() as browser:
            page = await browser.page(air.space["url"])
            await page.get_by_role("button", name="Listen", exact=True).click()

            before = await eventually(
                "sound arrives", lambda: inbound_audio(page), lambda got: got["packetsReceived"] > 50
            )
            after = await eventually(
                "two more seconds arrive",
                lambda: inbound_audio(page),
                lambda got: got["packetsReceived"] > before["packetsReceived"] + 100,
            )

        assert after["totalAudioEnergy"] > before["totalAudioEnergy"]
        assert after["packetsLost"] == 0


async def test_going_live_is_announced_to_followers_elsewhere(
    ground: Ground, alpha: Instance, beta: Instance
) -> None:
    async with alpha.client("alice") as alice, beta.client("bob") as bob:
        await befriend(bob, f"@alice@{alpha.name}")
        space = await alice.create_space("Come one, come all")
        await alice.open_space(space["id"])

        async def announced() -> list[str]:
            return [post["uri"] for post in await bob.home() if space["url"] in _links_of(post)]

        uris = await eventually("the announcement stands in bob's home", announced, bool)
        post = await sees_at_home(bob, uris[0])
        assert "Come one, come all" in post["content"]

        event = await alice.document(space["uri"])
        assert (event["type"], event["liveState"]) == ("Event", "live")
        assert event["updated"] > event["published"] or event["updated"] >= event["startedAt"]

        await alice.close_space(space["id"])
        assert (await alice.document(space["uri"]))["liveState"] == "ended"
        remote = await bob.resolve_space(space["uri"])
        await eventually(
            "beta knows that it has ended",
            lambda: bob.space(remote["id"]),
            lambda seen: seen["state"] == "ended",
        )


def _links_of(post: Json) -> str:
    return f"{post['content']} {post.get('url')} {(post.get('card') or {}).get('url')}"


async def test_a_space_that_has_ended_is_closed_to_listeners(alpha: Instance) -> None:
    async with alpha.client("alice") as alice, alpha.client("carol") as carol:
        space = await alice.create_space("Short")
        await alice.open_space(space["id"])
        await alice.close_space(space["id"])

        with pytest.raises(Refusal) as refused:
            await carol.join_space(space["id"], "listener")

        assert 400 <= refused.value.status < 500


async def test_only_the_host_may_end_a_space(alpha: Instance) -> None:
    async with alpha.client("alice") as alice, alpha.client("carol") as carol:
        space = await alice.create_space("Mine")
        await alice.open_space(space["id"])

        with pytest.raises(Refusal) as refused:
            await carol.close_space(space["id"])

        assert refused.value.status in (403, 404)
        assert (await alice.space(space["id"]))["state"] == "live"
        await alice.close_space(space["id"])
