"""Somebody moves: between two instances, to and from a peer, and within one. Refusals first."""

from typing import Any

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account, Block, Follow, Migration, Mute
from fedispace.errors import Conflict, Invalid
from fedispace.federation.models import FollowerInbox
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server, find, follow


async def follows(server: Server) -> set[tuple[str, str, bool]]:
    """Return who follows whom, by their ids."""
    async with server.app.db.reading() as tx:
        names = {row.id: row.uri for row in await tx.execute(select(Account.id, Account.uri))}
        rows = await tx.execute(select(Follow.account_id, Follow.target_id, Follow.accepted))
        return {(names[who], names[whom], accepted) for who, whom, accepted in rows}


async def follows_carol(fediverse: Fediverse, alice: Client, **carol: Any) -> tuple[str, str]:
    """Let alice follow carol of the peer; return carol and dave, who are to be one person."""
    peer, alpha = fediverse.peer, fediverse.alpha
    carol_uri = peer.actor("carol", "c.test", **carol)
    dave = peer.actor("dave", "d.test", key="two")
    await follow(fediverse, alice, carol_uri)
    (asked,) = [each.activity for each in peer.received if each.activity["type"] == "Follow"]
    accept = peer.activity("Accept", carol_uri, asked)
    assert (await peer.post(alpha.inbox, accept)).status == 202
    await fediverse.settle()
    assert await follows(alpha) == {(alice.account.uri, carol_uri, True)}
    peer.received.clear()
    return carol_uri, dave


async def move(
    fediverse: Fediverse, actor: str, object_: str, target: str, number: int = 1, key: str = "one"
) -> str:
    """Let `actor` say that `object_` moved to `target`; return what became of it."""
    activity = fediverse.peer.activity("Move", actor, object_, number, target=target)
    answer = await fediverse.peer.post(fediverse.alpha.inbox, activity, key=key)
    assert answer.status == 202, answer.body
    await fediverse.settle()
    return (await fediverse.alpha.fates())[activity["id"]]


@pytest.mark.row(66)
@pytest.mark.attack(26)
async def test_a_move_to_somebody_who_does_not_name_the_old_account_changes_nothing(
    fediverse: Fediverse, alice: Client
) -> None:
    carol, dave = await follows_carol(fediverse, alice)
    fediverse.peer.documents[dave]["alsoKnownAs"] = ["http://c.test/users/somebody-else"]
    fate = await move(fediverse, carol, carol, dave)
    assert fate.startswith("dropped move_unconfirmed")
    assert await follows(fediverse.alpha) == {(alice.account.uri, carol, True)}
    assert await fediverse.alpha.count(Migration) == 0
    assert fediverse.peer.received == []


@pytest.mark.attack(26)
async def test_nobody_moves_somebody_else(fediverse: Fediverse, alice: Client) -> None:
    carol, dave = await follows_carol(fediverse, alice)
    peer = fediverse.peer
    mallory = peer.actor("mallory", "evil.test", key="two", alsoKnownAs=[carol])
    peer.documents[dave]["alsoKnownAs"] = [carol]
    third = await move(fediverse, mallory, carol, dave, key="two")
    assert third.startswith("dropped not_owner")
    # Pulling: the new account speaks, and the old one never named it.
    await move(fediverse, mallory, carol, mallory, 2, key="two")
    assert await follows(fediverse.alpha) == {(alice.account.uri, carol, True)}
    assert await fediverse.alpha.count(Migration) == 0


@pytest.mark.attack(26)
async def test_one_of_ours_is_not_moved_by_anybody_elsewhere(fediverse: Fediverse, alice: Client) -> None:
    peer = fediverse.peer
    mallory = peer.actor("mallory", "evil.test", alsoKnownAs=[alice.account.uri])
    await fediverse.alpha.app.moving.add_alias(alice.account.id, mallory)
    fate = await move(fediverse, mallory, alice.account.uri, mallory)
    assert fate.startswith("dropped not_owner")


@pytest.mark.attack(26)
async def test_moving_in_a_circle_ends_at_once(fediverse: Fediverse, alice: Client) -> None:
    carol, dave = await follows_carol(fediverse, alice)
    peer = fediverse.peer
    peer.documents[dave]["alsoKnownAs"] = [carol]
    peer.documents[carol]["alsoKnownAs"] = [dave]
    assert await move(fediverse, carol, carol, dave) == "done"
    settled = await follows(fediverse.alpha)
    for number in range(3):  # neither with a movedTo on the old account nor without one
        back = await move(fediverse, dave, dave, carol, number, key="two")
        assert back.startswith("dropped move_unconfirmed")
        peer.documents[carol]["movedTo"] = dave
    assert await follows(fediverse.alpha) == settled


@pytest.mark.attack(26)
async def test_two_moves_in_a_day_are_one(fediverse: Fediverse, alice: Client) -> None:
    carol, dave = await follows_carol(fediverse, alice)
    peer = fediverse.peer
    erin = peer.actor("erin", "e.test", alsoKnownAs=[carol])
    peer.documents[dave]["alsoKnownAs"] = [carol]
    assert await move(fediverse, carol, carol, dave) == "done"
    assert await move(fediverse, carol, carol, dave, 2) == "done"
    assert (await move(fediverse, carol, carol, erin, 3)).startswith("dropped move_too_soon")
    assert await fediverse.alpha.count(Migration) == 1
    asked = [each.activity["object"] for each in peer.received if each.activity["type"] == "Follow"]
    assert asked == [dave]


@pytest.mark.row(66)
@pytest.mark.parametrize("mode", ["push", "pull"])
async def test_who_followed_the_old_account_follows_the_new_one(
    fediverse: Fediverse, alice: Client, mode: str
) -> None:
    carol, dave = await follows_carol(fediverse, alice)
    peer, alpha = fediverse.peer, fediverse.alpha
    peer.documents[dave]["alsoKnownAs"] = [carol]
    peer.documents[carol]["movedTo"] = dave
    if mode == "push":
        await move(fediverse, carol, carol, dave)
    else:
        await move(fediverse, dave, carol, dave, key="two")
    assert await follows(alpha) == {(alice.account.uri, dave, False)}
    sent = {(each.activity["type"], each.host) for each in peer.received}
    assert sent == {("Follow", "d.test"), ("Undo", "c.test")}
    seen = await alice.get("/api/v1/accounts/lookup", acct="carol@c.test")
    assert seen["moved"]["acct"] == "dave@d.test"
    assert seen["moved"]["moved"] is None


@pytest.mark.row(66)
async def test_a_pull_is_believed_when_the_old_server_is_gone(fediverse: Fediverse, alice: Client) -> None:
    carol, dave = await follows_carol(fediverse, alice, alsoKnownAs=["http://d.test/users/dave"])
    fediverse.peer.documents[dave]["alsoKnownAs"] = [carol]
    fediverse.peer.statuses[carol] = 502
    await move(fediverse, dave, carol, dave, key="two")
    assert await follows(fediverse.alpha) == {(alice.account.uri, dave, False)}


async def test_blocks_and_mutes_go_along(fediverse: Fediverse, alice: Client) -> None:
    carol, dave = await follows_carol(fediverse, alice)
    alpha, peer = fediverse.alpha, fediverse.peer
    bea, cid = await alpha.person("bea"), await alpha.person("cid")
    carol_id = await find(bea, carol)
    await bea.post(f"/api/v1/accounts/{carol_id}/block")
    async with alpha.app.db.transaction() as tx:
        tx.add(
            Mute(id=7, account_id=cid.account.id, target_id=int(carol_id), created_at=fediverse.clock.now())
        )
    peer.documents[dave]["alsoKnownAs"] = [carol]
    await move(fediverse, carol, carol, dave)
    dave_id = int(await find(alice, dave))
    assert await alpha.count(Block, Block.target_id == dave_id) == 1
    assert await alpha.count(Mute, Mute.target_id == dave_id) == 1


async def test_one_of_ours_moves_away_with_all_followers(fediverse: Fediverse, alice: Client) -> None:
    alpha, beta = fediverse.alpha, fediverse.beta
    new, bob, neighbour = await beta.person("newalice"), await beta.person("bob"), await alpha.person("nina")
    await follow(fediverse, bob, "@alice@a.test")
    await follow(fediverse, neighbour, "@alice@a.test")
    moving, old = alpha.app.moving, alice.account
    with pytest.raises(Invalid):
        await moving.move(old.id, "newalice@b.test")
    await beta.app.moving.add_alias(new.account.id, "alice@a.test")
    post = await alice.post("/api/v1/statuses", {"status": "still here"})
    await fediverse.settle()
    await moving.move(old.id, "newalice@b.test")
    await fediverse.settle()
    assert await follows(alpha) == {(neighbour.account.uri, new.account.uri, True)}
    assert await follows(beta) == {
        (bob.account.uri, new.account.uri, True),
        (neighbour.account.uri, new.account.uri, True),
    }
    assert await alpha.count(FollowerInbox) == 0
    own = await alice.get("/api/v1/accounts/verify_credentials")
    assert own["moved"]["acct"] == "newalice@b.test"
    there = await bob.get("/api/v1/accounts/lookup", acct="alice@a.test")
    assert there["moved"]["acct"] == "newalice"
    shown = await neighbour.get(f"/api/v1/statuses/{post['id']}")
    assert shown["account"]["moved"]["acct"] == "newalice@b.test"


async def test_what_somebody_who_moved_deletes_is_gone_where_the_followers_were(
    fediverse: Fediverse, alice: Client
) -> None:
    alpha, beta = fediverse.alpha, fediverse.beta
    new, bob = await beta.person("newalice"), await beta.person("bob")
    await follow(fediverse, bob, "@alice@a.test")
    said = await alice.post("/api/v1/statuses", {"status": "I shall regret this"})
    await fediverse.settle()
    (seen,) = await bob.get("/api/v1/timelines/home")
    await beta.app.moving.add_alias(new.account.id, "alice@a.test")
    await alpha.app.moving.move(alice.account.id, "newalice@b.test")
    await fediverse.settle()
    assert await alpha.count(FollowerInbox) == 0

    await alice.delete(f"/api/v1/statuses/{said['id']}")
    await fediverse.settle()

    assert (await bob.call("GET", f"/api/v1/statuses/{seen['id']}"))[0] == 404


async def test_who_moved_says_nothing_new_until_the_move_is_undone(
    fediverse: Fediverse, alice: Client
) -> None:
    alpha = fediverse.alpha
    new, other = await alpha.person("second"), await alpha.person("other")
    await follow(fediverse, other, "@alice@a.test")
    moving = alpha.app.moving
    await moving.add_alias(new.account.id, alice.account.uri)
    await moving.move(alice.account.id, "second")
    await fediverse.settle()
    assert await follows(alpha) == {(other.account.uri, new.account.uri, True)}
    await alice.post("/api/v1/statuses", {"status": "still here"}, expect=403)
    await alice.post(f"/api/v1/accounts/{other.id}/follow", expect=403)
    await other.post(f"/api/v1/accounts/{alice.id}/follow", expect=403)
    with pytest.raises(Conflict):
        await moving.move(alice.account.id, "second")
    await moving.undo(alice.account.id)
    assert (await alice.get("/api/v1/accounts/verify_credentials"))["moved"] is None
    await alice.post("/api/v1/statuses", {"status": "back"})
    with pytest.raises(Conflict):
        await moving.move(alice.account.id, "second")
    fediverse.clock.advance(days=31)
    await moving.move(alice.account.id, "second")


async def test_a_follow_of_somebody_who_moved_away_is_rejected(fediverse: Fediverse, alice: Client) -> None:
    alpha, peer = fediverse.alpha, fediverse.peer
    new = await alpha.person("second")
    await alpha.app.moving.add_alias(new.account.id, alice.account.uri)
    await alpha.app.moving.move(alice.account.id, "second")
    carol = peer.actor()
    await peer.post(alpha.inbox, peer.activity("Follow", carol, alice.account.uri))
    await fediverse.settle()
    assert [each.activity["type"] for each in peer.received] == ["Reject"]
    assert await alpha.count(Follow) == 0


@pytest.mark.attack(26)
async def test_the_account_somebody_left_does_not_take_their_followers_back(
    fediverse: Fediverse, alice: Client
) -> None:
    """carol moved to dave, who names her for it; years later c.test, in other hands, pulls."""
    carol, dave = await follows_carol(fediverse, alice)
    peer, alpha = fediverse.peer, fediverse.alpha
    peer.documents[dave]["alsoKnownAs"] = [carol]
    peer.documents[carol]["movedTo"] = dave
    await move(fediverse, carol, carol, dave)
    fediverse.clock.advance(days=400)
    del peer.documents[carol]["movedTo"]
    peer.documents[carol]["alsoKnownAs"] = [dave]
    settled = await follows(alpha)
    await move(fediverse, carol, dave, carol, 2)
    assert await follows(alpha) == settled
    assert await alpha.count(Migration) == 1
