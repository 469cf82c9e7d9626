"""A link sent by direct message lets anybody of the fediverse in, once, in one browser."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account, Block
from fedispace.federation.models import OutboxItem
from fedispace.moderation.rules import set_rule
from fedispace.spaces.models import Space
from fedispace.spaces.visit_models import EntryLink, Visit
from tests.web.homes import Home, Homes
from tests.web.house import House, Seen, Visitor

_LINK = re.compile(r'href="([^"]*/visit/link/[^"]+)"')


@pytest.fixture
async def homes() -> AsyncIterator[Homes]:
    async with Homes() as opened:
        yield opened


@pytest.fixture
async def house(tmp_path: Path, homes: Homes) -> AsyncIterator[House]:
    async with House(tmp_path, names=homes.names) as opened:
        yield opened


@pytest.fixture
def home(homes: Homes) -> Home:
    """A server that knows nothing of OAuth."""
    home = homes.host("plain.test", "plain")
    home.lives("dan")
    return home


@pytest.fixture
async def space(house: House) -> Space:
    host = await house.account("alice")
    made = await house.app.hosting.create(host, title="An <open> floor")
    return await house.app.hosting.open(host, made.id)


async def _ask(house: House, visitor: Visitor, space: Space, address: str = "@dan@plain.test") -> Seen:
    page = await visitor.post("/visit/link", {"address": address, "space": str(space.id)})
    await house.app.worker.settle()
    return page


def _path(home: Home, visitor: Visitor) -> str:
    """Return where the newest message leads."""
    found = _LINK.search(home.received[-1]["object"]["content"])
    assert found is not None
    return unescape(found[1]).removeprefix(visitor.origin)


async def _tidy(house: House) -> None:
    for chore in house.app.housekeeping.chores:
        await chore()


async def _visits(house: House) -> list[Visit]:
    async with house.app.db.reading() as tx:
        return list(await tx.scalars(select(Visit)))


async def test_dan_is_sent_a_message_for_him_alone_that_says_what_it_is_about(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    page = await _ask(house, stranger, space)

    assert page.status == 200
    assert "@dan@plain.test" in page.words
    [create] = home.received
    note = create["object"]
    assert (create["type"], note["type"]) == ("Create", "Note")
    assert create["actor"] == note["attributedTo"] == f"{house.origin}/actor"
    assert create["to"] == note["to"] == [home.actor("dan")]
    assert not create.get("cc") and not note.get("cc")  # noqa: PT018
    assert {"type": "Mention", "href": home.actor("dan"), "name": "@dan@plain.test"} in note["tag"]
    assert "An &lt;open&gt; floor" in note["content"]
    assert "ignore it" in note["content"]
    assert home.asked.count("POST /users/dan/inbox") == 1


async def test_the_link_makes_dan_known_after_a_button_in_the_browser_that_asked(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    await _ask(house, stranger, space)
    path = _path(home, stranger)

    page = await stranger.get(path)
    assert "Come in as Dan" in page.words
    assert await _visits(house) == []
    entered = await stranger.submit(page, path, follow=False)

    assert (entered.status, entered.headers["Location"]) == (303, f"/@alice/spaces/{space.id}")
    assert "HttpOnly" in entered.headers["Set-Cookie"]
    assert "You are here as Dan @dan@plain.test" in (await stranger.get("/visit")).words


async def test_looking_at_a_link_uses_nothing_up(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    """Servers and clients fetch links to preview them."""
    await _ask(house, stranger, space)
    path = _path(home, stranger)
    preview = house.stranger()
    for _ in range(3):
        assert (await preview.get(path)).status == 403
        assert (await stranger.get(path)).status == 200
    assert (await stranger.post(path, {}, follow=False)).status == 303


@pytest.mark.attack(93)
async def test_a_link_is_good_once(house: House, home: Home, space: Space, stranger: Visitor) -> None:
    await _ask(house, stranger, space)
    path = _path(home, stranger)
    await stranger.post(path, {}, follow=False)

    again = await stranger.post(path, {}, follow=False)

    assert again.status == 410
    assert "This link was used" in again.words
    assert (await stranger.get(path)).status == 410
    assert len(await _visits(house)) == 1


@pytest.mark.attack(93)
async def test_a_link_opens_nothing_in_another_browser(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    """A stranger asks in dan's name, and dan clicks on what he is sent."""
    dan = house.stranger()
    await _ask(house, stranger, space)
    path = _path(home, stranger)

    for _ in range(2):
        refused = await dan.post(path, {}, follow=False)
        assert refused.status == 403
        assert "another browser" in refused.words or "only in the browser" in refused.words
        await _ask(house, dan, space)  # a browser with a secret of its own is still another one

    assert await _visits(house) == []


@pytest.mark.attack(93)
async def test_a_link_is_good_for_ten_minutes(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    await _ask(house, stranger, space)
    path = _path(home, stranger)
    house.clock.advance(minutes=10)
    assert (await stranger.get(path)).status == 410
    assert (await stranger.post(path, {}, follow=False)).status == 410
    assert await _visits(house) == []


async def test_a_link_from_another_site_is_not_pressed(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    await _ask(house, stranger, space)
    path = _path(home, stranger)
    assert (await stranger.post(path, {}, origin="https://evil.example")).status == 403
    assert await _visits(house) == []


@pytest.mark.parametrize("link", ["x", "a" * 43, "%00", "..%2f..", "a" * 3000])
async def test_a_link_that_was_never_sent_is_none(house: House, stranger: Visitor, link: str) -> None:
    assert (await stranger.get(f"/visit/link/{link}")).status in (404, 410)
    assert (await stranger.post(f"/visit/link/{link}", {})).status in (404, 405, 410)


async def test_the_database_does_not_know_a_link_that_was_used_or_ran_out(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    await _ask(house, stranger, space)
    used = _path(home, stranger)
    await stranger.post(used, {}, follow=False)
    await _ask(house, stranger, space)
    house.clock.advance(minutes=11)
    await _tidy(house)

    async with house.app.db.reading() as tx:
        kept = [item.body for item in await tx.scalars(select(OutboxItem))]
        hashes = list(await tx.scalars(select(EntryLink.link_hash)))
    assert not [body for body in kept if b"/visit/link/" in body]
    assert used.rpartition("/")[2] not in hashes


async def test_one_account_is_not_written_to_more_than_twice_whoever_asks(
    house: House, home: Home, space: Space
) -> None:
    for _ in range(2):
        assert (await _ask(house, house.stranger(), space)).status == 200
    refused = await _ask(house, house.stranger(), space)

    assert refused.status == 429
    assert "Retry-After" in refused.headers
    assert len(home.received) == 2


async def test_one_account_is_not_written_to_more_than_six_times_a_day(
    house: House, home: Home, space: Space
) -> None:
    for _ in range(8):
        await _ask(house, house.stranger(), space)
        house.clock.advance(minutes=11)
    await _tidy(house)
    assert (await _ask(house, house.stranger(), space)).status == 429
    assert len(home.received) == 6


@pytest.mark.parametrize("whom", ["the instance", "the host"])
async def test_who_blocked_us_or_the_host_is_not_written_to_and_the_asker_does_not_learn_it(
    house: House, home: Home, space: Space, stranger: Visitor, whom: str
) -> None:
    dan = await house.app.lookup.account("@dan@plain.test")
    async with house.app.db.transaction() as tx:
        instance = await house.app.people.ensure(tx, house.app.addresses.instance_actor)
        target = instance.id if whom == "the instance" else space.host_id
        tx.add(Block(id=1, account_id=dan.id, target_id=target, uri="b", created_at=house.clock.now()))

    page = await _ask(house, stranger, space)

    assert page.status == 200
    assert home.received == []


async def test_a_blocked_server_is_neither_asked_nor_written_to(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    async with house.app.db.transaction() as tx:
        await set_rule(tx, house.clock, "plain.test", "suspend")
    house.app.policy.forget()
    assert (await _ask(house, stranger, space)).status == 403
    assert home.asked == []


@pytest.mark.attack(104)
async def test_a_suspended_account_does_not_come_in_by_a_link_it_was_sent(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    await _ask(house, stranger, space)
    path = _path(home, stranger)
    async with house.app.db.transaction() as tx:
        dan = (await tx.scalars(select(Account).where(Account.uri == home.actor("dan")))).one()
        dan.suspended_at = house.clock.now()
    assert (await stranger.post(path, {}, follow=False)).status == 403
    assert await _visits(house) == []


async def test_nobody_comes_in_by_a_link_when_their_server_was_blocked_since(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    await _ask(house, stranger, space)
    path = _path(home, stranger)
    async with house.app.db.transaction() as tx:
        await set_rule(tx, house.clock, "plain.test", "suspend")
    house.app.policy.forget()

    refused = await stranger.post(path, {}, follow=False)

    assert refused.status == 403
    assert "That server is blocked here." in refused.words
    assert await _visits(house) == []


@pytest.mark.attack(94)
async def test_a_private_space_is_not_told_of_by_asking_for_a_link(
    house: House, home: Home, stranger: Visitor
) -> None:
    host = await house.account("carol")
    secret = await house.app.hosting.create(host, title="Hush", access="followers")
    nothing = await _ask(house, stranger, secret)
    assert nothing.status == 404
    assert "Hush" not in nothing.text
    assert home.received == []


async def test_who_is_not_there_is_told(house: House, home: Home, space: Space, stranger: Visitor) -> None:
    assert (await _ask(house, stranger, space, "@nobody@plain.test")).status == 404


async def test_our_own_people_are_sent_no_link(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    page = await _ask(house, stranger, space, "@alice")
    assert page.status == 422
    assert "sign in with it" in page.words


async def test_no_link_leads_into_a_space_that_is_over(
    house: House, home: Home, space: Space, stranger: Visitor
) -> None:
    async with house.app.db.reading() as tx:
        host = await house.app.people.by_id(tx, space.host_id)
    await house.app.hosting.close(host, space.id)
    assert (await _ask(house, stranger, space)).status == 409
    assert home.received == []
