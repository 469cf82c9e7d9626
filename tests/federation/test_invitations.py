"""People are invited into Spaces of other servers: co-hosts, speakers, listeners; alpha, beta, a stranger."""

from typing import Any

import pytest
from sqlalchemy import select

from fedispace.federation.models import OutboxItem
from fedispace.spaces import members
from fedispace.spaces.fediverse.invitation_inbox import MAX_OFFERED
from fedispace.spaces.models import Member, Space
from fedispace.spaces.roles import MemberRole
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server, find
from tests.federation.peer import Peer

SPACES = "/api/fedispace/v1/spaces"
INVITATION = "fedispace:space_invitation"
CONTEXT = "https://www.w3.org/ns/activitystreams"


async def live(fediverse: Fediverse, host: Client, **more: Any) -> dict[str, Any]:
    space: dict[str, Any] = await host.post(SPACES, {"title": "Tea and talk", **more}, expect=201)
    await host.post(f"{SPACES}/{space['id']}/open")
    await fediverse.settle()
    return space


async def invite(fediverse: Fediverse, host: Client, space: dict[str, Any], handle: str, role: str) -> None:
    await host.post(f"{SPACES}/{space['id']}/room/invite", {"handle": handle, "role": role})
    await fediverse.settle()


async def known_at(server: Server, space: dict[str, Any]) -> str:
    async with server.app.db.reading() as tx:
        return str((await tx.scalars(select(Space).where(Space.uri == space["uri"]))).one().id)


async def offered(guest: Client, id_: str) -> tuple[str, str | None]:
    said = await guest.get(f"{SPACES}/{id_}/invitation")
    return said["role"], said["offered"]


async def notified(guest: Client) -> int:
    return len(await guest.get("/api/v1/notifications", **{"types[]": INVITATION}))


async def role_here(server: Server, space: dict[str, Any], guest: Client) -> str | None:
    """Return what the host's server says somebody of another server is."""
    async with server.app.db.reading() as tx:
        account = await server.app.people.by_uri(tx, guest.account.uri)
        row = None if account is None else await tx.get(Member, (int(space["id"]), account.id))
    return None if row is None else row.role


@pytest.mark.parametrize("access", ["public", "invited"])
@pytest.mark.parametrize("role", ["cohost", "speaker"])
async def test_a_guest_elsewhere_is_invited_and_accepts_from_there(
    fediverse: Fediverse, alice: Client, bob: Client, access: str, role: str
) -> None:
    space = await live(fediverse, alice, access=access)
    await invite(fediverse, alice, space, "@bob@b.test", role)
    there = await known_at(fediverse.beta, space)
    assert await notified(bob) == 1
    assert await offered(bob, there) == ("listener", role)
    assert await role_here(fediverse.alpha, space, bob) == "listener", "nothing before he says yes"

    said = await bob.post(f"{SPACES}/{there}/invitation", {"accept": True})
    assert (said["role"], said["offered"]) == (role, None)
    await fediverse.settle()
    assert await role_here(fediverse.alpha, space, bob) == role
    assert await offered(bob, there) == (role, None)
    joined = await bob.post(f"{SPACES}/{there}/join", {"role": "speaker"})
    assert joined["ticket"], "who was invited gets in, and speaks"


async def test_organizers_are_told_and_shown(
    fediverse: Fediverse, alice: Client, bob: Client, peer: Peer
) -> None:
    space = await live(fediverse, alice)
    await invite(fediverse, alice, space, "@bob@b.test", "cohost")
    there = await known_at(fediverse.beta, space)
    await bob.post(f"{SPACES}/{there}/invitation", {"accept": True})
    await fediverse.settle()
    collection = (await peer.get(f"{space['uri']}/organizers")).json
    assert collection["orderedItems"] == [alice.account.uri, bob.account.uri]
    event = (await peer.get(space["uri"])).json
    assert event["organizers"]["totalItems"] == 2
    assert "@bob@b.test" in event["summary"]

    bob_here = await find(alice, "@bob@b.test")
    await alice.post(f"{SPACES}/{space['id']}/room/people/{bob_here}/demote")
    await fediverse.settle()
    assert (await peer.get(f"{space['uri']}/organizers")).json["orderedItems"] == [alice.account.uri]
    assert await offered(bob, there) == ("speaker", None), "his own server knows it too"


async def test_who_declines_is_nothing_there_and_the_host_knows(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    space = await live(fediverse, alice)
    await invite(fediverse, alice, space, "@bob@b.test", "cohost")
    there = await known_at(fediverse.beta, space)
    await bob.post(f"{SPACES}/{there}/invitation", {"accept": False})
    await fediverse.settle()
    assert await role_here(fediverse.alpha, space, bob) == "listener"
    await bob.post(f"{SPACES}/{there}/invitation", {"accept": True}, expect=409)


@pytest.mark.parametrize("role", ["listener", "cohost"])
@pytest.mark.parametrize("access", ["public", "invited"])
async def test_who_declines_again_is_answered_as_before_and_the_host_is_told_once(
    fediverse: Fediverse, alice: Client, bob: Client, access: str, role: str
) -> None:
    space = await live(fediverse, alice, access=access)
    await invite(fediverse, alice, space, "@bob@b.test", role)
    there = await known_at(fediverse.beta, space)
    carol = await fediverse.beta.person("carol")
    never = (await carol.call("POST", f"{SPACES}/{there}/invitation", json={"accept": False}))[0]
    assert never == (409 if access == "public" else 404)
    said = [await bob.post(f"{SPACES}/{there}/invitation", {"accept": False}) for _ in range(2)]
    assert said[0] == said[1] == {"space_id": there, "role": "listener", "offered": None}
    assert await fediverse.beta.count(OutboxItem, OutboxItem.type == "Reject") == 1
    await fediverse.settle()
    assert await role_here(fediverse.alpha, space, bob) in ("listener", None)
    assert (await bob.post(f"{SPACES}/{there}/invitation", {"accept": False})) == said[0]


async def test_who_accepted_cannot_decline_any_more_though_they_declined_once(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    space = await live(fediverse, alice)
    await invite(fediverse, alice, space, "@bob@b.test", "cohost")
    there = await known_at(fediverse.beta, space)
    await bob.post(f"{SPACES}/{there}/invitation", {"accept": False})
    await fediverse.settle()
    fediverse.clock.advance(minutes=1)
    await invite(fediverse, alice, space, "@bob@b.test", "cohost")
    await bob.post(f"{SPACES}/{there}/invitation", {"accept": True})
    await bob.post(f"{SPACES}/{there}/invitation", {"accept": False}, expect=409)


async def test_an_invitation_that_is_withdrawn_is_none_any_more_at_the_guests_server(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    space = await live(fediverse, alice)
    await invite(fediverse, alice, space, "@bob@b.test", "cohost")
    there = await known_at(fediverse.beta, space)
    assert (await offered(bob, there), await notified(bob)) == (("listener", "cohost"), 1)
    bob_here = await find(alice, "@bob@b.test")
    await alice.delete(f"{SPACES}/{space['id']}/room/invitations/{bob_here}")
    await fediverse.settle()
    assert (await offered(bob, there), await notified(bob)) == (("listener", None), 0)
    await bob.post(f"{SPACES}/{there}/invitation", {"accept": True}, expect=409)
    await invite(fediverse, alice, space, "@bob@b.test", "speaker")
    assert await offered(bob, there) == ("listener", "speaker"), "and may be asked again"


@pytest.mark.attack(94)
async def test_an_invited_listener_gets_into_what_nobody_else_sees(
    fediverse: Fediverse, alice: Client, bob: Client, peer: Peer
) -> None:
    carol = await fediverse.beta.person("carol")
    space = await live(fediverse, alice, access="invited")
    assert (await peer.get(space["uri"])).status == 404
    assert await fediverse.beta.count(Space) == 0, "nobody was told"
    await invite(fediverse, alice, space, "@bob@b.test", "listener")
    there = await known_at(fediverse.beta, space)
    assert (await bob.get(f"{SPACES}/{there}"))["title"] == "Tea and talk"
    assert (await bob.post(f"{SPACES}/{there}/join", {"role": "listener"}))["ticket"]
    for path in (f"{SPACES}/{there}", f"{SPACES}/{there}/attendance", f"{SPACES}/{there}/invitation"):
        assert (await carol.call("GET", path))[0] == 404
    assert (await carol.call("POST", f"{SPACES}/{there}/join", json={"role": "listener"}))[0] == 404


async def test_who_is_sent_out_is_told_and_does_not_come_back(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    space = await live(fediverse, alice)
    await invite(fediverse, alice, space, "@bob@b.test", "speaker")
    there = await known_at(fediverse.beta, space)
    await bob.post(f"{SPACES}/{there}/invitation", {"accept": True})
    await fediverse.settle()
    bob_here = await find(alice, "@bob@b.test")
    await alice.post(f"{SPACES}/{space['id']}/room/people/{bob_here}/remove")
    await fediverse.settle()
    assert await offered(bob, there) == ("listener", None)
    assert (await bob.call("POST", f"{SPACES}/{there}/join", json={"role": "listener"}))[0] == 403


async def test_an_answer_that_comes_when_the_stage_is_full_is_taken_back(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    carol, dave = await fediverse.beta.person("carol"), await fediverse.beta.person("dave")
    space = await live(fediverse, alice)
    for handle in ("@bob@b.test", "@carol@b.test", "@dave@b.test"):
        await invite(fediverse, alice, space, handle, "cohost")
    there = await known_at(fediverse.beta, space)
    for guest in (bob, carol, dave):
        await guest.post(f"{SPACES}/{there}/invitation", {"accept": True})
        await fediverse.settle()
    assert await role_here(fediverse.alpha, space, carol) == "cohost"
    assert await role_here(fediverse.alpha, space, dave) == "listener", "there are two co-hosts"
    assert await offered(dave, there) == ("listener", None)
    assert await notified(dave) == 0


def invitation(actor: str, target: str, event: Any, number: int = 1, **more: Any) -> dict[str, Any]:
    activity = {"@context": CONTEXT, "id": f"{actor}/invites/{number}", "type": "Invite", "actor": actor}
    return {**activity, "object": event, "target": target, "fs:role": "cohost", **more}


def event_of(host: str, uri: str, **more: Any) -> dict[str, Any]:
    return {
        "id": uri,
        "type": "Event",
        "attributedTo": host,
        "name": "Elsewhere",
        "to": [host],
        "startTime": "2026-11-12T23:00:00Z",
        "space": {"joinEndpoint": f"{uri}/join", "listen": f"{uri}/whep"},
        **more,
    }


@pytest.mark.attack(103)
@pytest.mark.attack(110)
async def test_nobody_invites_into_a_space_of_somebody_else(
    fediverse: Fediverse, alice: Client, bob: Client, peer: Peer
) -> None:
    space = await live(fediverse, alice)
    eve, host = peer.actor("eve", "evil.test"), peer.actor("hana", "c.test")
    for number, event in enumerate(
        (
            space["uri"],
            event_of(eve, space["uri"]),
            event_of(alice.account.uri, space["uri"]),
            event_of(host, "http://c.test/spaces/1"),
            event_of(eve, "http://c.test/spaces/1"),
            "http://evil.test/spaces/nothing",
        )
    ):
        await peer.post("http://b.test/inbox", invitation(eve, bob.account.uri, event, number), by=eve)
        await peer.post("http://a.test/inbox", invitation(eve, alice.account.uri, event, number), by=eve)
    await fediverse.settle()
    assert await notified(bob) == await notified(alice) == 0
    assert await fediverse.beta.count(Member) == 0
    assert await fediverse.alpha.count(Member) == 1, "alice, who hosts"


async def test_a_stranger_of_our_kind_invites_and_takes_it_back(
    fediverse: Fediverse, bob: Client, peer: Peer
) -> None:
    host, uri = peer.actor("hana", "c.test"), "http://c.test/spaces/1"
    activity = invitation(host, bob.account.uri, event_of(host, uri))
    await peer.post("http://b.test/inbox", activity, by=host)
    await fediverse.settle()
    there = await known_at(fediverse.beta, {"uri": uri})
    assert await offered(bob, there) == ("listener", "cohost")
    eve = peer.actor("eve", "evil.test")
    for who in (eve, host):
        undo = {"@context": CONTEXT, "id": f"{who}/undo", "type": "Undo", "actor": who, "object": activity}
        await peer.post("http://b.test/inbox", undo, by=who)
        await fediverse.settle()
        assert await notified(bob) == (1 if who == eve else 0)
    assert await fediverse.beta.count(Member) == 0


@pytest.mark.attack(103)
@pytest.mark.parametrize("kind", ["Accept", "Reject"])
async def test_nobody_answers_for_somebody_else(
    fediverse: Fediverse, alice: Client, bob: Client, peer: Peer, kind: str
) -> None:
    space = await live(fediverse, alice)
    await invite(fediverse, alice, space, "@bob@b.test", "cohost")
    async with fediverse.alpha.app.db.reading() as tx:
        account = await fediverse.alpha.app.people.by_uri(tx, bob.account.uri)
        assert account is not None
        row = await tx.get(Member, (int(space["id"]), account.id))
        assert row is not None
        invite_uri = row.invite_uri
    for who in (peer.actor("eve", "evil.test"), peer.actor("bob", "evil.test")):
        answer = {"@context": CONTEXT, "id": f"{who}/1", "type": kind, "actor": who, "object": invite_uri}
        await peer.post("http://a.test/inbox", answer, by=who)
        await fediverse.settle()
    async with fediverse.alpha.app.db.reading() as tx:
        row = await tx.get(Member, (int(space["id"]), account.id))
        assert row is not None
        assert (row.role, row.invited_as) == ("listener", "cohost")


async def test_one_cannot_make_oneself_an_organizer_of_somebody_elses_space(
    fediverse: Fediverse, alice: Client, bob: Client, peer: Peer
) -> None:
    space = await live(fediverse, alice)
    await invite(fediverse, alice, space, "@bob@b.test", "speaker")
    there = await known_at(fediverse.beta, space)
    eve = peer.actor("eve", "evil.test")
    for number, kind in enumerate(("Add", "Remove")):
        change = {"@context": CONTEXT, "id": f"{eve}/{number}", "type": kind, "actor": eve}
        change |= {"object": bob.account.uri, "target": f"{space['uri']}/organizers"}
        await peer.post("http://b.test/inbox", change, by=eve)
    await fediverse.settle()
    assert await offered(bob, there) == ("listener", "speaker")


@pytest.mark.attack(103)
@pytest.mark.parametrize("is_invited", [True, False])
async def test_nobody_is_shown_as_a_co_host_who_did_not_say_yes(
    fediverse: Fediverse, bob: Client, peer: Peer, is_invited: bool
) -> None:
    eve, uri = peer.actor("eve", "evil.test"), "http://evil.test/spaces/1"
    target = bob.account.uri if is_invited else (await fediverse.beta.person("dave")).account.uri
    await peer.post("http://b.test/inbox", invitation(eve, target, event_of(eve, uri)), by=eve)
    for number, kind in enumerate(("Add", "Remove"), 2):
        change = {"@context": CONTEXT, "id": f"{eve}/{number}", "type": kind, "actor": eve}
        change |= {"object": bob.account.uri, "target": f"{uri}/organizers"}
        await peer.post("http://b.test/inbox", change, by=eve)
        await fediverse.settle()
        assert await fediverse.beta.count(Member, Member.role != "listener") == 0


async def test_who_comes_to_listen_and_does_not_want_to_speak_is_a_guest_still(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    space = await live(fediverse, alice, access="invited")
    await invite(fediverse, alice, space, "@bob@b.test", "listener")
    there = await known_at(fediverse.beta, space)
    await bob.post(f"{SPACES}/{there}/invitation", {"accept": True})
    await fediverse.settle()
    await invite(fediverse, alice, space, "@bob@b.test", "speaker")
    await bob.post(f"{SPACES}/{there}/invitation", {"accept": False})
    await fediverse.settle()
    assert (await bob.get(f"{SPACES}/{there}"))["title"] == "Tea and talk"
    assert await offered(bob, there) == ("listener", None)
    assert (await bob.post(f"{SPACES}/{there}/join", {"role": "listener"}))["ticket"]


async def test_invitations_to_what_is_over_do_not_keep_new_ones_out(
    fediverse: Fediverse, alice: Client, bob: Client
) -> None:
    space = await live(fediverse, alice)
    now = fediverse.clock.now()
    async with fediverse.beta.app.db.transaction() as tx:
        for number in range(1, MAX_OFFERED + 1):
            at = f"http://c.test/spaces/{number}"
            over = Space(id=number, uri=at, url=at, local=False, host_id=bob.account.id, title="Once")
            over.access, over.state = "invited", "ended"
            over.starts_at = over.ends_at = over.created_at = over.updated_at = now
            tx.add(over)
            await tx.flush()
            row = members.born(number, bob.account.id, MemberRole.LISTENER, now)
            row.invited_as = "speaker"
            tx.add(row)
    await invite(fediverse, alice, space, "@bob@b.test", "cohost")
    assert await notified(bob) == 1
