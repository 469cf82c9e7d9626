"""Emoji reactions by Pleroma's calls and by ours."""

from typing import Any
from urllib.parse import quote

from tests.api.site import Client

HEART = quote("❤️")


async def reactions_of(client: Client, post: dict[str, Any]) -> list[tuple[str, int, bool, list[str]]]:
    shown = await client.get(f"/api/v1/pleroma/statuses/{post['id']}/reactions")
    return [
        (each["name"], each["count"], each["me"], [who["id"] for who in each["accounts"]]) for each in shown
    ]


async def test_reactions_are_added_listed_and_taken_back(alice: Client, bob: Client) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    path = f"/api/v1/pleroma/statuses/{post['id']}/reactions"
    for client in (alice, bob, bob):
        status, body, _ = await client.call("PUT", f"{path}/{HEART}")
        assert (status, body["id"]) == (200, post["id"])
    await bob.post(f"/api/fedispace/v1/statuses/{post['id']}/reactions", {"emoji": "🎉"})
    assert await reactions_of(bob, post) == [
        ("❤️", 2, True, [alice.id, bob.id]),
        ("🎉", 1, True, [bob.id]),
    ]
    assert [each["name"] for each in await alice.get(f"{path}/{HEART}")] == ["❤️"]
    await bob.delete(f"{path}/{HEART}")
    left = await bob.delete(f"/api/fedispace/v1/statuses/{post['id']}/reactions/{quote('🎉')}")
    assert [(each["name"], each["me"]) for each in left] == [("❤️", False)]
    assert set(left[0]) == {"name", "count", "me", "url", "accounts"}
    shown = await bob.get(f"/api/v1/statuses/{post['id']}")
    assert not {"reactions", "emoji_reactions", "pleroma"} & set(shown)


async def test_reactions_to_what_one_may_not_see_are_not_found(alice: Client, bob: Client) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "secret", "visibility": "private"})
    path = f"/api/v1/pleroma/statuses/{post['id']}/reactions"
    for method, where in (("PUT", f"{path}/{HEART}"), ("GET", path), ("DELETE", f"{path}/{HEART}")):
        status, _, _ = await bob.call(method, where)
        assert status == 404, method


async def test_words_are_refused_and_a_token_is_needed(alice: Client, site: Any) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    path = f"/api/v1/pleroma/statuses/{post['id']}/reactions"
    status, _, _ = await alice.call("PUT", f"{path}/nonsense")
    assert status == 422
    status, _, _ = await site.anyone.call("PUT", f"{path}/{HEART}")
    assert status == 401


async def test_who_asks_for_them_is_notified_of_reactions(alice: Client, bob: Client) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "hello"})
    await bob.call("PUT", f"/api/v1/pleroma/statuses/{post['id']}/reactions/{HEART}")
    assert await alice.get("/api/v1/notifications") == []
    (told,) = await alice.get("/api/v1/notifications", **{"types[]": "pleroma:emoji_reaction"})
    assert (told["type"], told["status"]["id"]) == ("pleroma:emoji_reaction", post["id"])
