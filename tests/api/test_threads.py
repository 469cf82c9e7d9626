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


async def test_a_thread_is_continued_as_one_with_what_was_there(
    alice: Client, bob: Client, site: Site
) -> None:
    first, second = await alice.post(AT, of("One", "Two"), expect=201)
    added = await alice.post(f"{AT}/{first['id']}/posts", of("Three", "Four"), expect=201)
    assert [post["in_reply_to_id"] for post in added] == [second["id"], added[0]["id"]]
    whole = await site.anyone.get(f"{AT}/{added[1]['id']}")
    assert [post["content"] for post in whole] == [
        f"<p>{word}</p>" for word in ("One", "Two", "Three", "Four")
    ]
    for id_ in (first["id"], "7"):
        status, _, _ = await bob.call("POST", f"{AT}/{id_}/posts", json=of("mine now"))
        assert status == 404
    status, _, _ = await alice.call("POST", f"{AT}/{first['id']}/posts", json=of("Five", "x" * 5001))
    assert status == 422
    assert len(await site.anyone.get(f"{AT}/{first['id']}")) == 4


async def test_a_continued_thread_is_seen_by_those_who_saw_it(alice: Client, site: Site) -> None:
    (private,) = await alice.post(AT, of("One", visibility="private"), expect=201)
    (added,) = await alice.post(f"{AT}/{private['id']}/posts", of("Two"), expect=201)
    assert added["visibility"] == "private"


async def test_only_the_first_post_of_a_thread_stands_in_public_lists_unless_asked(
    alice: Client, site: Site
) -> None:
    quiet = await alice.post(AT, of("One", "Two", "Three"), expect=201)
    assert [post["visibility"] for post in quiet] == ["public", "unlisted", "unlisted"]
    (added,) = await alice.post(f"{AT}/{quiet[0]['id']}/posts", of("Four"), expect=201)
    assert added["visibility"] == "unlisted"
    loud = await alice.post(AT, of("a", "b", quiet_continuation=False), expect=201)
    assert [post["visibility"] for post in loud] == ["public", "public"]
    public = await site.anyone.get("/api/v1/timelines/public", local="true")
    assert {post["id"] for post in public} == {quiet[0]["id"], *(post["id"] for post in loud)}


async def test_a_thread_is_deleted_as_a_whole_by_its_author_only(
    alice: Client, bob: Client, site: Site
) -> None:
    posts = await alice.post(AT, of("One", "Two", "Three"), expect=201)
    answer = await bob.post("/api/v1/statuses", {"status": "hm", "in_reply_to_id": posts[1]["id"]})
    status, _, _ = await bob.call("DELETE", f"{AT}/{posts[0]['id']}")
    assert status == 404
    last = await alice.delete(f"{AT}/{posts[1]['id']}")
    assert [post["id"] for post in last] == [post["id"] for post in posts]
    for post in posts:
        status, _, _ = await site.anyone.call("GET", f"/api/v1/statuses/{post['id']}")
        assert status == 404
    assert (await site.anyone.get(f"/api/v1/statuses/{answer['id']}"))["content"] == "<p>hm</p>"


async def test_a_conversation_is_whole_and_each_post_stands_before_its_replies(
    alice: Client, bob: Client, site: Site
) -> None:
    one, two = await alice.post(AT, of("One", "Two"), expect=201)
    aside = await bob.post("/api/v1/statuses", {"status": "aside", "in_reply_to_id": one["id"]})
    quiet = await bob.post(
        "/api/v1/statuses", {"status": "psst", "in_reply_to_id": one["id"], "visibility": "private"}
    )
    for id_ in (one["id"], two["id"], aside["id"]):
        seen = await site.anyone.get(f"/api/fedispace/v1/statuses/{id_}/conversation")
        assert [post["id"] for post in seen["posts"]] == [one["id"], two["id"], aside["id"]]
        assert (seen["known"], seen["claimed"], seen["unavailable"]) == (3, 3, 0)
        assert (seen["complete"], seen["fetching"]) == (True, False)
    status, _, _ = await site.anyone.call("GET", f"/api/fedispace/v1/statuses/{quiet['id']}/conversation")
    assert status == 404
