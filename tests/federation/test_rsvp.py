"""Who comes to whose Space: alpha, beta and a Mobilizon, over real signed HTTP."""

from typing import Any

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Notification
from fedispace.clock import ManualClock
from fedispace.spaces.models import Attendance
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server, follow
from tests.federation.peer import Peer

SPACES = "/api/fedispace/v1/spaces"
REMINDER = "fedispace:space_reminder"
CANCELLED = "fedispace:space_cancelled"


def in_hours(clock: ManualClock, hours: float) -> str:
    at = clock.now().timestamp() + hours * 3600
    return f"{type(clock.now()).fromtimestamp(at, clock.now().tzinfo):%Y-%m-%dT%H:%M:%SZ}"


async def schedule(fediverse: Fediverse, host: Client, *, hours: float = 2, **more: Any) -> dict[str, Any]:
    body = {"title": "Tea and talk", "starts_at": in_hours(fediverse.clock, hours), **more}
    space: dict[str, Any] = await host.post(SPACES, body, expect=201)
    await fediverse.settle()
    return space


async def seen_by(reader: Client, space: dict[str, Any]) -> str:
    """Return the id by which the reader's server knows the Space."""
    found = await reader.get(f"{SPACES}/resolve", uri=space["uri"])
    return str(found["id"])


async def told(reader: Client, *types: str) -> list[str]:
    rows = await reader.get("/api/v1/notifications", **{"types[]": types[0]})
    return [row["type"] for row in rows]


async def counted(host: Client, space: dict[str, Any]) -> int:
    return int((await host.get(f"{SPACES}/{space['id']}/attendance"))["count"])


async def test_a_reader_elsewhere_says_that_she_comes_and_takes_it_back(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, bob, "@alice@a.test")
    space = await schedule(fediverse, alice)
    there = await seen_by(bob, space)
    said = await bob.post(f"{SPACES}/{there}/attendance")
    assert (said["state"], said["reminder"]) == ("asked", True)
    await fediverse.settle()
    assert (await bob.get(f"{SPACES}/{there}/attendance"))["state"] == "coming", "the host accepted"
    assert await counted(alice, space) == 1
    await bob.post(f"{SPACES}/{there}/attendance", {"reminder": False})
    await fediverse.settle()
    assert await counted(alice, space) == 1, "said twice it is one"
    assert await fediverse.beta.count(Attendance, Attendance.wants_reminder.is_(True)) == 0
    await bob.delete(f"{SPACES}/{there}/attendance")
    await fediverse.settle()
    assert await counted(alice, space) == 0
    assert (await bob.get(f"{SPACES}/{there}/attendance"))["state"] is None


async def test_at_the_time_each_server_reminds_its_own_people_once(
    fediverse: Fediverse, alice: Client, bob: Client, clock: ManualClock
) -> None:
    await follow(fediverse, bob, "@alice@a.test")
    carol = await fediverse.alpha.person("carol")
    space = await schedule(fediverse, alice)
    await carol.post(f"{SPACES}/{space['id']}/attendance")
    there = await seen_by(bob, space)
    await bob.post(f"{SPACES}/{there}/attendance")
    await fediverse.settle()
    clock.advance(hours=1, minutes=59)
    await fediverse.settle()
    assert await told(bob, REMINDER) == await told(carol, REMINDER) == []
    clock.advance(minutes=2)
    await fediverse.settle()
    assert await told(bob, REMINDER) == await told(carol, REMINDER) == [REMINDER]
    await alice.post(f"{SPACES}/{space['id']}/open")
    await fediverse.settle()
    assert await told(bob, REMINDER) == await told(carol, REMINDER) == [REMINDER], "once"
    assert REMINDER not in [row["type"] for row in await bob.get("/api/v1/notifications")], (
        "a client that does not ask for it does not know it"
    )
    async with fediverse.beta.app.db.reading() as tx:
        row = (await tx.scalars(select(Notification).where(Notification.type == REMINDER))).one()
    assert str(row.subject) == there


async def test_who_opens_early_reminds_early(
    fediverse: Fediverse, alice: Client, bob: Client, clock: ManualClock
) -> None:
    await follow(fediverse, bob, "@alice@a.test")
    space = await schedule(fediverse, alice)
    await bob.post(f"{SPACES}/{await seen_by(bob, space)}/attendance")
    await fediverse.settle()
    clock.advance(hours=1)
    await alice.post(f"{SPACES}/{space['id']}/open")
    await fediverse.settle()
    assert await told(bob, REMINDER) == [REMINDER]


async def test_a_space_that_is_called_off_is_told_to_those_who_were_coming(
    fediverse: Fediverse, alice: Client, bob: Client, clock: ManualClock
) -> None:
    await follow(fediverse, bob, "@alice@a.test")
    carol = await fediverse.alpha.person("carol")
    space = await schedule(fediverse, alice)
    there = await seen_by(bob, space)
    for who, id_ in ((bob, there), (carol, space["id"])):
        await who.post(f"{SPACES}/{id_}/attendance")
    await fediverse.settle()
    await alice.post(f"{SPACES}/{space['id']}/cancel")
    await fediverse.settle()
    assert (await bob.get(f"{SPACES}/{there}"))["state"] == "cancelled"
    assert await told(bob, CANCELLED) == await told(carol, CANCELLED) == [CANCELLED]
    clock.advance(hours=3)
    await fediverse.settle()
    assert await told(bob, REMINDER) == await told(carol, REMINDER) == []


async def join(peer: Peer, who: str, space: dict[str, Any], number: int = 1, **more: Any) -> str:
    id_ = f"http://mobilizon.example/join/event/{number}"
    activity = {"@context": "https://www.w3.org/ns/activitystreams", "id": id_, "type": "Join"}
    activity |= {"actor": who, "object": space["uri"], **more}
    assert (await peer.post("http://a.test/inbox", activity, by=who)).status == 202
    return id_


@pytest.mark.row(100)
async def test_somebody_on_mobilizon_joins_is_reminded_by_a_message_and_leaves(
    fediverse: Fediverse, alice: Client, alpha: Server, peer: Peer, clock: ManualClock
) -> None:
    maria = peer.actor("maria", "mobilizon.example")
    space = await schedule(fediverse, alice)
    id_ = await join(peer, maria, space, participationMessage="I bring tea")
    await fediverse.settle()
    [accept] = [each.activity for each in peer.received if each.activity["type"] == "Accept"]
    assert accept["actor"] == alice.account.uri, "Mobilizon asks whether the accepter manages the event"
    assert accept["object"]["id"] == id_
    assert accept["object"]["participationMessage"] == "I bring tea"
    assert await counted(alice, space) == 1
    clock.advance(hours=2, minutes=1)
    await fediverse.settle()
    [create] = [each.activity for each in peer.received if each.activity["type"] == "Create"]
    note = create["object"]
    assert (note["to"], note["cc"]) == ([maria], []), "a direct message"
    assert note["attributedTo"] == "http://a.test/actor"
    assert [tag["href"] for tag in note["tag"] if tag["type"] == "Mention"] == [maria]
    assert "Tea and talk" in note["content"]
    assert space["url"] in note["content"]
    leave = {"@context": "https://www.w3.org/ns/activitystreams", "id": f"{id_}/leave", "type": "Leave"}
    await peer.post("http://a.test/inbox", {**leave, "actor": maria, "object": space["uri"]}, by=maria)
    await fediverse.settle()
    assert await counted(alice, space) == 0


@pytest.mark.row(100)
async def test_a_change_reaches_who_joined_although_nobody_there_follows_the_host(
    fediverse: Fediverse, alice: Client, peer: Peer
) -> None:
    maria = peer.actor("maria", "mobilizon.example")
    space = await schedule(fediverse, alice)
    await join(peer, maria, space)
    await fediverse.settle()
    await alice.post(f"{SPACES}/{space['id']}/cancel")
    await fediverse.settle()
    [update] = [each.activity for each in peer.received if each.activity["type"] == "Update"]
    assert update["object"]["status"] == "CANCELLED"


@pytest.mark.row(101)
@pytest.mark.parametrize("answer", ["Ignore", "Reject", "Accept"])
@pytest.mark.parametrize("embeds", [True, False])
async def test_what_the_host_answers_is_kept_and_nobody_elses_word(
    fediverse: Fediverse, bob: Client, beta: Server, peer: Peer, answer: str, embeds: bool
) -> None:
    host = peer.actor("hana", "c.test")
    uri = "http://c.test/spaces/1"
    peer.documents[uri] = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": uri,
        "type": "Event",
        "attributedTo": host,
        "name": "Elsewhere",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "published": "2026-11-12T18:00:00Z",
        "startTime": "2026-11-12T23:00:00Z",
        "space": {"joinEndpoint": f"{uri}/join", "listen": f"{uri}/whep"},
    }
    there = await seen_by(bob, {"uri": uri})
    await bob.post(f"{SPACES}/{there}/attendance")
    await fediverse.settle()
    [asked] = [each.activity for each in peer.received if each.activity["type"] == "Join"]
    assert asked["to"] == [host]
    eve = peer.actor("eve", "evil.test")
    for number, who in enumerate((eve, host)):
        reply = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{who}/answers/{number}",
            "type": answer,
            "actor": who,
            "object": asked if embeds else asked["id"],
        }
        await peer.post("http://b.test/inbox", reply, by=who)
        await fediverse.settle()
        expected = {"Ignore": "ignored", "Reject": "refused", "Accept": "coming"}[answer]
        state = (await bob.get(f"{SPACES}/{there}/attendance"))["state"]
        assert state == ("asked" if who == eve else expected)
