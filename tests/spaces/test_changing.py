"""Changing a Space before it begins and while it is live; and starting one from a post."""

from datetime import timedelta

import pytest

from fedispace.clock import ManualClock
from fedispace.errors import Conflict, Forbidden, Invalid
from fedispace.spaces import members
from fedispace.spaces.models import LiveSession
from fedispace.spaces.roles import MemberRole
from fedispace.spaces.room import room_of
from fedispace.spaces.verbs.changing import Changes
from fedispace.threads.written import Draft
from tests.spaces.town import Town


async def test_the_host_changes_the_words_and_peers_are_told_once(town: Town) -> None:
    alice = await town.resident("alice")
    space = await town.live_space(alice)
    before = len(await town.sent())
    wanted = Changes(title="A floor", topics=["rust", "#wasm"], language="en", speak_policy="followers")
    await town.verbs.changing.change(alice.id, space.id, wanted)
    await town.verbs.changing.change(alice.id, space.id, wanted)
    [update] = (await town.sent())[before:]
    assert (update["type"], update["object"]["name"]) == ("Update", "A floor")
    assert [tag["name"] for tag in update["object"]["tag"]] == ["#rust", "#wasm"]
    stored = await town.stored(space.id)
    assert (stored.language, stored.speak_policy, stored.updated_at > space.updated_at) == (
        "en",
        "followers",
        True,
    )


async def test_nobody_but_the_host_changes_it_and_not_into_nonsense(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space = await town.live_space(alice)
    async with town.db.transaction() as tx:
        tx.add(members.born(space.id, bob.id, MemberRole.COHOST, town.clock.now()))
    change = town.verbs.changing.change
    with pytest.raises(Forbidden):
        await change(bob.id, space.id, Changes(title="Mine"))
    for wrong in (
        Changes(title=" "),
        Changes(topics=["a b"]),
        Changes(topics=["a", "b", "c", "d"]),
        Changes(language="??"),
        Changes(description="x" * 100_000),
    ):
        with pytest.raises(Invalid):
            await change(alice.id, space.id, wrong)
    await town.hosting.close(alice, space.id)
    with pytest.raises(Conflict, match="over"):
        await change(alice.id, space.id, Changes(title="Late"))


async def test_a_space_is_moved_before_it_begins_and_not_after(town: Town, clock: ManualClock) -> None:
    alice = await town.resident("alice")
    first, then = clock.now() + timedelta(days=1), clock.now() + timedelta(days=2)
    space = await town.hosting.create(alice, title="Soon", starts_at=first)
    change = town.verbs.changing.change
    with pytest.raises(Invalid, match="14 days"):
        await change(alice.id, space.id, Changes(starts_at=clock.now() + timedelta(days=15)))
    await change(alice.id, space.id, Changes(starts_at=then))
    stored = await town.stored(space.id)
    assert (stored.starts_at, stored.previous_starts_at) == (
        then.replace(microsecond=0),
        first.replace(microsecond=0),
    )
    second = await town.hosting.create(alice, title="At once")
    with pytest.raises(Conflict, match="another Space scheduled"):
        await change(alice.id, second.id, Changes(starts_at=first))
    await town.hosting.open(alice, space.id)
    with pytest.raises(Conflict, match="begun"):
        await change(alice.id, space.id, Changes(starts_at=first))


async def test_who_may_not_be_there_any_more_leaves_when_the_door_narrows(town: Town) -> None:
    people = {name: await town.resident(name) for name in ("alice", "fan", "other", "sam", "hand")}
    alice = people["alice"]
    await town.follow(people["fan"], alice)
    space = await town.live_space(alice)
    now = town.clock.now()
    async with town.db.transaction() as tx:
        tx.add(members.born(space.id, people["sam"].id, MemberRole.SPEAKER, now))
        tx.add(members.born(space.id, people["hand"].id, MemberRole.LISTENER, now))
        for name in (None, "fan", "other", "sam", "hand"):
            tx.add(
                LiveSession(
                    resource=str(name),
                    engine_session=str(name),
                    space_id=space.id,
                    account_id=None if name is None else people[name].id,
                    role="listener",
                    created_at=now,
                    connected_at=now,
                    sfu="studio",
                )
            )

    await town.verbs.changing.change(alice.id, space.id, Changes(access="followers"))
    assert {session for _, session in town.orders.hung_up} == {"None", "other", "hand"}
    assert (await town.stored(space.id)).listener_count == 2
    await town.verbs.changing.change(alice.id, space.id, Changes(access="invited"))
    assert {session for _, session in town.orders.hung_up} == {"None", "other", "hand", "fan"}
    await town.verbs.changing.change(alice.id, space.id, Changes(access="public"))
    assert len(town.orders.hung_up) == 4


async def test_a_space_about_a_post_holds_it_up(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    publishing = town._publishing()
    [post] = await publishing.publish(bob, [Draft(text="Shall we talk?")], visibility="public")
    [secret] = await publishing.publish(bob, [Draft(text="Psst")], visibility="private")
    space = await town.hosting.create(alice, title="About it", about_id=post.id)
    await town.hosting.open(alice, space.id)
    async with town.db.reading() as tx:
        view = await room_of(tx, space.id, None, town.clock.now())
    assert [pin.status_id for pin in view.pins] == [post.id]
    for hidden in (secret.id, 1):
        with pytest.raises(Invalid):
            await town.hosting.create(alice, title="About that", about_id=hidden)
