"""What others see when a Space of alpha's changes: its time, who may come, its end; and what a liar gets."""

from typing import Any

import pytest
from sqlalchemy import select

from fedispace.federation.models import OutboxItem
from fedispace.spaces.events.held import is_paused
from fedispace.spaces.models import Space
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, follow
from tests.federation.peer import Peer

SPACES = "/api/fedispace/v1/spaces"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
CONTEXT = "https://www.w3.org/ns/activitystreams"


async def made(fediverse: Fediverse, host: Client, **more: Any) -> dict[str, Any]:
    space: dict[str, Any] = await host.post(SPACES, {"title": "Tea and talk", **more}, expect=201)
    await fediverse.settle()
    return space


async def directory(fediverse: Fediverse, peer: Peer) -> str:
    """Have a Mobilizon's relay actor follow alpha, as its administrator asks it to."""
    relay = peer.actor("relay", "mobilizon.example", type="Application")
    asked = {"@context": CONTEXT, "id": f"{relay}/follows/1", "type": "Follow", "actor": relay}
    await peer.post("http://a.test/actor/inbox", {**asked, "object": "http://a.test/actor"}, by=relay)
    await fediverse.settle()
    return relay


def received(peer: Peer, *kinds: str) -> list[dict[str, Any]]:
    return [each.activity for each in peer.received if each.activity["type"] in kinds]


async def test_a_directory_is_told_of_a_public_space_and_that_it_is_public_no_more(
    fediverse: Fediverse, alice: Client, peer: Peer
) -> None:
    await directory(fediverse, peer)
    space = await made(fediverse, alice)
    [announce] = received(peer, "Announce")
    assert (announce["actor"], announce["object"]) == ("http://a.test/actor", space["uri"])
    await alice.call("PATCH", f"{SPACES}/{space['id']}", json={"access": "followers"})
    await fediverse.settle()
    [undo] = received(peer, "Undo")
    assert undo["actor"] == "http://a.test/actor"
    assert undo["object"]["id"] == announce["id"]
    assert (await peer.get(space["uri"])).status == 404
    await alice.call("PATCH", f"{SPACES}/{space['id']}", json={"access": "public"})
    await fediverse.settle()
    again = received(peer, "Announce")
    assert len(again) == 2
    assert again[1]["id"] != announce["id"]


async def test_the_instance_is_found_as_mobilizon_looks_for_it(fediverse: Fediverse, peer: Peer) -> None:
    found = await peer.get("http://a.test/.well-known/webfinger?resource=acct:relay@a.test", accept=None)
    [itself] = {link["href"] for link in found.json["links"] if link["rel"] == "self"}
    assert itself == "http://a.test/actor"
    links = (await peer.get("http://a.test/.well-known/nodeinfo", accept=None)).json["links"]
    named = {link["rel"]: link["href"] for link in links}
    assert named["https://www.w3.org/ns/activitystreams#Application"] == itself
    assert (await peer.get(itself)).json["type"] == "Application"


async def test_a_moved_space_says_from_when_and_every_update_is_newer(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, bob, "@alice@a.test")
    space = await made(
        fediverse, alice, starts_at="2026-11-14T19:00:00Z", topics=["Tea"], language="en", description="x"
    )
    for body in ({"starts_at": "2026-11-15T19:00:00Z"}, {"title": "Coffee"}, {"topics": ["Coffee", "milk"]}):
        status, answer, _ = await alice.call("PATCH", f"{SPACES}/{space['id']}", json=body)
        assert status == 200, answer
    await fediverse.settle()
    async with fediverse.beta.app.db.reading() as tx:
        row = (await tx.scalars(select(Space).where(Space.uri == space["uri"]))).one()
    assert (row.title, row.topics, row.language) == ("Coffee", ["Coffee", "milk"], "en")
    assert f"{row.starts_at:%d %H}" == "15 19"
    assert row.previous_starts_at is not None
    assert f"{row.previous_starts_at:%d %H}" == "14 19"


async def test_that_a_room_is_paused_is_read_on_ones_own_server_before_one_listens(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, bob, "@alice@a.test")
    space = await made(fediverse, alice)
    at = f"{SPACES}/{space['id']}"
    await alice.post(f"{at}/open")
    await fediverse.settle()
    [known] = await bob.get(SPACES, state="live")
    page = f"/@alice@a.test/spaces/{known['id']}"

    async def shown() -> tuple[bool, bool, str]:
        """Return whether bob's page, and the card in his list, say so, and what an open page is told."""
        _, whole, _ = await bob.call("GET", page, headers={"Accept": "text/html"})
        _, listed, _ = await bob.call("GET", "/spaces", headers={"Accept": "text/html"})
        _, _, headers = await bob.call("GET", f"{page}/now")
        return "data-paused>" in whole, "Paused · " in listed, headers["X-Space-Paused"]

    async def settled() -> None:
        fediverse.clock.advance(seconds=6)
        await fediverse.settle()

    assert await shown() == (False, False, "no")
    await alice.post(f"{at}/room/pause")
    await settled()
    assert await shown() == (True, True, "yes")
    async with fediverse.beta.app.db.reading() as tx:
        row = (await tx.scalars(select(Space).where(Space.uri == space["uri"]))).one()
        assert not is_paused(row), "its conversation stands still where the room is"
    await alice.post(f"{at}/room/resume")
    await settled()
    assert await shown() == (False, False, "no")


async def test_who_pauses_over_and_over_does_not_make_us_write_as_often(
    fediverse: Fediverse, alice: Client, bob: Client, peer: Peer
) -> None:
    await follow(fediverse, bob, "@alice@a.test")
    space = await made(fediverse, alice)
    at = f"{SPACES}/{space['id']}"
    await alice.post(f"{at}/open")
    await fediverse.settle()
    before = await fediverse.alpha.count(OutboxItem, OutboxItem.type == "Update")
    for verb in ("pause", "resume", "pause", "resume", "pause"):
        await alice.post(f"{at}/room/{verb}")
    fediverse.clock.advance(seconds=6)
    await fediverse.settle()
    assert await fediverse.alpha.count(OutboxItem, OutboxItem.type == "Update") == before + 1
    event = (await peer.get(space["uri"])).json
    assert event["pausedAt"] < event["updated"]
    await alice.post(f"{at}/close")
    await fediverse.settle()
    ended = (await peer.get(space["uri"])).json
    assert (ended["liveState"], "pausedAt" in ended) == ("ended", False)
    async with fediverse.beta.app.db.reading() as tx:
        row = (await tx.scalars(select(Space).where(Space.uri == space["uri"]))).one()
    assert (row.state, row.paused_at) == ("ended", None)


async def test_the_post_that_it_is_live_says_in_the_end_that_it_is_over(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    await follow(fediverse, bob, "@alice@a.test")
    space = await made(fediverse, alice)
    await alice.post(f"{SPACES}/{space['id']}/open")
    await fediverse.settle()
    [post] = await bob.get("/api/v1/timelines/home")
    assert "is live: Tea and talk" in post["content"]
    fediverse.clock.advance(minutes=75)
    await alice.post(f"{SPACES}/{space['id']}/close")
    await fediverse.settle()
    [edited] = await bob.get("/api/v1/timelines/home")
    assert edited["id"] == post["id"], "one post, edited: no second one"
    assert "Ended: Tea and talk" in edited["content"]
    assert "1 h 15 min" in edited["content"]
    assert edited["edited_at"] is not None


async def test_a_host_who_rewrote_the_post_keeps_what_she_wrote(fediverse: Fediverse, alice: Client) -> None:
    space = await made(fediverse, alice)
    await alice.post(f"{SPACES}/{space['id']}/open")
    [post] = await alice.get(f"/api/v1/accounts/{alice.id}/statuses")
    await alice.call("PUT", f"/api/v1/statuses/{post['id']}", json={"status": "My own words"})
    await alice.post(f"{SPACES}/{space['id']}/close")
    await fediverse.settle()
    assert "My own words" in (await alice.get(f"/api/v1/statuses/{post['id']}"))["content"]


@pytest.mark.attack(94)
@pytest.mark.privacy("P-01")
@pytest.mark.parametrize("access", ["followers", "invited"])
async def test_a_space_that_is_not_for_everybody_is_nowhere_to_be_seen(
    fediverse: Fediverse, alice: Client, bob: Client, peer: Peer, access: str
) -> None:
    space = await made(fediverse, alice, access=access)
    await alice.post(f"{SPACES}/{space['id']}/open")
    await fediverse.settle()
    carol = await fediverse.alpha.person("carol")
    stranger = peer.actor("eve", "evil.test")
    ids = (space["id"], "1")
    for name in ("", "/organizers", "/attendees", "/speakers", "/replies"):
        for by in (None, stranger):
            one, other = [await peer.get(f"http://a.test/spaces/{id_}{name}", by=by) for id_ in ids]
            assert one.status == other.status == 404
            assert one.body == other.body
    for who in (carol,):
        for path in ("", "/room", "/attendance", "/invitation"):
            seen, never = [await who.call("GET", f"{SPACES}/{id_}{path}") for id_ in ids]
            assert (seen[0], seen[1]) == (never[0], never[1]) == (404, never[1]), path
    for path in ("/@alice/spaces/{}", "/embed/spaces/{}", "/spaces/{}.ics"):
        page = await peer.get("http://a.test" + path.format(space["id"]), accept="text/html")
        assert page.status == 404, path
        assert b"Tea and talk" not in page.body
    assert received(peer, "Announce") == []
    await bob.call("GET", f"{SPACES}/resolve", params={"uri": space["uri"]})
    assert await fediverse.beta.count(Space) == 0


@pytest.mark.attack(110)
@pytest.mark.parametrize(
    "lie",
    [
        {"endTime": "9999-12-31T23:59:59Z"},
        {"endTime": "0001-01-01T00:00:00Z"},
        {"startTime": "2300-01-01T00:00:00Z", "endTime": "2299-01-01T00:00:00Z"},
        {"listen": "http://127.0.0.1:5432/whep"},
        {"listen": "http://a.test/spaces/1/whep", "publish": "http://169.254.169.254/latest"},
        {"publish": "javascript:alert(1)"},
        {"url": "javascript:alert(1)"},
        {"url": "http://a.test/auth/sign_out"},
        {"signal": "ws://10.0.0.1/signal"},
    ],
)
async def test_what_a_hostile_event_says_sends_nobody_anywhere(
    fediverse: Fediverse, bob: Client, peer: Peer, lie: dict[str, str]
) -> None:
    eve, uri = peer.actor("eve", "evil.test"), "http://evil.test/spaces/1"
    doors = {"joinEndpoint": f"{uri}/join", "listen": f"{uri}/whep", "publish": f"{uri}/whip"}
    doors |= {name: value for name, value in lie.items() if name in ("listen", "publish", "signal")}
    event = {
        "id": uri,
        "type": "Event",
        "attributedTo": eve,
        "name": "Come in",
        "to": [PUBLIC, bob.account.uri],
    }
    event |= {"startTime": "2026-11-12T19:00:00Z", "liveState": "live", "space": doors}
    event |= {name: value for name, value in lie.items() if name not in doors}
    create = {"@context": CONTEXT, "id": f"{uri}/create", "type": "Create", "actor": eve, "object": event}
    await peer.post("http://b.test/inbox", create, by=eve)
    await fediverse.settle()
    asked = [url for url in peer.asked if "users/eve" not in url]
    assert asked == [], "nothing is fetched of what it names"
    async with fediverse.beta.app.db.reading() as tx:
        row = (await tx.scalars(select(Space).where(Space.uri == uri))).one_or_none()
    assert row is not None
    home = "http://evil.test/"
    for address in (row.url, row.join_endpoint, row.whep_endpoint, row.whip_endpoint):
        assert address is None or address.startswith(home)
    assert row.signal_endpoint is None
    now = fediverse.clock.now()
    assert row.starts_at <= row.ends_at
    assert abs((row.ends_at - now).days) <= 400
