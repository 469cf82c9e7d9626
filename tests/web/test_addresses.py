"""Browsers that come to the addresses which objects have among servers: a page, whatever is there."""

import re

import pytest

from fedispace.spaces import members
from fedispace.spaces.roles import MemberRole
from tests.web.house import House, Seen, Visitor

AS2 = "application/activity+json"


async def _posted(visitor: Visitor, text: str, visibility: str) -> str:
    """Post, and return the number of the post."""
    page = await visitor.get("/compose")
    await visitor.submit(page, "/compose", ("post", text), ("visibility", visibility))
    home = await visitor.get("/@alice")
    return re.findall(r'href="/@alice/([0-9]+)"', home.text)[0]


def _said(seen: Seen) -> dict[str, str]:
    """Return the headers, but for what each answer has of its own."""
    return {name: text for name, text in seen.headers.items() if name not in ("Date", "Content-Length")}


@pytest.mark.parametrize(
    "path",
    ["/users/nobody", "/users/alice/statuses/12", "/spaces/12", "/contexts/12", "/users/nobody/outbox"],
)
async def test_where_nothing_is_people_read_that_on_a_page_and_servers_in_json(
    alice: Visitor, stranger: Visitor, path: str
) -> None:
    page = await stranger.get(path)
    assert page.status == 404
    assert "Nothing here" in page.words
    assert page.headers["Vary"].startswith("Accept")
    asked = await stranger.get(path, accept=AS2)
    assert (asked.status, asked.headers["Content-Type"]) == (404, "application/problem+json")


async def test_who_may_see_a_post_is_led_from_its_address_to_its_page_and_a_stranger_is_not(
    alice: Visitor, stranger: Visitor
) -> None:
    number = await _posted(alice, "Between us", "private")
    seen = await alice.get(f"/users/alice/statuses/{number}")
    assert (seen.status, seen.path) == (200, f"/@alice/{number}")
    assert "Between us" in seen.words
    hidden = await stranger.get(f"/users/alice/statuses/{number}")
    assert hidden.status == 404
    assert "Between us" not in hidden.text


async def test_who_may_see_a_private_space_is_led_from_its_address_to_its_page(
    house: House, alice: Visitor, bob: Visitor
) -> None:
    host = await house.app.lookup.known("alice")
    guest = await house.app.lookup.known("bob")
    space = await house.app.hosting.create(host, title="Among friends", access="invited")
    async with house.app.db.transaction() as tx:
        row = await members.ensured(tx, space.id, guest.id, house.clock.now())
        row.invited_as = MemberRole.LISTENER
    for visitor in (alice, bob):
        for address in (f"/spaces/{space.id}", f"/spaces/{space.id}/"):
            seen = await visitor.get(address)
            assert (seen.status, seen.path) == (200, f"/@alice/spaces/{space.id}")
            assert "Among friends" in seen.words


@pytest.mark.parametrize("access", ["invited", "followers"])
async def test_who_may_not_see_a_private_space_is_answered_at_its_address_as_if_there_were_none(
    house: House, alice: Visitor, bob: Visitor, stranger: Visitor, access: str
) -> None:
    host = await house.app.lookup.known("alice")
    space = await house.app.hosting.create(host, title="Among friends", access=access)
    for visitor in (bob, stranger):
        hidden = await visitor.get(f"/spaces/{space.id}", follow=False)
        none = await visitor.get(f"/spaces/{space.id + 1}", follow=False)
        assert (hidden.status, none.status) == (404, 404)
        assert hidden.text.replace(str(space.id), "N") == none.text.replace(str(space.id + 1), "N")
        assert _said(hidden) == _said(none)


@pytest.mark.parametrize("number", ["0", "9223372036854775808", "99999999999999999999"])
async def test_a_number_that_no_space_has_leads_nowhere(alice: Visitor, number: str) -> None:
    assert (await alice.get(f"/spaces/{number}")).status == 404


async def test_what_was_deleted_says_so_on_a_page(alice: Visitor, stranger: Visitor) -> None:
    number = await _posted(alice, "Soon gone", "public")
    await alice.submit(await alice.get(f"/posts/{number}/delete"), f"/posts/{number}/delete")
    gone = await stranger.get(f"/users/alice/statuses/{number}")
    assert gone.status == 410
    assert "It was deleted" in gone.words
    asked = await stranger.get(f"/users/alice/statuses/{number}", accept=AS2)
    assert asked.status == 410
    assert '"Tombstone"' in asked.text
