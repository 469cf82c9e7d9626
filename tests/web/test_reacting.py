"""Emoji reactions, as a browser without scripts gives them."""

import re

from tests.web.house import Visitor


async def _post(visitor: Visitor, text: str) -> tuple[str, str]:
    page = await visitor.get("/")
    seen = await visitor.submit(page, "/compose", ("post", text), ("visibility", "public"))
    path: str = re.findall(r'href="(/@\w+/\d+)"', seen.text)[0]
    return path, path.rsplit("/", 1)[1]


async def test_an_emoji_is_picked_counted_and_taken_back(
    alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path, id_ = await _post(alice, "What do you think?")
    await bob.submit(await bob.get(path), f"/posts/{id_}/react", ("emoji", "🎉"))
    await alice.submit(await alice.get(path), f"/posts/{id_}/react", ("other", "🦊"), ("emoji", ""))
    seen = await stranger.get(path)
    assert "🎉 1" in seen.words
    assert "🦊 1" in seen.words
    assert f"/posts/{id_}/react" not in seen.text
    assert "reacted to your post" in (await alice.get("/notifications")).words
    await bob.submit(await bob.get(path), f"/posts/{id_}/unreact", ("emoji", "🎉"))
    assert "🎉" not in (await stranger.get(path)).words


async def test_a_word_is_refused(alice: Visitor) -> None:
    path, id_ = await _post(alice, "What do you think?")
    seen = await alice.submit(
        await alice.get(path), f"/posts/{id_}/react", ("other", "<script>alert(1)</script>")
    )
    assert seen.status == 422
    assert "<script>alert(1)" not in (await alice.get(path)).text
