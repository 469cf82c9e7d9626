"""A thread of several posts, published in one call."""

from typing import Any

import pytest

from tests.api.site import Client, Site

AT = "/api/fedispace/v1/threads"


def of(*texts: str, **more: Any) -> dict[str, Any]:
    return {"posts": [{"text": text} for text in texts], **more}


async def test_a_thread_comes_back_in_its_order_each_post_answering_the_one_before(alice: Client) -> None:
    posts = await alice.post(AT, of("One", "Two", "Three"), expect=201)
    assert [post["content"] for post in posts] == ["<p>One</p>", "<p>Two</p>", "<p>Three</p>"]
    assert [post["in_reply_to_id"] for post in posts] == [None, posts[0]["id"], posts[1]["id"]]
    assert {post["account"]["acct"] for post in posts} == {"alice"}


async def test_the_whole_thread_stands_in_a_followers_home_in_order(alice: Client, bob: Client) -> None:
    await bob.post(f"/api/v1/accounts/{alice.id}/follow")
    posts = await alice.post(AT, of("One", "Two", "Three"), expect=201)
    home = await bob.get("/api/v1/timelines/home")
    assert [post["id"] for post in reversed(home)] == [post["id"] for post in posts]


async def test_one_bad_post_publishes_nothing(alice: Client) -> None:
    status, problem, headers = await alice.call("POST", AT, json=of("One", "x" * 5001))
    assert (status, headers["Content-Type"]) == (422, "application/problem+json")
    assert problem["detail"]
    assert await alice.get(f"/api/v1/accounts/{alice.id}/statuses") == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"posts": []},
        {"posts": "One"},
        {"posts": [{}]},
        {"posts": [{"text": "a"}] * 26},
        {"posts": [{"text": "a"}], "visibility": "secret"},
        {"posts": [{"text": "a"}], "in_reply_to_id": "7"},
    ],
)
async def test_what_is_no_thread_is_a_problem(alice: Client, body: dict[str, Any]) -> None:
    status, problem, _ = await alice.call("POST", AT, json=body)
    assert status in (404, 422)
    assert problem["status"] == status


async def test_a_thread_may_answer_and_carry_warnings(alice: Client, bob: Client) -> None:
    first = await bob.post("/api/v1/statuses", {"status": "Ask me"})
    body = {
        "posts": [{"text": "One", "spoiler_text": "numbers"}, {"text": "Two", "sensitive": True}],
        "visibility": "unlisted",
        "in_reply_to_id": first["id"],
    }
    posts = await alice.post(AT, body, expect=201)
    assert posts[0]["in_reply_to_id"] == first["id"]
    assert [(post["spoiler_text"], post["sensitive"]) for post in posts] == [("numbers", True), ("", True)]
    assert {post["visibility"] for post in posts} == {"unlisted"}


async def test_a_thread_sent_twice_under_one_key_is_one_thread(alice: Client) -> None:
    header = {"Idempotency-Key": "t-1"}
    answers = [await alice.call("POST", AT, json=of("One", "Two"), headers=header) for _ in range(2)]
    ids = [[post["id"] for post in body] for _, body, _ in answers]
    assert ids[0] == ids[1]


async def test_any_of_its_posts_leads_to_the_whole_thread(alice: Client, site: Site) -> None:
    posts = await alice.post(AT, of("One", "Two", "Three"), expect=201)
    for post in posts:
        found = await site.anyone.get(f"{AT}/{post['id']}")
        assert [each["id"] for each in found] == [each["id"] for each in posts]


async def test_a_form_will_do_too(alice: Client) -> None:
    form = {"posts[0][text]": "One", "posts[1][text]": "Two", "visibility": "public"}
    status, posts, _ = await alice.call("POST", AT, data=form)
    assert (status, [post["content"] for post in posts]) == (201, ["<p>One</p>", "<p>Two</p>"])
