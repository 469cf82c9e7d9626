"""What a person sees and is told, by the calls of Mastodon's clients. Refusals first."""

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Follow, Notification
from fedispace.federation.vocab.activities import Reject
from tests.api.site import Client, Site


async def test_nobody_mutes_themselves_or_who_is_not_there(alice: Client) -> None:
    await alice.post(f"/api/v1/accounts/{alice.id}/mute", expect=403)
    await alice.post("/api/v1/accounts/4711/mute", expect=404)


async def test_a_mute_is_listed_with_its_end_and_says_so_in_the_relationship(
    site: Site, alice: Client, bob: Client
) -> None:
    made = await alice.post(f"/api/v1/accounts/{bob.id}/mute", {"duration": 60, "notifications": False})
    assert (made["muting"], made["muting_notifications"]) == (True, False)
    (muted,) = await alice.get("/api/v1/mutes")
    assert muted["id"] == bob.id
    assert muted["mute_expires_at"] == made["muting_expires_at"]
    site.home.clock.advance(seconds=61)
    (stands,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": bob.id})
    assert stands["muting"] is False
    assert await alice.get("/api/v1/mutes") == []
    made = await alice.post(f"/api/v1/accounts/{bob.id}/mute")
    assert (made["muting_notifications"], made["muting_expires_at"]) == (True, None)
    assert (await alice.post(f"/api/v1/accounts/{bob.id}/unmute"))["muting"] is False


async def test_blocks_and_notes_are_the_viewers_own(alice: Client, bob: Client) -> None:
    await alice.post(f"/api/v1/accounts/{bob.id}/block")
    assert [who["id"] for who in await alice.get("/api/v1/blocks")] == [bob.id]
    assert await bob.get("/api/v1/blocks") == []
    (theirs,) = await bob.get("/api/v1/accounts/relationships", **{"id[]": alice.id})
    assert theirs["blocked_by"] is True
    assert (await alice.post(f"/api/v1/accounts/{bob.id}/note", {"comment": "met at sea"}))["note"]
    (hers,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": bob.id})
    (his,) = await bob.get("/api/v1/accounts/relationships", **{"id[]": bob.id})
    assert (hers["note"], his["note"]) == ("met at sea", "")
    await alice.post(f"/api/v1/accounts/{bob.id}/note", {"comment": "x" * 2001}, expect=422)
    assert (await alice.post(f"/api/v1/accounts/{bob.id}/note", {"comment": ""}))["note"] == ""


async def test_a_blocked_domain_is_one_name_however_spelled_and_loses_its_followers(
    site: Site, alice: Client
) -> None:
    await alice.post("/api/v1/domain_blocks", {"domain": "not a host"}, expect=422)
    await alice.post("/api/v1/domain_blocks", {"domain": site.home.addresses.host}, expect=422)
    stranger = await site.home.stranger()
    async with site.home.db.transaction() as tx:
        tx.add(
            Follow(
                id=site.home.ids.next(),
                account_id=stranger.id,
                target_id=alice.account.id,
                uri="https://b.example/follows/1",
                accepted=True,
                created_at=site.home.clock.now(),
            )
        )
    for spelled in ("B.Example", "b.example.", "bücher.example"):
        await alice.post("/api/v1/domain_blocks", {"domain": spelled})
    assert await alice.get("/api/v1/domain_blocks") == ["xn--bcher-kva.example", "b.example"]
    (stands,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": str(stranger.id)})
    assert stands["domain_blocking"] is True
    assert (await alice.call("POST", f"/api/v1/accounts/{stranger.id}/follow"))[0] == 403
    await site.app.worker.settle()
    assert any(isinstance(each, Reject) for each in await site.home.sent())
    (stands,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": str(stranger.id)})
    assert stands["followed_by"] is False
    await alice.delete("/api/v1/domain_blocks?domain=B.example")
    assert await alice.get("/api/v1/domain_blocks") == ["xn--bcher-kva.example"]


async def test_a_hashtag_tells_how_it_is_used_and_whether_one_follows_it(
    site: Site, alice: Client, bob: Client
) -> None:
    for who, text in ((alice, "#Tea one"), (alice, "#tea two"), (bob, "#TEA three")):
        await who.post("/api/v1/statuses", {"status": text})
    await bob.post("/api/v1/statuses", {"status": "secret #tea", "visibility": "private"})
    tag = await site.anyone.get("/api/v1/tags/tea")
    assert (tag["name"], tag["following"], len(tag["history"])) == ("tea", False, 7)
    assert (tag["history"][0]["uses"], tag["history"][0]["accounts"]) == ("3", "2")
    assert tag["history"][1]["uses"] == "0"
    assert (await alice.post("/api/v1/tags/Tea/follow"))["following"] is True
    await alice.post("/api/v1/tags/%20/follow", expect=422)
    assert [tag["name"] for tag in await alice.get("/api/v1/followed_tags")] == ["Tea"]
    home = await alice.get("/api/v1/timelines/home")
    assert bob.id in {post["account"]["id"] for post in home}
    assert (await alice.post("/api/v1/tags/tEA/unfollow"))["following"] is False
    assert await alice.get("/api/v1/followed_tags") == []


async def test_a_conversation_is_muted_and_followed_by_its_calls(
    site: Site, alice: Client, bob: Client
) -> None:
    post = await bob.post("/api/v1/statuses", {"status": "hello"})
    await alice.post("/api/v1/statuses/4711/mute", expect=404)
    assert (await alice.post(f"/api/v1/statuses/{post['id']}/mute"))["muted"] is True
    assert (await alice.get(f"/api/v1/statuses/{post['id']}"))["muted"] is True
    assert (await bob.get(f"/api/v1/statuses/{post['id']}"))["muted"] is False
    assert (await alice.post(f"/api/v1/statuses/{post['id']}/unmute"))["muted"] is False
    await alice.post("/api/fedispace/v1/statuses/4711/follow", expect=404)
    await alice.post(f"/api/fedispace/v1/statuses/{post['id']}/follow", {"author_only": True})
    await bob.post("/api/v1/statuses", {"status": "more", "in_reply_to_id": post["id"]})
    await site.app.worker.settle()
    assert [each["type"] for each in await alice.get("/api/v1/notifications")] == ["status"]
    await alice.delete(f"/api/fedispace/v1/statuses/{post['id']}/follow")
    await bob.post("/api/v1/statuses", {"status": "yet more", "in_reply_to_id": post["id"]})
    await site.app.worker.settle()
    assert len(await alice.get("/api/v1/notifications")) == 1


@pytest.mark.reliability("R11")
async def test_five_hundred_likes_of_one_post_are_one_line(site: Site, alice: Client, bob: Client) -> None:
    posts = [await alice.post("/api/v1/statuses", {"status": f"{n}"}) for n in range(2)]
    fans = [await site.home.person(f"fan{n}") for n in range(60)]
    viral, quiet = (int(post["id"]) for post in posts)
    notifier = site.home.notifier
    async with site.home.db.transaction() as tx:
        await notifier.notify(tx, to=alice.account, type="favourite", by_id=bob.account.id, subject=quiet)
        for fan in fans:
            await notifier.notify(tx, to=alice.account, type="favourite", by_id=fan.id, subject=viral)
        await notifier.notify(tx, to=alice.account, type="follow", by_id=bob.account.id)
    found = await alice.get("/api/v2/notifications")
    keys = [group["group_key"] for group in found["notification_groups"]]
    follow, many, one = found["notification_groups"]
    assert (follow["type"], many["notifications_count"], one["notifications_count"]) == ("follow", 60, 1)
    assert len(set(keys)) == 3
    assert many["status_id"] == posts[0]["id"]
    assert many["sample_account_ids"][0] == str(fans[-1].id)
    assert len(many["sample_account_ids"]) == 8
    assert {status["id"] for status in found["statuses"]} == {post["id"] for post in posts}
    told = {account["id"] for account in found["accounts"]}
    assert {*many["sample_account_ids"], bob.id} == told
    assert (await alice.get("/api/v2/notifications/unread_count"))["count"] == 3

    older = await alice.get("/api/v2/notifications", max_id=many["most_recent_notification_id"])
    assert [group["group_key"] for group in older["notification_groups"]] == [one["group_key"]]
    apart = await alice.get("/api/v2/notifications", **{"grouped_types[]": "reblog", "limit": "80"})
    assert len(apart["notification_groups"]) == 62
    alone = await alice.get(f"/api/v2/notifications/{keys[1]}")
    assert alone["notification_groups"][0]["notifications_count"] == 60
    who = await alice.get(f"/api/v2/notifications/{keys[1]}/accounts")
    assert len(who) == 60
    assert (await bob.call("GET", f"/api/v2/notifications/{keys[1]}"))[0] == 404

    await bob.post(f"/api/v2/notifications/{keys[1]}/dismiss")
    assert len((await alice.get("/api/v2/notifications"))["notification_groups"]) == 3
    await alice.post(f"/api/v2/notifications/{keys[1]}/dismiss")
    left = await alice.get("/api/v2/notifications")
    assert [group["group_key"] for group in left["notification_groups"]] == [keys[0], keys[2]]
    async with site.home.db.reading() as tx:
        rows = (await tx.scalars(select(Notification.id))).all()
    assert len(rows) == 2


async def test_notifications_of_one_person_and_what_the_muted_did(
    site: Site, alice: Client, bob: Client
) -> None:
    carol = await site.person("carol")
    for who in (bob, carol):
        await who.post("/api/v1/statuses", {"status": "hello @alice"})
    only = await alice.get("/api/v1/notifications", account_id=bob.id)
    assert [each["account"]["id"] for each in only] == [bob.id]
    await alice.post(f"/api/v1/accounts/{bob.id}/mute", {"notifications": False})
    assert len(await alice.get("/api/v1/notifications")) == 2
    await alice.post(f"/api/v1/accounts/{bob.id}/mute")
    assert [each["account"]["id"] for each in await alice.get("/api/v1/notifications")] == [carol.id]
    await bob.post("/api/v1/statuses", {"status": "hello again @alice"})
    await alice.post(f"/api/v1/accounts/{bob.id}/unmute")
    assert len(await alice.get("/api/v1/notifications")) == 2


async def test_markers_are_kept_counted_and_tell_what_is_unread(alice: Client, bob: Client) -> None:
    assert await alice.get("/api/v1/markers", **{"timeline[]": "home"}) == {}
    await bob.post("/api/v1/statuses", {"status": "hello @alice"})
    (told,) = await alice.get("/api/v1/notifications")
    assert (await alice.get("/api/v1/notifications/unread_count"))["count"] == 1
    for version in (1, 2):
        made = await alice.post("/api/v1/markers", {"notifications": {"last_read_id": told["id"]}})
        assert made["notifications"]["version"] == version
    assert (await alice.get("/api/v1/notifications/unread_count"))["count"] == 0
    await alice.post("/api/v1/markers", {"home": {"last_read_id": "7"}})
    both = await alice.get("/api/v1/markers", **{"timeline[0]": "home", "timeline[1]": "notifications"})
    assert both["home"]["last_read_id"] == "7"
    assert both["notifications"]["last_read_id"] == told["id"]
    assert await bob.get("/api/v1/markers", **{"timeline[]": "home"}) == {}
