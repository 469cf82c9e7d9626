"""Changing a Space before it begins and while it is live; and starting one from a post."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from fedispace.clock import ManualClock
from fedispace.errors import Conflict, Forbidden, Invalid
from fedispace.federation.vocab.activities import Join
from fedispace.federation.vocab.uri import Uri
from fedispace.spaces import members
from fedispace.spaces.models import Attendance, LiveSession
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
    assert [held.pin.status_id for held in view.pins] == [post.id]
    for hidden in (secret.id, 1):
        with pytest.raises(Invalid):
            await town.hosting.create(alice, title="About that", about_id=hidden)


async def test_who_was_coming_and_may_not_see_it_any_more_is_told_so_and_nothing_else(town: Town) -> None:
    alice, here = await town.resident("alice"), await town.resident("here")
    people = {name: await town.stranger(name) for name in ("guest", "fan", "other")}
    await town.follow(people["fan"], alice)
    space = await town.live_space(alice)
    for name, who in people.items():
        join = Join(id=Uri(f"https://b.example/joins/{name}"), actor=Uri(who.uri), object=Uri(space.uri))
        await town.receive(join)
    async with town.db.transaction() as tx:
        tx.add(members.born(space.id, people["guest"].id, MemberRole.SPEAKER, town.clock.now()))
        tx.add(
            Attendance(space_id=space.id, account_id=here.id, join_uri="#here", created_at=town.clock.now())
        )

    async def told(changes: Changes) -> tuple[set[str], set[str]]:
        """Return who hears of a change by name, and whose Join is rejected."""
        before = len(await town.sent())
        await town.verbs.changing.change(alice.id, space.id, changes)
        names = {who.id: name for name, who in people.items()}
        updated: set[str] = set()
        rejected: set[str] = set()
        for said, audience in zip(
            (await town.sent())[before:], (await town.audiences())[before:], strict=True
        ):
            into = updated if said["type"] == "Update" else rejected
            into |= {names[one] for one in audience["actors"]}
        return updated, rejected

    assert await told(Changes(title="For all")) == ({"guest", "fan", "other"}, set())
    assert await told(Changes(title="Among us", access="followers")) == ({"guest", "fan"}, {"other"})
    assert await told(Changes(title="Very much", access="invited")) == ({"guest"}, {"fan"})
    async with town.db.reading() as tx:
        assert set(await tx.scalars(select(Attendance.account_id))) == {people["guest"].id}


async def test_whom_the_host_blocks_hears_no_more_of_what_they_were_coming_to(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    await town.receive(Join(id=Uri("https://b.example/joins/1"), actor=Uri(bob.uri), object=Uri(space.uri)))
    await town.block(alice, bob)
    await town.verbs.changing.change(alice.id, space.id, Changes(title="Without him"))
    assert bob.id not in (await town.audiences())[-1]["actors"]
