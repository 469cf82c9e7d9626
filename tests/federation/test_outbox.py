"""The change and the news of it are one fact; where followers listen is counted as they move and go."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.models import Follow as FollowRow
from fedispace.errors import Conflict, Refused
from fedispace.federation.models import ActorKey, FollowerInbox, OutboxItem
from fedispace.federation.outbox import KEPT_FOR, WAKE_FANOUT, Audience
from fedispace.federation.vocab.activities import Follow
from fedispace.federation.vocab.actors import Actor, PublicKeyRef
from fedispace.federation.vocab.uri import Uri
from tests.factories import Home, keys, open_home, remote_actor
from tests.federation.post_office import PostOffice


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with open_home(tmp_path, origin="http://a.test") as opened:
        yield opened


@pytest.fixture
def office(home: Home) -> PostOffice:
    return PostOffice(home)


async def listening(home: Home) -> dict[str, int]:
    async with home.db.reading() as tx:
        rows = await tx.execute(select(FollowerInbox.inbox, FollowerInbox.count))
        return dict(rows.tuples().all())


async def follow(home: Home, follower: Account, target: Account) -> FollowRow:
    async with home.db.transaction() as tx:
        row = FollowRow(
            id=home.ids.next(),
            account_id=follower.id,
            target_id=target.id,
            uri=f"{follower.uri}#follow-{home.ids.next()}",
            accepted=False,
            show_boosts=True,
            created_at=home.clock.now(),
        )
        tx.add(row)
        await tx.flush()
        await home.follows.accept(tx, row)
    return row


async def store(home: Home, actor: Actor) -> None:
    async with home.db.transaction() as tx:
        await home.actors.store(tx, actor)


async def test_nothing_leaves_and_nobody_is_woken_when_the_transaction_fails(
    home: Home, office: PostOffice
) -> None:
    alice, carol = await home.person(), await office.recipient()
    news = Follow(id=Uri(f"{alice.uri}#1"), actor=Uri(alice.uri), object=Uri(carol.uri))

    async def a_use_case_that_fails() -> None:
        async with home.db.transaction() as tx:
            await home.outbox.send(tx, alice.id, news, Audience(actors=(carol.id,)))
            raise Conflict("it failed after all")

    async with home.bus.subscribe(WAKE_FANOUT) as wake_ups:
        with pytest.raises(Conflict):
            await a_use_case_that_fails()
        assert wake_ups._messages.empty()
    await office.fan_out()
    assert await office.rows() == []
    assert await home.sent() == []


@pytest.mark.privacy("P-14")
async def test_what_left_long_ago_is_forgotten_and_what_is_young_is_not(
    home: Home, office: PostOffice
) -> None:
    alice, carol = await home.person(), await office.recipient()
    await office.post(alice, carol)
    home.clock.advance(seconds=KEPT_FOR.total_seconds() - 60)
    young = await office.post(alice, carol)
    home.clock.advance(minutes=2)
    await home.outbox.prune(home.db)
    async with home.db.reading() as tx:
        assert list(await tx.scalars(select(OutboxItem.uri))) == [young]


async def test_followers_behind_one_shared_inbox_are_counted_and_uncounted(home: Home) -> None:
    alice = await home.person()
    carol = await home.stranger(remote_actor("carol", "c.test", scheme="http"))
    dora = await home.stranger(remote_actor("dora", "c.test", scheme="http"))
    rows = [await follow(home, each, alice) for each in (carol, dora)]
    assert await listening(home) == {"http://c.test/inbox": 2}
    for row, left in zip(rows, ({"http://c.test/inbox": 1}, {}), strict=True):
        async with home.db.transaction() as tx:
            await home.follows.end(tx, await tx.get_one(FollowRow, row.id))
        assert await listening(home) == left


async def test_a_follower_that_moves_its_inbox_moves_in_the_fan_out(home: Home) -> None:
    """However we learn of it: what drifted would lose posts here and count for ever there."""
    alice = await home.person()
    carol = await home.stranger(remote_actor("carol", "c.test", scheme="http"))
    await follow(home, carol, alice)
    await store(home, remote_actor("carol", "c.test", scheme="http", shared_inbox=False))
    assert await listening(home) == {"http://c.test/users/carol/inbox": 1}
    await store(home, remote_actor("carol", "c.test", scheme="http"))
    await store(home, remote_actor("carol", "c.test", scheme="http"))
    assert await listening(home) == {"http://c.test/inbox": 1}


async def test_a_follower_that_is_gone_is_not_sent_to(home: Home) -> None:
    alice = await home.person()
    carol = await home.stranger(remote_actor("carol", "c.test", scheme="http"))
    await follow(home, carol, alice)
    async with home.db.transaction() as tx:
        await home.actors.forget(tx, carol.uri)
    assert await listening(home) == {}
    assert (await home.account(alice.id)).followers_count == 0


async def key_owner(home: Home, key_id: str) -> str | None:
    async with home.db.reading() as tx:
        row = await tx.scalar(select(ActorKey).where(ActorKey.key_id == key_id))
        return None if row is None else (await home.actors.by_id(tx, row.actor_id)).uri


def with_key(actor: Actor, key_id: str) -> Actor:
    listed = PublicKeyRef(id=Uri(key_id), owner=actor.id, kind="rsa", pem=keys().rsa_public)
    return Actor(
        id=actor.id,
        type=actor.type,
        preferred_username=actor.preferred_username,
        inbox=actor.inbox,
        public_keys=(listed,),
    )


@pytest.mark.attack(9)
async def test_nobody_takes_the_key_id_of_a_neighbour(home: Home) -> None:
    carol = remote_actor("carol", "c.test", scheme="http")
    thief = remote_actor("thief", "c.test", scheme="http")
    key_id = f"{carol.id}#main-key"
    await store(home, with_key(thief, key_id))
    assert await key_owner(home, key_id) == thief.id
    await store(home, carol)
    assert await key_owner(home, key_id) == carol.id
    await store(home, with_key(thief, key_id))
    assert await key_owner(home, key_id) == carol.id


@pytest.mark.parametrize("part", ["inbox", "shared_inbox", "followers"])
@pytest.mark.attack(30)
@pytest.mark.row(74)
async def test_an_actor_spread_over_two_servers_is_not_stored(home: Home, part: str) -> None:
    elsewhere: Any = {part: Uri("http://victim.test/inbox")}
    spread = replace(remote_actor("carol", "c.test", scheme="http"), **elsewhere)
    with pytest.raises(Refused) as refusal:
        await store(home, spread)
    assert refusal.value.reason == "origin_mismatch"


async def test_nobody_overwrites_an_actor_of_ours(home: Home) -> None:
    alice = await home.person()
    with pytest.raises(Refused):
        await store(home, remote_actor("alice", "a.test", scheme="http"))
    async with home.db.reading() as tx:
        row = await home.actors.by_id(tx, alice.id)
        assert row.document is None
