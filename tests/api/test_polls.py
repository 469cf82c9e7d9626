"""Polls and edits by Mastodon's calls."""

from typing import Any

import pytest

from tests.api.site import Client, Site
from tests.api.test_entities import ACCOUNT

AT = "/api/v1/statuses"
POLL = {
    "id", "expires_at", "expired", "multiple", "votes_count", "voters_count", "options", "emojis", "voted",
    "own_votes",
}  # fmt: skip
EDIT = {
    "content", "spoiler_text", "sensitive", "created_at", "account", "poll", "media_attachments", "emojis",
    "quote",
}  # fmt: skip


async def ask(by: Client, **poll: Any) -> dict[str, Any]:
    asked = {"options": ["tea", "coffee"], "expires_in": 3600, **poll}
    status: dict[str, Any] = await by.post(AT, {"status": "Which?", "poll": asked})
    return status


async def test_a_poll_has_every_documented_key(alice: Client, site: Site) -> None:
    status = await ask(alice)
    poll = status["poll"]
    assert poll.keys() == POLL
    assert (poll["id"], poll["expired"], poll["multiple"]) == (status["id"], False, False)
    assert poll["options"] == [{"title": "tea", "votes_count": 0}, {"title": "coffee", "votes_count": 0}]
    assert await site.anyone.get(f"/api/v1/polls/{poll['id']}") == {**poll, "voted": False}


async def test_a_poll_may_be_asked_with_a_form(alice: Client) -> None:
    form = [
        ("status", "Which?"),
        ("poll[options][]", "tea"),
        ("poll[options][]", "coffee"),
        ("poll[expires_in]", "300"),
        ("poll[multiple]", "true"),
    ]
    status, made, _ = await alice.call("POST", AT, data=form)
    assert (status, made["poll"]["multiple"]) == (200, True)


async def test_a_vote_is_counted_and_shown_to_who_cast_it(alice: Client, bob: Client) -> None:
    poll = (await ask(alice))["poll"]
    voted = await bob.post(f"/api/v1/polls/{poll['id']}/votes", {"choices": ["1"]})
    assert (voted["voted"], voted["own_votes"]) == (True, [1])
    assert (voted["votes_count"], voted["voters_count"]) == (1, 1)
    seen = (await bob.get(f"{AT}/{poll['id']}"))["poll"]
    assert seen == voted
    own = (await alice.get(f"{AT}/{poll['id']}"))["poll"]
    assert (own["voted"], own["own_votes"]) == (True, [])
    status, error, _ = await bob.call("POST", f"/api/v1/polls/{poll['id']}/votes", json={"choices": [0]})
    assert (status, error) == (422, {"error": "You have already voted on this poll."})


async def test_counts_that_are_held_back_are_null_until_the_end(
    alice: Client, bob: Client, site: Site
) -> None:
    poll = (await ask(alice, hide_totals=True))["poll"]
    voted = await bob.post(f"/api/v1/polls/{poll['id']}/votes", {"choices": [0]})
    assert [option["votes_count"] for option in voted["options"]] == [None, None]
    site.home.clock.advance(hours=1)
    over = await bob.get(f"/api/v1/polls/{poll['id']}")
    assert [option["votes_count"] for option in over["options"]] == [1, 0]
    assert over["expired"]


async def test_what_one_may_not_see_is_no_poll_and_what_asks_nothing_neither(
    alice: Client, bob: Client
) -> None:
    hidden = await alice.post(
        AT, {"status": "?", "visibility": "private", "poll": {"options": ["a", "b"], "expires_in": 300}}
    )
    plain = await alice.post(AT, {"status": "Hello"})
    for id_ in (hidden["id"], plain["id"], "12345"):
        for method, path in (("GET", ""), ("POST", "/votes")):
            status, error, _ = await bob.call(method, f"/api/v1/polls/{id_}{path}", json={"choices": [0]})
            assert (status, error) == (404, {"error": "Record not found"})


@pytest.mark.parametrize(
    "poll",
    [
        {"options": ["a"]},
        {"options": ["a", "b"], "expires_in": 10},
        {"options": "a"},
        {"options": ["a", "b"] * 60},
        {"options": [1, {}]},
        {},
    ],
)
async def test_what_is_no_poll_is_refused_and_nothing_is_posted(alice: Client, poll: dict[str, Any]) -> None:
    given = {"expires_in": 3600, **poll} if poll else {}
    status, error, _ = await alice.call("POST", AT, json={"status": "Which?", "poll": given})
    assert (status, "error" in error) == (422, True)
    assert await alice.get(f"/api/v1/accounts/{alice.id}/statuses") == []


async def test_the_instance_tells_the_limits_that_hold(site: Site) -> None:
    limits = (await site.anyone.get("/api/v2/instance"))["configuration"]["polls"]
    assert limits == {
        "max_options": 8,
        "max_characters_per_option": 50,
        "min_expiration": 300,
        "max_expiration": 15_778_476,
    }


async def test_a_post_is_edited_and_its_history_has_every_state(alice: Client, site: Site) -> None:
    first = await alice.post(AT, {"status": "One", "poll": {"options": ["a", "b"], "expires_in": 300}})
    site.home.clock.advance(minutes=1)
    status, edited, _ = await alice.call(
        "PUT",
        f"{AT}/{first['id']}",
        json={"status": "Two", "spoiler_text": "careful", "media_attributes": [{"id": "1"}]},
    )
    assert status == 200
    assert (edited["content"], edited["spoiler_text"], edited["poll"]) == ("<p>Two</p>", "careful", None)
    assert edited["edited_at"] > edited["created_at"] == first["created_at"]
    history = await site.anyone.get(f"{AT}/{first['id']}/history")
    assert [state.keys() for state in history] == [EDIT, EDIT]
    assert [state["content"] for state in history] == ["<p>One</p>", "<p>Two</p>"]
    assert history[0]["poll"] == {"options": [{"title": "a"}, {"title": "b"}]}
    assert [state["created_at"] for state in history] == [first["created_at"], edited["edited_at"]]
    assert history[0]["account"].keys() >= ACCOUNT
    source = await alice.get(f"{AT}/{first['id']}/source")
    assert source == {"id": first["id"], "text": "Two", "spoiler_text": "careful"}


async def test_nobody_edits_another_ones_post_or_reads_its_source(alice: Client, bob: Client) -> None:
    post = await alice.post(AT, {"status": "Mine"})
    for method, path in (("PUT", ""), ("GET", "/source")):
        status, error, _ = await bob.call(method, f"{AT}/{post['id']}{path}", json={"status": "Yours"})
        assert (status, error) == (404, {"error": "Record not found"})
    assert (await alice.get(f"{AT}/{post['id']}"))["content"] == "<p>Mine</p>"


async def test_what_one_may_not_see_has_no_history(alice: Client, bob: Client) -> None:
    post = await alice.post(AT, {"status": "For followers", "visibility": "private"})
    status, error, _ = await bob.call("GET", f"{AT}/{post['id']}/history")
    assert (status, error) == (404, {"error": "Record not found"})
