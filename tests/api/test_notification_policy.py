"""What one wants to be told of people one does not know. Refusals first."""

from typing import Any

import pytest
from sqlalchemy import func, select

from fedispace.accounts.models import Account, Notification, NotificationPolicy
from tests.api.site import Client, Site

POLICY = "/api/v2/notifications/policy"
REQUESTS = "/api/v1/notifications/requests"


async def say(client: Client, **policy: str) -> Any:
    status, shown, _ = await client.call("PATCH", POLICY, json=policy)
    assert status == 200, shown
    return shown


async def told(client: Client, **query: Any) -> list[str]:
    return [each["type"] for each in await client.get("/api/v1/notifications", **query)]


async def test_a_word_that_is_none_changes_nothing(site: Site, alice: Client, bob: Client) -> None:
    status, _, _ = await alice.call("PATCH", POLICY, json={"for_not_following": "shred"})
    assert status == 422
    for verb in ("accept", "dismiss"):
        await alice.post(f"{REQUESTS}/{bob.id}/{verb}", expect=404)
    status, _, _ = await alice.call("GET", f"{REQUESTS}/{bob.id}")
    assert status == 404
    async with site.home.db.reading() as tx:
        assert await tx.scalar(select(func.count()).select_from(NotificationPolicy)) == 0


async def test_what_is_dropped_is_written_nowhere(site: Site, alice: Client, bob: Client) -> None:
    await say(alice, for_not_following="drop")
    await bob.post("/api/v1/statuses", {"status": f"@{alice.account.username} buy this"})
    async with site.home.db.reading() as tx:
        assert await tx.scalar(select(func.count()).select_from(Notification)) == 0
    await alice.post(f"/api/v1/accounts/{bob.id}/follow")
    await bob.post("/api/v1/statuses", {"status": f"@{alice.account.username} hello"})
    assert await told(alice) == ["mention"]


async def test_what_is_filtered_is_told_when_it_is_asked_for(alice: Client, bob: Client) -> None:
    assert await alice.get(POLICY) == {
        "for_not_following": "accept",
        "for_not_followers": "accept",
        "for_new_accounts": "accept",
        "for_private_mentions": "accept",
        "for_limited_accounts": "drop",
        "summary": {"pending_requests_count": 0, "pending_notifications_count": 0},
    }
    await say(alice, for_not_following="filter")
    post = await alice.post("/api/v1/statuses", {"status": "mine"})
    await bob.post(f"/api/v1/statuses/{post['id']}/favourite")
    named = await bob.post("/api/v1/statuses", {"status": f"@{alice.account.username} hello"})
    assert await told(alice) == []
    assert (await alice.get("/api/v2/notifications"))["notification_groups"] == []
    assert (await alice.get("/api/v1/notifications/unread_count"))["count"] == 0
    assert await told(alice, include_filtered="true") == ["mention", "favourite"]
    all_groups = (await alice.get("/api/v2/notifications", include_filtered="true"))["notification_groups"]
    assert [group["type"] for group in all_groups] == ["mention", "favourite"]
    for group in all_groups:
        (one,) = (await alice.get(f"/api/v2/notifications/{group['group_key']}"))["notification_groups"]
        assert one == group
    assert (await alice.get(POLICY))["summary"] == {
        "pending_requests_count": 1,
        "pending_notifications_count": 2,
    }
    (waiting,) = await alice.get(REQUESTS)
    assert (waiting["id"], waiting["account"]["id"], waiting["notifications_count"]) == (bob.id, bob.id, "2")
    assert waiting["last_status"]["id"] == named["id"]
    assert await alice.get(f"{REQUESTS}/{bob.id}") == waiting
    assert await bob.get(REQUESTS) == []

    await alice.post(f"{REQUESTS}/{bob.id}/accept")
    assert await alice.get(f"{REQUESTS}/merged") == {"merged": True}
    assert await told(alice) == ["mention", "favourite"]
    assert await alice.get(REQUESTS) == []
    await bob.post(f"/api/v1/statuses/{post['id']}/reblog")
    assert "reblog" in await told(alice), "from now on, too"


async def test_what_is_dismissed_is_forgotten_and_the_next_waits_again(alice: Client, bob: Client) -> None:
    await say(alice, for_not_followers="filter")
    for text in ("one", "two"):
        await bob.post("/api/v1/statuses", {"status": f"@{alice.account.username} {text}"})
        (waiting,) = await alice.get(REQUESTS)
        assert waiting["notifications_count"] == "1"
        await alice.post(f"{REQUESTS}/dismiss", {"id": [bob.id]})
        assert await alice.get(REQUESTS) == []
    assert await told(alice, include_filtered="true") == []


@pytest.mark.parametrize("kind", ["for_new_accounts", "for_private_mentions", "for_limited_accounts"])
async def test_each_kind_of_person_can_be_held_back(
    site: Site, alice: Client, bob: Client, kind: str
) -> None:
    async with site.home.db.transaction() as tx:
        account = await tx.get(Account, bob.account.id)
        assert account is not None
        account.silenced = kind == "for_limited_accounts"
    await say(alice, **{"for_limited_accounts": "accept", kind: "filter"})
    mine = await alice.post("/api/v1/statuses", {"status": "hello"})
    for more in ({}, {"in_reply_to_id": mine["id"]}):
        await bob.post(
            "/api/v1/statuses", {"status": f"@{alice.account.username} psst", "visibility": "direct", **more}
        )
    held = (await alice.get(POLICY))["summary"]["pending_notifications_count"]
    assert held == (1 if kind == "for_private_mentions" else 2), "an answer is no intrusion"
    site.home.clock.advance(days=31)
    await bob.post("/api/v1/statuses", {"status": f"@{alice.account.username} hello"})
    assert len(await told(alice)) == {"for_new_accounts": 1, "for_private_mentions": 2}.get(kind, 0)


async def test_somebody_who_follows_since_today_is_no_follower_yet(
    site: Site, alice: Client, bob: Client
) -> None:
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    await say(alice, for_not_followers="filter")
    for number in (1, 2):
        await bob.post("/api/v1/statuses", {"status": f"@{alice.account.username} {number}"})
        assert (await told(alice)).count("mention") == number - 1
        site.home.clock.advance(days=4)
