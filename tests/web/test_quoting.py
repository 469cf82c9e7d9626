"""Quoting, choosing who may answer, and deciding on those who wait, as a browser without scripts does it."""

import re

from tests.web.house import House, Visitor


async def _post(by: Visitor, text: str, *typed: tuple[str, str]) -> tuple[str, str]:
    """Post something from the composer's page; return its path and its id."""
    page = await by.get("/compose")
    home = await by.submit(page, "/compose", ("post", text), ("visibility", "public"), *typed)
    assert home.status == 200, home.words
    path = str(re.findall(r'href="(/@\w+/\d+)"', home.text)[0])
    return path, path.rpartition("/")[2]


async def test_a_post_is_quoted_and_shown_inside_the_other(
    alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path, id_ = await _post(alice, "The words to be quoted.")
    assert f'href="/compose?quote={id_}"' in (await bob.get(path)).text
    assert f'href="/compose?quote={id_}"' not in (await stranger.get(path)).text
    page = await bob.get(f"/compose?quote={id_}")
    assert "The words to be quoted." in page.words
    home = await bob.submit(
        page, "/compose", ("post", "Well said."), ("visibility", "public"), ("quote", id_)
    )
    assert home.text.count('<blockquote class="quoted"') == 1
    assert home.words.index("Well said.") < home.words.index("The words to be quoted.")
    notices = await alice.get("/notifications")
    assert "quoted your post" in notices.words


async def test_a_post_that_nobody_may_quote_offers_no_quoting(alice: Visitor, bob: Visitor) -> None:
    path, id_ = await _post(alice, "Not to be quoted.", ("quotes", "nobody"))
    assert "/compose?quote=" not in (await bob.get(path)).text
    page = await bob.get("/compose")
    refused = await bob.submit(
        page, "/compose", ("post", "But I do."), ("visibility", "public"), ("quote", id_)
    )
    assert refused.status == 422
    assert "does not let you quote it" in refused.words
    assert "But I do." in refused.text


async def test_who_waits_is_let_in_or_declined_on_a_page_of_forms(
    house: House, alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path, id_ = await _post(alice, "Ask me first.", ("replies", "ask"))
    for text in ("Please let me in.", "Or maybe me."):
        page = await bob.get(path)
        await bob.submit(
            page, "/compose", ("post", text), ("visibility", "public"), ("in_reply_to", id_), ("key", text)
        )
    assert "Please let me in." not in (await stranger.get(path)).words
    assert "Waits for approval" in (await bob.get(path)).words
    assert "asks to reply to your post" in (await alice.get("/notifications")).words
    queue = await alice.get("/requests")
    assert queue.words.count("asks to reply to your post") == 2
    newer, older = re.findall(r'action="/requests/(\d+)/accept"', queue.text)
    await alice.submit(queue, f"/requests/{older}/accept")
    queue = await alice.get("/requests")
    emptied = await alice.submit(queue, f"/requests/{newer}/decline")
    assert "Nobody waits" in emptied.words
    seen = await stranger.get(path)
    assert "Please let me in." in seen.words
    assert "Or maybe me." not in seen.words
    assert (await bob.get("/requests")).words.count("asks to") == 0
