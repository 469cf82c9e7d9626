"""A post that is not for everybody, looked for by those it is not for, in every place there is."""

import json

import pytest

from tests.api.site import Client, Site

WORD = "xylophone"


async def everything(site: Site, reader: Client, author: Client, ids: list[str], parent: str) -> str:
    """Return all that a reader is shown wherever these posts could be, as one text."""
    paths = [
        "/api/v1/timelines/public",
        "/api/v1/timelines/tag/secret",
        "/api/v1/timelines/home",
        "/api/v1/notifications",
        "/api/v2/notifications",
        "/api/v1/tags/secret",
        "/api/v1/trends/statuses",
        f"/api/v2/search?q={WORD}&resolve=false",
        "/api/v2/search?q=%23secret",
        f"/api/v1/accounts/{author.id}/statuses",
        f"/api/v1/accounts/{author.id}/statuses?pinned=true",
        f"/api/v1/accounts/{author.id}",
        f"/api/v1/statuses/{parent}/context",
        f"/api/v1/statuses/{parent}",
        f"/api/fedispace/v1/threads/{parent}",
        f"/@author/{parent}",
        "/@author",
        "/@author?replies=1",
        "/@author.rss",
        "/@author/feed.rss",
        "/tags/secret",
        "/public",
        "/",
        "/sitemap.xml",
        "/users/author/outbox",
        "/users/author/outbox?page=true",
        "/users/author/featured",
        "/nodeinfo/2.1",
    ]
    for id_ in ids:
        paths += [
            f"/api/v1/statuses/{id_}",
            f"/api/v1/statuses?id[]={id_}",
            f"/api/v1/statuses/{id_}/context",
            f"/api/v1/statuses/{id_}/source",
            f"/api/v1/statuses/{id_}/history",
            f"/api/v1/statuses/{id_}/reblogged_by",
            f"/api/v1/statuses/{id_}/favourited_by",
            f"/api/fedispace/v1/threads/{id_}",
            f"/@author/{id_}",
            f"/@author/{id_}/embed",
            f"/users/author/statuses/{id_}",
            f"/users/author/statuses/{id_}/replies",
        ]
    shown: list[str] = []
    for path in paths:
        for accept in ("text/html", "application/activity+json", "application/json"):
            status, body, _ = await reader.call("GET", path, headers={"Accept": accept})
            assert status < 500, path
            shown.append(f"{path} {accept} {body if isinstance(body, str) else json.dumps(body)}")
    return "\n".join(shown)


@pytest.mark.privacy("P-01")
@pytest.mark.parametrize("visibility", ["private", "direct"])
async def test_a_post_for_some_exists_nowhere_for_the_others(
    site: Site, alice: Client, visibility: str
) -> None:
    author, friend = await site.person("author"), await site.person("friend")
    parent = await author.post("/api/v1/statuses", {"status": "for everybody"})
    text = f"{WORD} #secret @friend"
    secrets = [
        await author.post("/api/v1/statuses", {"status": text, "visibility": visibility}),
        await author.post(
            "/api/v1/statuses", {"status": text, "visibility": visibility, "in_reply_to_id": parent["id"]}
        ),
    ]
    ids = [post["id"] for post in secrets]
    assert WORD in await everything(site, friend, author, ids, parent["id"])
    for reader in (site.anyone, alice):
        found = await everything(site, reader, author, ids, parent["id"])
        leaks = [line for line in found.split("\n") if f"<p>{WORD}" in line or f"{WORD} " in line]
        assert [line[:200] for line in leaks if f"q={WORD}" not in line[:60]] == []
    for id_ in ids:
        for act in ("favourite", "reblog", "bookmark", "mute", "pin"):
            assert (await alice.call("POST", f"/api/v1/statuses/{id_}/{act}"))[0] == 404, act
        reply = {"status": "hm", "in_reply_to_id": id_}
        assert (await alice.call("POST", "/api/v1/statuses", json=reply))[0] == 404
        assert (await alice.call("GET", f"/api/v1/statuses/{id_}"))[0] == 404


@pytest.mark.privacy("P-01")
async def test_who_no_longer_may_see_a_post_is_no_longer_told_of_it(site: Site, alice: Client) -> None:
    author = await site.person("author")
    await alice.post(f"/api/v1/accounts/{author.id}/follow", {"notify": True})
    await author.post("/api/v1/statuses", {"status": WORD, "visibility": "private"})
    await site.app.worker.settle()
    assert WORD in json.dumps(await alice.get("/api/v1/notifications"))
    await alice.post(f"/api/v1/accounts/{author.id}/unfollow")
    for version in ("v1", "v2"):
        assert WORD not in json.dumps(await alice.get(f"/api/{version}/notifications"))


@pytest.mark.privacy("P-07")
async def test_who_does_not_want_to_be_found_is_in_no_list_and_no_search_engine(
    site: Site, alice: Client, bob: Client
) -> None:
    await bob.call(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        json={"discoverable": False, "indexable": False},
    )
    post = await bob.post("/api/v1/statuses", {"status": "hello"})
    for path in ("/@bob", f"/@bob/{post['id']}"):
        _, page, _ = await site.anyone.call("GET", path, headers={"Accept": "text/html"})
        assert 'content="noindex"' in page
    for path in ("/api/v1/suggestions", "/api/v2/suggestions", "/api/v1/trends/statuses"):
        if (answer := await alice.call("GET", path))[0] == 200:
            assert bob.id not in json.dumps(answer[1])
