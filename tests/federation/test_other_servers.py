"""What servers of groups, films, events and essays send, and what alice then sees. See `test_microblogs`."""

from typing import Any

import pytest

from tests.federation.dialect import Dialect
from tests.federation.fediverse import Fediverse, Server

Seen = dict[str, Any]
FRIENDS = {"lemmy": "group", "peertube": "channel", "mobilizon": "group", "gancio": "application"}


@pytest.fixture
async def speaking(request: pytest.FixtureRequest, fediverse: Fediverse, alpha: Server) -> Dialect:
    """A dialect whose friend alice follows; named by the parameter of the test."""
    dialect = Dialect(fediverse, await alpha.person("alice"), request.param)
    await dialect.begin(FRIENDS.get(request.param, "person"))
    return dialect


def speaks(software: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("speaking", [software], indirect=True, ids=[software])


async def passed_on(dialect: Dialect) -> list[Seen]:
    """Return what alice's friend passed on, as she reads it in her home timeline, newest first."""
    return [post["reblog"] for post in (await dialect.home()).values() if post["reblog"]]


async def resolved(dialect: Dialect, uri: str) -> Seen:
    (found,) = (await dialect.alice.get("/api/v2/search", q=uri, resolve="true", type="statuses"))["statuses"]
    return dict(found)


@speaks("lemmy")
async def test_lemmy(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("announce-create-page", "announce-create-comment")
    (page,) = await passed_on(dialect)
    assert page["content"].count("Sharp knives") == 1
    assert (page["account"]["acct"], [each["name"] for each in page["tags"]]) == (
        "lee@lemmy.example",
        ["bread"],
    )
    assert page["media_attachments"][0]["description"] == "A knife"
    assert (await dialect.mine())["replies_count"] == 1
    await dialect.done("create-comment", "announce-like", "announce-update-page")
    assert await dialect.notices() == ["mention"]
    assert (await dialect.mine())["replies_count"] == 1
    (page,) = await passed_on(dialect)
    assert (page["favourites_count"], "Sharper knives" in page["content"]) == (1, True)
    await dialect.done("announce-undo-like", "announce-feature", "announce-lock", "announce-block")
    dialect.peer.statuses[page["uri"]] = 410
    await dialect.done("announce-delete", "announce-dislike", "announce-undo-delete")
    assert await passed_on(dialect) == []


@speaks("lemmy")
async def test_lemmy_people_act_on_their_own_too(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("like")
    assert (await dialect.mine())["favourites_count"] == 1
    await dialect.done("undo-like", "private-message", "flag")
    assert (await dialect.mine())["favourites_count"] == 0
    assert await dialect.say("dislike") == "ignored Dislike"
    told = await dialect.alice.get("/api/v1/notifications")
    (message,) = [each["status"] for each in told if each["type"] == "mention"]
    assert (message["visibility"], message["content"].strip()) == ("direct", "<p>psst</p>")


@pytest.mark.row(41)
@speaks("peertube")
async def test_peertube(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("announce-video")
    (video,) = await passed_on(dialect)
    assert video["account"]["acct"] == "tess@tube.example"
    assert video["content"].count("How dough rises") == 1
    assert [each["type"] for each in video["media_attachments"]] == ["video"]
    await dialect.done("update-video")
    (video,) = await passed_on(dialect)
    assert "really rises" in video["content"]
    assert (await dialect.say("create-comment")).startswith("dropped unrelated")
    comment = await resolved(dialect, dialect.read("create-comment")["object"]["id"])
    assert comment["in_reply_to_id"] == video["id"]
    await dialect.done("like", "flag")
    assert (await dialect.mine())["favourites_count"] == 1
    assert await dialect.say("dislike") == "ignored Dislike"
    assert await dialect.say("view") == "ignored View"
    assert (await dialect.say("cache-file")).startswith("dropped unknown_object")
    assert (await dialect.say("create-live")).startswith("dropped unrelated")
    live = await resolved(dialect, dialect.read("create-live")["object"]["id"])
    assert "Oven live" in live["content"]
    await dialect.done("delete-comment", "delete-video")
    assert await passed_on(dialect) == []


@speaks("wordpress")
async def test_wordpress(speaking: Dialect) -> None:
    dialect = speaking
    assert (await dialect.profile())["acct"] == "wanda@wordpress.example"
    await dialect.done("create-note", "create-article", "create-reply")
    home = {uri.rpartition("/")[2]: post for uri, post in (await dialect.home()).items()}
    article = home["?p=31"]
    assert article["content"] == "<p><strong>Patience</strong></p><p>First knead, then wait.</p>"
    assert (article["spoiler_text"], article["sensitive"]) == ("", False)
    assert article["media_attachments"][0]["description"] == "Dough"
    assert home["?c=7"]["in_reply_to_id"] == dialect.post["id"]
    await dialect.done("update-article", "delete")
    home = {uri.rpartition("/")[2]: post for uri, post in (await dialect.home()).items()}
    assert home["?p=31"]["content"].startswith("<p><strong>More patience</strong></p>")
    assert "?p=32" not in home
    await dialect.done("like", "announce", "follow")
    mine = await dialect.mine()
    assert (mine["favourites_count"], mine["reblogs_count"], mine["replies_count"]) == (1, 1, 1)
    assert await dialect.notices() == ["mention", "favourite", "reblog", "follow"]
    await dialect.done("undo-announce")
    assert (await dialect.mine())["reblogs_count"] == 0


async def own_words(dialect: Dialect) -> list[Seen]:
    """Return what alice's friend wrote, as she reads it in her home timeline, newest first."""
    return [post for post in (await dialect.home()).values() if not post["reblog"]]


@speaks("mobilizon")
async def test_mobilizon(speaking: Dialect) -> None:
    dialect = speaking
    assert (await dialect.say("create-event")).startswith("dropped attribution_mismatch")
    assert (await dialect.say("create-own-event")).startswith("dropped unrelated")
    await dialect.done("announce-event")
    (event,) = await passed_on(dialect)
    assert event["account"]["acct"] == "maya@mobilizon.example"
    assert "Bread by hand" in event["content"]
    assert "2026-11-20 15:00 to 17:00 UTC, The Mill" in event["content"]
    await dialect.done("update-event")
    (event,) = await passed_on(dialect)
    assert "Cancelled, 2026-11-20" in event["content"]
    await dialect.done("create-comment", "follow", "flag", "leave")
    assert (await dialect.mine())["replies_count"] == 1
    assert await dialect.notices() == ["mention", "follow"]
    # The event it invites to is none of ours.
    assert await dialect.say("invite") == "dropped unknown_object: There is no such Space."
    assert (await dialect.say("create-article")).startswith("dropped attribution_mismatch")
    assert (await dialect.say("join")).startswith("dropped unknown_object")
    await dialect.done("delete-event")
    assert await passed_on(dialect) == []


@speaks("gancio")
async def test_gancio(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("create-event")
    (event,) = await own_words(dialect)
    assert event["content"].startswith(
        "<p><strong>Bread swap</strong></p><p>Bread swap, Market hall, Saturday"
    )
    assert (event["spoiler_text"], [each["name"] for each in event["tags"]]) == ("", ["swap"])
    await dialect.done("update-event")
    (event,) = await own_words(dialect)
    assert event["content"].startswith("<p><strong>Bread swap, moved</strong></p>")
    await dialect.done("announce", "follow")
    assert (await dialect.mine())["reblogs_count"] == 1
    await dialect.done("undo-follow", "delete-event")
    assert await own_words(dialect) == []


@speaks("wordpress")
async def test_an_event_of_wordpress(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("create-event")
    (event,) = await own_words(dialect)
    assert "<p>Thu 20 Nov, 18:00, The Hall</p><p>Come hungry.</p>" in event["content"]
    found = await resolved(dialect, event["uri"])
    assert found["id"] == event["id"]
