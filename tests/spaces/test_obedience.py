"""Somebody is silenced, sent away or banned: rows and sound obey together, and a new SFU is told again."""

import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account
from fedispace.config import Spaces as Limits
from fedispace.errors import Forbidden, Invalid, Unauthenticated
from fedispace.media.live.client import SfuClient
from fedispace.spaces import members
from fedispace.spaces.models import Space
from fedispace.spaces.roles import MemberRole
from fedispace.spaces.sound.exits import Exits
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.obedience import Obedience
from fedispace.wiring.rooms import RoomVerbs
from tests.ground.eventually import eventually
from tests.media.peers import Listener, Speaker

# The hall and those in it are the same as where one enters.
from tests.spaces.test_live import Hall, alice, hall, space  # noqa: F401


class Order:
    """What hosts do, with audio servers that obey."""

    def __init__(self, hall: Hall, obedience: Obedience) -> None:  # noqa: F811
        town = hall.town
        self.hall = hall
        self.obedience = obedience
        self.verbs = RoomVerbs(
            db=town.db,
            ids=town.ids,
            clock=town.clock,
            addresses=town.addresses,
            bus=town.bus,
            limits=Limits(),
            orders=obedience,
            herald=town.herald,
            lookup=Lookup(town.db, town.resolver, town.people, town.addresses),
            exits=Exits(town.clock, town.bus),
            jobs=town.jobs,
            tidings=town.tidings,
        )

    async def speaker(self, name: str, space_id: int) -> Account:
        """Return somebody new who is on stage."""
        account = await self.hall.town.resident(name)
        async with self.hall.town.db.transaction() as tx:
            tx.add(members.born(space_id, account.id, MemberRole.SPEAKER, self.hall.town.clock.now()))
        return account


def obeying(hall: Hall) -> Obedience:  # noqa: F811
    """Return what one web process has of it."""
    town = hall.town
    fleet = Fleet(town.bus, town.clock, lambda control: SfuClient(control, hall.studio.secret))
    fleet.include("studio", hall.studio.client)
    return Obedience(db=town.db, fleet=fleet)


@pytest.fixture
async def order(hall: Hall) -> AsyncIterator[Order]:  # noqa: F811
    made = obeying(hall)
    await made.start()
    yield Order(hall, made)
    await made.stop()


@pytest.fixture
async def sam(order: Order, space: Space) -> Account:  # noqa: F811
    return await order.speaker("sam", space.id)


@pytest.mark.attack(104)
async def test_who_is_removed_is_out_with_every_session_ticket_and_pass(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    sam: Account,
    space: Space,  # noqa: F811
    order: Order,
) -> None:
    async with Speaker(hall.studio) as speaker, Listener(hall.studio) as listener:
        await hall.speak(speaker, sam, space)
        await hall.hear(listener, space, await hall.ticket(sam, space, "listener"))
        await hall.shows(space, 0, ["sam"])
        unused = await hall.ticket(sam, space, "speaker")
        held = await hall.town.passes.grant(sam.id, space.id)

        await order.verbs.removing.remove(alice.id, space.id, sam.id)

        assert await hall.count_sessions(ended=False) == 0
        await hall.shows(space, 0, [])
        await eventually("nobody is left", hall.rooms, lambda rooms: rooms == {})
        for bearer in (unused, held.token):
            with pytest.raises(Unauthenticated):
                await hall.live.publish(space.id, bearer, await Speaker(hall.studio).offer())
        with pytest.raises(Forbidden):
            await hall.ticket(sam, space, "listener")

    await order.verbs.removing.readmit(alice.id, space.id, sam.id)
    async with Listener(hall.studio) as again:
        await hall.hear(again, space, (await hall.town.passes.grant(sam.id, space.id)).token)


@pytest.mark.attack(104)
async def test_who_is_sent_out_stays_out_of_a_new_audio_server_and_a_second_process_says_the_same(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    sam: Account,
    space: Space,  # noqa: F811
    order: Order,
) -> None:
    await order.verbs.removing.ban(alice.id, space.id, sam.id)
    grant = hall.studio.grant("subscribe", room=str(space.id), participant=f"account {sam.id}")
    assert not await _opens(hall, grant)

    pid = hall.studio.process.pid
    assert pid is not None
    await _restart(hall, pid)
    await eventually("the new one knows", lambda: _opens(hall, grant), lambda opens: not opens)

    await order.obedience.stop()
    pid = hall.studio.process.pid
    assert pid is not None
    await _restart(hall, pid)
    assert await _opens(
        hall, hall.studio.grant("subscribe", room=str(space.id), participant=f"account {sam.id}")
    )
    second = obeying(hall)
    await second.start()
    await eventually("the other process tells it", lambda: _opens(hall, grant), lambda opens: not opens)
    await second.stop()

    await order.verbs.removing.readmit(alice.id, space.id, sam.id)
    assert await _opens(hall, grant)


async def test_who_is_muted_stays_and_is_silent_within_a_second(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    sam: Account,
    space: Space,  # noqa: F811
    order: Order,
) -> None:
    async with Speaker(hall.studio) as speaker, Listener(hall.studio) as listener:
        await hall.speak(speaker, sam, space)
        await hall.hear(listener, space)
        await listener.listen(0.5)

        began = time.monotonic()
        await order.verbs.ordering.mute(alice.id, space.id, sam.id, hard=False)

        assert await _last_heard(listener, began) - began <= 1.0
        await hall.shows(space, 1, ["sam"])
        await order.verbs.ordering.turn_microphone(sam.id, space.id, on=True)
        await listener.listen(0.5)


async def test_a_second_web_process_has_the_same_power(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    sam: Account,
    space: Space,  # noqa: F811
    order: Order,
) -> None:
    town = hall.town
    fleet = Fleet(town.bus, town.clock, lambda control: SfuClient(control, hall.studio.secret))
    fleet.include("studio", SfuClient(hall.studio.process.control, hall.studio.secret))
    await fleet.start()
    second = Order(hall, Obedience(db=town.db, fleet=fleet))
    async with Speaker(hall.studio) as speaker, Listener(hall.studio) as listener:
        await hall.speak(speaker, sam, space)
        await hall.hear(listener, space)
        await listener.listen(0.5)
        began = time.monotonic()
        await second.verbs.ordering.mute(alice.id, space.id, sam.id, hard=True)
        assert await _last_heard(listener, began) - began <= 1.0
        await order.verbs.ordering.unmute(alice.id, space.id, sam.id)
        await listener.listen(0.5)
    await fleet.stop()


async def test_a_mute_holds_on_a_new_audio_server_for_whoever_comes_back(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    sam: Account,
    space: Space,  # noqa: F811
    order: Order,
) -> None:
    await order.verbs.ordering.mute(alice.id, space.id, sam.id, hard=True)
    await order.obedience.stop()  # nobody retells: who opens the microphone is asked at the door
    pid = hall.studio.process.pid
    assert pid is not None
    await _restart(hall, pid)
    async with Speaker(hall.studio) as speaker, Listener(hall.studio) as listener:
        await hall.speak(speaker, sam, space)
        await hall.hear(listener, space)
        with pytest.raises(TimeoutError):
            await listener.listen(0.3, within=1.5)
        await order.verbs.ordering.unmute(alice.id, space.id, sam.id)
        await listener.listen(0.5)


async def test_who_is_moved_to_the_audience_is_silent_within_a_second_and_goes_on_listening(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    sam: Account,
    space: Space,  # noqa: F811
    order: Order,
) -> None:
    async with (
        Speaker(hall.studio) as host,
        Speaker(hall.studio) as speaker,
        Listener(hall.studio) as his,
        Listener(hall.studio) as other,
    ):
        await hall.speak(speaker, sam, space)
        await hall.hear(his, space, await hall.ticket(sam, space, "listener"))
        await hall.hear(other, space)
        await other.listen(0.3)

        began = time.monotonic()
        await order.verbs.ordering.move(alice.id, space.id, sam.id)

        assert await _last_heard(other, began) - began <= 1.0
        await hall.shows(space, 2, [])
        await hall.speak(host, alice, space)
        await his.listen(0.3)


async def test_a_paused_room_is_silent_for_those_who_come_on_stage_meanwhile_too(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    sam: Account,
    space: Space,  # noqa: F811
    order: Order,
) -> None:
    late = await order.speaker("late", space.id)
    async with (
        Speaker(hall.studio) as speaker,
        Speaker(hall.studio) as second,
        Listener(hall.studio) as listener,
    ):
        await hall.speak(speaker, sam, space)
        await hall.hear(listener, space)
        await listener.listen(0.3)
        began = time.monotonic()
        await order.verbs.pausing.pause(alice.id, space.id)
        assert await _last_heard(listener, began) - began <= 1.0
        await hall.speak(second, late, space)
        with pytest.raises(TimeoutError):
            await listener.listen(0.3, within=1.5)
        await hall.shows(space, 1, ["sam", "late"])
        await order.verbs.pausing.resume(alice.id, space.id)
        await listener.listen(0.3)


async def _last_heard(listener: Listener, began: float) -> float:
    """Return when the last of the sound came, once there is silence."""
    last = began
    while True:
        try:
            await listener.listen(0.1, within=1.5)
        except TimeoutError:
            return last
        last = time.monotonic()


async def _restart(hall: Hall, pid: int) -> None:  # noqa: F811
    before = hall.studio.process.starts
    os.kill(pid, signal.SIGKILL)

    async def again() -> int:
        return hall.studio.process.starts

    await eventually("it is back", again, lambda starts: starts > before)
    await eventually("it answers", hall.studio.client.status, lambda status: status.port > 0)


async def _opens(hall: Hall, grant: str) -> bool:  # noqa: F811
    """Tell whether a grant would open anything: an offer that cannot be answered spends nothing."""
    try:
        await hall.studio.client.subscribe(grant, "v=0")
    except Forbidden:
        return False
    except Invalid:
        return True
    return True
