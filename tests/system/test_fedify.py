"""Fedify reads what we say of polls, edits, reactions, pins, quotes and conversations, and we what it says.

The bot takes nothing that is not signed by RFC 9421, so everything it understands here was; what it is
asked to say is read and written by its own vocabulary before it goes out.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.ground.api import Api, Json
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.ground.peers import FedifyBot
from tests.ground.recorder import PUBLIC
from tests.system.people import befriend, is_told, sees_at_home

pytestmark = pytest.mark.system

QUOTES = "https://w3id.org/fep/044f#"
POLICIES = "https://gotosocial.org/ns#"


@pytest.fixture(scope="module")
def bot(ground: Ground) -> Iterator[FedifyBot]:
    found = ground.fedify("today.fedify.test", "rfc9421", takes="rfc9421")
    yield found
    print(found.words())


@pytest.fixture
async def alice(alpha: Instance, bot: FedifyBot) -> AsyncIterator[Api]:
    """alice, whom the bot follows."""
    async with alpha.client("alice") as client:
        follow = await bot.desk.order("follow", actor=f"@alice@{alpha.name}")
        await _handled(bot, lambda each: each["type"] == "Accept" and each["object"] == follow["id"])
        yield client


async def _handled(bot: FedifyBot, is_it: Callable[[Json], bool]) -> Json:
    """Wait for something that Fedify has verified and understood."""
    entries: list[Json] = await eventually(
        "the bot understood it", lambda: bot.desk.read("handled"), lambda found: any(map(is_it, found))
    )
    return next(entry for entry in reversed(entries) if is_it(entry))


async def _updated(bot: FedifyBot, uri: str, is_so: Callable[[Json], bool]) -> Json:
    entry = await _handled(
        bot,
        lambda each: each["type"] == "Update" and each["object"] == uri and is_so(each["about"]),
    )
    about: Json = entry["about"]
    return about


async def _becomes(of: Api, status: Json, is_so: Callable[[Json], bool]) -> Json:
    async def ask() -> Json:
        return await of.status(status["id"])

    return await eventually(f"{status['uri']} became so", ask, is_so)


def _new(bot: FedifyBot, place: str) -> str:
    return f"https://{bot.name}/{place}/{secrets.token_hex(8)}"


def _said(bot: FedifyBot, kind: str, object_: object, **more: object) -> Json:
    return {
        "@context": [
            "https://www.w3.org/ns/activitystreams",
            {"EmojiReact": "http://litepub.social/ns#EmojiReact"},
        ],
        "id": _new(bot, "activities"),
        "type": kind,
        "actor": bot.actor,
        "object": object_,
        **more,
    }


async def _of_the_bot(bot: FedifyBot, uri: str, content: str = "news", **more: object) -> Json:
    """Let the bot publish something at `uri`."""
    thing: Json = {
        "@context": [
            "https://www.w3.org/ns/activitystreams",
            {
                "toot": "http://joinmastodon.org/ns#",
                "votersCount": "toot:votersCount",
                "quote": {"@id": f"{QUOTES}quote", "@type": "@id"},
                "quoteAuthorization": {"@id": f"{QUOTES}quoteAuthorization", "@type": "@id"},
                "interactionPolicy": {"@id": f"{POLICIES}interactionPolicy", "@type": "@id"},
                "canQuote": {"@id": f"{POLICIES}canQuote", "@type": "@id"},
                "automaticApproval": {"@id": f"{POLICIES}automaticApproval", "@type": "@id"},
            },
        ],
        "id": uri,
        "type": "Note",
        "attributedTo": bot.actor,
        "content": f"<p>{content}</p>",
        "to": PUBLIC,
        "published": "2026-11-21T09:00:00Z",
        **more,
    }
    await bot.desk.order("keep", object=thing)
    return thing


async def test_our_poll_is_a_question_to_fedify_and_its_vote_and_our_count_go_there_and_back(
    alice: Api, bot: FedifyBot
) -> None:
    poll = await alice.publish("rain or sun?", poll={"options": ["rain", "sun"], "expires_in": 300})
    me = (await alice.me())["uri"]
    seen = await bot.desk.order("look", uri=poll["uri"])
    assert (seen["type"], seen["options"]) == ("Question", [["rain", 0], ["sun", 0]])

    vote = {"id": _new(bot, "notes"), "type": "Note", "attributedTo": bot.actor, "name": "sun", "to": me}
    create = _said(bot, "Create", {**vote, "inReplyTo": poll["uri"]}, to=me)
    await bot.desk.order("send", activity=create, to=me)

    counted = await _becomes(alice, poll, lambda post: post["poll"]["votes_count"] == 1)
    assert [option["votes_count"] for option in counted["poll"]["options"]] == [0, 1]
    seen = await bot.desk.order("look", uri=poll["uri"])
    assert (seen["options"], seen["voters"]) == ([["rain", 0], ["sun", 1]], 1)
    assert (await alice.context(poll["id"]))["descendants"] == []


async def test_we_vote_in_a_poll_of_fedify_and_read_how_it_ended(alice: Api, bot: FedifyBot) -> None:
    await befriend(alice, bot.handle)
    me = (await alice.me())["uri"]
    options = [
        {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": 0}}
        for name in ("tea", "milk")
    ]
    uri = _new(bot, "questions")
    asked = await _of_the_bot(
        bot, uri, type="Question", oneOf=options, endTime="2026-12-01T00:00:00Z", votersCount=0
    )
    await bot.desk.order("send", activity=_said(bot, "Create", asked, to=PUBLIC), to=me)
    shown = await sees_at_home(alice, uri)

    await alice.post(f"/api/v1/polls/{shown['poll']['id']}/votes", {"choices": ["1"]})

    vote = await _handled(bot, lambda each: each["type"] == "Create" and each["inReplyTo"] == uri)
    assert vote["actor"] == me
    options[1]["replies"] = {"type": "Collection", "totalItems": 7}
    over = {
        "oneOf": options,
        "votersCount": 7,
        "closed": "2026-11-21T09:30:00Z",
        "endTime": "2026-11-21T09:30:00Z",
    }
    closed = await _of_the_bot(bot, uri, type="Question", **over)
    await bot.desk.order("send", activity=_said(bot, "Update", closed, to=PUBLIC), to=me)
    ended = await _becomes(alice, shown, lambda post: bool(post["poll"]["expired"]))
    assert [option["votes_count"] for option in ended["poll"]["options"]] == [0, 7]


async def test_edits_are_seen_on_both_sides(alice: Api, bot: FedifyBot) -> None:
    post = await alice.publish("as it was")
    await alice.put(f"/api/v1/statuses/{post['id']}", {"status": "as it is"})
    about = await _updated(bot, post["uri"], lambda note: "as it is" in note["content"])
    assert (about["type"], bool(about["updated"])) == ("Note", True)

    me = (await alice.me())["uri"]
    await befriend(alice, bot.handle)
    uri = _new(bot, "notes")
    await bot.desk.order("send", activity=_said(bot, "Create", await _of_the_bot(bot, uri), to=PUBLIC), to=me)
    shown = await sees_at_home(alice, uri)
    edited = await _of_the_bot(bot, uri, "better news", updated="2026-11-21T09:10:00Z")
    await bot.desk.order("send", activity=_said(bot, "Update", edited, to=PUBLIC), to=me)
    await _becomes(alice, shown, lambda now: "better news" in now["content"] and bool(now["edited_at"]))


async def test_reactions_go_both_ways_and_are_taken_back(alice: Api, bot: FedifyBot) -> None:
    await befriend(alice, bot.handle)
    me = (await alice.me())["uri"]
    post = await alice.publish("react to this")
    react = _said(bot, "EmojiReact", post["uri"], content="🐙", to=me)
    await bot.desk.order("send", activity=react, to=me)

    async def reactions() -> list[Json]:
        found: list[Json] = await alice.get(f"/api/fedispace/v1/statuses/{post['id']}/reactions")
        return found

    (octopus,) = await eventually("the reaction is there", reactions, bool)
    assert (octopus["name"], octopus["count"]) == ("🐙", 1)
    await bot.desk.order("send", activity=_said(bot, "Undo", react["id"], to=me), to=me)
    await eventually("it is taken back", reactions, lambda found: not found)

    uri = _new(bot, "notes")
    await bot.desk.order("send", activity=_said(bot, "Create", await _of_the_bot(bot, uri), to=PUBLIC), to=me)
    shown = await sees_at_home(alice, uri)
    await alice.post(f"/api/fedispace/v1/statuses/{shown['id']}/reactions", {"emoji": "🦑"})
    ours = await _handled(bot, lambda each: each["type"] == "Like" and each["object"] == uri)
    assert (ours["content"], ours["actor"]) == ("🦑", me)


async def test_pins_go_both_ways(alice: Api, bot: FedifyBot) -> None:
    me = (await alice.me())["uri"]
    post = await alice.publish("the one to keep")
    await alice.post(f"/api/v1/statuses/{post['id']}/pin")
    added = await _handled(bot, lambda each: each["type"] == "Add" and each["object"] == post["uri"])
    assert (added["actor"], added["target"]) == (me, f"{me}/featured")
    assert post["uri"] in (await bot.desk.order("members", uri=f"{me}/featured"))["items"]
    await alice.post(f"/api/v1/statuses/{post['id']}/unpin")
    await _handled(bot, lambda each: each["type"] == "Remove" and each["object"] == post["uri"])

    bots = await befriend(alice, bot.handle)
    uri = _new(bot, "notes")
    await _of_the_bot(bot, uri, pinned=True)
    featured = f"{bot.actor}/featured"

    async def pinned() -> list[str]:
        return [each["uri"] for each in await alice.get(f"/api/v1/accounts/{bots}/statuses", pinned="true")]

    await bot.desk.order("send", activity=_said(bot, "Add", uri, target=featured, to=PUBLIC), to=me)
    await eventually("it is pinned", pinned, lambda found: uri in found)
    await bot.desk.order("send", activity=_said(bot, "Remove", uri, target=featured, to=PUBLIC), to=me)
    await eventually("it is not pinned", pinned, lambda found: uri not in found)


@pytest.mark.row(89)
async def test_fedify_asks_to_quote_us_and_reads_the_authorization(alice: Api, bot: FedifyBot) -> None:
    await befriend(alice, bot.handle)
    me = (await alice.me())["uri"]
    post = await alice.publish("quote me")
    uri = _new(bot, "notes")
    quoting = await _of_the_bot(bot, uri, "I quote", quote=post["uri"])
    request = _said(bot, "QuoteRequest", post["uri"], instrument=quoting, to=me)
    request["@context"] = [*quoting["@context"], {"QuoteRequest": f"{QUOTES}QuoteRequest"}]
    await bot.desk.order("send", activity=request, to=me)

    accept = await _handled(bot, lambda each: each["type"] == "Accept" and each["object"] == request["id"])
    leave = await bot.desk.order("look", uri=accept["result"])
    assert (leave["type"], leave["attribution"]) == ("QuoteAuthorization", me)
    assert (leave["interactingObject"], leave["interactionTarget"]) == (uri, post["uri"])

    allowed = await _of_the_bot(bot, uri, "I quote", quote=post["uri"], quoteAuthorization=accept["result"])
    await bot.desk.order("send", activity=_said(bot, "Create", allowed, to=PUBLIC), to=me)
    shown = await sees_at_home(alice, uri)
    await _becomes(alice, shown, lambda now: (now["quote"] or {}).get("state") == "accepted")


@pytest.mark.row(89)
async def test_we_ask_fedify_to_quote_it_and_show_the_quote_when_it_says_so(
    alice: Api, bot: FedifyBot
) -> None:
    me = (await alice.me())["uri"]
    quoted = _new(bot, "notes")
    await _of_the_bot(bot, quoted, interactionPolicy={"canQuote": {"automaticApproval": PUBLIC}})
    seen = await alice.status_of(quoted)
    quoting = await alice.publish("they said", quoted_status_id=seen["id"])
    assert quoting["quote"]["state"] == "pending"

    asked = await _handled(bot, lambda each: each["type"] == "QuoteRequest" and each["object"] == quoted)
    assert (asked["actor"], asked["instrument"]) == (me, quoting["uri"])
    leave = _new(bot, "authorizations")
    await bot.desk.order(
        "keep",
        object={
            "@context": [
                "https://www.w3.org/ns/activitystreams",
                {
                    "QuoteAuthorization": f"{QUOTES}QuoteAuthorization",
                    "interactingObject": {"@id": f"{POLICIES}interactingObject", "@type": "@id"},
                    "interactionTarget": {"@id": f"{POLICIES}interactionTarget", "@type": "@id"},
                },
            ],
            "id": leave,
            "type": "QuoteAuthorization",
            "attributedTo": bot.actor,
            "interactingObject": quoting["uri"],
            "interactionTarget": quoted,
        },
    )
    accept = _said(bot, "Accept", asked["id"], result=leave, to=me)
    await bot.desk.order("send", activity=accept, to=me)

    await _becomes(alice, quoting, lambda now: now["quote"]["state"] == "accepted")
    about = await _updated(bot, quoting["uri"], lambda note: note["quoteAuthorization"] == leave)
    assert (about["quote"], about["quoteUrl"]) == (quoted, quoted)


@pytest.mark.row(84)
async def test_a_reply_that_we_forward_is_believed_by_fedify_and_found_in_our_collections(
    alice: Api, beta: Instance, bot: FedifyBot
) -> None:
    post = await alice.publish("who answers?")
    async with beta.client("bob") as bob:
        seen = await bob.status_of(post["uri"])
        reply = await bob.publish("I do", in_reply_to_id=seen["id"])
        bobs = (await bob.me())["uri"]

    carried = await _handled(bot, lambda each: each["type"] == "Create" and each["object"] == reply["uri"])
    assert (carried["actor"], carried["inReplyTo"]) == (bobs, post["uri"])
    note = await bot.desk.order("look", uri=post["uri"])
    (context,) = note["context"]
    replies = await bot.desk.order("members", uri=note["replies"])
    assert replies["items"] == [reply["uri"]]
    everything = await bot.desk.order("members", uri=context)
    assert (everything["items"], everything["totalItems"]) == ([post["uri"], reply["uri"]], 2)


@pytest.mark.row(86)
async def test_followers_are_compared_with_fedify_in_both_directions(
    alpha: Instance, alice: Api, bot: FedifyBot
) -> None:
    me = (await alice.me())["uri"]
    await alice.publish("psst", visibility="private")

    async def stated() -> list[str]:
        return [each["synchronization"] for each in await bot.desk.read("wire") if each["synchronization"]]

    (header, *_) = await eventually("our digest arrived", stated, bool)
    theirs = await bot.desk.order("digest", collection=f"{me}/followers", actors=[bot.actor])
    assert theirs["header"].split('digest="')[1].split('"')[0] in header

    await befriend(alice, bot.handle)
    async with alpha.client("carol") as carol:
        stranger = (await carol.me())["uri"]
    await bot.desk.order("remember", actor=stranger)
    note = await _of_the_bot(bot, _new(bot, "notes"), to=f"{bot.actor}/followers")
    await bot.desk.order("tell", activity=_said(bot, "Create", note, to=f"{bot.actor}/followers"))
    undone = await _handled(bot, lambda each: each["type"] == "Undo" and each["actor"] == stranger)
    assert undone["about"]["type"] == "Follow"


async def test_fedify_is_told_of_a_report_a_move_and_a_deleted_account_and_says_the_same_to_us(
    alpha: Instance, bot: FedifyBot
) -> None:
    alpha.add_user("arrived")
    async with alpha.client("leaving") as leaving:
        uri = (await leaving.me())["uri"]
        follow = await bot.desk.order("follow", actor=f"@leaving@{alpha.name}")
        await _handled(bot, lambda each: each["type"] == "Accept" and each["object"] == follow["id"])
        bots = (await leaving.account(bot.handle))["id"]
        await leaving.post("/api/v1/reports", {"account_id": bots, "comment": "an echo", "forward": True})
        flag = await _handled(bot, lambda each: each["type"] == "Flag")
        assert (flag["actor"], bot.actor in flag["objects"]) == (f"{alpha.origin}/actor", True)

        complaint = _said(bot, "Flag", uri, content="too quiet", to=uri)
        await bot.desk.order("send", activity=complaint, to=uri)

        async def reports() -> str:
            return alpha.command("report", "list")

        await eventually("the report is there", reports, lambda text: bot.name in text)

    alpha.command("user", "alias", "add", "arrived", "@leaving")
    alpha.command("user", "move", "leaving", "arrived")
    moved = await _handled(bot, lambda each: each["type"] == "Move" and each["object"] == uri)
    assert moved["target"] == f"{alpha.origin}/users/arrived"
    alpha.command("user", "delete", "leaving", "--yes")
    await _handled(bot, lambda each: each["type"] == "Delete" and each["object"] == uri)


async def test_a_strict_server_and_fedify_follow_each_other_and_read_each_other(
    ground: Ground, bot: FedifyBot
) -> None:
    strict = ground.instance("strict.fedify.test", authorized_fetch=True)
    async with strict.client("alice") as alice:
        me = (await alice.me())["uri"]
        assert (await bot.desk.order("look", uri=me))["id"] == me
        follow = await bot.desk.order("follow", actor=me)
        await _handled(bot, lambda each: each["type"] == "Accept" and each["object"] == follow["id"])
        post = await alice.publish("only for those who sign")
        await _handled(bot, lambda each: each["type"] == "Create" and each["object"] == post["uri"])
        assert (await bot.desk.order("look", uri=post["uri"]))["id"] == post["uri"]

        await befriend(alice, bot.handle)
        note = await bot.desk.order("note", content="<p>signed</p>", to=me)
        await sees_at_home(alice, note["id"])
        assert (await is_told(alice, "mention", by=f"bot@{bot.name}"))["status"]["uri"] == note["id"]
    ground.retire(strict)
