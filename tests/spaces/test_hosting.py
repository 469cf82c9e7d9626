"""What a host does, and what the world is told of it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.clock import ManualClock
from fedispace.config import Spaces as Limits
from fedispace.errors import Conflict, Forbidden, IllegalStep, Invalid, NotFound
from fedispace.federation.vocab.activities import Join
from fedispace.federation.vocab.uri import Uri
from fedispace.queue.models import Job
from fedispace.spaces.models import Attendance
from fedispace.spaces.reminders import TELL_CANCELLED
from fedispace.spaces.verbs.hosting import MAX_UNFINISHED
from fedispace.threads.models import Status
from tests.spaces.town import Town

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


async def test_only_the_host_opens_closes_or_cancels(town: Town) -> None:
    alice, mallory = await town.resident("alice"), await town.resident("mallory")
    space = await town.hosting.create(alice, title="Mine")
    for step in (town.hosting.open, town.hosting.close, town.hosting.cancel):
        with pytest.raises(Forbidden):
            await step(mallory, space.id)
    hidden = await town.hosting.create(alice, title="Ours", access="invited")
    with pytest.raises(NotFound):
        await town.hosting.open(mallory, hidden.id)
    assert (await town.stored(space.id)).state == "scheduled"
    assert len(await town.sent()) == 2


async def test_a_step_out_of_order_changes_and_sends_nothing(town: Town) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="Mine")
    with pytest.raises(IllegalStep):
        await town.hosting.close(alice, space.id)
    await town.hosting.open(alice, space.id)
    sent = len(await town.sent())
    for step in (town.hosting.open, town.hosting.cancel):
        with pytest.raises(IllegalStep):
            await step(alice, space.id)
    assert len(await town.sent()) == sent
    assert (await town.stored(space.id)).state == "live"


async def test_two_requests_at_once_take_a_step_once(town: Town) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="Mine")
    outcomes = await asyncio.gather(
        *(town.hosting.open(alice, space.id) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, IllegalStep) for outcome in outcomes) == 4
    assert [activity["type"] for activity in await town.sent()] == ["Create", "Update", "Create"]


async def test_two_requests_at_once_do_not_schedule_two_spaces(town: Town, clock: ManualClock) -> None:
    alice = await town.resident("alice")
    tomorrow = clock.now() + timedelta(days=1)
    outcomes = await asyncio.gather(
        *(town.hosting.create(alice, title="Mine", starts_at=tomorrow) for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 4
    assert len(await town.sent()) == 1


@pytest.mark.parametrize("title", ["", "   ", "\n\t", "x" * 201, "\x00\x07"])
async def test_a_space_without_a_proper_title_is_refused(town: Town, title: str) -> None:
    alice = await town.resident("alice")
    with pytest.raises(Invalid) as refusal:
        await town.hosting.create(alice, title=title)
    assert refusal.value.field == "title"
    assert await town.sent() == []


async def test_nobody_schedules_beyond_the_horizon(town: Town, clock: ManualClock) -> None:
    alice = await town.resident("alice")
    with pytest.raises(Invalid, match="14 days"):
        await town.hosting.create(alice, title="Far", starts_at=clock.now() + timedelta(days=14, seconds=1))
    space = await town.hosting.create(alice, title="Near", starts_at=clock.now() + timedelta(days=14))
    assert space.starts_at == clock.now() + timedelta(days=14)


async def test_a_host_schedules_one_space_at_a_time_but_may_still_go_live_now(
    town: Town, clock: ManualClock
) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    tomorrow = clock.now() + timedelta(days=1)
    first = await town.hosting.create(alice, title="First", starts_at=tomorrow)
    with pytest.raises(Conflict, match="one Space scheduled"):
        await town.hosting.create(alice, title="Second", starts_at=tomorrow)
    await town.live_space(alice)
    await town.hosting.create(bob, title="His", starts_at=tomorrow)
    await town.hosting.cancel(alice, first.id)
    await town.hosting.create(alice, title="Second", starts_at=tomorrow)


async def test_an_administrator_may_allow_more(tmp_path: Path, clock: ManualClock) -> None:
    town = await Town.open(
        tmp_path,
        clock,
        "https://a.example",
        limits=Limits(max_scheduled_per_host=2, schedule_horizon_days=30),
    )
    alice = await town.resident("alice")
    for _ in range(2):
        await town.hosting.create(alice, title="Soon", starts_at=clock.now() + timedelta(days=29))
    with pytest.raises(Conflict, match="2 Spaces"):
        await town.hosting.create(alice, title="Soon", starts_at=clock.now() + timedelta(days=29))
    await town.close()


@pytest.mark.attack(106)
async def test_spaces_that_were_never_opened_do_not_pile_up(town: Town) -> None:
    alice = await town.resident("alice")
    for _ in range(MAX_UNFINISHED):
        await town.hosting.create(alice, title="Now")
    with pytest.raises(Conflict, match="close or cancel one first"):
        await town.hosting.create(alice, title="Now")


async def test_a_time_in_the_past_means_now(town: Town, clock: ManualClock) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="Late", starts_at=clock.now() - timedelta(days=3))
    assert space.starts_at == clock.now()


async def test_creating_tells_followers_of_an_event_and_of_nothing_else(
    town: Town, clock: ManualClock
) -> None:
    alice = await town.resident("alice")
    starts = clock.now() + timedelta(days=2)
    space = await town.hosting.create(
        alice, title=" Rust in\nthe browser ", description="Come ask.", starts_at=starts
    )
    [create] = await town.sent()
    assert create["type"] == "Create"
    assert create["actor"] == alice.uri
    assert create["to"] == [PUBLIC]
    assert create["cc"] == [f"{alice.uri}/followers"]
    event = create["object"]
    assert event["id"] == space.uri == f"https://a.example/spaces/{space.id}"
    assert event["name"] == "Rust in the browser"
    assert event["liveState"] == "scheduled"
    assert event["summary"] == "Sat 14 Nov 2026, 19:00 UTC - hosted by @alice@a.example"
    assert event["published"] == "2026-11-12T19:00:00Z"
    assert "updated" not in event
    assert await town.audiences() == [{"followers": True, "actors": []}]


async def test_going_live_updates_the_event_and_publishes_a_post_in_one_transaction(
    town: Town, clock: ManualClock
) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="An open floor")
    clock.advance(milliseconds=200)
    opened = await town.hosting.open(alice, space.id)
    _, update, create = await town.sent()
    event, note = update["object"], create["object"]
    assert update["type"] == "Update"
    assert event["id"] == space.uri
    assert event["liveState"] == "live"
    assert event["summary"].startswith("LIVE now - Thu 12 Nov 2026, 19:00 UTC")
    assert event["updated"] > event["published"]
    assert event["startedAt"] == "2026-11-12T19:00:00Z"
    assert note["type"] == "Note"
    assert note["inReplyTo"] == space.uri
    assert note["context"] == event["context"]
    assert "Alice is live: An open floor" in note["content"]
    assert space.url in note["content"]
    assert space.uri in [tag["href"] for tag in note["tag"] if tag["type"] == "Link"]
    async with town.db.reading() as tx:
        [status] = (await tx.scalars(select(Status))).all()
    assert opened.announcement_id == status.id
    assert status.subject_uri == space.uri


async def test_nobody_is_told_when_the_announcement_cannot_be_written(town: Town) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="Mine")
    async with town.db.transaction() as tx:
        found = await tx.get(type(space), space.id)
        assert found is not None
        found.url = "x" * 30_000  # the post would be longer than a post may be
    with pytest.raises(Invalid):
        await town.hosting.open(alice, space.id)
    assert (await town.stored(space.id)).state == "scheduled"
    assert len(await town.sent()) == 1


@pytest.mark.parametrize(
    ("access", "to", "cc", "audience", "note_to"),
    [
        ("public", [PUBLIC], ["/followers"], True, [PUBLIC]),
        ("unlisted", ["/followers"], [PUBLIC], True, ["/followers"]),
        ("followers", ["/followers"], None, True, ["/followers"]),
    ],
)
async def test_the_event_and_its_post_are_addressed_as_widely_as_the_space_is_open(
    town: Town, access: Any, to: list[str], cc: list[str] | None, audience: bool, note_to: list[str]
) -> None:
    alice = await town.resident("alice")

    def full(short: list[str]) -> list[str]:
        return [alice.uri + one if one.startswith("/") else one for one in short]

    await town.live_space(alice, access=access)
    create, update, note = await town.sent()
    for activity in (create, update):
        assert activity["to"] == activity["object"]["to"] == full(to)
        assert activity.get("cc") == (None if cc is None else full(cc))
    assert note["object"]["to"] == full(note_to)
    assert all(one["followers"] is audience for one in await town.audiences())


async def test_a_space_for_invited_people_is_told_to_nobody(town: Town) -> None:
    alice = await town.resident("alice")
    space = await town.live_space(alice, access="invited")
    assert space.announcement_id is None
    assert [activity["type"] for activity in await town.sent()] == ["Create", "Update"]
    assert await town.audiences() == [{"followers": False, "actors": []}] * 2


async def test_closing_states_the_end_and_sends_everybody_home(town: Town, clock: ManualClock) -> None:
    alice = await town.resident("alice")
    space = await town.live_space(alice)
    clock.advance(minutes=42)
    ended = await town.hosting.close(alice, space.id)
    event = (await town.sent())[-1]["object"]
    assert event["liveState"] == "ended"
    assert event["endTime"] == event["endedAt"] == "2026-11-12T19:42:00Z"
    assert event["summary"].startswith("Ended - ")
    assert "listenerCount" not in event
    assert ended.state == "ended"
    assert town.rooms.closed == [space.id]


async def test_a_cancelled_space_is_updated_and_never_deleted(town: Town, clock: ManualClock) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="Off", starts_at=clock.now() + timedelta(hours=1))
    await town.hosting.cancel(alice, space.id)
    update = (await town.sent())[-1]
    assert update["type"] == "Update"
    assert update["object"]["eventStatus"] == "EventCancelled"
    assert update["object"]["status"] == "CANCELLED"
    assert update["object"]["summary"].startswith("Cancelled - ")
    assert update["object"]["updated"] > update["object"]["published"]


async def test_a_life_within_a_second_still_has_rising_updates(town: Town) -> None:
    alice = await town.resident("alice")
    space = await town.live_space(alice)
    await town.hosting.close(alice, space.id)
    events = [a["object"] for a in await town.sent() if a["object"]["type"] == "Event"]
    moments = [event.get("updated", event["published"]) for event in events]
    assert moments == sorted(set(moments))
    assert all(event["endTime"] > event["startTime"] for event in events)


async def test_opening_early_moves_the_start_so_that_the_end_stays_behind_it(
    town: Town, clock: ManualClock
) -> None:
    alice = await town.resident("alice")
    space = await town.hosting.create(alice, title="Early", starts_at=clock.now() + timedelta(days=1))
    await town.hosting.open(alice, space.id)
    clock.advance(minutes=5)
    await town.hosting.close(alice, space.id)
    event = (await town.sent())[-1]["object"]
    assert event["startTime"] == "2026-11-12T19:00:00Z"
    assert event["endTime"] == "2026-11-12T19:05:00Z"


async def test_those_who_said_that_they_will_come_are_told_of_every_change(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.hosting.create(alice, title="Soon")
    await town.receive(Join(id=Uri(f"{bob.uri}/join/1"), actor=Uri(bob.uri), object=Uri(space.uri)))
    await town.hosting.open(alice, space.id)
    sent = dict(zip([a["type"] for a in await town.sent()], await town.audiences(), strict=True))
    assert sent["Update"] == {"followers": True, "actors": [bob.id]}
    assert (await town.sent())[2]["object"]["attendees"]["totalItems"] == 1


async def test_who_is_coming_is_told_also_when_somebody_else_calls_it_off(
    town: Town, clock: ManualClock
) -> None:
    alice, bob = await town.resident("alice"), await town.resident("bob")
    space = await town.hosting.create(alice, title="Soon", starts_at=clock.now() + timedelta(days=1))
    async with town.db.transaction() as tx:
        tx.add(Attendance(space_id=space.id, account_id=bob.id, join_uri="#1", created_at=clock.now()))
    await town.hosting.end(space.id)
    async with town.db.reading() as tx:
        assert await tx.scalar(select(Job.arguments).where(Job.kind == TELL_CANCELLED)) == {"space": space.id}
