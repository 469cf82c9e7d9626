"""Two people on two servers, over TLS, from the first follow to the last deletion; once with both servers
answering anybody, once with both answering only whoever signs (`authorized_fetch`)."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.ground.api import Api, Json, Refusal
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.rows import tables_with
from tests.system.people import Pair, befriend, is_told, sees_at_home

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def strict_pair(ground: Ground) -> Pair:
    """Two servers that show nothing to strangers."""
    return Pair(
        a=ground.instance("strict-a.test", authorized_fetch=True),
        b=ground.instance("strict-b.test", authorized_fetch=True),
    )


@pytest.fixture(params=["open", "strict"])
def towns(request: pytest.FixtureRequest) -> Pair:
    """Both servers open, then both strict."""
    name = "sqlite_pair" if request.param == "open" else "strict_pair"
    found: Pair = request.getfixturevalue(name)
    return found


async def _becomes(what: str, of: Api, status: Json, is_so: Callable[[Json], bool]) -> Json:
    """Wait until a post, as its reader is shown it, is as told."""

    async def ask() -> Json:
        return await of.status(status["id"])

    return await eventually(what, ask, is_so)


async def _answer(ask: Callable[[], Awaitable[Any]]) -> int:
    try:
        await ask()
    except Refusal as refusal:
        return refusal.status
    return 200


async def test_two_people_live_on_two_servers_and_one_of_them_leaves(towns: Pair) -> None:
    a, b = towns.a, towns.b
    mark = secrets.token_hex(4)
    async with a.client("lea") as lea, b.client("ben") as ben, b.client("lea") as lea_at_b:
        leas, bens = f"lea@{a.name}", f"ben@{b.name}"
        her = (await lea.me())["uri"]

        lea_seen_by_ben = await befriend(ben, f"@{leas}")
        await befriend(lea, f"@{bens}")

        thread = await lea.publish_thread(*(f"{n} of a story {mark}" for n in range(1, 6)))
        seen = [await sees_at_home(ben, post["uri"]) for post in thread]
        whole = await ben.get(f"/api/fedispace/v1/threads/{seen[2]['id']}")
        assert [post["uri"] for post in whole] == [post["uri"] for post in thread]

        reply = await ben.publish(f"@{leas} and then? {mark}", in_reply_to_id=seen[4]["id"])
        told = await is_told(lea, "mention", by=bens)
        assert told["status"]["uri"] == reply["uri"]

        edited_text = f"2 of a better story {mark}"
        await lea.put(f"/api/v1/statuses/{thread[1]['id']}", {"status": edited_text})
        await _becomes("the edit is seen", ben, seen[1], lambda post: edited_text in post["content"])
        assert len(await ben.get(f"/api/v1/statuses/{seen[1]['id']}/history")) == 2

        await ben.post(f"/api/fedispace/v1/statuses/{seen[0]['id']}/reactions", {"emoji": "🎉"})

        async def reactions() -> list[Json]:
            found: list[Json] = await lea.get(f"/api/fedispace/v1/statuses/{thread[0]['id']}/reactions")
            return found

        (party,) = await eventually("the reaction arrived", reactions, bool)
        assert (party["name"], party["count"], party["me"]) == ("🎉", 1, False)

        await _a_poll_is_voted_in(lea, ben, mark)
        await _a_quote_is_asked_for_and_allowed(lea, ben, thread[0], seen[0], bens)
        await _a_pin_is_seen(lea, ben, lea_seen_by_ben, thread[0])
        await _a_muted_conversation_is_silent(lea, ben, bens, leas, thread[4], seen[4])

        b.command("user", "alias", "add", "lea", f"@{leas}")
        a.command("user", "move", "lea", f"@lea@{b.name}")
        new = (await lea_at_b.me())["id"]
        await eventually(
            "whoever followed her follows where she went",
            lambda: ben.relationship(new),
            lambda now: bool(now["following"]),
        )
        assert not (await ben.relationship(lea_seen_by_ben))["following"]

        await lea.delete(f"/api/fedispace/v1/threads/{thread[0]['id']}")
        for post in seen:
            gone = await eventually(
                "a post of the thread is gone",
                lambda post=post: _answer(lambda: ben.status(post["id"])),  # type: ignore[misc]
                lambda status: status != 200,
            )
            assert gone == 404
        assert (await ben.status(reply["id"]))["uri"] == reply["uri"]

        words = f"what next? {mark}"
        assert "statuses" in tables_with(b.database, words)
        a.command("user", "delete", "lea", "--yes")

        async def left() -> set[str]:
            return tables_with(b.database, words) | tables_with(b.database, f"story {mark}")

        assert await eventually("no word of hers is left", left, lambda found: not found) == set()
        assert all(post["account"]["acct"] != leas for post in await ben.home())
        assert (await ben.search(her))["accounts"] == []
        async with a.client() as stranger:
            assert await _answer(lambda: stranger.document(her)) in (401, 410)


async def _a_poll_is_voted_in(lea: Api, ben: Api, mark: str) -> None:
    asked = await lea.publish(f"what next? {mark}", poll={"options": ["rain", "sun"], "expires_in": 3600})
    shown = await sees_at_home(ben, asked["uri"])
    await ben.post(f"/api/v1/polls/{shown['poll']['id']}/votes", {"choices": ["1"]})
    counted = await _becomes("the vote counts", lea, asked, lambda post: post["poll"]["votes_count"] == 1)
    assert [option["votes_count"] for option in counted["poll"]["options"]] == [0, 1]
    assert (await lea.context(asked["id"]))["descendants"] == []


async def _a_quote_is_asked_for_and_allowed(lea: Api, ben: Api, post: Json, shown: Json, asker: str) -> None:
    ask_me: Json = {"automatic": [], "manual": ["public"]}
    await lea.put(
        f"/api/fedispace/v1/statuses/{post['id']}/interaction_policy",
        {"interaction_policy": {"quote": ask_me}},
    )
    await _becomes(
        "the policy arrived", ben, shown, lambda now: now["quote_approval"]["current_user"] == "manual"
    )
    quoting = await ben.publish("look at this", quoted_status_id=shown["id"])
    assert quoting["quote"]["state"] == "pending"

    async def asked() -> list[Json]:
        found: list[Json] = await lea.get("/api/v1/interaction_requests")
        return [each for each in found if each["account"]["acct"] == asker]

    (request,) = await eventually("she is asked", asked, bool)
    assert request["type"] == "quote"
    await lea.post(f"/api/v1/interaction_requests/{request['id']}/authorize")
    allowed = await _becomes(
        "the quote is allowed", ben, quoting, lambda now: now["quote"]["state"] == "accepted"
    )
    assert allowed["quote"]["quoted_status"]["uri"] == post["uri"]
    here = await sees_at_home(lea, quoting["uri"])
    await _becomes("she sees it too", lea, here, lambda now: now["quote"]["state"] == "accepted")


async def _a_pin_is_seen(lea: Api, ben: Api, lea_id: str, post: Json) -> None:
    await lea.post(f"/api/v1/statuses/{post['id']}/pin")

    async def pinned() -> list[str]:
        found = await ben.get(f"/api/v1/accounts/{lea_id}/statuses", pinned="true")
        return [each["uri"] for each in found]

    assert await eventually("the pin is seen", pinned, bool) == [post["uri"]]


async def _a_muted_conversation_is_silent(
    lea: Api, ben: Api, bens: str, leas: str, post: Json, shown: Json
) -> None:
    await ben.post(f"/api/v1/statuses/{shown['id']}/mute")
    muted = await lea.publish(f"@{bens} psst", in_reply_to_id=post["id"])
    loud = await lea.publish(f"@{bens} elsewhere")

    heard = await eventually(
        "what is elsewhere is heard",
        ben.notifications,
        lambda found: any(each["status"] and each["status"]["uri"] == loud["uri"] for each in found),
    )

    assert muted["uri"] not in [each["status"]["uri"] for each in heard if each["status"]]
    assert muted["uri"] not in [each["uri"] for each in await ben.home()]
    assert (await ben.status_of(muted["uri"]))["account"]["acct"] == leas
