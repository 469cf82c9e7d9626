"""Keeping a thread for later, and letting it publish itself, without scripts."""

import re
from datetime import timedelta

from tests.web.house import House, Visitor


async def test_what_was_typed_is_kept_opened_and_published(alice: Visitor) -> None:
    page = await alice.get("/compose")
    kept = await alice.submit(
        page, "/compose", ("post", "First."), ("post", "Second."), ("visibility", "unlisted"), ("do", "save")
    )
    assert "Kept as a draft" in kept.words
    assert "First." in kept.words
    assert "2 posts" in kept.words
    [path] = re.findall(r'href="(/drafts/\d+)"', kept.text)
    opened = await alice.get(path)
    assert opened.text.count('<textarea name="post"') == 2
    assert "Second." in opened.text
    home = await alice.submit(
        opened,
        "/compose",
        ("post", "First, better."),
        ("post", "Second."),
        ("visibility", "unlisted"),
        ("draft", path.rsplit("/", 1)[1]),
    )
    assert "First, better." in home.words
    assert "Nothing is waiting" in (await alice.get("/drafts")).words


async def test_a_thread_is_planned_and_discarded(alice: Visitor, house: House) -> None:
    at = house.clock.now() + timedelta(hours=2)
    page = await alice.get("/compose")
    planned = await alice.submit(
        page,
        "/compose",
        ("post", "In two hours."),
        ("visibility", "public"),
        ("do", "schedule"),
        ("at", f"{at:%Y-%m-%dT%H:%M}"),
        ("zone", "0"),
    )
    assert "It will be published at its time." in planned.words
    assert "At their time" in planned.words
    [ask] = re.findall(r'href="(/drafts/\d+/discard)"', planned.text)
    sure = await alice.get(ask)
    assert "In two hours." in sure.words
    gone = await alice.submit(sure, ask, ("what", "discard"))
    assert "Nothing is waiting" in gone.words


async def test_a_time_that_has_passed_keeps_what_was_typed(alice: Visitor) -> None:
    page = await alice.get("/compose")
    seen = await alice.submit(
        page,
        "/compose",
        ("post", "Too late."),
        ("visibility", "public"),
        ("do", "schedule"),
        ("at", "2020-01-01T10:00"),
    )
    assert seen.status == 422
    assert "at least 5 minutes from now" in seen.words
    assert "Too late." in seen.text


async def test_drafts_of_others_are_not_there(alice: Visitor, bob: Visitor, stranger: Visitor) -> None:
    page = await alice.get("/compose")
    kept = await alice.submit(page, "/compose", ("post", "Mine."), ("visibility", "public"), ("do", "save"))
    [path] = re.findall(r'href="(/drafts/\d+)"', kept.text)
    assert "Mine." not in (await stranger.get(path)).text
    assert (await bob.get(path)).status == 404
