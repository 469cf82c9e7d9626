"""What was said in a room, reported across servers: who, where and when (Flag)."""

from typing import Any

import pytest
from sqlalchemy import select

from fedispace.federation.segments import LONGEST, segment, whole
from fedispace.moderation.models import Report
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import Peer

SPACES = "/api/fedispace/v1/spaces"


async def live(fediverse: Fediverse, host: Client) -> dict[str, Any]:
    space: dict[str, Any] = await host.post(SPACES, {"title": "Tea and talk"}, expect=201)
    await host.post(f"{SPACES}/{space['id']}/open")
    await fediverse.settle()
    return space


async def kept(server: Server) -> list[Report]:
    async with server.app.db.reading() as tx:
        return list(await tx.scalars(select(Report).order_by(Report.id)))


async def flag(peer: Peer, *objects: str, content: str = "threats", number: int = 1) -> None:
    reporter = peer.actor("instance", "c.test")
    activity = {"@context": "https://www.w3.org/ns/activitystreams", "id": f"{reporter}/flags/{number}"}
    activity |= {"type": "Flag", "actor": reporter, "content": content}
    await peer.post("http://a.test/inbox", {**activity, "object": list(objects)}, by=reporter)


async def test_a_report_of_a_moment_in_a_room_is_kept_with_room_and_moment(
    fediverse: Fediverse, alice: Client, alpha: Server, peer: Peer
) -> None:
    space = await live(fediverse, alice)
    await flag(peer, alice.account.uri, space["uri"], f"{space['uri']}#t=754")
    await fediverse.settle()
    [report] = await kept(alpha)
    assert (report.space_id, report.moment) == (int(space["id"]), 754)
    assert report.target_id == alice.account.id
    assert not report.local


async def test_the_room_and_the_moment_are_found_in_the_text_too(
    fediverse: Fediverse, alice: Client, alpha: Server, peer: Peer
) -> None:
    space = await live(fediverse, alice)
    await flag(peer, alice.account.uri, content=f"Listen to this: {space['url']}#t=61.")
    await fediverse.settle()
    [report] = await kept(alpha)
    assert (report.space_id, report.moment) == (int(space["id"]), 61)


async def test_a_guest_of_another_server_is_reported_to_where_the_room_is(
    fediverse: Fediverse, alice: Client, bob: Client, alpha: Server, peer: Peer
) -> None:
    space = await live(fediverse, alice)
    there = (await bob.get(f"{SPACES}/resolve", uri=space["uri"]))["id"]
    await bob.post(f"{SPACES}/{there}/join", {"role": "listener"})
    await flag(peer, bob.account.uri, space["uri"])
    await flag(peer, space["uri"], number=2)
    await fediverse.settle()
    of_bob, of_the_room = await kept(alpha)
    async with alpha.app.db.reading() as tx:
        known = await alpha.app.people.by_uri(tx, bob.account.uri)
    assert known is not None
    assert of_bob.target_id == known.id
    assert of_the_room.target_id == alice.account.id, "a report of the room is one of its host"


async def test_a_report_of_elsewhere_and_nobody_here_is_not_kept(
    fediverse: Fediverse, alpha: Server, bob: Client, peer: Peer
) -> None:
    await flag(peer, bob.account.uri, "http://b.test/spaces/1#t=5")
    await flag(peer, "http://a.test/spaces/1", number=2)
    await fediverse.settle()
    assert await kept(alpha) == []


@pytest.mark.parametrize(
    ("address", "second"),
    [
        ("https://a.example/spaces/9", None),
        ("https://a.example/spaces/9#t=0", 0),
        ("https://a.example/spaces/9#t=npt:12.7,15", 12),
        ("https://a.example/spaces/9#xywh=1,2,3,4&t=12", 12),
        ("https://a.example/spaces/9#t=-1", None),
        ("https://a.example/spaces/9#t=١٢", None),
        (f"https://a.example/spaces/9#t={LONGEST + 1}", None),
        ("https://a.example/spaces/9#t=" + "9" * 5000, None),
        ("https://a.example/spaces/9#t=1e9", None),
    ],
)
def test_a_moment_is_read_as_media_fragments_write_it(address: str, second: int | None) -> None:
    assert whole(address) == ("https://a.example/spaces/9", second)


def test_what_is_written_is_read() -> None:
    assert whole(segment("https://a.example/spaces/9", 754)) == ("https://a.example/spaces/9", 754)
