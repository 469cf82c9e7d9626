"""The Spaces API from the first call to the last, without sound."""

from typing import Any

import pytest

from tests.api.site import Client, Site

AT = "/api/fedispace/v1/spaces"


async def created(who: Client, **more: Any) -> dict[str, Any]:
    space = await who.post(AT, {"title": "An open floor", **more}, expect=201)
    assert isinstance(space, dict)
    return space


async def test_a_space_is_created_opened_and_closed(site: Site, alice: Client) -> None:
    space = await created(alice, description="Come in")
    assert (space["state"], space["access"], space["started_at"]) == ("scheduled", "public", None)
    assert space["uri"] == f"{site.origin}/spaces/{space['id']}"
    assert space["url"] == f"{site.origin}/@alice/spaces/{space['id']}"
    assert space["host"]["acct"] == "alice"
    assert (space["description"], space["listener_count"]) == ("Come in", 0)
    opened = await alice.post(f"{AT}/{space['id']}/open")
    assert (opened["state"], opened["ended_at"]) == ("live", None)
    assert opened["started_at"] is not None
    closed = await alice.post(f"{AT}/{space['id']}/close")
    assert closed["state"] == "ended"
    assert closed["ended_at"] is not None
    assert (await site.anyone.get(f"{AT}/{space['id']}"))["state"] == "ended"


async def test_going_live_is_announced_to_followers(alice: Client, bob: Client) -> None:
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    space = await created(alice)
    assert await bob.get("/api/v1/timelines/home") == []
    await alice.post(f"{AT}/{space['id']}/open")
    (announcement,) = await bob.get("/api/v1/timelines/home")
    assert announcement["account"]["acct"] == "alice"
    assert "An open floor" in announcement["content"]
    assert space["url"] in announcement["content"]


async def test_a_scheduled_space_is_called_off(alice: Client) -> None:
    space = await created(alice, starts_at="2026-11-20T19:00:00Z")
    assert space["starts_at"] == "2026-11-20T19:00:00.000Z"
    assert (await alice.post(f"{AT}/{space['id']}/cancel"))["state"] == "cancelled"


@pytest.mark.parametrize("steps", [["close"], ["open", "open"], ["open", "cancel"], ["cancel", "open"]])
async def test_a_step_that_does_not_follow_is_a_conflict(alice: Client, steps: list[str]) -> None:
    space = await created(alice)
    *before, last = steps
    for step in before:
        await alice.post(f"{AT}/{space['id']}/{step}")
    status, problem, headers = await alice.call("POST", f"{AT}/{space['id']}/{last}")
    assert (status, problem["status"]) == (409, 409)
    assert headers["Content-Type"] == "application/problem+json"


async def test_spaces_are_listed_by_state_and_paged(site: Site, alice: Client, bob: Client) -> None:
    hers, his = await created(alice), await created(bob)
    await bob.post(f"{AT}/{his['id']}/open")
    assert [space["id"] for space in await site.anyone.get(AT)] == [his["id"], hers["id"]]
    assert [space["id"] for space in await site.anyone.get(AT, state="live")] == [his["id"]]
    assert [space["id"] for space in await site.anyone.get(AT, state="scheduled")] == [hers["id"]]
    _, page, headers = await site.anyone.call("GET", f"{AT}?limit=1&state=")
    assert [space["id"] for space in page] == [his["id"]]
    assert f"max_id={his['id']}" in headers["Link"]
    assert (await site.anyone.call("GET", f"{AT}?state=asleep"))[0] == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": ""},
        {"title": "x" * 1000},
        {"title": "ok", "access": "everyone"},
        {"title": "ok", "starts_at": "soon"},
        {"title": "ok", "starts_at": "2026-11-13T19:00:00"},
        {"title": "ok", "starts_at": "2029-01-01T00:00:00Z"},
        {"title": "ok", "starts_at": "9999-12-31T23:59:59+14:00"},
        {"title": {"a": 1}},
    ],
)
async def test_what_is_no_space_is_a_problem(alice: Client, body: dict[str, Any]) -> None:
    status, problem, _ = await alice.call("POST", AT, json=body)
    assert status in (409, 422)
    assert problem["detail"]


async def test_a_followers_space_is_not_there_for_strangers(site: Site, alice: Client, bob: Client) -> None:
    space = await created(alice, access="followers")
    hidden = await bob.call("GET", f"{AT}/{space['id']}")
    unknown = await bob.call("GET", f"{AT}/{int(space['id']) + 1}")
    assert (hidden[0], hidden[1]) == (unknown[0], unknown[1])
    assert hidden[0] == 404
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    assert (await bob.get(f"{AT}/{space['id']}"))["access"] == "followers"
    assert (await site.anyone.call("GET", f"{AT}/{space['id']}"))[0] == 404


async def test_the_host_gets_a_ticket_to_speak(site: Site, alice: Client) -> None:
    space = await created(alice)
    await alice.post(f"{AT}/{space['id']}/open")
    ticket = await alice.post(f"{AT}/{space['id']}/join", {"role": "speaker"})
    assert ticket["whip_url"] == f"{site.origin}/spaces/{space['id']}/whip"
    assert ticket["whep_url"] == f"{site.origin}/spaces/{space['id']}/whep"
    assert ticket["role"] == "speaker"
    assert len(ticket["ticket"]) >= 43
    assert ticket["expires_at"].endswith("Z")


async def test_others_listen_and_do_not_speak(site: Site, alice: Client, bob: Client) -> None:
    space = await created(alice)
    await alice.post(f"{AT}/{space['id']}/open")
    assert (await bob.post(f"{AT}/{space['id']}/join", {"role": "listener"}))["ticket"]
    assert (await bob.call("POST", f"{AT}/{space['id']}/join", json={"role": "speaker"}))[0] == 403
    visitor = await site.anyone.post(f"{AT}/{space['id']}/join")
    assert (visitor["ticket"], visitor["role"]) == (None, "listener")
    assert visitor["whep_url"].endswith("/whep")
    assert (await site.anyone.call("POST", f"{AT}/{space['id']}/join", json={"role": "speaker"}))[0] == 401
    assert (await bob.call("POST", f"{AT}/{space['id']}/join", json={"role": "king"}))[0] == 422


async def test_nobody_enters_before_the_start_or_after_the_end(alice: Client) -> None:
    space = await created(alice)
    assert (await alice.call("POST", f"{AT}/{space['id']}/join", json={"role": "speaker"}))[0] == 409
    await alice.post(f"{AT}/{space['id']}/open")
    await alice.post(f"{AT}/{space['id']}/close")
    assert (await alice.call("POST", f"{AT}/{space['id']}/join", json={"role": "speaker"}))[0] == 409


async def test_our_own_space_resolves_by_its_uri_and_its_page(alice: Client) -> None:
    space = await created(alice)
    for address in (space["uri"], space["url"]):
        assert (await alice.get(f"{AT}/resolve", uri=address))["id"] == space["id"]


@pytest.mark.parametrize(
    "uri", ["", "nonsense", "ftp://a.example/x", "http://10.0.0.1/spaces/1", "https://[::1]/spaces/1"]
)
async def test_what_is_no_space_does_not_resolve(alice: Client, uri: str) -> None:
    status, problem, _ = await alice.call("GET", f"{AT}/resolve", params={"uri": uri})
    assert status in (404, 422)
    assert problem["status"] == status
