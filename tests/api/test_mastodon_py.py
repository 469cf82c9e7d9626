"""Mastodon.py, a client nobody here wrote, through every call it needs."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError, MastodonNotFoundError, MastodonUnauthorizedError

from tests.api.site import Client, Site
from tests.factories import remote_actor

T = TypeVar("T")
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


class Program:
    """Mastodon.py in a thread of its own: it blocks while our loop answers it."""

    def __init__(self, site: Site, token: str | None, **more: Any) -> None:
        self._arguments = {"api_base_url": site.origin, "access_token": token, **more}
        self._client: Mastodon | None = None

    async def __call__(self, use: Callable[[Mastodon], T]) -> T:
        def run() -> T:
            if self._client is None:
                self._client = Mastodon(ratelimit_method="throw", request_timeout=20, **self._arguments)
            return use(self._client)

        return await asyncio.to_thread(run)


@pytest.fixture
def hers(site: Site, alice: Client) -> Program:
    return Program(site, alice.token)


@pytest.fixture
def his(site: Site, bob: Client) -> Program:
    return Program(site, bob.token)


async def test_it_takes_us_for_a_mastodon_of_our_version(hers: Program) -> None:
    assert await hers(lambda m: m.retrieve_mastodon_version()) == "4.5.0"
    assert await hers(lambda m: m.verify_minimum_version("4.5.0"))


async def test_it_reads_the_instance(hers: Program, site: Site) -> None:
    instance = await hers(lambda m: m.instance_v2())
    assert instance.title == "The test place"
    assert instance.configuration.statuses.max_characters == 5000
    assert (await hers(lambda m: m.instance_v1())).uri == site.home.addresses.account_domain
    assert await hers(lambda m: m.custom_emojis()) == []


async def test_it_knows_who_it_is(hers: Program, alice: Client) -> None:
    me = await hers(lambda m: m.account_verify_credentials())
    assert (me.id, me.acct, me.source.privacy) == (alice.id, "alice", "public")
    assert (await hers(lambda m: m.me())).id == alice.id
    assert (await hers(lambda m: m.preferences()))["posting:default:visibility"] == "public"


async def test_it_looks_people_up(hers: Program, bob: Client, site: Site) -> None:
    found = await hers(lambda m: m.account_lookup("bob"))
    assert found.id == bob.id
    assert (
        await hers(lambda m: m.account_lookup(f"bob@{site.home.addresses.account_domain}"))
    ).id == found.id
    assert (await hers(lambda m: m.account(found.id))).username == "bob"
    assert [who.id for who in await hers(lambda m: m.account_search("bo"))] == [found.id]
    with pytest.raises(MastodonNotFoundError):
        await hers(lambda m: m.account_lookup("nobody"))


async def test_it_follows_and_unfollows(hers: Program, his: Program, alice: Client, bob: Client) -> None:
    made = await hers(lambda m: m.account_follow(bob.id))
    assert (made.following, made.requested, made.showing_reblogs) == (True, False, True)
    (there,) = await hers(lambda m: m.account_relationships(bob.id))
    assert there.following
    (back,) = await his(lambda m: m.account_relationships([alice.id]))
    assert (back.following, back.followed_by) == (False, True)
    assert [who.id for who in await hers(lambda m: m.account_following(alice.id))] == [bob.id]
    assert [who.id for who in await hers(lambda m: m.account_followers(bob.id))] == [alice.id]
    assert (await hers(lambda m: m.account(bob.id))).followers_count == 1
    assert not (await hers(lambda m: m.account_unfollow(bob.id))).following
    assert not (await hers(lambda m: m.account_relationships(bob.id)))[0].following


async def test_it_asks_to_follow_whoever_locked_their_account(
    site: Site, hers: Program, alice: Client
) -> None:
    await site.home.person("carol", locked=True)
    carol_id = (await hers(lambda m: m.account_lookup("carol"))).id
    made = await hers(lambda m: m.account_follow(carol_id))
    assert (made.following, made.requested) == (False, True)


async def test_a_request_to_follow_is_seen_and_answered(site: Site, hers: Program, bob: Client) -> None:
    carol = await site.person("carol", locked=True)
    await hers(lambda m: m.account_follow(carol.id))
    await bob.post(f"/api/v1/accounts/{carol.id}/follow")
    host = Program(site, carol.token)
    waiting = [who.acct for who in await host(lambda m: m.follow_requests())]
    assert sorted(waiting) == ["alice", "bob"]
    (alice_id,) = [who.id for who in await host(lambda m: m.follow_requests()) if who.acct == "alice"]
    await host(lambda m: m.follow_request_authorize(alice_id))
    await host(lambda m: m.follow_request_reject(bob.id))
    assert await host(lambda m: m.follow_requests()) == []
    assert (await hers(lambda m: m.account_relationships(carol.id)))[0].following


async def test_it_follows_somebody_of_another_server(site: Site, hers: Program) -> None:
    stranger = await site.home.stranger(remote_actor("dora", "d.example"))
    made = await hers(lambda m: m.account_follow(stranger.id))
    assert (made.following, made.requested) == (False, True)
    assert [type(activity).__name__ for activity in await site.home.sent()] == ["Follow"]
    assert (await hers(lambda m: m.account_lookup("dora@d.example"))).id == str(stranger.id)


async def test_it_posts_answers_and_reads_the_conversation(hers: Program, his: Program) -> None:
    first = await hers(lambda m: m.status_post("First", language="en", spoiler_text="about counting"))
    assert (first.content, first.spoiler_text, first.sensitive) == ("<p>First</p>", "about counting", True)
    answer = await his(lambda m: m.status_reply(first, "Second"))
    assert answer.in_reply_to_id == first.id
    last = await hers(lambda m: m.status_post("Third", in_reply_to_id=answer.id))
    context = await hers(lambda m: m.status_context(answer.id))
    assert [post.id for post in context.ancestors] == [first.id]
    assert [post.id for post in context.descendants] == [last.id]
    assert (await his(lambda m: m.status(first.id))).replies_count == 1
    assert (await hers(lambda m: m.status_source(first.id))).text == "First"


async def test_the_same_post_sent_twice_is_one_post(hers: Program, alice: Client) -> None:
    posts = [await hers(lambda m: m.status_post("Once", idempotency_key="k-1")) for _ in range(2)]
    assert posts[0].id == posts[1].id
    assert len(await hers(lambda m: m.account_statuses(alice.id))) == 1


async def test_a_race_of_equal_posts_makes_one_post(alice: Client) -> None:
    header = {"Idempotency-Key": "race"}
    answers = await asyncio.gather(
        *(alice.call("POST", "/api/v1/statuses", json={"status": "Once"}, headers=header) for _ in range(10))
    )
    assert {status for status, _, _ in answers} == {200}
    assert len({body["id"] for _, body, _ in answers}) == 1


async def test_it_deletes_and_gets_its_text_back(hers: Program) -> None:
    post = await hers(lambda m: m.status_post("Wrong wrods"))
    assert (await hers(lambda m: m.status_delete(post.id))).text == "Wrong wrods"
    with pytest.raises(MastodonNotFoundError):
        await hers(lambda m: m.status(post.id))


async def test_it_favourites_and_boosts_and_takes_both_back(
    hers: Program, his: Program, alice: Client
) -> None:
    post = await hers(lambda m: m.status_post("Good news"))
    liked = await his(lambda m: m.status_favourite(post.id))
    assert (liked.favourited, liked.favourites_count) == (True, 1)
    boost = await his(lambda m: m.status_reblog(post.id))
    assert boost.id != post.id
    assert (boost.reblog.id, boost.reblog.reblogged, boost.reblog.reblogs_count) == (post.id, True, 1)
    told = [note.type for note in await hers(lambda m: m.notifications())]
    assert told == ["reblog", "favourite"]
    assert not (await his(lambda m: m.status_unfavourite(post.id))).favourited
    back = await his(lambda m: m.status_unreblog(post.id))
    assert (back.id, back.reblogged, back.reblogs_count) == (post.id, False, 0)


async def test_it_keeps_posts_and_pages_through_them(hers: Program, his: Program, bob: Client) -> None:
    posts = [await hers(lambda m, text=text: m.status_post(text)) for text in ("one", "two", "three")]
    for post in posts:
        kept = await his(lambda m, post=post: m.status_bookmark(post.id))
        assert (kept.id, kept.bookmarked) == (post.id, True)
        await his(lambda m, post=post: m.status_favourite(post.id))
    newest_first = [post.id for post in reversed(posts)]
    for ask in (lambda m, **page: m.bookmarks(**page), lambda m, **page: m.favourites(**page)):
        page = await his(lambda m, ask=ask: ask(m, limit=2))
        assert [post.id for post in page] == newest_first[:2]
        rest = await his(lambda m, page=page: m.fetch_next(page))
        assert [post.id for post in rest] == newest_first[2:]
    assert not (await his(lambda m: m.status_unbookmark(posts[0].id))).bookmarked
    assert [post.id for post in await his(lambda m: m.bookmarks())] == newest_first[:2]
    assert await hers(lambda m: m.bookmarks()) == []
    assert [who.id for who in await hers(lambda m: m.status_favourited_by(posts[0].id))] == [bob.id]
    await his(lambda m: m.status_reblog(posts[0].id))
    assert [who.id for who in await hers(lambda m: m.status_reblogged_by(posts[0].id))] == [bob.id]


async def test_it_finds_the_custom_emojis(hers: Program, site: Site) -> None:
    picture = "https://pictures.example/fox.png"
    await site.app.emoji_shelf.add("fox", picture, category="Animals")
    (fox,) = await hers(lambda m: m.custom_emojis())
    assert (fox.shortcode, fox.url, fox.static_url, fox.visible_in_picker, fox.category) == (
        "fox", picture, picture, True, "Animals",
    )  # fmt: skip
    post = await hers(lambda m: m.status_post("a :fox:"))
    assert [(each.shortcode, each.url) for each in post.emojis] == [("fox", picture)]


async def test_it_pins_posts_to_the_profile(hers: Program, his: Program, alice: Client) -> None:
    assert (await hers(lambda m: m.instance_v2())).configuration.accounts.max_pinned_statuses == 5
    post = await hers(lambda m: m.status_post("Read me first"))
    await hers(lambda m: m.status_post("Later"))
    assert (await hers(lambda m: m.status_pin(post.id))).pinned
    pinned = await his(lambda m: m.account_statuses(alice.id, pinned=True))
    assert [each.id for each in pinned] == [post.id]
    assert not (await his(lambda m: m.status(post.id))).pinned
    with pytest.raises(MastodonAPIError):
        await his(lambda m: m.status_pin(post.id))
    assert not (await hers(lambda m: m.status_unpin(post.id))).pinned
    assert await his(lambda m: m.account_statuses(alice.id, pinned=True)) == []


async def test_it_reads_its_home_and_pages_through_it(hers: Program, bob: Client) -> None:
    await hers(lambda m: m.account_follow(bob.id))
    ids = [(await bob.post("/api/v1/statuses", {"status": f"Post {n}"}))["id"] for n in range(5)]
    newest = await hers(lambda m: m.timeline_home(limit=2))
    assert [post.id for post in newest] == [ids[4], ids[3]]
    older = await hers(lambda m: m.fetch_next(newest))
    assert [post.id for post in older or ()] == [ids[2], ids[1]]
    last = await hers(lambda m: m.fetch_next(older))
    assert [post.id for post in last or ()] == [ids[0]]
    newer = await hers(lambda m: m.fetch_previous(last))
    assert [post.id for post in newer or ()] == [ids[2], ids[1]]
    above = await hers(lambda m: m.timeline_home(min_id=ids[0], limit=2))
    assert [post.id for post in above] == [ids[2], ids[1]]
    since = await hers(lambda m: m.timeline_home(since_id=ids[0], limit=2))
    assert [post.id for post in since] == [ids[4], ids[3]]


async def test_it_reads_public_timelines_and_a_persons_posts(
    hers: Program, alice: Client, site: Site
) -> None:
    shown = await hers(lambda m: m.status_post("For all"))
    quiet = await hers(lambda m: m.status_post("Quietly", visibility="unlisted"))
    private = await hers(lambda m: m.status_post("For followers", visibility="private"))
    stranger = Program(site, None)
    assert [post.id for post in await stranger(lambda m: m.timeline_public())] == [shown.id]
    assert [post.id for post in await stranger(lambda m: m.timeline_local())] == [shown.id]
    hers_all = await hers(lambda m: m.account_statuses(alice.id))
    assert [post.id for post in hers_all] == [private.id, quiet.id, shown.id]
    seen = await stranger(lambda m: m.account_statuses(alice.id))
    assert [post.id for post in seen] == [quiet.id, shown.id]
    assert await hers(lambda m: m.account_statuses(alice.id, pinned=True)) == []


async def test_it_reads_filters_and_clears_notifications(hers: Program, his: Program, alice: Client) -> None:
    await his(lambda m: m.account_follow(alice.id))
    await his(lambda m: m.status_post("Hello @alice"))
    told = await hers(lambda m: m.notifications())
    assert [note.type for note in told] == ["mention", "follow"]
    assert [note.type for note in await hers(lambda m: m.notifications(types=["follow"]))] == ["follow"]
    assert [note.type for note in await hers(lambda m: m.notifications(exclude_types=["follow"]))] == [
        "mention"
    ]
    grouped = await hers(lambda m: m.grouped_notifications())
    assert [group.type for group in grouped.notification_groups] == ["mention", "follow"]
    assert [who.acct for who in grouped.accounts] == ["bob"]
    assert len(grouped.statuses) == 1
    key = grouped.notification_groups[0].group_key
    assert [who.acct for who in await hers(lambda m: m.grouped_notification_accounts(key))] == ["bob"]
    assert await hers(lambda m: m.grouped_notification(key))
    assert (await hers(lambda m: m.notifications_unread_count())).count == 2
    await hers(lambda m: m.notifications_dismiss(told[0].id))
    assert len(await hers(lambda m: m.notifications())) == 1
    await hers(lambda m: m.notifications_clear())
    assert await hers(lambda m: m.notifications()) == []


async def test_it_finds_people_posts_and_hashtags(hers: Program, bob: Client, site: Site) -> None:
    post = await hers(lambda m: m.status_post("Something #new"))
    by_address = await hers(lambda m: m.search_v2(f"@bob@{site.home.addresses.account_domain}", resolve=True))
    assert [who.id for who in by_address.accounts] == [bob.id]
    by_uri = await hers(lambda m: m.search_v2(post.uri, resolve=True))
    assert [found.id for found in by_uri.statuses] == [post.id]
    by_page = await hers(lambda m: m.search_v2(f"{site.origin}/@bob", resolve=True))
    assert [who.id for who in by_page.accounts] == [bob.id]
    by_name = await hers(lambda m: m.search_v2("bo"))
    assert [who.acct for who in by_name.accounts] == ["bob"]
    assert [tag.name for tag in (await hers(lambda m: m.search_v2("#new"))).hashtags] == ["new"]
    nothing = await hers(lambda m: m.search_v2("https://192.168.0.1/users/x", resolve=True))
    assert (nothing.accounts, nothing.statuses) == ([], [])


async def test_it_blocks_and_unblocks(hers: Program, bob: Client) -> None:
    assert (await hers(lambda m: m.account_block(bob.id))).blocking
    assert not (await hers(lambda m: m.account_unblock(bob.id))).blocking


async def test_it_starts_up_on_empty_documents(hers: Program) -> None:
    for ask in (
        lambda m: m.filters_v2(),
        lambda m: m.lists(),
        lambda m: m.announcements(),
        lambda m: m.conversations(),
        lambda m: m.mutes(),
        lambda m: m.followed_tags(),
        lambda m: m.trending_tags(),
        lambda m: m.trending_statuses(),
        lambda m: m.scheduled_statuses(),
        lambda m: m.suggestions(),
        lambda m: m.instance_rules(),
    ):
        assert list(await hers(ask)) == []
    assert (await hers(lambda m: m.notifications_policy())).for_not_following == "accept"


async def test_it_registers_and_signs_in_by_the_code_on_the_page(site: Site, alice: Client) -> None:
    client_id, secret = await asyncio.to_thread(
        lambda: Mastodon.create_app(
            "Mastodon.py", scopes=["read", "write"], redirect_uris=OUT_OF_BAND, api_base_url=site.origin
        )
    )
    program = Program(site, None, client_id=client_id, client_secret=secret)
    app = await site.app.oauth.app(client_id)
    bearer = await site.app.oauth.bearer(alice.token or "")
    assert app is not None
    assert bearer is not None
    assert bearer.user is not None
    code = await site.app.oauth.authorize(app, bearer.user, OUT_OF_BAND, frozenset({"read", "write"}), None)
    await program(
        lambda m: m.log_in(code=code, redirect_uri=OUT_OF_BAND, scopes=["read", "write"], allow_http=True)
    )
    assert (await program(lambda m: m.account_verify_credentials())).acct == "alice"
    assert (await program(lambda m: m.app_verify_credentials())).name == "Mastodon.py"
    post = await program(lambda m: m.status_post("Through a program"))
    assert post.application.name == "Mastodon.py"
    await program(lambda m: m.revoke_access_token(allow_http=True))
    with pytest.raises((MastodonUnauthorizedError, MastodonAPIError)):
        await program(lambda m: m.account_verify_credentials())


async def test_a_public_client_signs_in_by_pkce(site: Site, alice: Client) -> None:
    app = await site.anyone.post("/api/v1/apps", {"client_name": "Phone", "redirect_uris": ["app://done"]})
    row = await site.app.oauth.app(app["client_id"])
    bearer = await site.app.oauth.bearer(alice.token or "")
    assert row is not None
    assert bearer is not None
    assert bearer.user is not None
    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    code = await site.app.oauth.authorize(row, bearer.user, "app://done", frozenset({"read"}), challenge)
    asked = {
        "grant_type": "authorization_code",
        "client_id": app["client_id"],
        "code": code,
        "redirect_uri": "app://done",
    }
    token = await site.anyone.post("/oauth/token", {**asked, "code_verifier": verifier})
    assert (token["token_type"], token["scope"]) == ("Bearer", "read")
    status, body, _ = await site.anyone.call(
        "POST", "/oauth/token", data={**asked, "code_verifier": verifier}
    )
    assert (status, body["error"]) == (400, "invalid_grant")
    assert (await site.holder(token["access_token"]).call("GET", "/api/v1/preferences"))[0] == 401
