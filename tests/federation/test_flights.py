"""Places for requests: no queue may take them all."""

import asyncio

import pytest

from fedispace.federation.flights import Flights

STAR, REPLY = 1, 0


async def _waits(flights: Flights, band: int) -> "asyncio.Task[None]":
    task = asyncio.create_task(flights.take(band))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_a_queue_that_holds_all_it_may_leaves_places_for_another() -> None:
    flights = Flights(16)
    for _ in range(14):
        await flights.take(STAR)
    fifteenth = await _waits(flights, STAR)
    await flights.take(REPLY)
    await flights.take(REPLY)
    third = await _waits(flights, REPLY)
    flights.give_back(STAR)
    await fifteenth
    flights.give_back(REPLY)
    await third


async def test_queues_are_let_in_by_turns() -> None:
    flights = Flights(1)
    await flights.take(STAR)
    first, second = await _waits(flights, STAR), await _waits(flights, STAR)
    reply = await _waits(flights, REPLY)
    flights.give_back(STAR)
    await first
    flights.give_back(STAR)
    await reply
    assert not second.done()
    flights.give_back(REPLY)
    await second
    assert not flights.are_full


async def test_a_place_given_to_somebody_who_has_gone_is_given_on() -> None:
    flights = Flights(1)
    await flights.take(STAR)
    gone, waits = await _waits(flights, REPLY), await _waits(flights, STAR)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    flights.give_back(STAR)
    await waits
    late = await _waits(flights, REPLY)
    flights.give_back(STAR)
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    await flights.take(STAR)


async def test_what_is_slow_makes_room_for_the_next_of_its_queue() -> None:
    flights = Flights(1, slow=1)
    await flights.take(STAR)
    waits = await _waits(flights, STAR)
    assert flights.step_aside(STAR)
    await waits
    assert not flights.step_aside(STAR)
    flights.end_slow()
    assert flights.step_aside(STAR)
