"""Drafts in our own API, and Mastodon's scheduled posts."""

from datetime import timedelta
from typing import Any

import pytest

from fedispace.clock import iso
from tests.api.site import Client, Site

DRAFTS = "/api/fedispace/v1/drafts"
SCHEDULED = "/api/v1/scheduled_statuses"


@pytest.fixture
async def alice(site: Site) -> Client:
    return await site.person("alice")


@pytest.fixture
async def bob(site: Site) -> Client:
    return await site.person("bob")


def later(site: Site, **amount: float) -> str:
    return iso(site.home.clock.now() + timedelta(**amount))


async def put(client: Client, path: str, body: Any) -> tuple[int, Any]:
    status, answer, _ = await client.call("PUT", path, json=body)
    return status, answer


async def test_a_draft_is_written_on_one_device_and_published_on_another(alice: Client, site: Site) -> None:
    draft = await alice.post(
        DRAFTS, {"name": "Trip", "posts": [{"text": "Day one"}], "visibility": "unlisted"}, expect=201
    )
    phone = await site.with_scopes(alice.account, "read write")
    assert await phone.get(DRAFTS) == [draft]
    status, changed = await put(
        phone,
        f"{DRAFTS}/{draft['id']}",
        {
            "posts": [{"text": "Day one"}, {"text": "Day two", "spoiler_text": "food"}],
            "updated_at": draft["updated_at"],
        },
    )
    assert status == 200
    assert [post["spoiler_text"] for post in changed["posts"]] == ["", "food"]
    status, _ = await put(
        alice, f"{DRAFTS}/{draft['id']}", {"posts": [{"text": "Stale"}], "updated_at": draft["updated_at"]}
    )
    assert status == 409
    posts = await phone.post(f"{DRAFTS}/{draft['id']}/publish", expect=201)
    assert len(posts) == 2
    assert await alice.get(DRAFTS) == []


async def test_drafts_are_nobody_elses(alice: Client, bob: Client) -> None:
    draft = await alice.post(DRAFTS, {"posts": [{"text": "Secret"}]}, expect=201)
    for method, path in (
        ("GET", f"{DRAFTS}/{draft['id']}"),
        ("DELETE", f"{DRAFTS}/{draft['id']}"),
        ("POST", f"{DRAFTS}/{draft['id']}/publish"),
        ("GET", f"{SCHEDULED}/{draft['id']}"),
    ):
        status, _, _ = await bob.call(method, path)
        assert status == 404, path
    assert (await alice.get(f"{DRAFTS}/{draft['id']}"))["posts"][0]["text"] == "Secret"


async def test_a_post_scheduled_by_a_mastodon_client(alice: Client, site: Site) -> None:
    at = later(site, hours=3)
    waiting = await alice.post(
        "/api/v1/statuses",
        {"status": "Later", "spoiler_text": "soon", "visibility": "private", "scheduled_at": at},
    )
    assert waiting["scheduled_at"] == at
    assert waiting["params"]["text"] == "Later"
    assert waiting["params"]["visibility"] == "private"
    assert waiting["media_attachments"] == []
    assert await alice.get(SCHEDULED) == [waiting]
    assert await alice.get(f"/api/v1/accounts/{alice.id}/statuses") == []
    moved_to = later(site, hours=5)
    status, moved = await put(alice, f"{SCHEDULED}/{waiting['id']}", {"scheduled_at": moved_to})
    assert (status, moved["scheduled_at"]) == (200, moved_to)
    await alice.delete(f"{SCHEDULED}/{waiting['id']}")
    assert await alice.get(SCHEDULED) == []


async def test_a_scheduled_post_sent_twice_waits_once(alice: Client, site: Site) -> None:
    body = {"status": "Later", "scheduled_at": later(site, hours=3)}
    for _ in range(2):
        await alice.call("POST", "/api/v1/statuses", json=body, headers={"Idempotency-Key": "k"})
    assert len(await alice.get(SCHEDULED)) == 1


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00Z", "tomorrow", "2026-11-12T23:00:00"])
async def test_a_time_that_is_none_is_refused(alice: Client, at: str) -> None:
    status, body, _ = await alice.call("POST", "/api/v1/statuses", json={"status": "x", "scheduled_at": at})
    assert status == 422
    assert body["error"]
    assert await alice.get(SCHEDULED) == []


async def test_the_list_is_paged(alice: Client) -> None:
    for number in range(3):
        await alice.post(DRAFTS, {"posts": [{"text": f"Draft {number}"}]}, expect=201)
    status, first, headers = await alice.call("GET", DRAFTS, params={"limit": "2"})
    assert status == 200
    assert [draft["posts"][0]["text"] for draft in first] == ["Draft 2", "Draft 1"]
    assert f"max_id={first[-1]['id']}" in headers["Link"]


async def test_a_draft_keeps_its_poll_and_what_it_quotes(alice: Client, bob: Client, site: Site) -> None:
    quoted = await bob.post("/api/v1/statuses", {"status": "Quote me"})
    poll = {"options": ["Yes", "No"], "expires_in": 3600, "multiple": False, "hide_totals": True}
    body = {"posts": [{"text": "What now?", "poll": poll}], "scheduled_at": later(site, hours=1)}
    draft = await alice.post(DRAFTS, body, expect=201)
    assert draft["posts"][0]["poll"] == poll
    assert (await alice.get(SCHEDULED))[0]["params"]["poll"] == {**poll, "expires_in": "3600"}
    (post,) = await alice.post(f"{DRAFTS}/{draft['id']}/publish", expect=201)
    assert [option["title"] for option in post["poll"]["options"]] == ["Yes", "No"]
    quoting = await alice.post(
        DRAFTS, {"posts": [{"text": "See"}], "quoted_status_id": quoted["id"]}, expect=201
    )
    assert quoting["quoted_status_id"] == quoted["id"]


async def test_a_poll_that_could_not_be_published_is_not_scheduled(alice: Client, site: Site) -> None:
    body = {"posts": [{"text": "?", "poll": {"options": ["One"]}}], "scheduled_at": later(site, hours=1)}
    status, _, _ = await alice.call("POST", DRAFTS, json=body)
    assert status == 422
