"""The room's conversation: what is written anywhere is told in the room, with its moment, and read there."""

from typing import Any

import pytest
from sqlalchemy import select, update

from fedispace.accounts.models import Block
from fedispace.spaces.models import Member, Space
from tests.api.listener import Listener
from tests.api.site import Client, Site

AT = "/api/fedispace/v1/spaces"


async def announcement(site: Site, space: dict[str, Any]) -> str:
    async with site.home.db.reading() as tx:
        return str(await tx.scalar(select(Space.announcement_id).where(Space.id == int(space["id"]))))


async def reply(site: Site, who: Client, space: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
    answered = {"in_reply_to_id": await announcement(site, space), **more}
    posted = await who.post("/api/v1/statuses", {"status": text, **answered})
    assert isinstance(posted, dict)
    return posted


async def read(who: Client, space: dict[str, Any]) -> list[str]:
    return [each["status"]["id"] for each in await who.get(f"{AT}/{space['id']}/replies")]


async def test_a_reply_is_told_with_its_moment_and_is_an_ordinary_post(
    site: Site, bob: Client, space: dict[str, Any]
) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        site.home.clock.advance(minutes=12, seconds=4)
        posted = await reply(site, bob, space, "great point")
        told = await visitor.event("post")
        assert told == {
            "event": "post",
            "id": posted["id"],
            "offset": 724,
            "is_after": False,
            "account_id": bob.id,
        }
        below = await reply(site, bob, space, "and this", in_reply_to_id=posted["id"])
        assert (await visitor.event("post"))["id"] == below["id"]
        [first, second] = await site.anyone.get(f"{AT}/{space['id']}/replies")
        assert (first["status"]["id"], second["status"]["id"]) == (below["id"], posted["id"])
        assert (second["offset_seconds"], second["is_after"]) == (724, False)
        page = await site.anyone.get(f"{AT}/{space['id']}/replies", min_id=posted["id"])
        assert [each["status"]["id"] for each in page] == [below["id"]]


async def test_edits_and_deletions_are_told(site: Site, bob: Client, space: dict[str, Any]) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        posted = await reply(site, bob, space, "great pint")
        await visitor.event("post")
        site.home.clock.advance(seconds=5)
        await bob.call("PUT", f"/api/v1/statuses/{posted['id']}", json={"status": "great point"})
        assert await visitor.event("post_edited") == {"event": "post_edited", "id": posted["id"]}
        await bob.delete(f"/api/v1/statuses/{posted['id']}")
        assert await visitor.event("post_removed") == {"event": "post_removed", "id": posted["id"]}
        assert await read(site.anyone, space) == []


async def test_what_comes_after_the_end_says_so(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    site.home.clock.advance(minutes=10)
    async with site.home.db.transaction() as tx:
        await tx.execute(
            update(Space)
            .where(Space.id == int(space["id"]))
            .values(state="ended", ended_at=site.home.clock.now())
        )
    site.home.clock.advance(minutes=5)
    await reply(site, bob, space, "too late")
    [late] = await site.anyone.get(f"{AT}/{space['id']}/replies")
    assert (late["offset_seconds"], late["is_after"]) == (900, True)


@pytest.mark.attack(104)
async def test_who_was_sent_out_or_is_blocked_is_not_read_in_the_room(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    carol, dave = await site.person("carol"), await site.person("dave")
    early = await reply(site, bob, space, "before")
    await reply(site, carol, space, "before the block")
    now, space_id = site.home.clock.now(), int(space["id"])

    def row(who: Client, **more: Any) -> Member:
        fresh = {"created_at": now, "updated_at": now}
        return Member(space_id=space_id, account_id=who.account.id, **fresh, **more)

    async with site.home.db.transaction() as tx:
        tx.add(row(bob, removed_at=now))
        tx.add(row(dave, role="speaker"))
        tx.add(Block(id=1, account_id=dave.account.id, target_id=carol.account.id, uri="x", created_at=now))
    async with Listener(site.origin, space["id"]) as visitor:
        good = await reply(site, dave, space, "welcome")
        assert (await visitor.event("post"))["id"] == good["id"]
    assert await read(site.anyone, space) == [good["id"]]
    assert (await site.anyone.get(f"/api/v1/statuses/{early['id']}"))["content"] == "<p>before</p>"


async def test_what_is_not_for_everybody_is_not_told_in_an_open_room(
    site: Site, bob: Client, space: dict[str, Any]
) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        await reply(site, bob, space, "for my followers", visibility="private")
        await reply(site, bob, space, "@alice for you", visibility="direct")
        shown = await reply(site, bob, space, "for all")
        assert (await visitor.event("post"))["id"] == shown["id"]
    assert await read(site.anyone, space) == [shown["id"]]


async def test_while_a_room_is_paused_its_thread_stands_still_but_for_what_its_hosts_write(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    before, edited = await reply(site, bob, space, "before"), await reply(site, bob, space, "edited")
    site.home.clock.advance(seconds=5)
    async with Listener(site.origin, space["id"]) as visitor:
        await alice.post(f"{AT}/{space['id']}/room/pause")
        await visitor.event("paused")
        await bob.call("PUT", f"/api/v1/statuses/{edited['id']}", json={"status": "abuse"})
        word = await reply(site, alice, space, "a moment, please")
        assert (await visitor.event("post"))["id"] == word["id"]
        assert "post_edited" not in [said["event"] for said in visitor.heard]
        assert await read(site.anyone, space) == [word["id"], before["id"]]
        await alice.post(f"{AT}/{space['id']}/room/resume")
        await visitor.event("paused")
    assert await read(site.anyone, space) == [word["id"], edited["id"], before["id"]]


async def test_a_room_that_ended_while_it_was_paused_is_a_thread_like_any_other(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    await alice.post(f"{AT}/{space['id']}/room/pause")
    await alice.post(f"{AT}/{space['id']}/close")
    site.home.clock.advance(seconds=5)
    late = await reply(site, bob, space, "what happened?")
    assert await read(site.anyone, space) == [late["id"]]


@pytest.mark.attack(94)
async def test_the_thread_of_a_room_one_may_not_see_is_not_there(
    site: Site, alice: Client, bob: Client
) -> None:
    made = await alice.post(AT, {"title": "Among us", "access": "followers"}, expect=201)
    await alice.post(f"{AT}/{made['id']}/open")
    for who in (bob, site.anyone):
        assert (await who.call("GET", f"{AT}/{made['id']}/replies"))[0] == 404
