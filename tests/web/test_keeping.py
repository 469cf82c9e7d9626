"""Keeping posts, as a browser without scripts does it."""

import re

from tests.web.house import Visitor


async def _post(visitor: Visitor, text: str) -> str:
    """Post something and return its path."""
    page = await visitor.get("/")
    seen = await visitor.submit(page, "/compose", ("post", text), ("visibility", "public"))
    assert seen.status == 200, seen.words
    first: str = re.findall(r'href="(/@\w+/\d+)"', seen.text)[0]
    return first


async def test_a_post_is_bookmarked_found_again_and_let_go(alice: Visitor, bob: Visitor) -> None:
    path = await _post(alice, "Worth keeping.")
    id_ = path.rsplit("/", 1)[1]
    assert "Worth keeping." not in (await bob.get("/bookmarks")).words
    await bob.submit(await bob.get(path), f"/posts/{id_}/bookmark")
    kept = await bob.get("/bookmarks")
    assert "Worth keeping." in kept.words
    await bob.submit(kept, f"/posts/{id_}/unbookmark")
    assert "Worth keeping." not in (await bob.get("/bookmarks")).words


async def test_a_pinned_post_stands_on_top_of_the_profile(alice: Visitor, stranger: Visitor) -> None:
    path = await _post(alice, "Read me first.")
    await _post(alice, "Something newer.")
    id_ = path.rsplit("/", 1)[1]
    await alice.submit(await alice.get(path), f"/posts/{id_}/pin")
    profile = (await stranger.get("/@alice")).words
    assert profile.index("Pinned") < profile.index("Read me first.") < profile.index("Something newer.")
    await alice.submit(await alice.get(path), f"/posts/{id_}/unpin")
    assert "Pinned" not in (await stranger.get("/@alice")).words


async def test_only_the_author_is_offered_to_pin(alice: Visitor, bob: Visitor) -> None:
    path = await _post(alice, "Hers.")
    assert f"/posts/{path.rsplit('/', 1)[1]}/pin" not in (await bob.get(path)).text


async def test_who_liked_and_boosted_is_read_by_those_who_may_see_the_post(
    alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path = await _post(alice, "Good news.")
    id_ = path.rsplit("/", 1)[1]
    for verb in ("favourite", "boost"):
        await bob.submit(await bob.get(path), f"/posts/{id_}/{verb}")
    for list_ in ("liked-by", "boosted-by"):
        assert f"/posts/{id_}/{list_}" in (await stranger.get(path)).text
        assert "@bob@" in (await stranger.get(f"/posts/{id_}/{list_}")).words
    assert (await stranger.get("/posts/1/liked-by")).status == 404
