"""The timeline of a hashtag, as Mastodon's clients ask for it."""

from typing import Any

from tests.api.site import Client, Site


async def names(client: Client, path: str, **parameters: str) -> list[str]:
    """Return the posts of a hashtag, newest first, by the first word of each."""
    posts: list[dict[str, Any]] = await client.get(f"/api/v1/timelines/tag/{path}", **parameters)
    return [post["content"].removeprefix("<p>").split()[0] for post in posts]


async def say(client: Client, text: str, visibility: str = "public") -> Any:
    return await client.post("/api/v1/statuses", {"status": text, "visibility": visibility})


async def test_what_was_not_said_to_everybody_is_in_nobodys_hashtag_timeline(
    site: Site, alice: Client
) -> None:
    for visibility in ("unlisted", "private", "direct"):
        await say(alice, "hidden #tea", visibility)
    assert await names(alice, "tea") == []
    assert await names(site.anyone, "tea") == []


async def test_a_hashtag_timeline_is_read_with_or_without_an_account(
    site: Site, alice: Client, bob: Client
) -> None:
    await say(alice, "one #Tea")
    await say(bob, "two #tea #Cake")
    await say(bob, "three #cake")
    assert await names(site.anyone, "tea") == ["two", "one"]
    assert await names(alice, "TEA") == ["two", "one"]
    assert await names(alice, "Tea", **{"any[]": "cake"}) == ["three", "two", "one"]
    assert await names(alice, "tea", **{"all[]": "cake"}) == ["two"]
    assert await names(alice, "tea", **{"none[]": "cake"}) == ["one"]
    assert await names(alice, "tea", local="true") == ["two", "one"]
    assert await names(alice, "tea", remote="true") == []
    assert await names(alice, "tea", only_media="true") == []


async def test_it_goes_on_at_its_links_and_each_post_is_whole(site: Site, alice: Client) -> None:
    posts = [await say(alice, f"{number} #tea") for number in range(3)]
    status, found, headers = await alice.call("GET", "/api/v1/timelines/tag/tea", params={"limit": "2"})
    assert status == 200
    assert [post["id"] for post in found] == [posts[2]["id"], posts[1]["id"]]
    assert found[0]["tags"] == [{"name": "tea", "url": f"{site.origin}/tags/tea"}]
    assert found[0].keys() == posts[2].keys()
    assert f"/api/v1/timelines/tag/tea?limit=2&max_id={posts[1]['id']}" in headers["Link"]
    assert await names(alice, "tea", max_id=posts[1]["id"]) == ["0"]


async def test_a_hashtag_of_another_script_is_found_by_its_escaped_address(alice: Client) -> None:
    await say(alice, "one #日本語")
    assert await names(alice, "日本語") == ["one"]
    assert await names(alice, "%E6%97%A5%E6%9C%AC%E8%AA%9E") == ["one"]
