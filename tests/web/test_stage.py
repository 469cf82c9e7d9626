"""Spaces on their pages: opening, planning, seeing, ending."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from fedispace.spaces.models import Space
from tests.web.house import House, Seen, Visitor


async def _start(visitor: Visitor, title: str = "Reading slowly", **typed: str) -> Seen:
    page = await visitor.get("/start-a-space")
    fields = {"title": title, "access": "public", "when": "now", **typed}
    return await visitor.submit(page, "/start-a-space", *fields.items())


async def test_a_space_is_opened_in_one_form_and_heard_by_strangers(
    alice: Visitor, stranger: Visitor
) -> None:
    stage = await _start(alice)
    assert "Reading slowly" in stage.words
    assert "End for everyone" in stage.words
    path = stage.path.split("?")[0]
    seen = await stranger.get(path)
    assert "LIVE" in seen.words
    assert re.search(r"data-listen[^>]*>.*Listen</button>", seen.text)
    assert "End for everyone" not in seen.words
    assert "microphone=(self)" in seen.headers["Permissions-Policy"]
    assert "Reading slowly" in (await stranger.get("/")).words


async def test_ending_asks_first_and_then_leaves_the_thread(alice: Visitor, stranger: Visitor) -> None:
    path = (await _start(alice)).path.split("?")[0]
    number = path.rpartition("/")[2]
    asks = await alice.get(f"/stage/{number}/end")
    assert "The sound stops for all who listen." in asks.words
    await alice.submit(asks, f"/stage/{number}/end")
    seen = await stranger.get(path)
    assert "That Space has ended. Its thread stays." in seen.words
    assert "data-listen" not in seen.text


async def test_a_planned_space_keeps_the_hour_of_the_hosts_own_zone(house: House, alice: Visitor) -> None:
    tomorrow = house.clock.now() + timedelta(days=1)
    await _start(alice, when="later", starts_at=tomorrow.strftime("%Y-%m-%dT21:00"), zone="-60")
    async with house.app.db.reading() as tx:
        space = (await tx.scalars(select(Space))).one()
    assert space.starts_at == tomorrow.replace(hour=20, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("when", ["", "soon", "9999-12-31T23:59", "2026-11-13T21:00"])
async def test_a_time_that_is_none_or_too_far_is_told(alice: Visitor, when: str) -> None:
    zone = "nowhere" if when == "2026-11-13T21:00" else "-60"
    seen = await _start(alice, when="later", starts_at=when, zone=zone)
    assert seen.status == 422
    assert 'value="Reading slowly"' in seen.text


async def test_a_space_for_followers_does_not_exist_for_others(alice: Visitor, stranger: Visitor) -> None:
    path = (await _start(alice, access="followers")).path.split("?")[0]
    for page in (path, f"{path}/now", f"{path}?stage=1"):
        assert (await stranger.get(page)).status == 404
    assert "Reading slowly" not in (await stranger.get("/spaces")).words


async def test_the_form_offers_only_what_can_be_kept(alice: Visitor) -> None:
    """Nobody can be invited yet, so nobody is told that they could be."""
    form = await alice.get("/start-a-space")
    assert re.findall(r'name="access" value="([^"]*)"', form.text) == ["public", "followers"]
    assert "invite" not in form.words


async def test_the_address_of_a_space_names_its_host(alice: Visitor, bob: Visitor) -> None:
    path = (await _start(alice)).path.split("?")[0]
    assert (await bob.get(path.replace("@alice", "@bob"))).status == 404


async def test_the_host_gets_a_ticket_to_speak_and_nobody_else(alice: Visitor, bob: Visitor) -> None:
    path = (await _start(alice)).path.split("?")[0]
    door = f"/stage/{path.rpartition('/')[2]}/ticket"
    said = {"Accept": "application/json"}
    for visitor, role, status in ((alice, "speaker", 200), (bob, "speaker", 403), (bob, "listener", 200)):
        token = (await visitor.get("/")).fields("/compose")["csrf"]
        seen = await visitor.post(door, {"csrf": token, "role": role}, headers=said)
        assert seen.status == status, seen.text
        assert ("ticket" in seen.text) == (status == 200)


async def test_only_the_host_ends_a_space(alice: Visitor, bob: Visitor) -> None:
    path = (await _start(alice)).path.split("?")[0]
    token = (await bob.get("/")).fields("/compose")["csrf"]
    number = path.rpartition("/")[2]
    assert (await bob.post(f"/stage/{number}/end", {"csrf": token})).status == 403
    assert "LIVE" in (await bob.get(path)).words


async def test_a_space_is_answered_in_its_thread(alice: Visitor, bob: Visitor, stranger: Visitor) -> None:
    path = (await _start(alice)).path.split("?")[0]
    page = await bob.get(path)
    form = page.fields("/compose")
    seen = await bob.post(
        "/compose", {**form, "post": "great point", "visibility": "public"}, headers={"X-Piece": "stay"}
    )
    assert (seen.status, seen.text) == (201, "")
    assert seen.headers["X-Next-Key"] != form["key"]
    assert "great point" in (await stranger.get(f"{path}/now")).words


async def test_the_title_of_a_space_cannot_become_markup(alice: Visitor, stranger: Visitor) -> None:
    path = (await _start(alice, '"><script>alert(1)</script>')).path.split("?")[0]
    for page in (path, "/", "/spaces", "/@alice"):
        assert "<script>alert" not in (await stranger.get(page)).text


async def test_the_page_of_a_remote_space_may_talk_to_its_server_and_to_no_other(
    house: House, alice: Visitor, stranger: Visitor
) -> None:
    path = (await _start(alice)).path.split("?")[0]
    async with house.app.db.transaction() as tx:
        await tx.execute(
            update(Space).values(
                local=False,
                uri="https://b.example/spaces/1",
                whep_endpoint="https://b.example/spaces/1/whep",
                whip_endpoint="https://evil.example/whip",
            )
        )
    policy = (await stranger.get(path)).headers["Content-Security-Policy"]
    assert "connect-src 'self' https://b.example;" in policy
    assert "evil.example" not in policy


@pytest.mark.parametrize(
    "path", ["/start-a-space", "/compose", "/notifications", "/stage/1/end", "/posts/1/delete"]
)
async def test_a_stranger_is_asked_to_sign_in_and_comes_back(house: House, path: str) -> None:
    seen = await house.stranger().get(path, follow=False)
    assert seen.status == 303
    assert seen.headers["Location"].startswith("/auth/sign_in?next=%2F")
