"""What people of eight kinds of server do in their own dialect, and what alice then sees.

Every document of the corpus is delivered over HTTP, signed; what becomes of it is read through the API.
"""

from typing import Any

import pytest

from tests.federation.dialect import Dialect
from tests.federation.fediverse import Fediverse, Server

Seen = dict[str, Any]


@pytest.fixture
async def speaking(request: pytest.FixtureRequest, fediverse: Fediverse, alpha: Server) -> Dialect:
    """A dialect whose friend alice follows; named by the parameter of the test."""
    dialect = Dialect(fediverse, await alpha.person("alice"), request.param)
    await dialect.begin()
    return dialect


def speaks(software: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("speaking", [software], indirect=True, ids=[software])


async def the_post(dialect: Dialect, tail: str) -> Seen:
    home = await dialect.home()
    return next(post for uri, post in home.items() if uri.endswith(tail))


async def quote_of(dialect: Dialect, tail: str) -> tuple[str, str]:
    """Return what a quote points to: its state, and the text of the post that is quoted."""
    post = await the_post(dialect, tail)
    assert post["quote"] is not None
    quoted = post["quote"]["quoted_status"]
    return post["quote"]["state"], quoted["content"] if quoted else ""


async def reactions_to(dialect: Dialect) -> list[str]:
    told = await dialect.alice.get(f"/api/v1/pleroma/statuses/{dialect.post['id']}/reactions")
    return [each["name"].partition("@")[0] for each in told]


async def pinned_by(dialect: Dialect) -> set[str]:
    pinned = await dialect.alice.get(f"/api/v1/accounts/{dialect.friend_id}/statuses", pinned="true")
    return {each["uri"].rpartition("/")[2] for each in pinned}


async def acts_come_and_go(dialect: Dialect, *, boost: str = "announce", undo: str = "undo-announce") -> None:
    """A boost, a favourite and a Follow are counted and told of; each is taken back in its own form."""
    await dialect.done(boost, "follow")
    mine = await dialect.mine()
    assert mine["reblogs_count"] == 1
    assert (await dialect.relation())["followed_by"]
    assert {"reblog", "follow"} <= set(await dialect.notices())
    await dialect.done(undo, "undo-follow")
    assert (await dialect.mine())["reblogs_count"] == 0
    assert not (await dialect.relation())["followed_by"]


async def a_favourite_comes_and_goes(dialect: Dialect) -> None:
    await dialect.done("like")
    assert (await dialect.mine())["favourites_count"] == 1
    assert "favourite" in await dialect.notices()
    await dialect.done("undo-like")
    assert (await dialect.mine())["favourites_count"] == 0


@speaks("mastodon")
async def test_mastodon(speaking: Dialect) -> None:
    dialect = speaking
    assert (await dialect.profile())["display_name"] == "Ada :loaf:"
    await dialect.done("create-note", "create-question", "create-direct")
    note = await the_post(dialect, "/113")
    assert (note["visibility"], note["language"], note["in_reply_to_id"]) == (
        "public",
        "en",
        dialect.post["id"],
    )
    assert [each["name"] for each in note["tags"]] == ["bread"]
    assert [each["shortcode"] for each in note["emojis"]] == ["loaf"]
    assert [each["acct"] for each in note["mentions"]] == ["alice"]
    assert note["media_attachments"][0]["description"] == "A round loaf"
    assert (await the_post(dialect, "/122"))["visibility"] == "direct"
    await dialect.done("update-note", "update-question")
    note = await the_post(dialect, "/113")
    assert note["content"] == "<p>The bakery opens at eight.</p>"
    assert note["edited_at"] == "2026-11-12T19:30:00.000Z"
    poll = (await the_post(dialect, "/114"))["poll"]
    assert [(each["title"], each["votes_count"]) for each in poll["options"]] == [("yes", 2), ("no", 0)]
    assert await pinned_by(dialect) == set()
    await dialect.fediverse.settle()
    assert await pinned_by(dialect) == {"120"}
    await dialect.done("add-featured")
    assert await pinned_by(dialect) == {"113", "120"}
    await dialect.done("remove-featured")
    assert await pinned_by(dialect) == {"120"}
    await acts_come_and_go(dialect, undo="undo-boost")
    await a_favourite_comes_and_goes(dialect)
    assert (await dialect.notices())[:2] == ["mention", "mention"]
    await dialect.done("update-person")
    profile = await dialect.profile()
    assert (profile["display_name"], profile["locked"]) == ("Ada the baker", True)


@speaks("mastodon")
async def test_mastodon_quotes_with_leave_votes_reports_and_goes(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("create-note", "quote-request", "create-quote")
    assert await quote_of(dialect, "/121") == ("accepted", "<p>Bread!</p>")
    assert (await dialect.say("vote")).startswith("dropped")
    await dialect.done("flag", "delete")
    assert not any(uri.endswith("/113") for uri in await dialect.home())
    await dialect.done("block")
    assert (await dialect.relation())["blocked_by"]
    await dialect.done("undo-block", "delete-person")
    assert await dialect.home() == {}


@pytest.mark.parametrize("speaking", ["mastodon", "gotosocial", "misskey", "pleroma", "snac"], indirect=True)
async def test_who_follows_somebody_that_moves_follows_the_new_account(speaking: Dialect) -> None:
    dialect = speaking
    name = dialect.read("move")["target"].rpartition("/")[2]
    new = dialect.peer.actor(name, "new.example", alsoKnownAs=[dialect.friend])
    dialect.peer.documents[dialect.friend]["movedTo"] = new
    await dialect.done("move")
    assert not (await dialect.relation())["following"]
    asked = [each.activity for each in dialect.peer.received if each.activity["type"] == "Follow"]
    assert asked[-1]["object"] == new


@pytest.mark.parametrize("speaking", ["mastodon", "gotosocial"], indirect=True)
async def test_a_follow_that_is_taken_away_again_is_one_no_more(speaking: Dialect) -> None:
    await speaking.done("reject")
    assert not (await speaking.relation())["following"]


@pytest.mark.row(13, 65)
@speaks("gotosocial")
async def test_gotosocial(speaking: Dialect) -> None:
    dialect = speaking
    assert (await dialect.profile())["fields"][0]["value"] == "wood"
    await dialect.done("create-note", "create-reply", "create-question")
    reply = await the_post(dialect, "/01HA")
    assert (reply["spoiler_text"], reply["sensitive"]) == ("about ovens", True)
    assert reply["in_reply_to_id"] == dialect.post["id"]
    (picture,) = reply["media_attachments"]
    assert (picture["type"], picture["description"]) == ("image", "An oven, open")
    assert [each["title"] for each in (await the_post(dialect, "/01HP"))["poll"]["options"]] == [
        "gas",
        "wood",
    ]
    await dialect.done("update-note")
    assert (await the_post(dialect, "/01HA"))["content"] == "<p>hot</p>"
    assert await pinned_by(dialect) == set()
    await dialect.fediverse.settle()
    assert await pinned_by(dialect) == {"01HX"}
    await acts_come_and_go(dialect)
    await a_favourite_comes_and_goes(dialect)
    await dialect.done("like-request", "flag", "delete")
    assert not any(uri.endswith("/01HA") for uri in await dialect.home())


@speaks("misskey")
async def test_misskey(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("create-note", "create-reply", "create-question", "create-direct")
    assert (await quote_of(dialect, "/9x")) == ("pending", "")
    assert (await the_post(dialect, "/9x"))["spoiler_text"] == ""
    reply = await the_post(dialect, "/9r")
    assert (reply["spoiler_text"], [each["name"] for each in reply["tags"]]) == ("crumbs", ["toast"])
    assert (await the_post(dialect, "/9d"))["visibility"] == "direct"
    await dialect.done("update-question")
    poll = (await the_post(dialect, "/9q"))["poll"]
    assert [each["votes_count"] for each in poll["options"]] == [3, 1]
    await dialect.done("like", "like-unicode")
    assert sorted(await reactions_to(dialect)) == ["loaf", "🍞"]
    await dialect.done("undo-like")
    assert await reactions_to(dialect) == ["loaf"]
    await acts_come_and_go(dialect)
    await dialect.done("add-featured", "flag", "delete", "update-person")
    assert not any(uri.endswith("/9r") for uri in await dialect.home())
    profile = await dialect.profile()
    assert (profile["display_name"], profile["locked"]) == ("", False)


@speaks("sharkey")
async def test_sharkey(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("create-note", "update-note", "like")
    note = await the_post(dialect, "/s1")
    assert (note["content"], note["edited_at"]) == ("<p>smoked twice</p>", "2026-11-12T18:56:00.000Z")
    assert note["quote"] is not None
    assert await reactions_to(dialect) == ["❤️"]


@speaks("pleroma")
async def test_pleroma(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("create-note", "create-reply", "create-question", "create-quote")
    reply = await the_post(dialect, "/3a")
    assert (reply["spoiler_text"], [each["name"] for each in reply["tags"]]) == ("re: starters", ["starter"])
    poll = (await the_post(dialect, "/3b"))["poll"]
    assert (poll["multiple"], poll["expired"], poll["expires_at"]) == (
        True,
        False,
        "2026-11-13T18:45:00.000Z",
    )
    assert (await the_post(dialect, "/3c"))["quote"] is not None
    await dialect.done("update-note", "emoji-react", "emoji-react-custom")
    assert (await the_post(dialect, "/3a"))["content"] == "sourer"
    assert sorted(await reactions_to(dialect)) == ["yeast", "🍞"]
    await dialect.done("undo-emoji-react")
    assert await reactions_to(dialect) == ["🍞"]
    await acts_come_and_go(dialect)
    await a_favourite_comes_and_goes(dialect)
    await dialect.done("add-featured", "flag", "delete")
    assert not any(uri.endswith("/3a") for uri in await dialect.home())
    assert (await dialect.say("chat-message")).startswith("dropped unknown_object")
    assert await dialect.say("listen") == "ignored Listen"


@speaks("mitra")
async def test_mitra(speaking: Dialect) -> None:
    dialect = speaking
    assert [field["name"] for field in (await dialect.profile())["fields"]] == ["$XMR"]
    await dialect.done("create-note", "create-reply", "create-quote", "create-question")
    assert [each["name"] for each in (await the_post(dialect, "/n1"))["tags"]] == ["dough"]
    assert (await the_post(dialect, "/n3"))["quote"] is not None
    poll = (await the_post(dialect, "/n4"))["poll"]
    assert (poll["voters_count"], poll["votes_count"]) == (4, 5)
    await dialect.done("update-note")
    assert (await the_post(dialect, "/n2"))["content"] == "<p>and eat it</p>"
    await dialect.done("like-emoji")
    assert await reactions_to(dialect) == ["crumb"]
    await acts_come_and_go(dialect)
    await a_favourite_comes_and_goes(dialect)
    await dialect.done("delete")
    assert not any(uri.endswith("/n2") for uri in await dialect.home())
    assert (await dialect.say("add-member")).startswith("dropped not_owner")
    assert (await dialect.say("move")).startswith("dropped move_unconfirmed")


@speaks("takahe")
async def test_takahe(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("create-note", "create-reply", "create-question")
    reply = await the_post(dialect, "/posts/2/")
    assert (reply["visibility"], [each["name"] for each in reply["tags"]]) == ("public", ["Crust"])
    assert len(reply["media_attachments"]) == 1
    await dialect.done("update-note")
    assert (await the_post(dialect, "/posts/2/"))["content"] == "<p>crustier</p>"
    assert (await the_post(dialect, "/posts/3/"))["poll"]["votes_count"] == 0
    await dialect.done("emoji-react")
    assert await reactions_to(dialect) == ["🥖"]
    await acts_come_and_go(dialect)
    await a_favourite_comes_and_goes(dialect)
    await dialect.done("delete", "block")
    assert (await dialect.relation())["blocked_by"]


@speaks("snac")
async def test_snac(speaking: Dialect) -> None:
    dialect = speaking
    await dialect.done("create-note", "create-reply", "create-question")
    reply = await the_post(dialect, "/2.1")
    assert (reply["content"], len(reply["media_attachments"])) == ("a crumb", 1)
    await dialect.done("update-note")
    reply = await the_post(dialect, "/2.1")
    assert (reply["content"], len(reply["media_attachments"])) == ("two crumbs", 0)
    assert reply["in_reply_to_id"] == dialect.post["id"]
    assert [each["title"] for each in (await the_post(dialect, "/3.1"))["poll"]["options"]] == ["yes", "no"]
    await dialect.done("emoji-react")
    assert await reactions_to(dialect) == ["🧂"]
    await acts_come_and_go(dialect)
    await a_favourite_comes_and_goes(dialect)
    await dialect.done("delete")
    assert not any(uri.endswith("/2.1") for uri in await dialect.home())
