"""Connections that stay open: how many one address may have."""

import asyncio
from typing import Any

import aiohttp
import pytest

from fedispace.api.seats import MOST_OF_ADDRESS, Seats
from fedispace.errors import Busy, RateLimited
from tests.api.site import Client, Site

AT = "/api/fedispace/v1/spaces"


def test_a_home_has_so_many_and_those_who_went_make_room() -> None:
    seats = Seats(most_of_address=1, most=3)
    with seats.one("2001:db8::1"):
        with pytest.raises(RateLimited), seats.one("2001:db8::ffff"):
            pass  # the same /64
        with seats.one("192.0.2.1"):
            with pytest.raises(RateLimited), seats.one("::ffff:192.0.2.1"):
                pass
            with seats.one("2001:db8:0:1::1"), pytest.raises(Busy), seats.one("198.51.100.1"):
                pass
    with seats.one("2001:db8::ffff"):
        pass


@pytest.mark.attack(98)
async def test_an_address_that_has_all_its_seats_gets_neither_events_nor_sound(
    site: Site, alice: Client
) -> None:
    made = await alice.post(AT, {"title": "An open floor"}, expect=201)
    await alice.post(f"{AT}/{made['id']}/open")
    room = f"{site.origin}/spaces/{made['id']}"
    crowd, another = {"X-Forwarded-For": "192.0.2.7"}, {"X-Forwarded-For": "192.0.2.8"}

    async def stream(headers: dict[str, str]) -> Any:
        async with session.get(f"{room}/stream/{'a' * 43}.{'b' * 43}", headers=headers) as answer:
            return answer.status, answer.headers.get("Retry-After")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        sockets = [await session.ws_connect(f"{room}/signal", headers=crowd) for _ in range(MOST_OF_ADDRESS)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{room}/signal", headers=crowd)
        assert refused.value.status == 429
        assert await stream(crowd) == (429, "10")
        assert await stream(another) == (404, None)
        await asyncio.gather(*(socket.close() for socket in sockets))
