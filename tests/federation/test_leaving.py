"""Somebody deletes their account: nothing stays, everybody hears of it. And one of theirs goes."""

from typing import Any

import pytest
from sqlalchemy import delete, select

from fedispace.accounts.models import Account, Block, Follow, Notification
from fedispace.accounts.scopes import parse
from fedispace.db.base import Base
from fedispace.errors import Conflict, Forbidden
from fedispace.federation.everyone import HOSTS_AT_ONCE
from fedispace.federation.models import ActorRow, Delivery, FollowerInbox, InboxItem
from fedispace.queue.models import Job
from fedispace.threads.models import Reaction, Status
from tests.api.site import EVERYTHING, Client
from tests.factories import remote_actor
from tests.federation.fediverse import Fediverse, Server, find, follow

SECRET = "zanzibar"
KEPT = {"actors", "actor_keys", "actor_secrets", "tombstones", "outbox_items", "jobs"}
"""What names somebody who left: the address that is taken, the keys for a while, the Delete itself."""


OF_OTHERS = {"inbox_items", "statuses", "missing_posts"}
"""What others wrote may name them: a reply, what was received, for a week, and the gap in a conversation."""


async def leftovers(server: Server, account: Account) -> dict[str, list[Any]]:
    """Return every row of every table that still names the account or says what it said."""
    found: dict[str, list[Any]] = {}
    async with server.app.db.reading() as tx:
        for table in Base.metadata.sorted_tables:
            for row in (await tx.execute(select(table))).mappings():
                texts = " ".join(str(value) for value in row.values() if not isinstance(value, int))
                numbers = {value for value in row.values() if isinstance(value, int)}
                named = account.uri in texts and table.name not in OF_OTHERS
                if account.id in numbers or named or SECRET in texts:
                    found.setdefault(table.name, []).append(dict(row))
    return found


async def test_only_ones_own_server_deletes_an_account(fediverse: Fediverse, alice: Client) -> None:
    await fediverse.beta.person("bob")
    remote = int(await find(alice, "@bob@b.test"))
    with pytest.raises(Forbidden):
        await fediverse.alpha.app.leaving.leave(remote)


@pytest.mark.privacy("P-12")
async def test_nothing_of_a_deleted_account_stays_in_any_table(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    alpha, beta = fediverse.alpha, fediverse.beta
    nina = await alpha.person("nina")
    bob_here = await follow(fediverse, alice, "@bob@b.test")
    await follow(fediverse, bob, "@alice@a.test")
    await follow(fediverse, alice, "@nina@a.test")
    await follow(fediverse, nina, "@alice@a.test")
    await alice.call(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        json={"display_name": SECRET, "note": SECRET, "fields_attributes": [{"name": SECRET, "value": "x"}]},
    )
    hers = [
        await alice.post("/api/v1/statuses", {"status": f"{SECRET} {number}", "visibility": visibility})
        for number, visibility in enumerate(["public", "unlisted", "private"] * 20)
    ]
    theirs = await nina.post("/api/v1/statuses", {"status": "mine"})
    for act in ("favourite", "reblog", "bookmark"):
        await alice.call("POST", f"/api/v1/statuses/{theirs['id']}/{act}")
        await nina.call("POST", f"/api/v1/statuses/{hers[0]['id']}/{act}")
    answer = await alice.post(
        "/api/v1/statuses", {"status": f"@nina {SECRET}", "in_reply_to_id": theirs["id"]}
    )
    await nina.post("/api/v1/statuses", {"status": "@alice yes", "in_reply_to_id": answer["id"]})
    await alice.post(f"/api/v1/accounts/{bob_here}/block")
    await fediverse.settle()

    await alpha.app.leaving.leave(alice.account.id)
    gone = f"/api/v1/statuses/{hers[0]['id']}"
    assert (await nina.call("GET", gone))[0] == 404, "nobody sees it from this moment"
    assert (await alice.call("GET", "/api/v1/accounts/verify_credentials"))[0] == 401
    await fediverse.settle()

    left = await leftovers(alpha, alice.account)
    assert set(left) <= KEPT, {name: rows for name, rows in left.items() if name not in KEPT}
    assert [row for rows in left.values() for row in rows if SECRET in str(row)] == []
    assert [row["type"] for row in left["outbox_items"] if row["actor_id"] == alice.account.id] == ["Delete"]
    shown = await nina.get(f"/api/v1/statuses/{theirs['id']}")
    assert (shown["favourites_count"], shown["reblogs_count"], shown["replies_count"]) == (0, 0, 0)
    person = await nina.get(f"/api/v1/accounts/{nina.id}")
    assert (person["followers_count"], person["following_count"]) == (0, 0)
    # The other server has forgotten her too.
    assert await beta.count(Account, Account.username == "alice") == 0
    assert await beta.count(Status, Status.content.contains(SECRET)) == 0
    assert await beta.count(Follow) == await beta.count(Block) == 0
    assert (await bob.get(f"/api/v1/accounts/{bob.id}"))["followers_count"] == 0
    fediverse.clock.advance(days=32)
    await fediverse.settle()
    assert not {"actor_keys", "actor_secrets", "jobs"} & set(await leftovers(alpha, alice.account))


@pytest.mark.privacy("P-12")
@pytest.mark.row(70)
async def test_the_address_answers_gone_and_is_never_given_again(fediverse: Fediverse, alice: Client) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    uri = alice.account.uri
    finger = f"{alpha.origin}/.well-known/webfinger?resource=acct:Alice@a.test"
    for when in ("at once", "when all is removed"):
        if when == "at once":
            await alpha.app.leaving.leave(alice.account.id)
        else:
            await fediverse.settle()
        answer = await peer.get(uri)
        assert answer.status == 410, when
        assert (answer.json["type"], answer.json["formerType"]) == ("Tombstone", "Person")
        assert (await peer.get(f"{uri}/followers")).status == 410
        assert (await peer.get(finger)).status == 410
        with pytest.raises(Conflict):
            await alpha.app.registration.create_user(
                username="ALICE", email="other@mail.example", password="correct horse battery"
            )


@pytest.mark.privacy("P-12")
async def test_every_server_we_know_is_told_once(fediverse: Fediverse, alice: Client) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    strangers = [peer.actor("carol", "c.test"), peer.actor("carl", "c.test"), peer.actor("dave", "d.test")]
    for uri in strangers:
        await find(alice, uri)
    async with alpha.app.db.transaction() as tx:
        for number in range(2 * HOSTS_AT_ONCE + 7):
            await alpha.app.actors.store(tx, remote_actor("x", f"h{number:03}.example", scheme="http"))
        inboxes = set(await tx.scalars(select(ActorRow.shared_inbox).where(~ActorRow.local)))
    await alpha.app.leaving.leave(alice.account.id)
    for pump in alpha.app.worker._pumps[:-1]:
        while await pump.pump():
            await pump.idle()
    async with alpha.app.db.reading() as tx:
        told = list(await tx.scalars(select(Delivery.inbox)))
    assert sorted(told) == sorted(inboxes)
    async with alpha.app.db.transaction() as tx:
        await tx.execute(delete(Delivery).where(Delivery.host.contains(".example")))
    await fediverse.settle()
    assert sorted(each.host for each in peer.received) == ["c.test", "d.test"]
    assert all(each.activity["object"] == alice.account.uri for each in peer.received)


@pytest.mark.row(20)
async def test_an_actor_that_is_gone_on_refresh_leaves_nothing(fediverse: Fediverse, alice: Client) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    carol = peer.actor()
    await follow(fediverse, alice, carol)
    (asked,) = [each.activity for each in peer.received if each.activity["type"] == "Follow"]
    await peer.post(alpha.inbox, peer.activity("Accept", carol, asked))
    note = peer.note(carol, 1, content=f"<p>{SECRET}</p>")
    await peer.post(alpha.inbox, peer.activity("Create", carol, note))
    await peer.post(alpha.inbox, peer.activity("Follow", carol, alice.account.uri))
    await fediverse.settle()
    assert await alpha.count(Status) == 1
    async with alpha.app.db.reading() as tx:
        account = await alpha.app.people.by_uri(tx, carol)
    assert account is not None
    peer.statuses[carol] = 410
    fediverse.clock.advance(days=2)
    await alice.get(f"/api/v1/accounts/{account.id}")
    await fediverse.settle()
    left = await leftovers(alpha, account)
    assert "accounts" not in left
    assert "statuses" not in left
    assert await alpha.count(Follow) == await alpha.count(FollowerInbox) == 0
    assert await alpha.count(Notification) == 0
    own = await alice.get(f"/api/v1/accounts/{alice.id}")
    assert (own["followers_count"], own["following_count"]) == (0, 0)


@pytest.mark.row(18)
@pytest.mark.attack(25)
async def test_the_deletion_of_somebody_unknown_costs_neither_a_fetch_nor_a_row(fediverse: Fediverse) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    peer.asked.clear()
    for number in range(50):
        nobody = f"http://c.test/users/spam{number}"
        for kind in ("Delete", "Update"):
            object_: Any = nobody if kind == "Delete" else {"id": nobody, "type": "Person"}
            answer = await peer.post(alpha.inbox, peer.activity(kind, nobody, object_))
            assert answer.status == 202
    await fediverse.settle()
    assert peer.asked == []
    assert await alpha.count(InboxItem) == await alpha.count(ActorRow, ~ActorRow.local) == 0


async def test_a_token_made_before_is_worth_nothing_after(fediverse: Fediverse, alice: Client) -> None:
    alpha = fediverse.alpha
    token = await alpha.app.oauth.issue(alice.account.id, parse(EVERYTHING))
    await alpha.app.leaving.leave(alice.account.id)
    assert await alpha.app.oauth.bearer(token) is None


@pytest.mark.privacy("P-12")
@pytest.mark.parametrize("whose", ["ours", "another server's"])
async def test_what_somebody_did_to_others_is_counted_no_longer_when_they_leave(
    fediverse: Fediverse, alice: Client, bob: Client, whose: str
) -> None:
    alpha = fediverse.alpha
    other = await alpha.person("other")
    poll = {"options": ["yes", "no"], "expires_in": 3600, "multiple": True}
    asked = await alice.post("/api/v1/statuses", {"status": "well?", "poll": poll})
    await alice.post(f"/api/v1/accounts/{other.id}/follow")
    await other.post(f"/api/v1/accounts/{alice.id}/follow")
    leaving = other
    if whose != "ours":
        leaving = bob
        here = await follow(fediverse, alice, "@bob@b.test")
        await follow(fediverse, bob, "@alice@a.test")
        await other.post(f"/api/v1/accounts/{here}/follow")
    seen = asked["id"]
    if leaving is bob:
        (found,) = (await bob.get("/api/v2/search", q=asked["uri"], resolve="true", type="statuses"))[
            "statuses"
        ]
        seen = found["id"]
    await other.post(f"/api/v1/polls/{asked['id']}/votes", {"choices": [1]})
    await leaving.call(
        "POST", f"/api/v1/polls/{seen}/votes", json={"choices": [0] if leaving is other else [0, 1]}
    )
    for act in ("favourite", "reblog"):
        await leaving.post(f"/api/v1/statuses/{seen}/{act}")
    await leaving.call("PUT", f"/api/v1/pleroma/statuses/{seen}/reactions/\U0001f98a")
    await fediverse.settle()
    before = await alice.get(f"/api/v1/statuses/{asked['id']}")
    assert (before["favourites_count"], before["reblogs_count"]) == (1, 1)
    assert before["poll"]["votes_count"] == (2 if leaving is other else 3)
    assert await alpha.count(Reaction) == 1

    server = alpha if leaving is other else fediverse.beta
    await server.app.leaving.leave(leaving.account.id)
    await fediverse.settle()
    after = await alice.get(f"/api/v1/statuses/{asked['id']}")
    assert (after["favourites_count"], after["reblogs_count"]) == (0, 0)
    left = {"ours": (0, [0, 0]), "another server's": (1, [0, 1])}[whose]
    assert (after["poll"]["voters_count"], [each["votes_count"] for each in after["poll"]["options"]]) == left
    assert await alpha.count(Reaction) == 0
    person = await alice.get(f"/api/v1/accounts/{alice.id}")
    stays = 0 if leaving is other else 1
    assert (person["followers_count"], person["following_count"]) == (stays, stays)
    assert await alpha.count(FollowerInbox) == 0


async def test_a_remote_account_is_hidden_at_once_and_removed_some_at_a_time(
    fediverse: Fediverse, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    carol = peer.actor()
    await follow(fediverse, alice, carol)
    (asked,) = [each.activity for each in peer.received if each.activity["type"] == "Follow"]
    await peer.post(alpha.inbox, peer.activity("Accept", carol, asked))
    for number in range(7):
        await peer.post(alpha.inbox, peer.activity("Create", carol, peer.note(carol, number), number))
    await fediverse.settle()
    assert await alpha.count(Status) == 7
    monkeypatch.setattr("fedispace.threads.erasing.POSTS", 2)
    monkeypatch.setattr("fedispace.accounts.leaving.BATCHES_AT_ONCE", 2)
    await peer.post(alpha.inbox, peer.activity("Delete", carol, carol))
    inbox, *_ = alpha.app.worker._pumps
    while await inbox.pump():
        await inbox.idle()
    assert await alpha.count(Status) == 7, "the inbox waits for nothing of it"
    assert await alice.get("/api/v1/timelines/home") == []
    assert (await alice.call("GET", "/api/v2/search?q=carol&type=accounts"))[1]["accounts"] == []
    await fediverse.settle()
    assert await alpha.count(Status) == await alpha.count(Follow) == await alpha.count(Job) == 0
    assert await alpha.count(Account, Account.uri == carol) == 0
