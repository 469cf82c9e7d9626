"""alpha and beta, over TLS: one thread is delivered, answered and taken back."""

import secrets

import pytest

from tests.ground.api import Refusal
from tests.ground.eventually import eventually
from tests.system.people import Pair, befriend, is_told, sees_at_home

pytestmark = pytest.mark.system


async def test_a_thread_stands_in_the_home_of_a_follower_elsewhere_in_its_order(pair: Pair) -> None:
    async with pair.a.client("alice") as alice, pair.b.client("bob") as bob:
        await befriend(bob, f"@alice@{pair.a.name}")
        first, second, third = await alice.publish_thread(
            "One: the tide comes in.", "Two: it stays a while.", "Three: and goes out again."
        )

        for post in (first, second, third):
            await sees_at_home(bob, post["uri"])
        thread = {post["uri"] for post in (first, second, third)}
        home = [post for post in await bob.home() if post["uri"] in thread]

        assert [post["uri"] for post in home] == [third["uri"], second["uri"], first["uri"]]
        newest, middle, oldest = home
        assert "One: the tide comes in." in oldest["content"]
        assert (middle["in_reply_to_id"], newest["in_reply_to_id"]) == (oldest["id"], middle["id"])
        assert oldest["account"]["acct"] == f"alice@{pair.a.name}"
        context = await bob.context(oldest["id"])
        assert [post["uri"] for post in context["descendants"]] == [second["uri"], third["uri"]]


async def test_a_reply_a_like_and_a_boost_reach_the_author(pair: Pair) -> None:
    async with pair.a.client("alice") as alice, pair.b.client("bob") as bob:
        await befriend(bob, f"@alice@{pair.a.name}")
        post = await alice.publish(f"Tell me what you think {secrets.token_hex(4)}")
        seen = await sees_at_home(bob, post["uri"])

        reply = await bob.publish(f"@alice@{pair.a.name} I think so too", in_reply_to_id=seen["id"])
        assert (await bob.favourite(seen["id"]))["favourited"] is True
        await bob.boost(seen["id"])

        bobs = f"bob@{pair.b.name}"
        mention = await is_told(alice, "mention", by=bobs, about=reply["uri"])
        assert mention["status"]["in_reply_to_id"] == post["id"]
        await is_told(alice, "favourite", by=bobs)
        await is_told(alice, "reblog", by=bobs)
        counted = await eventually(
            "the author's server counts all three",
            lambda: alice.status(post["id"]),
            lambda now: (now["favourites_count"], now["reblogs_count"], now["replies_count"]) == (1, 1, 1),
        )
        assert counted["uri"] == post["uri"]
        context = await alice.context(post["id"])
        assert [each["uri"] for each in context["descendants"]] == [reply["uri"]]


async def test_a_like_and_a_boost_can_be_taken_back(pair: Pair) -> None:
    async with pair.a.client("alice") as alice, pair.b.client("bob") as bob:
        await befriend(bob, f"@alice@{pair.a.name}")
        post = await alice.publish(f"Count me {secrets.token_hex(4)}")
        seen = await sees_at_home(bob, post["uri"])
        await bob.favourite(seen["id"])
        await bob.boost(seen["id"])
        await eventually(
            "both are counted",
            lambda: alice.status(post["id"]),
            lambda now: (now["favourites_count"], now["reblogs_count"]) == (1, 1),
        )

        await bob.post(f"/api/v1/statuses/{seen['id']}/unfavourite")
        await bob.post(f"/api/v1/statuses/{seen['id']}/unreblog")

        await eventually(
            "neither is counted any more",
            lambda: alice.status(post["id"]),
            lambda now: (now["favourites_count"], now["reblogs_count"]) == (0, 0),
        )


async def test_a_deleted_post_is_gone_at_the_other_server(pair: Pair) -> None:
    async with pair.a.client("alice") as alice, pair.b.client("bob") as bob:
        await befriend(bob, f"@alice@{pair.a.name}")
        post = await alice.publish(f"I shall regret this {secrets.token_hex(4)}")
        seen = await sees_at_home(bob, post["uri"])

        await alice.delete_status(post["id"])

        async def answer() -> int:
            try:
                await bob.status(seen["id"])
            except Refusal as refusal:
                return refusal.status
            return 200

        assert await eventually("the post is gone at b", answer, lambda status: status != 200) == 404
        assert post["uri"] not in [each["uri"] for each in await bob.home()]
        with pytest.raises(Refusal) as gone:
            await alice.document(post["uri"])
        assert gone.value.status in (404, 410)


async def test_a_reader_who_unfollows_receives_nothing_more(pair: Pair) -> None:
    async with pair.a.client("carol") as carol, pair.b.client("dave") as dave:
        at_dave = await befriend(dave, f"@carol@{pair.a.name}")
        before = await carol.publish("You can still read this")
        await sees_at_home(dave, before["uri"])

        await dave.post(f"/api/v1/accounts/{at_dave}/unfollow")

        me = await carol.me()
        await eventually(
            "the follower is no longer counted",
            lambda: carol.get(f"/api/v1/accounts/{me['id']}"),
            lambda account: account["followers_count"] == 0,
        )
        after = await carol.publish("This stays here")
        # What is posted later to someone who does follow marks the point by which it would have come.
        async with pair.b.client("bob") as bob:
            await befriend(bob, f"@carol@{pair.a.name}")
            marker = await carol.publish("A mark")
            await sees_at_home(bob, marker["uri"])
        assert after["uri"] not in [post["uri"] for post in await dave.home()]


async def test_a_thread_is_readable_without_an_account_or_javascript(pair: Pair) -> None:
    async with pair.a.client("alice") as alice, pair.a.client() as stranger:
        first = await alice.publish("A page for everyone")
        await alice.publish("with a second part", in_reply_to_id=first["id"])

        page = await stranger.page(f"/@alice/{first['id']}")

        assert "A page for everyone" in page
        assert "with a second part" in page
        assert f'href="{first["uri"]}"' in page
        assert "application/activity+json" in page
