"""What we keep of an actor of another server, and what it may change of it."""

import pytest
from sqlalchemy import select

from fedispace.accounts.departures import Departures
from fedispace.accounts.following import Following
from fedispace.accounts.models import Account
from fedispace.accounts.models import Follow as FollowRow
from fedispace.errors import Gone, NotFound
from fedispace.federation.models import ActorKey, ActorRow, FollowerInbox
from fedispace.federation.vocab.activities import Delete, Follow, Update
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.uri import Uri
from fedispace.queue.jobs import Jobs
from fedispace.queue.models import Job
from tests.accounts.test_being_followed import follow_by
from tests.factories import Home, remote_actor


def update_by(actor: Actor, by: str = "", number: int = 1) -> Update:
    sender = Uri(by or actor.id)
    return Update(id=Uri(f"{sender}/updates/{number}"), actor=sender, object=actor)


def delete_of(uri: str, by: str) -> Delete:
    return Delete(id=Uri(f"{by}/deletes/1"), actor=Uri(by), object=Uri(uri))


async def test_there_is_no_profile_of_an_actor_we_do_not_know(home: Home) -> None:
    async with home.db.transaction() as tx:
        with pytest.raises(NotFound):
            await home.people.ensure(tx, "https://b.example/users/nobody")


async def test_nobody_rewrites_the_profile_of_another(home: Home) -> None:
    bob = await home.stranger()
    mallory = await home.stranger(remote_actor("mallory"))
    forged = update_by(remote_actor(name="Owned"), by=mallory.uri)
    assert (await home.receive(forged)).startswith("dropped not_owner")
    assert (await home.account(bob.id)).display_name == ""


async def test_an_inbox_cannot_be_moved_to_another_server(home: Home) -> None:
    await home.stranger()
    told = remote_actor()
    moved = Actor(
        id=told.id, type="Person", preferred_username="bob", inbox=Uri("https://victim.example/inbox")
    )
    assert (await home.receive(update_by(moved))).startswith("dropped origin_mismatch")


async def test_nobody_deletes_the_account_of_another(home: Home) -> None:
    bob = await home.stranger()
    mallory = await home.stranger(remote_actor("mallory"))
    await home.receive(delete_of(bob.uri, by=mallory.uri))
    assert (await home.account(bob.id)).username == "bob"
    assert (await home.account(mallory.id)).username == "mallory"


async def test_deleting_a_post_leaves_its_author(home: Home) -> None:
    bob = await home.stranger()
    await home.receive(delete_of(f"{bob.uri}/statuses/1", by=bob.uri))
    assert (await home.account(bob.id)).username == "bob"


async def test_hostile_markup_does_not_survive_in_a_profile(home: Home) -> None:
    bob = await home.stranger(
        remote_actor(summary='<p>Hi<script>alert(1)</script> <a href="javascript:x">me</a></p>')
    )
    assert "script" not in bob.note
    assert "Hi" in bob.note


async def test_a_profile_tells_what_its_actor_said(home: Home) -> None:
    bob = await home.stranger(remote_actor(name=" Bob\n the  Builder ", locked=True))
    assert (bob.username, bob.domain, bob.display_name) == ("bob", "b.example", "Bob the Builder")
    assert bob.url == "https://b.example/@bob"
    assert bob.locked
    assert not bob.local


async def test_an_update_is_taken_over_and_the_name_stays(home: Home) -> None:
    bob = await home.stranger()
    told = remote_actor(name="Bob", summary="<p>New</p>", locked=True)
    renamed = Actor(
        id=told.id,
        type="Service",
        preferred_username="alice",
        name="Bob",
        summary="<p>New</p>",
        inbox=told.inbox,
        public_keys=told.public_keys,
    )
    assert await home.receive(update_by(renamed)) == "done"
    after = await home.account(bob.id)
    assert (after.username, after.display_name, after.note, after.bot) == ("bob", "Bob", "<p>New</p>", True)


async def test_a_follower_that_moves_its_inbox_is_delivered_to_at_the_new_one(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    await home.receive(follow_by(bob, alice))
    assert await home.receive(update_by(remote_actor(shared_inbox=False))) == "done"
    async with home.db.reading() as tx:
        inboxes = (await tx.scalars(select(FollowerInbox.inbox))).all()
    assert list(inboxes) == [f"{bob.uri}/inbox"]


async def test_an_account_that_deletes_itself_is_gone_with_its_follows(
    home: Home, following: Following
) -> None:
    alice, bob = await home.person(), await home.stranger()
    await home.receive(follow_by(bob, alice))
    await following.follow(alice, bob.id)
    follow = (await home.sent())[-1]
    assert isinstance(follow, Follow)
    assert await home.receive(delete_of(bob.uri, by=bob.uri)) == "done"
    departures = Departures(home.outbox, Jobs(home.ids, home.clock, home.bus))
    async with home.db.transaction() as tx:
        assert [job.arguments for job in await tx.scalars(select(Job))] == [{"account": bob.id}]
        assert (await tx.get_one(Account, bob.id)).is_suspended
        assert not await departures.forget_follows(tx, bob.id)
    assert (await home.account(alice.id)).followers_count == 0
    async with home.db.transaction() as tx:
        assert (await tx.scalars(select(FollowerInbox))).all() == []
        assert (await tx.scalars(select(FollowRow))).all() == []
        assert (await tx.scalars(select(ActorKey).where(ActorKey.actor_id == bob.id))).all() == []
        row = await tx.get_one(ActorRow, bob.id)
        assert row.gone_at == home.clock.now()
        with pytest.raises(Gone):
            await home.people.ensure(tx, bob.uri)


async def test_names_are_found_in_any_case_and_under_any_of_our_own_names(home: Home) -> None:
    alice, bob = await home.person("Alice"), await home.stranger()
    async with home.db.reading() as tx:
        for domain in ("", "a.example", "A.EXAMPLE"):
            found = await home.people.by_handle(tx, "aLiCe", domain)
            assert found is not None
            assert found.id == alice.id
        remote = await home.people.by_handle(tx, "BOB", "B.example")
        assert remote is not None
        assert remote.id == bob.id
        assert await home.people.by_handle(tx, "bob") is None
        assert await home.people.by_handle(tx, "bob", "b.example/../x") is None
        for nobody in ("", "\0", "\ud800", "%", "x" * 5000):
            assert await home.people.by_handle(tx, nobody) is None


async def test_a_second_actor_of_one_name_does_not_take_the_address(home: Home) -> None:
    bob = await home.stranger()
    other = await home.stranger(remote_actor(uri="https://b.example/people/2"))
    assert other.id != bob.id
    async with home.db.reading() as tx:
        found = await home.people.by_handle(tx, "bob", "b.example")
    assert found is not None
    assert found.id == bob.id


async def test_webfinger_decides_who_has_an_address(home: Home) -> None:
    bob = await home.stranger()
    other = await home.stranger(remote_actor(uri="https://b.example/people/2"))
    async with home.db.transaction() as tx:
        await home.people.claim(tx, await home.people.by_id(tx, other.id), "b.example")
    async with home.db.reading() as tx:
        found = await home.people.by_handle(tx, "bob", "b.example")
        assert found is not None
        assert found.id == other.id
        assert (await home.people.by_id(tx, bob.id)).username == "bob"


async def test_many_profiles_are_read_at_once(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    async with home.db.reading() as tx:
        assert set(await home.people.by_ids(tx, [alice.id, bob.id, 7])) == {alice.id, bob.id}
        assert await home.people.by_ids(tx, []) == {}
        assert set(await home.people.by_uris(tx, [bob.uri, "https://x.example/"])) == {bob.uri}
