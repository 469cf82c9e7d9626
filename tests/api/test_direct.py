"""Direct conversations, by Mastodon's calls. Refusals and leaks first."""

from typing import Any

import pytest

from tests.api.site import Client, Site


async def tell(by: Client, text: str, **fields: Any) -> Any:
    return await by.post("/api/v1/statuses", {"status": text, "visibility": "direct", **fields})


async def listed(of: Client, **parameters: str) -> list[Any]:
    return list(await of.get("/api/v1/conversations", **parameters))


async def only(of: Client) -> Any:
    (row,) = await listed(of)
    return row


def names(row: Any) -> list[str]:
    return [who["acct"] for who in row["accounts"]]


@pytest.fixture
async def carol(site: Site) -> Client:
    return await site.person("carol")


@pytest.mark.privacy("P-05")
async def test_who_is_not_part_of_it_sees_nothing_and_changes_nothing(
    alice: Client, bob: Client, carol: Client
) -> None:
    await tell(alice, "@bob between us")
    row = await only(bob)
    assert await listed(carol) == []
    assert (await carol.call("POST", f"/api/v1/conversations/{row['id']}/read"))[0] == 404
    assert (await carol.call("DELETE", f"/api/v1/conversations/{row['id']}"))[0] == 404
    assert (await only(bob))["unread"] is True


async def test_scopes_are_asked_for(site: Site, alice: Client, bob: Client) -> None:
    await tell(bob, "@alice hello")
    row = await only(alice)
    reader = await site.with_scopes(alice.account, "read:statuses")
    assert len(await listed(reader)) == 1
    assert (await reader.call("POST", f"/api/v1/conversations/{row['id']}/read"))[0] == 403
    assert (await reader.call("DELETE", f"/api/v1/conversations/{row['id']}"))[0] == 403
    assert (await site.anyone.call("GET", "/api/v1/conversations"))[0] == 401


async def test_each_side_has_one_row_whatever_is_said_and_only_the_other_has_something_to_read(
    alice: Client, bob: Client
) -> None:
    first = await tell(alice, "@bob hello")
    second = await tell(bob, "@alice hello", in_reply_to_id=first["id"])
    hers, his = await only(alice), await only(bob)
    assert set(hers) == {"id", "unread", "accounts", "last_status"}
    assert hers["last_status"]["id"] == his["last_status"]["id"] == second["id"]
    assert (names(hers), names(his)) == (["bob"], ["alice"])
    assert (hers["unread"], his["unread"]) == (True, False)
    read = await alice.post(f"/api/v1/conversations/{hers['id']}/read")
    assert read == {**hers, "unread": False}
    assert (await only(alice))["unread"] is False


async def test_public_posts_and_boosts_are_no_direct_conversation(alice: Client, bob: Client) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "@bob for all"})
    await alice.post("/api/v1/statuses", {"status": "@bob for followers", "visibility": "private"})
    await bob.post(f"/api/v1/statuses/{post['id']}/reblog")
    assert await listed(alice) == await listed(bob) == []
    aside = await tell(bob, "@alice aside", in_reply_to_id=post["id"])
    assert (await only(alice))["last_status"]["id"] == aside["id"]


async def test_a_note_to_oneself_is_a_conversation_with_oneself(alice: Client) -> None:
    await tell(alice, "remember")
    row = await only(alice)
    assert (names(row), row["unread"]) == (["alice"], False)


async def test_a_deletion_moves_the_last_post_back_and_the_last_deletion_ends_it(
    alice: Client, bob: Client
) -> None:
    first = await tell(alice, "@bob one")
    second = await tell(alice, "@bob two", in_reply_to_id=first["id"])
    row = await only(bob)
    await alice.delete(f"/api/v1/statuses/{second['id']}")
    assert (await only(bob))["last_status"]["id"] == first["id"]
    await alice.delete(f"/api/v1/statuses/{first['id']}")
    assert await listed(bob) == await listed(alice) == []
    assert (await bob.call("POST", f"/api/v1/conversations/{row['id']}/read"))[0] == 404


async def test_the_deletion_of_what_was_unread_leaves_nothing_to_read(alice: Client, bob: Client) -> None:
    first = await tell(alice, "@bob one")
    await bob.post(f"/api/v1/conversations/{(await only(bob))['id']}/read")
    second = await tell(alice, "@bob two", in_reply_to_id=first["id"])
    assert (await only(bob))["unread"] is True
    await alice.delete(f"/api/v1/statuses/{second['id']}")
    assert (await only(bob))["unread"] is False


async def test_what_was_taken_off_the_list_comes_back_with_the_next_post_only(
    alice: Client, bob: Client
) -> None:
    first = await tell(alice, "@bob one")
    row = await only(bob)
    assert await bob.delete(f"/api/v1/conversations/{row['id']}") == {}
    assert await listed(bob) == []
    assert len(await listed(alice)) == 1
    assert (await bob.call("DELETE", f"/api/v1/conversations/{row['id']}"))[0] == 404
    assert (await bob.get(f"/api/v1/statuses/{first['id']}"))["id"] == first["id"]
    second = await tell(alice, "@bob two", in_reply_to_id=first["id"])
    again = await only(bob)
    assert (again["last_status"]["id"], again["unread"]) == (second["id"], True)
    await alice.delete(f"/api/v1/statuses/{second['id']}")
    assert await listed(bob) == []


async def test_whom_one_blocks_or_mutes_is_not_in_the_list_whoever_spoke_last(
    alice: Client, bob: Client, carol: Client
) -> None:
    first = await tell(bob, "@alice @carol hello")
    await tell(alice, "@bob @carol hello", in_reply_to_id=first["id"])
    apart = await tell(bob, "@alice between us")
    await tell(alice, "@bob yes", in_reply_to_id=apart["id"])
    assert len(await listed(alice)) == 2
    for verb in ("block", "mute"):
        await alice.post(f"/api/v1/accounts/{bob.id}/{verb}")
        row = await only(alice)
        assert row["last_status"]["account"]["acct"] == "alice"
        assert "carol" in names(row)
        await alice.post(f"/api/v1/accounts/{bob.id}/un{verb}")
        assert len(await listed(alice)) == 2


async def test_a_muted_conversation_has_nothing_to_read(alice: Client, bob: Client) -> None:
    first = await tell(bob, "@alice hello")
    await alice.post(f"/api/v1/statuses/{first['id']}/mute")
    await tell(bob, "@alice hello?", in_reply_to_id=first["id"])
    assert (await only(alice))["unread"] is False
    await alice.post(f"/api/v1/statuses/{first['id']}/unmute")
    assert (await only(alice))["unread"] is True


async def test_what_ones_rules_hold_back_is_not_in_the_list_until_it_is_let_in(
    site: Site, alice: Client, bob: Client
) -> None:
    status, _, _ = await alice.call(
        "PATCH", "/api/v2/notifications/policy", json={"for_private_mentions": "filter"}
    )
    assert status == 200
    await tell(bob, "@alice buy this")
    assert await listed(alice) == []
    (request,) = await alice.get("/api/v1/notifications/requests")
    await alice.post(f"/api/v1/notifications/requests/{request['id']}/accept")
    assert (await only(alice))["unread"] is True


async def test_an_edit_that_names_somebody_puts_it_in_their_list(
    alice: Client, bob: Client, carol: Client
) -> None:
    post = await tell(alice, "@bob hello")
    status, _, _ = await alice.call(
        "PUT", f"/api/v1/statuses/{post['id']}", json={"status": "@bob @carol hello"}
    )
    assert status == 200
    assert (await only(carol))["last_status"]["id"] == post["id"]
    assert sorted(names(await only(bob))) == ["alice", "carol"]


async def test_the_list_is_paged_by_its_links_newest_post_first(alice: Client, bob: Client) -> None:
    firsts = [(await tell(alice, f"@bob {number}"))["id"] for number in range(4)]
    await tell(alice, "@bob more", in_reply_to_id=firsts[0])
    order = [firsts[0], firsts[3], firsts[2], firsts[1]]
    seen: list[str] = []
    path = "/api/v1/conversations?limit=2"
    for _ in range(2):
        status, rows, headers = await bob.call("GET", path)
        assert status == 200
        assert len(rows) == 2
        seen += [row["id"] for row in rows]
        path = headers["Link"].split(">")[0].removeprefix("<" + bob.origin)
    assert seen == order
    status, rows, headers = await bob.call("GET", path)
    assert (status, rows, "Link" in headers) == (200, [], False)
    assert [row["id"] for row in await listed(bob, min_id=firsts[1], limit="1")] == [firsts[2]]
