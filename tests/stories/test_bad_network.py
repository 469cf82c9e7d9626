"""Story A10: the network goes and comes back, or lets only some of it through."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.ground.firewall import closed
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.media.clients import firefox_at_a_space
from tests.media.hearing import over_the_floor
from tests.stories.cast import Cast, Person
from tests.stories.room import id_of, listen, start_talking

_TONE = 440.0
_OTHERS = (660.0, 880.0)
_HEARD_DB = 20.0
_AWAY_SECONDS = 8.0
_WITHIN = 60.0


_LINES = """
window.__lines = [];
const Connection = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Connection {
  constructor(...more) { super(...more); window.__lines.push(this); }
  close() { super.close(); window.__lines = window.__lines.filter((one) => one !== this); }
};
"""


_WAYS = """
async () => {
  const ways = [];
  for (const stats of await Promise.all(window.__lines.map((pc) => pc.getStats()))) {
    const transport = [...stats.values()].find((one) => one.type === "transport");
    const own = stats.get(stats.get(transport?.selectedCandidatePairId)?.localCandidateId);
    if (transport?.dtlsState === "connected" && own) ways.push([own.protocol, own.port]);
  }
  return ways;
}
"""


async def _ways(page: Page) -> list[tuple[str, int]]:
    """Return how a page's connections go: by which protocol, from which port."""
    return [(protocol, port) for protocol, port in await page.evaluate(_WAYS)]


@pytest.mark.story("A10")
async def test_eight_seconds_without_a_network_and_it_sounds_again_without_reloading(
    alpha: Instance, cast: Cast
) -> None:
    olga = await cast.person(alpha, "olga", tone=_TONE)
    dave = await cast.guest("dave")
    await dave.page.goto(await start_talking(olga, alpha, "A line that breaks"))
    await listen(dave)
    await dave.until_hears({_TONE}, {_TONE, *_OTHERS}, within=_WITHIN)
    await dave.page.evaluate("window.__here = true")

    status = dave.page.locator("[data-status]")
    with closed(alpha.address, alpha.rtc_port, "udp", "tcp"):
        # The speaker's way is the same port: it is the server that is out of reach, for both of them.
        await dave.page.context.set_offline(True)
        gone_at = asyncio.get_running_loop().time()
        await expect(status).to_contain_text("Reconnecting")
        await asyncio.sleep(max(0.0, gone_at + _AWAY_SECONDS - asyncio.get_running_loop().time()))
        await dave.page.context.set_offline(False)

    await dave.until_hears({_TONE}, {_TONE, *_OTHERS}, within=_WITHIN)
    await expect(status).to_contain_text("Listening")
    await expect(dave.page.get_by_test_id("behind")).to_be_hidden()
    assert await dave.page.evaluate("window.__here === true"), "the page was not loaded again"
    assert not dave.errors


@pytest.mark.story("A10")
async def test_where_udp_is_blocked_the_sound_goes_by_tcp(alpha: Instance, cast: Cast) -> None:
    paula = await cast.person(alpha, "paula", tone=_TONE)
    dave = await cast.guest("dave")
    await dave.page.context.add_init_script(_LINES)
    with closed(alpha.address, alpha.rtc_port, "udp"):
        await dave.page.goto(await start_talking(paula, alpha, "By the other way"))
        await listen(dave)
        await dave.until_hears({_TONE}, {_TONE, *_OTHERS}, within=_WITHIN)
        assert {protocol for protocol, _ in await _ways(dave.page)} == {"tcp"}
        await expect(dave.page.get_by_test_id("behind")).to_be_hidden()
    assert not dave.errors


async def _from_next_door(cast: Cast, beta: Instance, url: str) -> Person:
    rita = await cast.person(beta, "rita")
    async with beta.client("rita") as next_door:
        found = await next_door.resolve_space(url)
    await rita.page.goto(f"{beta.origin}/@{found['host']['acct']}/spaces/{found['id']}")
    return rita


async def _walks_about(dave: Person) -> None:
    """Going elsewhere does not end it, and the small player can do what it can do otherwise."""
    await dave.page.locator(".rail a[href='/search']").click()
    player = dave.page.get_by_test_id("mini-player").filter(visible=True)
    await expect(player).to_contain_text("a few seconds behind")
    await dave.until_hears({_TONE}, {_TONE, *_OTHERS}, within=_WITHIN)
    await player.get_by_role("button", name="Pause").click()
    assert await dave.hears(_TONE) == set()
    await player.get_by_role("button", name="Play").click()
    await dave.until_hears({_TONE}, {_TONE, *_OTHERS}, within=_WITHIN)


async def _reads_without_scripts(cast: Cast, url: str, count: Locator) -> None:
    plain = await cast.guest("somebody without scripts", java_script_enabled=False)
    await plain.page.goto(url)
    async with plain.page.expect_response(lambda answer: "/stream/" in answer.url) as answered:
        await plain.page.get_by_role("button", name="Listen, a few seconds behind").click()
    answer = await answered.value
    assert (answer.status, answer.headers["content-type"]) == (200, "audio/ogg; codecs=opus")
    await expect(count).to_have_text("2")
    await plain.page.close()


@pytest.mark.story("A10")
async def test_where_webrtc_is_blocked_the_sound_comes_over_http_a_few_seconds_behind(
    alpha: Instance, beta: Instance, cast: Cast
) -> None:
    """On the Space's own page and on another server's, in a player on another site, and without scripts."""
    quinn = await cast.person(alpha, "quinn", tone=_TONE)
    await quinn.page.context.add_init_script(_LINES)
    url = await start_talking(quinn, alpha, "Behind a wall")
    dave = await cast.guest("dave")
    await dave.page.context.add_init_script(_LINES)
    await dave.page.goto(url)
    rita = await _from_next_door(cast, beta, url)
    framed = await cast.guest("a reader of another site")
    await framed.page.goto(f"{alpha.origin}/embed/spaces/{id_of(url)}")
    behind, status = dave.page.get_by_test_id("behind"), dave.page.locator("[data-status]")
    count = quinn.page.locator("[data-count]").first

    hers = [port for _, port in await _ways(quinn.page)]
    with closed(alpha.address, alpha.rtc_port, "udp", "tcp", spared=hers):
        await listen(dave)
        await listen(rita)
        await framed.page.get_by_test_id("listen-button").click()
        await expect(behind.filter(visible=True)).to_have_text("a few seconds behind", timeout=90_000)
        await dave.until_hears({_TONE}, {_TONE, *_OTHERS}, within=_WITHIN)
        await expect(status).to_contain_text("a few seconds behind")
        await expect(rita.page.get_by_test_id("behind").filter(visible=True)).to_have_count(1, timeout=90_000)
        await rita.until_hears({_TONE}, {_TONE, *_OTHERS}, within=_WITHIN)
        embedded = framed.page.get_by_text("Listening, a few seconds behind")
        await expect(embedded).to_be_visible(timeout=90_000)
        await framed.until_hears({_TONE}, {_TONE, *_OTHERS}, within=_WITHIN)
        await expect(count).to_have_text("3")
        await framed.page.close()
        await rita.page.get_by_test_id("leave-button").click()
        await expect(count).to_have_text("1")

        await _walks_about(dave)
        await dave.page.go_back()
        await dave.page.get_by_test_id("leave-button").click()
        await expect(count).to_have_text("0")
        await expect(behind).to_be_hidden()

    # The next time WebRTC is tried again.
    await listen(dave)
    await dave.until_hears({_TONE}, {_TONE, *_OTHERS}, within=_WITHIN)
    assert len(await _ways(dave.page)) == 1
    await expect(behind).to_be_hidden()
    assert not dave.errors
    assert not rita.errors

    await _reads_without_scripts(cast, url, count)
    with closed(alpha.address, alpha.rtc_port, "udp", "tcp"):
        words = quinn.page.locator("[data-status]")
        await expect(words).to_contain_text("the stage needs it", timeout=90_000)
        await expect(quinn.page.get_by_test_id("behind")).to_be_hidden()


@pytest.mark.story("A10")
@pytest.mark.parametrize("with_webrtc", [True, False], ids=["finds no way", "switched off"])
async def test_firefox_hears_over_http_where_its_webrtc_finds_no_way_or_is_switched_off(
    ground: Ground, alpha: Instance, cast: Cast, tmp_path: Path, with_webrtc: bool
) -> None:
    """Its WebRTC sends nothing from a loopback address, so that it never finds a way here."""
    ruth = await cast.person(alpha, "ruth", tone=_TONE)
    url = await start_talking(ruth, alpha, "In another browser")
    async with firefox_at_a_space(url, tmp_path, ground.names, with_webrtc=with_webrtc) as (tape, log):

        async def levels() -> list[float]:
            heard = await tape.listen(2, within=2 * _WITHIN)
            return [over_the_floor(heard, RATE, tone) for tone in (_TONE, *_OTHERS)]

        await eventually("the tone is heard", levels, lambda got: got[0] > _HEARD_DB > max(got[1:]))
        said = log.read_text().splitlines()

    print(*said, sep="\n")
    assert said[-1].startswith("status: Listening, a few seconds behind")
    assert [line for line in said if line.startswith("script error") and "ICE failed" not in line] == []
