"""A room's events on real sockets: who may listen, what they hear, and when they are sent away."""

import asyncio
import contextlib
import json
import socket
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import delete, update

from fedispace.accounts.models import Account, OAuthToken
from fedispace.accounts.tokens import at_rest
from fedispace.spaces.models import HostBan, Member, Pass, Space
from fedispace.spaces.presence import topic
from tests.api.listener import Listener
from tests.api.site import Client, Site

AT = "/api/fedispace/v1/spaces"


async def closed_space(alice: Client) -> dict[str, Any]:
    """A Space of alice's that is live for her followers."""
    made = await alice.post(AT, {"title": "Among us", "access": "followers"}, expect=201)
    opened = await alice.post(f"{AT}/{made['id']}/open")
    assert isinstance(opened, dict)
    return opened


async def pass_of(site: Site, who: Client, space: dict[str, Any], minutes: float = 15) -> str:
    """Write a pass of somebody's, as the exchange of a ticket would."""
    token = "fsp_" + site.app.oauth._ids.token()
    async with site.home.db.transaction() as tx:
        tx.add(
            Pass(
                token_hash=at_rest(token),
                space_id=int(space["id"]),
                account_id=who.account.id,
                created_at=site.home.clock.now(),
                expires_at=site.home.clock.now() + timedelta(minutes=minutes),
            )
        )
    return token


async def publish(site: Site, space: dict[str, Any], **message: Any) -> None:
    site.app.bus.publish(topic(int(space["id"])), message)


async def refused(origin: str, path: str, headers: dict[str, str]) -> int:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await session.ws_connect(origin + path, headers=headers)
    return error.value.status


# Who may listen.


async def test_a_visitor_hears_an_open_room(site: Site, space: dict[str, Any]) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        assert visitor.hello["state"]["space"]["id"] == space["id"]
        assert visitor.hello["pass_expires_at"] is None
        assert len(visitor.hello["reactions"]) >= 8
        await publish(site, space, event="presence", listener_count=7)
        assert await visitor.event("presence") == {"event": "presence", "listener_count": 7}


async def test_who_shows_a_pass_is_known_by_it(site: Site, bob: Client, space: dict[str, Any]) -> None:
    async with Listener(site.origin, space["id"], await pass_of(site, bob, space)) as listener:
        assert listener.hello["pass_expires_at"] is not None
        await publish(site, space, event="you", account_id=bob.account.id, what="invited")
        assert (await listener.event("you"))["what"] == "invited"


@pytest.mark.attack(93)
async def test_a_pass_of_another_space_opens_nothing(
    site: Site, alice: Client, bob: Client, space: Any
) -> None:
    other = await closed_space(alice)
    listener = Listener(site.origin, other["id"], await pass_of(site, bob, space))
    await listener.connect()
    assert await listener.closed() == 4401
    assert listener.heard == []
    await listener.close()


@pytest.mark.attack(94)
async def test_a_room_that_one_may_not_see_is_one_that_is_not_there(
    site: Site, alice: Client, bob: Client
) -> None:
    space = await closed_space(alice)
    for token in (None, bob.token):
        for id_ in (space["id"], "123"):
            listener = Listener(site.origin, id_, token)
            await listener.connect()
            assert await listener.closed() == 4404
            assert listener.heard == []
            await listener.close()
            who = site.anyone if token is None else bob
            assert (await who.call("GET", f"{AT}/{id_}/events"))[0] == 404


@pytest.mark.attack(73)
async def test_a_forged_origin_gets_in_with_nobodys_cookies(site: Site, alice: Client, space: Any) -> None:
    path = f"/spaces/{space['id']}/signal"
    for origin in (
        "null",
        "file://",
        "https://",
        "chrome-extension://abc",
        "https://a.example/x",
        "javascript:1",
    ):
        assert await refused(site.origin, path, {"Origin": origin}) == 403
    closed = await closed_space(alice)
    cookies = {"Origin": "https://evil.example", "Cookie": f"session={alice.token}; token={alice.token}"}
    listener = Listener(site.origin, closed["id"], headers=cookies)
    await listener.connect()
    assert await listener.closed() == 4404
    await listener.close()


async def test_a_page_of_another_server_may_come_with_a_pass(site: Site, bob: Client, space: Any) -> None:
    token = await pass_of(site, bob, space)
    headers = {"Origin": "https://b.example"}
    async with Listener(site.origin, space["id"], token, headers=headers) as listener:
        assert listener.hello["event"] == "hello"


@pytest.mark.attack(73)
async def test_a_token_is_not_taken_from_the_address_nor_from_the_subprotocol(
    site: Site, alice: Client
) -> None:
    space = await closed_space(alice)
    async with aiohttp.ClientSession() as session:
        url = f"{site.origin}/spaces/{space['id']}/signal?access_token={alice.token}&pass={alice.token}"
        assert alice.token is not None
        ws = await session.ws_connect(url, protocols=(alice.token,))
        await ws.send_str("{}")
        assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
        assert ws.close_code == 4404


@pytest.mark.attack(73)
async def test_a_token_that_may_not_read_hears_nothing(
    site: Site, bob: Client, space: dict[str, Any]
) -> None:
    writer = await site.with_scopes(bob.account, "write")
    listener = Listener(site.origin, space["id"], writer.token)
    await listener.connect()
    assert await listener.closed() == 4403
    assert listener.heard == []
    await listener.close()
    assert (await writer.call("GET", f"{AT}/{space['id']}/events"))[0] == 403


async def test_what_is_no_first_word_is_refused(site: Site, space: dict[str, Any]) -> None:
    for said in ("hello", '{"pass": 5}', "[]", '"x"'):
        async with aiohttp.ClientSession() as session:
            ws = await session.ws_connect(f"{site.origin}/spaces/{space['id']}/signal")
            await ws.send_str(said)
            assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
            assert ws.close_code == 4400


async def test_a_wrong_pass_is_refused(site: Site, space: dict[str, Any]) -> None:
    for token in ("fsp_" + "x" * 43, "nonsense", "", "y" * 43, "z" * 2000):
        listener = Listener(site.origin, space["id"], token)
        await listener.connect()
        assert await listener.closed() == 4401
        await listener.close()


# What they hear.


async def test_what_concerns_one_person_is_told_to_nobody_else(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    async with (
        Listener(site.origin, space["id"]) as visitor,
        Listener(site.origin, space["id"], alice.token) as host,
        Listener(site.origin, space["id"], bob.token) as other,
    ):
        await publish(site, space, event="you", account_id=str(bob.account.id), what="invited")
        await publish(site, space, event="paused", is_paused=True)
        for each in (visitor, host, other):
            await each.event("paused")
        assert [said["event"] for said in other.heard] == ["hello", "you", "paused"]
        assert [said["event"] for said in visitor.heard] == ["hello", "paused"]
        assert [said["event"] for said in host.heard] == ["hello", "paused"]


async def test_the_queue_of_hands_is_told_to_hosts_only(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    async with (
        Listener(site.origin, space["id"], alice.token) as host,
        Listener(site.origin, space["id"], bob.token) as other,
    ):
        await publish(site, space, event="queue", queue=[{"account": "secret"}])
        await publish(site, space, event="pins")
        for each in (host, other):
            await each.event("pins")
        assert host.heard[1:] == [{"event": "queue"}, {"event": "pins"}]
        assert other.heard[1:] == [{"event": "pins"}]


async def test_only_what_is_named_is_told(site: Site, space: dict[str, Any]) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        await publish(site, space, event="secret", text="for our processes")
        await publish(site, space, event="hands", count=2, who=["bob"])
        assert await visitor.event("hands") == {"event": "hands", "count": 2}
        assert len(visitor.heard) == 2


async def test_reactions_within_half_a_second_are_one_event(site: Site, space: dict[str, Any]) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        await publish(site, space, event="reactions", counts={"🎉": 1})
        for _ in range(100):
            await publish(site, space, event="reactions", counts={"🎉": 1, "🔥": 2})
        first, second = await visitor.event("reactions"), await visitor.event("reactions")
        assert first["counts"] == {"🎉": 1}
        assert second["counts"] == {"🎉": 100, "🔥": 200}


async def test_the_same_is_told_as_server_sent_events(site: Site, space: dict[str, Any]) -> None:
    async with site.anyone.session.get(f"{site.origin}{AT}/{space['id']}/events") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert stream.headers["Access-Control-Allow-Origin"] == "*"
        assert await stream.content.readuntil(b"\n\n") == b"retry: 1000\n\n"
        hello = (await stream.content.readuntil(b"\n\n")).decode()
        assert hello.startswith("event: hello\ndata: ")
        assert json.loads(hello.split("data: ", 1)[1])["resync"] is False
        await publish(site, space, event="hands", count=2)
        name, id_, data = (await stream.content.readuntil(b"\n\n")).decode().strip().split("\n")
        assert name == "event: hands"
        assert id_.startswith("id: ")
        assert json.loads(data.removeprefix("data: ")) == {"event": "hands", "count": 2}


async def test_who_comes_back_to_a_stream_is_told_to_look_anew(site: Site, space: dict[str, Any]) -> None:
    path = f"{site.origin}{AT}/{space['id']}/events"
    async with site.anyone.session.get(path, headers={"Last-Event-ID": "3"}) as stream:
        await stream.content.readuntil(b"\n\n")
        hello = (await stream.content.readuntil(b"\n\n")).decode()
        assert json.loads(hello.split("data: ", 1)[1])["resync"] is True


# When they are sent away.


@pytest.mark.attack(104)
@pytest.mark.parametrize("what", ["removed", "banned"])
async def test_who_is_sent_out_hears_no_more_at_once(
    site: Site, bob: Client, space: dict[str, Any], what: str
) -> None:
    async with Listener(site.origin, space["id"], bob.token) as listener:
        await publish(site, space, event="you", account_id=str(bob.account.id), what=what)
        assert await asyncio.wait_for(listener.closed(), 1) == 4403
        assert [said["event"] for said in listener.heard] == ["hello", "you", "bye"]


@pytest.mark.attack(104)
async def test_who_is_sent_out_is_found_though_no_message_came(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    async with Listener(site.origin, space["id"], bob.token) as listener:
        async with site.home.db.transaction() as tx:
            tx.add(
                HostBan(host_id=alice.account.id, account_id=bob.account.id, created_at=site.home.clock.now())
            )
        assert await listener.closed() == 4403
    listener = Listener(site.origin, space["id"], bob.token)
    await listener.connect()
    assert await listener.closed() == 4403
    await listener.close()


@pytest.mark.attack(104)
async def test_a_removed_member_cannot_come_back(site: Site, bob: Client, space: dict[str, Any]) -> None:
    now = site.home.clock.now()
    async with site.home.db.transaction() as tx:
        tx.add(
            Member(
                space_id=int(space["id"]),
                account_id=bob.account.id,
                removed_at=now,
                created_at=now,
                updated_at=now,
            )
        )
    listener = Listener(site.origin, space["id"], await pass_of(site, bob, space))
    await listener.connect()
    assert await listener.closed() in (4401, 4403)  # whoever watches the rooms may have voided the pass
    by_token = Listener(site.origin, space["id"], bob.token)
    await by_token.connect()
    assert await by_token.closed() == 4403, "a token is not voided: the door itself refuses"
    await by_token.close()
    await listener.close()


async def test_a_connection_ends_with_its_pass_and_goes_on_with_a_new_one(
    site: Site, bob: Client, space: dict[str, Any]
) -> None:
    short, long = await pass_of(site, bob, space, 1), await pass_of(site, bob, space, 30)
    async with (
        Listener(site.origin, space["id"], short) as forgetful,
        Listener(site.origin, space["id"], short) as careful,
    ):
        await careful.say({"pass": long})
        await careful.event("renewed")
        site.home.clock.advance(minutes=2)
        assert await asyncio.wait_for(forgetful.closed(), 1.5) == 4401
        await publish(site, space, event="pins")
        await careful.event("pins")


async def test_a_connection_is_not_handed_to_somebody_else(
    site: Site, alice: Client, bob: Client, space: dict[str, Any]
) -> None:
    async with Listener(site.origin, space["id"], await pass_of(site, bob, space)) as listener:
        await listener.say({"pass": alice.token})
        assert await listener.closed() == 4403


@pytest.mark.attack(74, 75)
async def test_a_revoked_token_a_new_password_and_a_suspension_are_heard_of_in_open_rooms(
    site: Site, bob: Client, space: dict[str, Any]
) -> None:
    carol, dora = await site.person("carol"), await site.person("dora")
    async with (
        Listener(site.origin, space["id"], bob.token) as revoked,
        Listener(site.origin, space["id"], dora.token) as changed,
        Listener(site.origin, space["id"], await pass_of(site, carol, space)) as suspended,
    ):
        assert bob.token is not None
        async with site.home.db.transaction() as tx:
            await tx.execute(delete(OAuthToken).where(OAuthToken.token_hash == at_rest(bob.token)))
            await tx.execute(
                update(Account)
                .where(Account.id == carol.account.id)
                .values(suspended_at=site.home.clock.now())
            )
        await site.app.password_change.set("dora", "a quite different sentence")
        assert await asyncio.wait_for(revoked.closed(), 5) == 4401
        assert await asyncio.wait_for(changed.closed(), 5) == 4401
        assert await asyncio.wait_for(suspended.closed(), 5) in (4401, 4403)
    for token in (bob.token, dora.token, carol.token):
        again = Listener(site.origin, space["id"], token)
        await again.connect()
        assert await again.closed() in (4401, 4403)
        assert again.heard == []
        await again.close()


async def test_the_end_of_a_space_ends_its_connections(
    site: Site, alice: Client, space: dict[str, Any]
) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        closing = asyncio.create_task(alice.post(f"{AT}/{space['id']}/close"))
        assert await asyncio.wait_for(visitor.closed(), 1.5) == 4410
        await closing
        assert [said["event"] for said in visitor.heard][-2:] == ["state", "bye"]
    late = Listener(site.origin, space["id"])
    await late.connect()
    assert await late.closed() == 4410
    assert late.heard[0]["event"] == "hello"
    await late.close()


async def test_a_space_that_nobody_may_see_any_more_is_closed_to_visitors(site: Site, space: Any) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        async with site.home.db.transaction() as tx:
            await tx.execute(update(Space).where(Space.id == int(space["id"])).values(access="followers"))
        assert await visitor.closed() == 4401


@pytest.mark.attack(94)
@pytest.mark.parametrize("narrowed", ["followers", "invited"])
async def test_a_space_that_is_not_for_somebody_any_more_is_closed_to_them(
    site: Site, alice: Client, bob: Client, space: Any, narrowed: str
) -> None:
    """A token does not end, so nothing but the host's decision ends what it hears."""
    async with Listener(site.origin, space["id"], bob.token) as listener:
        status, _, _ = await alice.call("PATCH", f"{AT}/{space['id']}", json={"access": narrowed})
        assert status == 200
        assert await listener.closed() == 4403
    async with Listener(site.origin, space["id"], alice.token) as host:
        assert host.hello["state"]["space"]["access"] == narrowed


async def test_a_connection_comes_back_when_the_server_does(site: Site, space: dict[str, Any]) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        site.app.hub.send_away()
        assert await visitor.closed() == 1001
        site.app.hub._is_closing = False
    async with Listener(site.origin, space["id"]) as again:
        await publish(site, space, event="pins")
        await again.event("pins")


# Bounds.


@pytest.mark.attack(98)
async def test_of_one_person_there_are_three_connections(
    site: Site, bob: Client, space: dict[str, Any]
) -> None:
    listeners = [Listener(site.origin, space["id"], bob.token) for _ in range(5)]
    closings = []
    for each in listeners:
        await each.__aenter__()
        closings.append(asyncio.create_task(each.closed()))
    assert await asyncio.gather(*closings[:2]) == [4409, 4409]
    for task in closings[2:]:
        task.cancel()
    await asyncio.gather(*closings[2:], return_exceptions=True)
    await publish(site, space, event="pins")
    for each in listeners[2:]:
        await each.event("pins")
    for each in listeners:
        await each.close()


@pytest.mark.attack(98)
async def test_who_says_too_much_is_closed(site: Site, space: dict[str, Any]) -> None:
    async with Listener(site.origin, space["id"]) as flood:
        for _ in range(100):
            await flood.say({"event": "unknown"})
        assert await flood.closed() == 4429


@pytest.mark.attack(98)
@pytest.mark.parametrize("first", [True, False])
async def test_who_pings_too_much_is_closed(site: Site, space: dict[str, Any], first: bool) -> None:
    """What a browser never does and a client does now and then costs as much as a message."""
    flood = Listener(site.origin, space["id"])
    flood.socket = await flood._session.ws_connect(flood._url)
    if not first:
        await flood.say({"pass": None})
        await flood.event("hello")
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            await flood.socket.ping()
    assert await flood.closed() == 4429
    await flood.close()


async def test_a_ping_is_answered_before_the_first_word_and_after_it(
    site: Site, space: dict[str, Any]
) -> None:
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(f"{site.origin}/spaces/{space['id']}/signal", autoping=False)
        await socket.ping(b"one")
        assert (await socket.receive(timeout=5)).data == b"one"
        await socket.send_str("{}")
        assert json.loads((await socket.receive(timeout=5)).data)["event"] == "hello"
        await socket.ping(b"two")
        assert (await socket.receive(timeout=5)).data == b"two"
        await socket.close()


@pytest.mark.attack(98)
async def test_a_long_message_is_closed_and_an_unknown_one_ignored(site: Site, space: dict[str, Any]) -> None:
    async with Listener(site.origin, space["id"]) as listener:
        for said in ("no json", '{"offer": "v=0"}', "[1, 2]"):
            await listener.socket.send_str(said)
        await publish(site, space, event="pins")
        await listener.event("pins")
        await listener.socket.send_str("x" * (1 << 20))
        assert await listener.closed() == 1009


@pytest.mark.attack(98)
async def test_a_compressed_frame_is_not_unpacked(site: Site, space: dict[str, Any]) -> None:
    async with aiohttp.ClientSession() as session:
        ws = await session.ws_connect(f"{site.origin}/spaces/{space['id']}/signal", compress=15)
        assert ws.compress == 0, "compression is not agreed to"
        await ws.send_frame(b"\x00" * 100, aiohttp.WSMsgType.TEXT, compress=15)
        assert (await ws.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_a_slow_reader_holds_nobody_up_and_is_told_to_look_anew(
    site: Site, space: dict[str, Any]
) -> None:
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(reader, ("127.0.0.1", site.port))
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    await loop.sock_sendall(
        reader,
        f"GET /spaces/{space['id']}/signal HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\n{key}\r\n".encode(),
    )
    await loop.sock_sendall(reader, b"\x81\x82\x00\x00\x00\x00{}")
    async with Listener(site.origin, space["id"]) as quick:
        while len(site.app.hub) < 2:
            await asyncio.sleep(0.01)
        big = [{"account": "x" * 60_000}]
        for number in range(40):
            await publish(site, space, event="stage", stage=[*big, number])
            assert (await quick.event("stage"))["stage"][1] == number
        got = b""
        async with asyncio.timeout(5):
            while b'{"event":"resync"}' not in got:
                got = (got + await loop.sock_recv(reader, 1 << 16))[-200_000:]
        await publish(site, space, event="pins")
        async with asyncio.timeout(5):
            while b'{"event":"pins"}' not in got:
                got += await loop.sock_recv(reader, 1 << 16)
    reader.close()


async def test_a_request_that_is_no_websocket_is_told_so(site: Site, space: dict[str, Any]) -> None:
    status, _, headers = await site.anyone.call("GET", f"/spaces/{space['id']}/signal")
    assert (status, headers["Upgrade"]) == (426, "websocket")


async def test_a_ping_is_answered_also_to_a_visitor(site: Site, space: dict[str, Any]) -> None:
    async with Listener(site.origin, space["id"]) as visitor:
        await visitor.say({"ping": True})
        assert await visitor.event("pong") == {"event": "pong"}
