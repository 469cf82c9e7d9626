"""Mastodon.py through the calls of conversations: polls, edits, quotes, mutes, tags, schedules, notices."""

from datetime import timedelta

import pytest
from mastodon.errors import MastodonAPIError, MastodonNotFoundError

from tests.api.site import Client, Site
from tests.api.test_mastodon_py import Program


@pytest.fixture
def hers(site: Site, alice: Client) -> Program:
    return Program(site, alice.token)


@pytest.fixture
def his(site: Site, bob: Client) -> Program:
    return Program(site, bob.token)


async def test_it_asks_and_votes(hers: Program, his: Program) -> None:
    asked = await hers(
        lambda m: m.status_post("well?", poll=m.make_poll(["yes", "no"], expires_in=3600, multiple=False))
    )
    voted = await his(lambda m: m.poll_vote(asked.poll, [1]))
    assert (voted.voted, voted.own_votes, voted.votes_count) == (True, [1], 1)
    with pytest.raises(MastodonAPIError):
        await his(lambda m: m.poll_vote(asked.poll, [0]))
    assert [each.votes_count for each in (await hers(lambda m: m.poll(asked.poll))).options] == [0, 1]


async def test_it_edits_and_reads_what_was_said_before(hers: Program, site: Site) -> None:
    post = await hers(lambda m: m.status_post("frist"))
    site.home.clock.advance(minutes=1)
    edited = await hers(lambda m: m.status_update(post, "first"))
    assert edited.edited_at is not None
    assert (await hers(lambda m: m.status_source(post))).text == "first"
    said = await hers(lambda m: m.status_history(post))
    assert [each.content for each in said] == ["<p>frist</p>", "<p>first</p>"]


async def test_it_quotes_and_takes_the_leave_back(hers: Program, his: Program) -> None:
    original = await hers(lambda m: m.status_post("quote me"))
    quoting = await his(lambda m: m.status_post("look", quoted_status_id=original.id))
    assert (quoting.quote.state, quoting.quote.quoted_status.id) == ("accepted", original.id)
    assert [each.id for each in await hers(lambda m: m.status_quotes(original.id))] == [quoting.id]
    await hers(lambda m: m.status_quote_revoke(original.id, quoting.id))
    assert (await his(lambda m: m.status(quoting))).quote.state == "revoked"
    closed = await hers(lambda m: m.status_post("not me", quote_approval_policy="nobody"))
    with pytest.raises(MastodonAPIError):
        await his(lambda m: m.status_post("look", quoted_status_id=closed.id))


async def test_it_mutes_people_conversations_and_domains(hers: Program, his: Program, bob: Client) -> None:
    assert (await hers(lambda m: m.account_mute(bob.id, duration=60))).muting
    assert [str(each.id) for each in await hers(lambda m: m.mutes())] == [bob.id]
    assert not (await hers(lambda m: m.account_unmute(bob.id))).muting
    post = await his(lambda m: m.status_post("hello"))
    assert (await hers(lambda m: m.status_mute(post))).muted
    assert not (await hers(lambda m: m.status_unmute(post))).muted
    await hers(lambda m: m.domain_block("b.example"))
    assert list(await hers(lambda m: m.domain_blocks())) == ["b.example"]
    await hers(lambda m: m.domain_unblock("b.example"))
    assert list(await hers(lambda m: m.domain_blocks())) == []


async def test_it_follows_hashtags_and_schedules(hers: Program, site: Site) -> None:
    assert (await hers(lambda m: m.tag_follow("fediverse"))).following
    assert [tag.name for tag in await hers(lambda m: m.followed_tags())] == ["fediverse"]
    assert not (await hers(lambda m: m.tag_unfollow("fediverse"))).following
    at = site.home.clock.now() + timedelta(hours=2)
    later = await hers(lambda m: m.status_post("later", scheduled_at=at))
    assert [each.id for each in await hers(lambda m: m.scheduled_statuses())] == [later.id]
    moved = await hers(lambda m: m.scheduled_status_update(later, at + timedelta(hours=1)))
    assert moved.scheduled_at > at
    await hers(lambda m: m.scheduled_status_delete(later))
    assert list(await hers(lambda m: m.scheduled_statuses())) == []


async def test_it_reads_notices_in_groups_and_marks_how_far(
    hers: Program, his: Program, alice: Client
) -> None:
    post = await hers(lambda m: m.status_post("mine"))
    await his(lambda m: m.status_favourite(post))
    grouped = await hers(lambda m: m.grouped_notifications())
    (group,) = grouped.notification_groups
    assert (group.type, group.notifications_count) == ("favourite", 1)
    last = group.most_recent_notification_id
    marked = await hers(lambda m: m.markers_set(["notifications"], [last]))
    assert str(marked["notifications"].last_read_id) == str(last)
    read = await hers(lambda m: m.markers_get(["notifications"]))
    assert str(read["notifications"].last_read_id) == str(last)
    assert list(await hers(lambda m: m.filters_v2())) == []


async def test_it_holds_back_what_strangers_say(hers: Program, his: Program, bob: Client) -> None:
    await hers(lambda m: m.update_notifications_policy(for_not_following="filter"))
    await his(lambda m: m.status_post("@alice hello"))
    assert list(await hers(lambda m: m.notifications())) == []
    (waiting,) = await hers(lambda m: m.notification_requests())
    assert (str(waiting.account.id), str(waiting.notifications_count)) == (bob.id, "1")
    assert (await hers(lambda m: m.notification_request(waiting))).id == waiting.id
    await hers(lambda m: m.accept_notification_request(waiting))
    assert [each.type for each in await hers(lambda m: m.notifications())] == ["mention"]
    with pytest.raises(MastodonNotFoundError):
        await hers(lambda m: m.notification_request(waiting))
