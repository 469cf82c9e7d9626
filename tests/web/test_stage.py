"""Spaces on their pages: opening, planning, seeing, ending."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from fedispace.config import Spaces as Limits
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
    assert re.search(r"data-listen[^>]*>.*Listen</span></button>", seen.text)
    assert "End for everyone" not in seen.words
    assert "microphone=(self)" in seen.headers["Permissions-Policy"]
    assert "Reading slowly" in (await stranger.get("/")).words


async def test_where_nobody_listens_without_an_account_nothing_says_otherwise(tmp_path: Path) -> None:
    async with House(tmp_path, spaces=Limits(anonymous_listening=False)) as house:
        alice, stranger = await house.person("alice"), house.stranger()
        path = (await _start(alice)).path.split("?")[0]
        event = json.loads((await stranger.get(path, accept="application/activity+json")).text)
        assert event["space"]["anonymousListeners"] is False
        assert "no account" not in event["content"]
        seen = await stranger.get(path)
        assert "Listening here needs an account. Sign in" in seen.words
        assert "Everyone who has an account" in seen.words
        assert "no account" not in seen.text
        assert "data-listen " not in seen.text
        assert "json+oembed" not in seen.text
        assert 'data-testid="card-listen"' not in (await stranger.get("/spaces")).text
        assert "data-listen " in (await alice.get(path)).text
        shown = json.loads((await stranger.get(f"/api/oembed?url={house.origin}{path}")).text)
        assert (shown["type"], "html" in shown) == ("link", False)
        player = await stranger.get(f"/embed/spaces/{path.rpartition('/')[2]}")
        assert "Listening here needs an account." in player.words
        assert "<button" not in player.text


async def test_a_remote_space_whose_listeners_need_an_account_offers_strangers_to_sign_in(
    house: House, alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path = (await _start(alice)).path.split("?")[0]
    async with house.app.db.transaction() as tx:
        await tx.execute(
            update(Space).values(
                local=False,
                uri="https://b.example/spaces/1",
                whep_endpoint="https://b.example/spaces/1/whep",
                strangers_listen=False,
            )
        )
    seen = await stranger.get(path)
    assert "Listening here needs an account. Sign in" in seen.words
    assert "Everyone who has an account" in seen.words
    assert "no account" not in seen.text
    assert "data-listen " not in seen.text
    listed = await stranger.get("/spaces")
    assert 'data-testid="card-listen"' not in listed.text
    assert "Sign in to listen to Reading slowly" in listed.words
    assert "data-listen " in (await bob.get(path)).text
    assert 'data-testid="card-listen"' in (await bob.get("/spaces")).text


async def test_ending_asks_first_and_then_leaves_the_thread(alice: Visitor, stranger: Visitor) -> None:
    path = (await _start(alice)).path.split("?")[0]
    number = path.rpartition("/")[2]
    asks = await alice.get(f"/stage/{number}/end")
    assert "The sound stops for all who listen." in asks.words
    await alice.submit(asks, f"/stage/{number}/end")
    seen = await stranger.get(path)
    assert "That Space has ended. It lasted 1 min, and its thread stays." in seen.words
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


async def test_the_form_offers_the_four_ways_to_be_let_in(alice: Visitor) -> None:
    form = await alice.get("/start-a-space")
    offered = re.findall(r'name="access" value="([^"]*)"', form.text)
    assert offered == ["public", "unlisted", "followers", "invited"]


async def test_a_space_keeps_its_topics_and_who_may_speak_and_they_can_be_changed(
    alice: Visitor, bob: Visitor
) -> None:
    tomorrow = "2026-11-13T21:00"
    page = await _start(
        alice,
        when="later",
        starts_at=tomorrow,
        zone="0",
        topics="#tea, reading",
        language="en",
        speaks="followers",
    )
    path = page.path.split("?")[0]
    for words in ("#tea", "#reading", "Followers of the host may ask to", "0 interested"):
        assert words in page.words
    number = path.rpartition("/")[2]
    assert (await bob.get(f"/stage/{number}/edit")).status == 403
    form = await alice.get(f"/stage/{number}/edit")
    changes = (
        ("title", "Reading slower"),
        ("topics", "tea"),
        ("speaks", "invited"),
        ("starts_at", "2026-11-14T21:00"),
    )
    changed = await alice.submit(form, f"/stage/{number}/edit", *changes, ("zone", "0"))
    assert "Reading slower" in changed.words
    assert "It was planned for 13 Nov 2026, 21:00 UTC before." in changed.words
    assert "#reading" not in changed.words


async def test_who_is_coming_is_counted_and_can_take_it_back(
    alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path = (await _start(alice, when="later", starts_at="2026-11-13T21:00", zone="0")).path.split("?")[0]
    number = path.rpartition("/")[2]
    told = await bob.submit(await bob.get(path), f"/stage/{number}/remind")
    assert "You will be reminded" in told.words
    assert "1 interested" in (await stranger.get(path)).words
    again = await bob.submit(await bob.get(path), f"/stage/{number}/forget")
    assert "Remind me" in again.words
    assert "0 interested" in (await stranger.get(path)).words


async def test_talk_about_this_starts_a_space_that_shows_the_thread(alice: Visitor, bob: Visitor) -> None:
    form = await bob.get("/")
    await bob.submit(form, "/compose", ("post", "Why do margins matter?"), ("visibility", "public"))
    seen = await alice.get("/@bob")
    [about] = re.findall(r"/start-a-space\?about=(\d+)", seen.text)
    page = await alice.get(f"/start-a-space?about={about}")
    assert 'value="Why do margins matter?"' in page.text
    stage = await alice.submit(
        page,
        "/start-a-space",
        ("title", "On margins"),
        ("access", "public"),
        ("when", "now"),
        ("about", about),
    )
    assert "It is about this thread" in stage.words
    assert "Why do margins matter?" in stage.words


async def test_a_space_is_shared_by_link_code_and_message(
    alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path = (await _start(alice)).path.split("?")[0]
    number = path.rpartition("/")[2]
    link = f"{alice.origin}{path}"
    ways = await stranger.get(f"/stage/{number}/share")
    assert f'value="{link}"' in ways.text
    assert f"{alice.origin}/embed/spaces/{number}" in ways.text
    code = await stranger.get(f"/stage/{number}/qr.svg")
    assert code.headers["Content-Type"].startswith("image/svg+xml")
    assert "<script" not in code.text
    page = await alice.get(path)
    assert "Sent." in (await alice.submit(page, f"/stage/{number}/tell", ("whom", "@bob"))).words
    assert link in (await bob.get("/messages")).words
    nobody = await alice.submit(page, f"/stage/{number}/tell", ("whom", "@nobody"))
    assert nobody.status == 404
    prefilled = await bob.get(f"/compose?text=Listen%0A{link}")
    assert f"Listen\n{link}" in prefilled.text


async def test_the_player_may_be_framed_and_knows_nobody(alice: Visitor, stranger: Visitor) -> None:
    path = (await _start(alice)).path.split("?")[0]
    number = path.rpartition("/")[2]
    for visitor in (alice, stranger):
        player = await visitor.get(f"/embed/spaces/{number}")
        assert "frame-ancestors *" in player.headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in player.headers
        assert "microphone=()" in player.headers["Permissions-Policy"]
        assert "csrf" not in player.text
        assert "Set-Cookie" not in player.headers
    assert "frame-ancestors 'none'" in (await stranger.get(path)).headers["Content-Security-Policy"]
    hidden = (await _start(alice, "Hidden", access="followers")).path.split("?")[0]
    for visitor in (alice, stranger):
        assert (await visitor.get(f"/embed/spaces/{hidden.rpartition('/')[2]}")).status == 404


async def test_the_bar_at_home_shows_who_is_followed_and_on_stage_and_else_nothing(
    alice: Visitor, bob: Visitor
) -> None:
    await _start(alice)
    assert "live-bar" not in (await bob.get("/")).text
    profile = await bob.get("/@alice")
    [number] = re.findall(r"/people/(\d+)/follow", profile.text)
    await bob.submit(profile, f"/people/{number}/follow")
    home = await bob.get("/")
    assert "live-bar" in home.text
    assert "Alice Moreau" in home.text.split('data-testid="live-bar"')[1].split("</nav>")[0]


async def test_the_address_of_a_space_names_its_host(alice: Visitor, bob: Visitor) -> None:
    path = (await _start(alice)).path.split("?")[0]
    assert (await bob.get(path.replace("@alice", "@bob"))).status == 404


async def test_whoever_is_signed_in_gets_a_pass_and_a_stranger_gets_none(
    alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path = (await _start(alice)).path.split("?")[0]
    door = f"/stage/{path.rpartition('/')[2]}/pass"
    said = {"Accept": "application/json"}
    for visitor in (alice, bob):
        token = (await visitor.get("/")).fields("/compose")["csrf"]
        seen = await visitor.post(door, {"csrf": token}, headers=said)
        assert seen.status == 200, seen.text
        assert '"pass": "fsp_' in seen.text
        assert seen.headers["Cache-Control"] == "no-store"
        assert (await visitor.post(door, {"csrf": "wrong"}, headers=said)).status == 403
    assert (await stranger.post(door, {"csrf": ""}, headers=said)).status == 401
    hidden = (await _start(alice, "Hidden", access="followers")).path.split("?")[0]
    token = (await bob.get("/")).fields("/compose")["csrf"]
    refused = await bob.post(f"/stage/{hidden.rpartition('/')[2]}/pass", {"csrf": token}, headers=said)
    assert refused.status == 404


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


async def test_whoever_is_kept_out_is_told_so_without_why_or_by_whom(
    house: House, alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path = (await _start(alice)).path.split("?")[0]
    host, banned = await house.app.lookup.known("alice"), await house.app.lookup.known("bob")
    await house.app.oversight.ban_from(host, banned)
    seen = await bob.get(path)
    assert "You can't join with this account." in seen.words
    assert 'data-testid="listen-button"' not in seen.text
    assert 'data-testid="listen-button"' in (await stranger.get(path)).text


async def test_everybody_is_told_what_is_held_in_case_of_a_report(alice: Visitor, stranger: Visitor) -> None:
    path = (await _start(alice)).path.split("?")[0]
    for visitor in (alice, stranger):
        words = (await visitor.get(path)).words
        assert "the last 60 seconds that everybody hears stay in the memory of the server" in words
        assert "Microphones that are off, and listeners, are never in them." in words


async def test_who_is_blocked_is_told_that_and_no_name(
    alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    path = (await _start(alice)).path.split("?")[0]
    [number] = re.findall(r"/people/(\d+)/block", (await alice.get("/@bob")).text)
    await alice.submit(await alice.get("/@bob"), f"/people/{number}/block")
    seen = await bob.get(path)
    assert seen.status == 403
    assert "You can't join with this account." in seen.words
    assert "Reading slowly" not in seen.words.split("Live now")[0]
    assert (await stranger.get(path)).status == 200
    hidden = (await _start(alice, "Hidden", access="followers")).path.split("?")[0]
    assert (await bob.get(hidden)).status == 404
