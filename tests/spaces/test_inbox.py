"""What other servers tell us of Spaces: believed from the host, refused from everybody else."""

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, inspect, select, update

from fedispace.accounts.models import Account, Follow
from fedispace.accounts.paging import Page
from fedispace.clock import ManualClock, iso
from fedispace.config import Spaces as Limits
from fedispace.errors import Refused
from fedispace.federation.vocab.activities import Announce, Delete, Join, Leave
from fedispace.federation.vocab.uri import Uri
from fedispace.queue.models import Job
from fedispace.spaces import queries
from fedispace.spaces.fediverse.announced import FETCH_ANNOUNCED
from fedispace.spaces.fediverse.arrival import MOST_UNFINISHED
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Attendance, Space
from tests.spaces.town import Town

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
EVENT = "https://b.example/spaces/5"


def event_json(host: Account, **more: Any) -> dict[str, Any]:
    document = {
        "id": EVENT,
        "type": "Event",
        "attributedTo": host.uri,
        "to": [PUBLIC],
        "cc": [f"{host.uri}/followers"],
        "name": "Bob's evening",
        "content": f'<p>Tea &amp; talk</p><p><a href="{EVENT}">Listen</a></p>',
        "url": "https://b.example/@bob/spaces/5",
        "published": "2026-11-12T18:00:00Z",
        "startTime": "2026-11-12T20:00:00+01:00",
        "endTime": "2026-11-12T22:00:00+01:00",
        "liveState": "scheduled",
        "space": {
            "type": "fs:AudioSpace",
            "joinEndpoint": f"{EVENT}/join",
            "listen": f"{EVENT}/whep",
            "publish": f"{EVENT}/whip",
        },
    }
    return {**document, **more}


def activity(kind: str, by: Account, event: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return {"id": f"{by.uri}/activities/{number}", "type": kind, "actor": by.uri, "object": event}


async def test_nobody_speaks_for_another_host(town: Town) -> None:
    bob = await town.neighbour("bob")
    for impostor in (await town.stranger("eve"), await town.stranger("bob", "evil.example")):
        with pytest.raises(Refused, match="somebody else"):
            await town.apply(activity("Create", impostor, event_json(bob)))
        with pytest.raises(Refused):
            await town.apply(activity("Create", impostor, event_json(impostor, attributedTo=bob.uri)))
    mine = event_json(impostor, attributedTo=impostor.uri)
    with pytest.raises(Refused):
        await town.apply(activity("Create", impostor, mine))
    assert await town.space_with(EVENT) is None


async def test_a_stranger_cannot_take_over_a_known_space(town: Town) -> None:
    bob, eve = await town.neighbour("bob"), await town.stranger("eve")
    await town.apply(activity("Create", bob, event_json(bob)))
    stolen = event_json(eve, name="Eve's evening", updated="2026-11-12T18:30:00Z")
    with pytest.raises(Refused):
        await town.apply(activity("Update", eve, stolen))
    space = await town.space_with(EVENT)
    assert space is not None
    assert (space.title, space.host_id) == ("Bob's evening", bob.id)


async def test_a_stranger_cannot_fill_the_list_of_spaces(town: Town) -> None:
    await town.resident("alice")
    eve = await town.stranger("eve")
    event = event_json(eve)
    for kind, said in (
        ("Create", event),
        ("Update", event),
        ("Create", {**event, "to": [PUBLIC, "https://a.example/users/nobody", "https://a.example/spaces"]}),
    ):
        with pytest.raises(Refused, match="concerns nobody") as refusal:
            await town.apply(activity(kind, eve, said))
        assert refusal.value.reason == "unrelated"
    assert await town.space_with(EVENT) is None


async def test_who_only_asked_to_follow_does_not_make_a_space_our_business(town: Town) -> None:
    bob = await town.neighbour("bob")
    async with town.db.transaction() as tx:
        await tx.execute(update(Follow).values(accepted=False))
    with pytest.raises(Refused, match="concerns nobody"):
        await town.apply(activity("Create", bob, event_json(bob)))


async def test_a_space_of_a_stranger_is_kept_when_it_is_for_one_of_ours(town: Town) -> None:
    alice, eve = await town.resident("alice"), await town.stranger("eve")
    await town.apply(activity("Create", eve, event_json(eve, to=[alice.uri], cc=[])))
    space = await town.space_with(EVENT)
    assert space is not None
    assert space.access == "invited"


async def test_a_space_that_is_known_here_stays_up_to_date_though_nobody_follows_its_host(town: Town) -> None:
    bob = await town.neighbour("bob")
    await town.apply(activity("Create", bob, event_json(bob), 1))
    async with town.db.transaction() as tx:
        await tx.execute(delete(Follow))
    ended = event_json(bob, liveState="ended", updated="2026-11-12T18:59:00Z")
    await town.apply(activity("Update", bob, ended, 2))
    space = await town.space_with(EVENT)
    assert space is not None
    assert space.state == "ended"


async def test_an_event_that_claims_one_of_our_ids_changes_nothing(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    ours = await town.live_space(alice)
    mine = event_json(bob, id=ours.uri)
    with contextlib.suppress(Refused):
        await town.apply(activity("Update", bob, mine))
    mine["space"] |= {"joinEndpoint": f"{ours.uri}/join"}
    with pytest.raises(Refused):
        await town.apply(activity("Update", bob, mine, 2))
    assert (await town.stored(ours.id)).title == "An open floor"


async def test_a_space_by_its_host_is_stored(town: Town) -> None:
    bob = await town.neighbour("bob")
    await town.apply(activity("Create", bob, event_json(bob)))
    space = await town.space_with(EVENT)
    assert space is not None
    assert (space.title, space.description) == ("Bob's evening", "Tea & talk")
    assert (space.local, space.state, space.access) == (False, "scheduled", "public")
    assert space.starts_at.isoformat() == "2026-11-12T19:00:00+00:00"
    assert space.url == "https://b.example/@bob/spaces/5"
    assert space.join_endpoint == f"{EVENT}/join"
    assert space.whep_endpoint == f"{EVENT}/whep"


async def test_an_ordinary_event_is_no_space(town: Town) -> None:
    bob = await town.neighbour("bob")
    event = event_json(bob)
    del event["space"]
    await town.apply(activity("Create", bob, event))
    assert await town.space_with(EVENT) is None


@pytest.mark.parametrize("field", ["listen", "publish"])
@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/whep",
        "https://b.example:444/whep",
        "http://b.example/whep",
        "javascript:alert(1)",
    ],
)
async def test_an_event_cannot_send_browsers_to_another_server(town: Town, field: str, address: str) -> None:
    bob = await town.neighbour("bob")
    event = event_json(bob)
    event["space"][field] = address
    await town.apply(activity("Create", bob, event))
    space = await town.space_with(EVENT)
    if (field, address) == ("listen", "javascript:alert(1)"):
        assert space is None, "without an address to listen at it is no Space"
        return
    assert space is not None
    assert address not in [getattr(space, column.key) for column in inspect(Space).columns]
    kept = {"listen": space.whip_endpoint, "publish": space.whep_endpoint}
    assert kept[field] is not None, "the other door stays"


async def test_a_newer_state_is_taken_and_an_older_one_is_not(town: Town) -> None:
    bob = await town.neighbour("bob")
    live = {"liveState": "live", "updated": "2026-11-12T18:59:00Z", "startedAt": "2026-11-12T18:58:00Z"}
    await town.apply(activity("Create", bob, event_json(bob), 1))
    await town.apply(activity("Update", bob, event_json(bob, **live, listenerCount=3), 2))
    await town.apply(activity("Update", bob, event_json(bob, updated="2026-11-12T18:30:00Z"), 3))
    space = await town.space_with(EVENT)
    assert space is not None
    assert (space.state, space.listener_count) == ("live", 3)
    assert space.started_at is not None


async def test_the_same_state_again_only_counts_listeners(town: Town) -> None:
    bob = await town.neighbour("bob")
    await town.apply(activity("Create", bob, event_json(bob, listenerCount=1), 1))
    await town.apply(activity("Update", bob, event_json(bob, name="Other", listenerCount=9), 2))
    space = await town.space_with(EVENT)
    assert space is not None
    assert (space.title, space.listener_count) == ("Bob's evening", 9)


async def test_an_update_that_overtook_its_create_is_enough(town: Town) -> None:
    bob = await town.neighbour("bob")
    await town.apply(
        activity("Update", bob, event_json(bob, liveState="live", updated="2026-11-12T18:59:00Z"), 2)
    )
    await town.apply(activity("Create", bob, event_json(bob), 1))
    space = await town.space_with(EVENT)
    assert space is not None
    assert space.state == "live"


async def test_a_state_dated_in_the_future_does_not_stop_the_clock(town: Town, clock: ManualClock) -> None:
    bob = await town.neighbour("bob")
    await town.apply(activity("Create", bob, event_json(bob, updated="9999-01-01T00:00:00Z"), 1))
    clock.advance(minutes=10)
    await town.apply(
        activity("Update", bob, event_json(bob, liveState="ended", updated="2026-11-12T19:09:00Z"), 2)
    )
    space = await town.space_with(EVENT)
    assert space is not None
    assert space.state == "ended"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"liveState": "live"}, "live"),
        ({"liveState": "on air"}, "scheduled"),
        ({"liveState": "live", "status": "CANCELLED"}, "cancelled"),
        ({"eventStatus": "https://w3id.org/fep/8a8e/EventCancelled"}, "cancelled"),
        ({"liveState": None}, "scheduled"),
    ],
)
async def test_the_state_is_read_from_what_the_event_says(
    town: Town, said: dict[str, Any], state: str
) -> None:
    bob = await town.neighbour("bob")
    await town.apply(activity("Create", bob, event_json(bob, **said)))
    space = await town.space_with(EVENT)
    assert space is not None
    assert space.state == state


@pytest.mark.parametrize(
    ("to", "cc", "access"),
    [
        ([PUBLIC], [], "public"),
        (["https://b.example/users/bob/followers"], [PUBLIC], "unlisted"),
        (["https://b.example/users/bob/followers"], [], "followers"),
        (["https://b.example/users/eve/followers"], [], "invited"),
    ],
)
async def test_the_access_is_read_from_the_addressees(
    town: Town, to: list[str], cc: list[str], access: str
) -> None:
    bob = await town.neighbour("bob")
    await town.apply(activity("Create", bob, event_json(bob, to=to, cc=cc)))
    space = await town.space_with(EVENT)
    assert space is not None
    assert space.access == access


async def test_a_deleted_space_is_gone_and_does_not_come_back(town: Town) -> None:
    bob, eve = await town.neighbour("bob"), await town.stranger("eve")
    await town.apply(activity("Create", bob, event_json(bob)))
    with pytest.raises(Refused):
        await town.receive(Delete(id=Uri(f"{eve.uri}#d"), actor=Uri(eve.uri), object=Uri(EVENT)))
    assert await town.space_with(EVENT) is not None
    await town.receive(Delete(id=Uri(f"{bob.uri}#d"), actor=Uri(bob.uri), object=Uri(EVENT)))
    assert await town.space_with(EVENT) is None
    with pytest.raises(Refused, match="deleted"):
        await town.apply(activity("Create", bob, event_json(bob), 2))


async def test_a_delete_of_something_else_is_left_to_others(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    ours = await town.live_space(alice)
    for uri in (ours.uri, "https://b.example/notes/1"):
        await town.receive(Delete(id=Uri(f"{bob.uri}#d"), actor=Uri(bob.uri), object=Uri(uri)))
    assert (await town.stored(ours.id)).state == "live"


async def test_only_what_is_new_and_announced_by_somebody_followed_is_going_to_be_fetched(town: Town) -> None:
    alice, bob, eve = await town.resident("alice"), await town.neighbour("bob"), await town.stranger("eve")
    await town.apply(activity("Create", bob, event_json(bob)))
    ours = await town.live_space(alice)

    async def fetched_after(by: Account, uri: str) -> int:
        await town.receive(Announce(id=Uri(f"{by.uri}#a"), actor=Uri(by.uri), object=Uri(uri)))
        async with town.db.reading() as tx:
            fetches = select(func.count()).where(Job.kind == FETCH_ANNOUNCED)
            return await tx.scalar(fetches) or 0

    assert await fetched_after(eve, "https://c.example/spaces/1") == 0
    assert await fetched_after(bob, EVENT) == 0
    assert await fetched_after(bob, ours.uri) == 0
    assert await fetched_after(bob, "https://c.example/spaces/1") == 1
    assert await fetched_after(bob, "https://c.example/spaces/1") == 1


@pytest.mark.row(100)
async def test_a_join_from_mobilizon_is_accepted_without_a_ticket(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.hosting.create(alice, title="Soon")
    join = {
        "id": "https://b.example/join/event/1",
        "type": "Join",
        "actor": bob.uri,
        "object": space.uri,
        "participationMessage": "I will bring tea",
    }
    await town.apply(join)
    accept = (await town.sent())[-1]
    assert (accept["type"], accept["actor"], accept["to"]) == ("Accept", alice.uri, [bob.uri])
    assert accept["object"]["id"] == "https://b.example/join/event/1"
    assert "result" not in accept
    assert (await town.audiences())[-1] == {"followers": False, "actors": [bob.id]}
    await town.apply(join)
    assert await attendances(town, space) == 1
    await town.receive(Leave(id=Uri(f"{bob.uri}#l"), actor=Uri(bob.uri), object=Uri(space.uri)))
    assert await attendances(town, space) == 0


async def test_a_join_of_a_space_that_is_over_is_rejected(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    await town.hosting.close(alice, space.id)
    await town.receive(Join(id=Uri(f"{bob.uri}#j"), actor=Uri(bob.uri), object=Uri(space.uri)))
    assert (await town.sent())[-1]["type"] == "Reject"
    assert await attendances(town, space) == 0


async def test_a_join_of_what_they_may_not_see_is_answered_as_if_it_never_was(town: Town) -> None:
    alice, bob, eve = await town.resident("alice"), await town.stranger("bob"), await town.stranger("eve")
    hidden = await town.hosting.create(alice, title="Ours", access="followers")
    public = await town.hosting.create(alice, title="All")
    await town.block(alice, eve)
    sent = len(await town.sent())
    for who, uri in ((bob, hidden.uri), (eve, public.uri), (bob, "https://a.example/spaces/1")):
        await town.receive(Join(id=Uri(f"{who.uri}#j"), actor=Uri(who.uri), object=Uri(uri)))
        answer, audience = (await town.said_by_the_instance())[-1]
        assert audience["actors"] == [who.id]
        assert {name: answer[name] for name in ("type", "actor", "to")} == {
            "type": "Reject",
            "actor": town.addresses.instance_actor,
            "to": [who.uri],
        }
    assert len(await town.sent()) == sent, "its host says nothing"
    with pytest.raises(Refused, match="no such Space"):
        await town.receive(Join(id=Uri(f"{bob.uri}#j"), actor=Uri(bob.uri), object=Uri(alice.uri)))


async def attendances(town: Town, space: Space) -> int:
    async with town.db.reading() as tx:
        counted = select(func.count()).select_from(Attendance).where(Attendance.space_id == space.id)
        return await tx.scalar(counted) or 0


@pytest.mark.row(101)
async def test_where_no_rsvps_are_taken_a_join_is_answered_with_ignore(
    tmp_path: Path, clock: ManualClock
) -> None:
    town = await Town.open(tmp_path, clock, "https://a.example", limits=Limits(rsvp=False))
    try:
        alice, bob = await town.resident("alice"), await town.stranger("bob")
        space = await town.hosting.create(alice, title="Soon")
        await town.receive(Join(id=Uri(f"{bob.uri}#j"), actor=Uri(bob.uri), object=Uri(space.uri)))
        answer = (await town.sent())[-1]
        assert (answer["type"], answer["actor"], answer["object"]["id"]) == (
            "Ignore",
            alice.uri,
            f"{bob.uri}#j",
        )
        assert await attendances(town, space) == 0
    finally:
        await town.close()


async def test_topics_language_and_the_time_it_was_moved_from_are_read(town: Town) -> None:
    bob = await town.neighbour("bob")
    tags = [
        {"type": "Hashtag", "name": name}
        for name in ("#Rust", "#rust", "#two words", "wasm", "#" + "x" * 101)
    ]
    said = event_json(
        bob, tag=tags, contentMap={"de": "<p>Tee</p>"}, previousStartTime="2026-11-11T19:00:00Z"
    )
    said["space"] |= {"signal": "wss://b.example/spaces/5/signal", "speakPolicy": "followers"}
    await town.apply(activity("Create", bob, said))
    space = await town.space_with(EVENT)
    assert space is not None
    assert (space.topics, space.language, space.speak_policy) == (["Rust", "wasm"], "de", "followers")
    assert space.signal_endpoint == "wss://b.example/spaces/5/signal"
    assert space.previous_starts_at is not None


@pytest.mark.parametrize(
    ("state", "said", "is_paused"),
    [
        ("live", "2026-11-12T18:20:00Z", True),
        ("live", "9999-12-30T00:00:00Z", True),
        ("live", None, False),
        ("live", True, False),
        ("live", {"paused": "yes"}, False),
        ("ended", "2026-11-12T18:20:00Z", False),
    ],
)
async def test_a_room_elsewhere_is_paused_by_its_hosts_word_and_only_while_it_is_live(
    town: Town, state: str, said: object, is_paused: bool
) -> None:
    bob = await town.neighbour("bob")
    await town.apply(activity("Create", bob, event_json(bob, liveState=state, pausedAt=said)))
    space = await town.space_with(EVENT)
    assert space is not None
    assert (space.paused_at is not None) is is_paused
    assert space.paused_at is None or space.paused_at <= town.clock.now()


async def test_whether_listeners_need_an_account_there_is_known_and_follows_the_hosts_word(
    town: Town,
) -> None:
    bob = await town.neighbour("bob")
    said = event_json(bob)
    for number, (allowed, listens) in enumerate([(False, False), (True, True), (None, True)], 1):
        said["space"] = {
            **event_json(bob)["space"],
            **({} if allowed is None else {"anonymousListeners": allowed}),
        }
        said["updated"] = f"2026-11-12T18:0{number}:00Z"
        await town.apply(activity("Create" if number == 1 else "Update", bob, said, number))
        space = await town.space_with(EVENT)
        assert space is not None
        assert space.strangers_listen is listens, f"{allowed} was said"


@pytest.mark.attack(110)
@pytest.mark.parametrize(
    "signal",
    [
        "wss://evil.example/spaces/5/signal",
        "ws://b.example/spaces/5/signal",
        "wss://b.example:8443/spaces/5/signal",
        "wss://b.example@evil.example/",
        "javascript:alert(1)",
        "https://b.example/spaces/5/signal",
        "wss://",
        5,
    ],
)
async def test_a_signal_elsewhere_sends_nobody_there(town: Town, signal: object) -> None:
    bob = await town.neighbour("bob")
    said = event_json(bob)
    said["space"] |= {"signal": signal, "speakPolicy": "whoever-pays"}
    await town.apply(activity("Create", bob, said))
    space = await town.space_with(EVENT)
    assert space is not None
    assert space.signal_endpoint is None
    assert space.speak_policy == "invited", "of another kind of word the strictest"


async def test_times_that_no_calendar_can_show_are_brought_near(town: Town) -> None:
    bob = await town.neighbour("bob")
    long_ago, far = "0001-02-03T00:00:00Z", "9999-12-30T00:00:00Z"
    said = event_json(
        bob, liveState="live", published=long_ago, startedAt=far, updated="2026-11-12T18:01:00Z"
    )
    await town.apply(activity("Create", bob, said))
    space = await town.space_with(EVENT)
    assert space is not None
    assert space.started_at is not None
    assert space.created_at > town.clock.now() - timedelta(days=401)
    assert space.started_at == town.clock.now(), "it is live now, whatever its host says"


async def test_a_host_has_only_so_many_spaces_here_that_are_not_over(town: Town) -> None:
    bob, carol = await town.neighbour("bob"), await town.neighbour("carol")

    async def make(host: Account, number: int) -> None:
        event = event_json(host, id=f"https://b.example/{host.username}/{number}")
        await town.apply(activity("Create", host, event, number))

    for number in range(MOST_UNFINISHED):
        await make(bob, number)
    with pytest.raises(Refused, match="enough Spaces"):
        await make(bob, MOST_UNFINISHED)
    over = event_json(bob, id="https://b.example/bob/0", liveState="ended", updated="2026-11-12T18:01:00Z")
    await town.apply(activity("Update", bob, over, 100))
    await make(bob, MOST_UNFINISHED)
    await make(carol, 1)
    assert await town.space_with("https://b.example/carol/1") is not None


async def test_what_is_heard_of_no_more_is_not_listed_as_live_for_ever(
    town: Town, clock: ManualClock
) -> None:
    bob = await town.neighbour("bob")
    await town.apply(activity("Create", bob, event_json(bob, liveState="live")))

    async def listed() -> list[str]:
        async with town.db.reading() as tx:
            return [
                space.uri for space in await queries.spaces(tx, None, Phase.LIVE, Page(), now=clock.now())
            ]

    assert await listed() == [EVENT]
    clock.advance(hours=20)
    assert await listed() == [EVENT]
    clock.advance(hours=20)
    assert await listed() == []
    again = event_json(bob, liveState="live", updated=iso(clock.now()))
    await town.apply(activity("Update", bob, again, 2))
    assert await listed() == [EVENT], "its host says that it goes on"
