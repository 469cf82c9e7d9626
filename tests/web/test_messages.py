"""Direct conversations as a browser without scripts shows them."""

from tests.web.house import Visitor


async def _tell(visitor: Visitor, text: str) -> None:
    page = await visitor.get("/compose")
    seen = await visitor.submit(page, "/compose", ("post", text), ("visibility", "direct"))
    assert seen.status == 200, seen.words


async def test_strangers_are_sent_to_sign_in(stranger: Visitor) -> None:
    assert (await stranger.get("/messages")).path.startswith("/auth/sign_in")


async def test_a_message_is_found_read_and_taken_off_the_list(alice: Visitor, bob: Visitor) -> None:
    assert "No messages" in (await bob.get("/messages")).words
    await _tell(alice, "@bob <b>psst</b>")
    page = await bob.get("/messages")
    assert "Alice Moreau" in page.words
    assert "<b>psst" not in page.text
    assert "New" in page.words
    (id_,) = {part.split("/")[0] for part in page.text.split('action="/messages/')[1:]}
    read = await bob.submit(page, f"/messages/{id_}/read")
    assert (read.path, "psst" in read.words, "Mark as read" in read.words) == ("/messages", True, False)
    gone = await bob.submit(read, f"/messages/{id_}/remove")
    assert "No messages" in gone.words
    assert "You: " in (await alice.get("/messages")).words


async def test_what_others_say_to_each_other_is_not_there(alice: Visitor, bob: Visitor) -> None:
    await _tell(alice, "to nobody but me")
    assert "No messages" in (await bob.get("/messages")).words
    assert "to nobody but me" in (await alice.get("/messages")).words
