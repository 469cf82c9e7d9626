"""What a host forgets: Spaces left live with nobody in them, and Spaces never opened."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.queue import periodic
from fedispace.spaces import members, presence
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession, Member, Space
from fedispace.spaces.roles import MemberRole
from tests.api.site import Site
from tests.ground.eventually import eventually
from tests.spaces.town import Town


async def somebody_in(town: Town, space: Space, account: Account | None = None) -> str:
    """Write somebody into a Space, as the SFU reports it; return their session."""
    name = town.ids.token()
    async with town.db.transaction() as tx:
        tx.add(
            LiveSession(
                resource=name,
                engine_session=name,
                space_id=space.id,
                account_id=None if account is None else account.id,
                role="listener",
                created_at=town.clock.now(),
                connected_at=town.clock.now(),
            )
        )
    return name


async def goes(town: Town, session: str) -> None:
    async with town.db.transaction() as tx:
        found = await tx.get(LiveSession, session)
        assert found is not None
        found.ended_at = town.clock.now()


async def state(town: Town, space: Space) -> str:
    return (await town.stored(space.id)).state


@pytest.mark.attack(106)
async def test_a_live_space_is_not_closed_before_nobody_was_in_it_for_half_a_day(
    town: Town, clock: ManualClock
) -> None:
    space = await town.live_space(await town.resident("alice"))
    session = await somebody_in(town, space)
    clock.advance(hours=30)
    await town.hosting.reap()
    assert await state(town, space) == Phase.LIVE
    await goes(town, session)
    clock.advance(hours=11, minutes=59)
    await town.hosting.reap()
    assert await state(town, space) == Phase.LIVE
    clock.advance(minutes=1)
    await town.hosting.reap()
    assert await state(town, space) == Phase.ENDED


@pytest.mark.attack(106)
async def test_a_space_that_nobody_ever_entered_is_closed_half_a_day_after_it_went_live(
    town: Town, clock: ManualClock
) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="Later", starts_at=clock.now() + timedelta(days=1))
    clock.advance(hours=36)
    await town.hosting.open(alice, space.id)
    await town.hosting.reap()
    assert await state(town, space) == Phase.LIVE
    clock.advance(hours=12)
    await town.hosting.reap()
    assert await state(town, space) == Phase.ENDED


async def test_a_space_that_was_never_opened_is_cancelled_a_day_after_its_time(
    town: Town, clock: ManualClock
) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="Later", starts_at=clock.now() + timedelta(days=1))
    clock.advance(hours=47, minutes=59)
    await town.hosting.reap()
    assert await state(town, space) == Phase.SCHEDULED
    clock.advance(minutes=1)
    await town.hosting.reap()
    assert await state(town, space) == Phase.CANCELLED


async def test_the_world_is_told_once_by_the_host(town: Town, clock: ManualClock) -> None:
    alice = await town.resident("alice")
    left, planned = await town.live_space(alice), await town.hosting.create(alice, title="Never")
    before = len(await town.sent())
    clock.advance(hours=24)
    await town.hosting.reap()
    await town.hosting.reap()
    ended, cancelled = (await town.sent())[before:]
    assert (ended["type"], ended["actor"]) == ("Update", alice.uri)
    assert (ended["object"]["id"], ended["object"]["liveState"]) == (left.uri, "ended")
    assert ended["object"]["endTime"] == "2026-11-13T19:00:00Z"
    assert (cancelled["type"], cancelled["actor"]) == ("Update", alice.uri)
    assert (cancelled["object"]["id"], cancelled["object"]["status"]) == (planned.uri, "CANCELLED")


async def test_what_another_server_says_of_its_spaces_is_not_ours_to_change(
    town: Town, clock: ManualClock
) -> None:
    space = await town.live_space(await town.resident("alice"))
    async with town.db.transaction() as tx:
        found = await tx.get(Space, space.id)
        assert found is not None
        found.local = False
    clock.advance(hours=100)
    await town.hosting.reap()
    assert await state(town, space) == Phase.LIVE


@pytest.mark.privacy("P-14")
async def test_who_was_in_a_room_is_forgotten_after_a_day(town: Town, clock: ManualClock) -> None:
    """Nobody can be asked for a list of listeners that is nowhere."""
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space = await town.live_space(alice)
    before = clock.now()
    async with town.db.transaction() as tx:
        for name, ended_at in (("gone", before), ("there", None)):
            tx.add(
                LiveSession(
                    resource=name,
                    engine_session=name,
                    space_id=space.id,
                    account_id=bob.id,
                    role="listener",
                    created_at=before,
                    connected_at=before,
                    ended_at=ended_at,
                    sfu="studio",
                )
            )

    async def known() -> list[str]:
        await presence.prune(town.db, clock)
        async with town.db.reading() as tx:
            return list(await tx.scalars(select(LiveSession.resource).order_by(LiveSession.resource)))

    clock.advance(hours=23)
    assert await known() == ["gone", "there"]
    clock.advance(hours=1)
    assert await known() == ["there"]


@pytest.mark.privacy("P-14")
async def test_who_only_listened_is_forgotten_a_day_after_the_end_and_nobody_else(
    town: Town, clock: ManualClock
) -> None:
    """Whoever was on stage, sent out or asked in still is: it decides what they may see and do."""
    alice, bob = await town.resident("alice"), await town.resident("bob")
    people = {name: await town.resident(name) for name in ("sam", "out", "asked", "came", "hand", "shown")}
    rooms = {
        access: await town.live_space(alice, access=access) for access in ("public", "followers", "invited")
    }
    others = await town.live_space(bob)
    written: dict[str, dict[str, Any]] = {
        "sam": {"role": "speaker"},
        "out": {"removed_at": clock.now()},
        "asked": {"invited_as": "speaker"},
        "came": {"invite_uri": "https://a.example/activities/"},
        "hand": {"hand_at": clock.now(), "muted_at": clock.now()},
        "shown": {"is_shown": True},
    }
    async with town.db.transaction() as tx:
        for space in (*rooms.values(), others):
            for name, values in written.items():
                row = members.born(space.id, people[name].id, MemberRole.LISTENER, clock.now())
                for column, value in values.items():
                    setattr(row, column, f"{value}{space.id}" if column == "invite_uri" else value)
                tx.add(row)

    async def known(space: Space) -> set[str]:
        await members.prune(town.db, clock)
        async with town.db.reading() as tx:
            found = await tx.scalars(
                select(Account.username)
                .join(Member, Member.account_id == Account.id)
                .where(Member.space_id == space.id, Account.id.in_([one.id for one in people.values()]))
            )
            return set(found)

    clock.advance(minutes=30)
    for space in rooms.values():
        await town.hosting.close(alice, space.id)
    clock.advance(hours=23, minutes=59)
    assert await known(rooms["public"]) == set(people)
    clock.advance(minutes=1)
    for access in ("public", "followers"):
        assert await known(rooms[access]) == {"sam", "out", "asked", "came"}
    assert await known(rooms["invited"]) == set(people), "the list of guests"
    assert await known(others) == set(people), "still live"
    async with town.db.reading() as tx:
        assert await members.role_of(tx, rooms["public"].id, alice.id) is MemberRole.HOST


async def test_housekeeping_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "FIRST_AFTER", 0.0)
    async with Site(tmp_path) as site:
        alice = await site.person("alice")
        made = await alice.post("/api/fedispace/v1/spaces", {"title": "Never"}, expect=201)
        site.home.clock.advance(hours=24)
        site.app.housekeeping.start()
        await eventually(
            "the Space is cancelled",
            lambda: alice.get(f"/api/fedispace/v1/spaces/{made['id']}"),
            lambda space: bool(space["state"] == "cancelled"),
        )
