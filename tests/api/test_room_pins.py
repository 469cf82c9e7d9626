"""Pins: what hosts hold up for everybody."""

from typing import Any

import pytest
from sqlalchemy import update

from fedispace.accounts.models import Account
from tests.api.listener import Listener
from tests.api.site import Client, Site

AT = "/api/fedispace/v1/spaces"
LINK = "https://example.org/paper"


async def pin(who: Client, space: dict[str, Any], **what: Any) -> tuple[int, Any]:
    status, body, _ = await who.call("POST", f"{AT}/{space['id']}/room/pins", json=what)
    return status, body


@pytest.mark.attack(103)
async def test_only_hosts_pin_and_unpin(site: Site, alice: Client, bob: Client, space: Any) -> None:
    assert (await pin(bob, space, url=LINK))[0] == 403
    assert (await pin(site.anyone, space, url=LINK))[0] == 401
    status, made = await pin(alice, space, url=LINK)
    assert status == 201
    path = f"{AT}/{space['id']}/room/pins/{made['id']}"
    assert (await bob.call("DELETE", path))[0] == 403
    assert len(await site.anyone.get(f"{AT}/{space['id']}/room/pins")) == 1


async def test_a_pin_is_told_and_keeps_its_moment(site: Site, alice: Client, space: Any) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        site.home.clock.advance(seconds=90)
        _, made = await pin(alice, space, url=LINK, title="  The   paper ")
        await visitor.event("pins")
        assert (made["url"], made["title"], made["offset"]) == (LINK, "The paper", 90)
        assert [each["id"] for each in await site.anyone.get(f"{AT}/{space['id']}/room/pins")] == [made["id"]]
        assert await alice.delete(f"{AT}/{space['id']}/room/pins/{made['id']}") == []
        await visitor.event("pins")


async def test_the_same_is_pinned_once_and_a_sixth_not_at_all(site: Site, alice: Client, space: Any) -> None:
    made = [await pin(alice, space, url=f"{LINK}/{number}") for number in range(5)]
    again = await pin(alice, space, url=f"{LINK}/0")
    assert (again[0], again[1]["id"]) == (201, made[0][1]["id"])
    assert (await pin(alice, space, url=f"{LINK}/5"))[0] == 409
    await alice.delete(f"{AT}/{space['id']}/room/pins/{made[0][1]['id']}")
    assert (await pin(alice, space, url=f"{LINK}/5"))[0] == 201


async def test_a_post_that_everybody_may_read_is_pinned_and_no_other(
    site: Site, alice: Client, bob: Client, space: Any
) -> None:
    open_ = await bob.post("/api/v1/statuses", {"status": "for all"})
    private = await alice.post("/api/v1/statuses", {"status": "for some", "visibility": "private"})
    hidden = await bob.post("/api/v1/statuses", {"status": "for you", "visibility": "direct"})
    status, made = await pin(alice, space, status_id=open_["id"])
    assert (status, made["status_id"], made["url"]) == (201, open_["id"], open_["url"])
    assert made["title"] == "bob: for all"
    assert await site.anyone.get(f"{AT}/{space['id']}/room/pins") == [made]
    room = await site.anyone.get(f"{AT}/{space['id']}/room")
    assert room["pins"] == [made]
    assert (await pin(alice, space, status_id=private["id"]))[0] == 422
    assert (await pin(alice, space, status_id=hidden["id"]))[0] == 404
    assert (await pin(alice, space, url=private["url"]))[0] == 422
    assert (await pin(alice, space, url=open_["url"]))[1] == made
    await bob.delete(f"/api/v1/statuses/{open_['id']}")
    assert await site.anyone.get(f"{AT}/{space['id']}/room/pins") == []


@pytest.mark.attack(105)
async def test_what_is_no_link_is_refused(alice: Client, space: Any) -> None:
    for url in (
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//evil.example",
        "https://",
        "https://good.example@evil.example/",
        'https://a.example/"onclick="x',
        "https://a.example/\n",
        "https://a.example/<b>",
        "https://a.example/" + "x" * 3000,
        "",
    ):
        status, body = await pin(alice, space, url=url)
        assert status == (201 if url == "https://a.example/\n" else 422), (url, body)
    assert (await pin(alice, space))[0] == 422
    assert (await pin(alice, space, url=LINK, title="x" * 300))[0] == 422


async def test_what_was_pinned_last_comes_last_wherever_it_is_told(
    site: Site, alice: Client, space: Any
) -> None:
    """A page shows the last at the top of the room."""
    for number in range(3):
        await pin(alice, space, url=f"{LINK}/{number}")
    wanted = [f"{LINK}/{number}" for number in range(3)]
    assert [one["url"] for one in await site.anyone.get(f"{AT}/{space['id']}/room/pins")] == wanted
    assert [one["url"] for one in (await alice.get(f"{AT}/{space['id']}/room"))["pins"]] == wanted


async def test_the_post_of_somebody_suspended_is_held_up_no_more(
    site: Site, alice: Client, bob: Client, space: Any
) -> None:
    post = await bob.post("/api/v1/statuses", {"status": "for all"})
    await pin(alice, space, status_id=post["id"])
    async with site.home.db.transaction() as tx:
        await tx.execute(
            update(Account).where(Account.id == int(bob.id)).values(suspended_at=site.home.clock.now())
        )
    assert await site.anyone.get(f"{AT}/{space['id']}/room/pins") == []
    assert (await alice.get(f"{AT}/{space['id']}/room"))["pins"] == []
