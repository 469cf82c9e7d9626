"""The page of a hashtag: where every hashtag in a post leads, for people and for servers."""

import json
import re
from html import unescape

import pytest

from tests.web.house import House, Visitor

AS2 = "application/activity+json"


async def _post(visitor: Visitor, *texts: str, visibility: str = "public") -> None:
    page = await visitor.get("/compose")
    typed = [("post", text) for text in texts]
    await visitor.submit(page, "/compose", *typed, ("visibility", visibility))


async def test_what_was_not_said_to_everybody_is_not_on_the_page_of_its_hashtag(
    alice: Visitor, stranger: Visitor
) -> None:
    await _post(alice, "Between us: #tea", visibility="private")
    await _post(alice, "Aside: #tea", visibility="unlisted")
    for visitor in (alice, stranger):
        page = await visitor.get("/tags/tea")
        assert page.status == 200
        assert "Nobody has said anything about it yet" in page.words
    assert json.loads((await stranger.get("/tags/tea", accept=AS2)).text)["orderedItems"] == []


@pytest.mark.parametrize("name", ["Tea", "übung", "日本語"])
async def test_a_hashtag_leads_from_a_post_to_the_posts_that_have_it(
    alice: Visitor, stranger: Visitor, name: str
) -> None:
    await _post(alice, f"About #{name}")
    await _post(alice, "About something else")
    [link] = re.findall(r'href="([^"]*/tags/[^"]*)"', (await stranger.get("/public")).text)
    page = await stranger.get(unescape(link).removeprefix(stranger.origin))
    assert page.status == 200
    assert f"About # {name}" in page.words
    assert "something else" not in page.words


async def test_the_post_of_a_thread_that_has_the_hashtag_is_shown_and_not_its_first(
    alice: Visitor, stranger: Visitor
) -> None:
    await _post(alice, "To begin with", "we drink #tea", "and then we talk")
    page = await stranger.get("/tags/tea")
    assert "we drink # tea" in page.words
    assert "To begin with" not in page.words


async def test_a_long_list_goes_on_at_a_link(alice: Visitor, stranger: Visitor) -> None:
    for first in range(0, 40, 20):
        await _post(alice, *(f"number {number:02} #tea" for number in range(first, first + 20)))
    page = await stranger.get("/tags/Tea")
    assert "number 39" in page.words
    assert "number 09" not in page.words
    [more] = re.findall(r'href="([^"]*)" rel="next"', page.text)
    rest = await stranger.get(unescape(more))
    assert "number 09" in rest.words
    assert "number 10" not in rest.words


async def test_another_server_is_told_the_ids_of_the_public_posts_from_here(
    house: House, alice: Visitor, stranger: Visitor
) -> None:
    await _post(alice, "About #Tea")
    answer = await stranger.get("/tags/Tea", accept=AS2)
    assert answer.headers["Content-Type"] == f"{AS2}; charset=utf-8"
    assert "Accept" in answer.headers["Vary"]
    said = json.loads(answer.text)
    assert (said["id"], said["type"]) == (f"{house.origin}/tags/tea", "OrderedCollection")
    [uri] = said["orderedItems"]
    assert uri.startswith(f"{house.origin}/users/alice/statuses/")
    assert (await stranger.get(uri.removeprefix(house.origin), accept=AS2)).status == 200


@pytest.mark.parametrize("name", ["%20", "%23", "x" * 101, "a%2Fb%2Fc%3Fd", "%22%3E%3Cscript%3E"])
async def test_an_address_that_is_no_hashtag_does_no_harm(stranger: Visitor, name: str) -> None:
    for accept in ("text/html", AS2):
        answer = await stranger.get(f"/tags/{name}", accept=accept)
        assert answer.status in (200, 404)
        assert "<script>" not in answer.text
