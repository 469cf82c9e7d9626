"""Stories of people whose servers know posts or events, and nothing of Spaces: Mastodon and Mobilizon."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from playwright.async_api import Locator, expect

from tests.ground.api import Json
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.spaces import reading_peers
from tests.stories.cast import Cast, Person
from tests.stories.others import Stand
from tests.stories.room import id_of, listen, start_talking
from tests.system.people import is_told

pytestmark = pytest.mark.system

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
SPACES = "/api/fedispace/v1/spaces"
TONES = (440, 660, 880)


@pytest.fixture
async def mastodon(ground: Ground) -> AsyncIterator[Stand]:
    async with Stand(ground, "mastodon", "m.test") as found:
        yield found


@pytest.fixture
async def mobilizon(ground: Ground) -> AsyncIterator[Stand]:
    async with Stand(ground, "mobilizon", "mobilizon.test") as found:
        yield found


def notes(server: Stand) -> list[Json]:
    return [one["object"] for one in server.received("Create") if one["object"]["type"] == "Note"]


def said(person: Person, text: str) -> Locator:
    """Return the post with that text in the thread of the room somebody looks at."""
    return person.page.locator("[data-replies] article").filter(has_text=text)


@pytest.mark.story("C4", "C6", "F4")
async def test_a_follower_on_mastodon_gets_one_note_that_plays_and_talks_with_the_room(
    cast: Cast, alpha: Instance, mastodon: Stand
) -> None:
    host = await cast.person(alpha, "nora", tone=440)
    guest = await cast.guest("ada, without her account")
    async with alpha.client("nora") as nora:
        me = await nora.document((await nora.me())["uri"])
        await mastodon.follows(me)
        url = await start_talking(host, alpha, "Bread and butter")
        room = await nora.space(id_of(url))
        create = await mastodon.gets("a note", "Create", lambda one: one["object"]["type"] == "Note")
        note = create["object"]
        assert (note["attributedTo"], create["actor"]) == (me["id"], me["id"])
        assert (note["to"], note["cc"]) == ([PUBLIC], [me["followers"]])
        assert note["inReplyTo"] == room["uri"]
        assert "is live: Bread and butter" in note["content"]
        assert "no account" in note["content"]

        # What Mastodon makes of it: a link, and under it the card of that page, which plays.
        link = unescape(re.findall(r'href="([^"]+)"', note["content"])[-1])
        page = await nora.page(link.removeprefix(alpha.origin))
        assert '<meta property="og:title" content="Bread and butter">' in page
        assert (await nora.get("/api/oembed", url=link))["type"] == "video"

        await guest.page.goto(link)
        await listen(guest)
        await guest.until_hears([440], TONES, within=30)
        assert await guest.page.context.cookies() == []

        reply = await mastodon.writes("do you use rye?", me, note["id"])
        await expect(said(guest, "do you use rye?").locator(".mark")).to_have_text(re.compile(r"^\d\d:\d\d$"))
        await expect(said(guest, "do you use rye?")).to_contain_text("@ada@m.test")
        await is_told(nora, "mention", by="ada@m.test")
        await mastodon.says("like", note["id"], me)
        await is_told(nora, "favourite", by="ada@m.test", about=note["id"])
        await mastodon.says("announce", note["id"], me, cc=[me["id"], f"{mastodon.me}/followers"])
        await is_told(nora, "reblog", by="ada@m.test", about=note["id"])
        post = await nora.status_of(note["id"])
        assert [post[f"{each}_count"] for each in ("replies", "favourites", "reblogs")] == [1, 1, 1]

        await nora.post(f"{SPACES}/{room['id']}/room/pause")
        meanwhile = await mastodon.writes("anybody there?", me, reply)
        await eventually(
            "what was written meanwhile is kept",
            lambda: nora.context(post["id"]),
            lambda found: meanwhile in [one["uri"] for one in found["descendants"]],
        )
        await guest.page.goto(link)
        await expect(said(guest, "do you use rye?")).to_be_visible()
        await expect(said(guest, "anybody there?")).to_have_count(0)
        await nora.post(f"{SPACES}/{room['id']}/room/resume")
        await expect(said(guest, "anybody there?")).to_be_visible()

        ended = await nora.close_space(room["id"])
        update = await mastodon.gets("the end", "Update", lambda one: one["object"]["id"] == note["id"])
        assert "Ended: Bread and butter" in update["object"]["content"]
        assert update["object"]["updated"] > note["published"]
        await mastodon.gets(
            "the event's end", "Update", lambda one: one["object"].get("liveState") == "ended"
        )
        assert [one["id"] for one in notes(mastodon)] == [note["id"]]

        await _a_second_after(ended["ended_at"])
        await mastodon.writes("thank you!", me, note["id"])
        await is_told(nora, "mention", by="ada@m.test")
        await guest.page.goto(link)
        await expect(said(guest, "thank you!").locator(".mark")).to_have_text("after the Space")
        await expect(said(guest, "do you use rye?").locator(".mark")).to_have_text(re.compile(r"^\d\d:\d\d$"))


async def _a_second_after(moment: str) -> None:
    """Wait until what is written now, to the second, is written later than that."""
    then = datetime.fromisoformat(moment) + timedelta(seconds=1)

    async def now() -> datetime:
        return datetime.now(UTC)

    await eventually("a second has passed", now, lambda it_is: it_is > then)


@pytest.mark.story("C5")
async def test_a_participant_on_mobilizon_joins_is_reminded_and_leaves(
    cast: Cast, alpha: Instance, mobilizon: Stand
) -> None:
    dave = await cast.guest("dave")
    async with alpha.client("olga") as olga:
        me = await olga.document((await olga.me())["uri"])
        at = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
        space = await olga.create_space("Jam session", starts_at=f"{at:%Y-%m-%dT%H:%M:%SZ}")
        event = await olga.document(space["uri"])
        read = reading_peers.mobilizon({"actor": event["attributedTo"], "object": event})
        assert (read["title"], read["online_address"]) == ("Jam session", space["url"])
        assert datetime.fromisoformat(read["begins_on"]) == at
        assert datetime.fromisoformat(read["ends_on"]) > at
        assert (read["join_options"], read["status"], read["visibility"]) == ("free", "CONFIRMED", "public")

        async def interested(many: int) -> None:
            async def ask() -> int:
                return int((await olga.get(f"{SPACES}/{space['id']}/attendance"))["count"])

            await eventually(f"{many} are interested", ask, lambda found: found == many)
            await dave.page.goto(space["url"])
            await expect(dave.page.locator("[data-interested]")).to_have_text(str(many))

        async def answer(to: Json) -> str:
            kinds = ("Accept", "Reject")

            async def found() -> list[Json]:
                answers = [one for kind in kinds for one in mobilizon.received(kind)]
                return [one for one in answers if one["object"]["id"] == to["id"]]

            [given] = await eventually("Mobilizon is answered", found, bool)
            return str(given["type"])

        await interested(0)
        join = await mobilizon.says("join", space["uri"], me)
        assert await answer(join) == "Accept"
        await interested(1)
        await mobilizon.says("leave", space["uri"], me)
        await interested(0)
        assert await answer(await mobilizon.says("join", space["uri"], me)) == "Accept"
        await interested(1)

        await olga.open_space(space["id"])
        reminder = await mobilizon.gets(
            "a reminder", "Create", lambda one: one["object"]["to"] == [mobilizon.me]
        )
        assert "Jam session is live now" in reminder["object"]["content"]
        assert space["url"] in reminder["object"]["content"]
        assert reminder["object"].get("cc", []) == []

        closed = await olga.create_space("For my followers", access="followers")
        assert await answer(await mobilizon.says("join", closed["uri"], me)) == "Reject"
        await olga.post(f"{SPACES}/{closed['id']}/cancel")
        await olga.close_space(space["id"])
