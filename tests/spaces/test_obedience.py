"""Somebody is silenced, sent away or banned: rows and sound obey together, and a new SFU is told again."""

import os
import signal
from collections.abc import AsyncIterator

import pytest

from fedispace.accounts.models import Account
from fedispace.errors import Forbidden, Invalid, Unauthenticated
from fedispace.media.live.client import SfuClient
from fedispace.spaces.fleet import Fleet
from fedispace.spaces.models import Space
from fedispace.spaces.obedience import Obedience
from tests.ground.eventually import eventually
from tests.media.peers import Listener, Sound, Speaker

# The hall and those in it are the same as where one enters.
from tests.spaces.test_live import Hall, alice, hall, space  # noqa: F401


@pytest.fixture
async def obedience(hall: Hall) -> AsyncIterator[Obedience]:  # noqa: F811
    town = hall.town
    fleet = Fleet(town.bus, town.clock, lambda control: SfuClient(control, hall.studio.secret))
    fleet.include("studio", hall.studio.client)
    made = Obedience(db=town.db, clock=town.clock, bus=town.bus, fleet=fleet, tickets=town.tickets)
    await made.start()
    yield made
    await made.stop()


async def test_who_is_removed_is_out_with_every_session_and_ticket(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
    obedience: Obedience,
) -> None:
    async with Speaker(hall.studio) as speaker, Listener(hall.studio) as listener:
        await hall.speak(speaker, alice, space)
        await hall.hear(listener, space, await hall.ticket(alice, space, "listener"))
        await hall.shows(space, 0, ["alice"])
        unused = await hall.ticket(alice, space, "speaker")

        await obedience.remove(space.id, alice.id)

        assert await hall.count_sessions(ended=False) == 0
        await hall.shows(space, 0, [])
        await eventually("nobody is left", hall.rooms, lambda rooms: rooms == {})
        with pytest.raises(Unauthenticated):
            await hall.live.publish(space.id, unused, await Speaker(hall.studio).offer())
    async with Speaker(hall.studio) as again:
        await hall.speak(again, alice, space)


async def test_who_is_banned_gets_no_further_with_a_new_ticket_even_from_a_new_audio_server(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
    obedience: Obedience,
) -> None:
    await obedience.ban(space.id, alice.id)
    async with Speaker(hall.studio) as speaker:
        speaker.connection.addTrack(Sound.tone(440))
        offer = await speaker.offer()
        with pytest.raises(Forbidden):
            await hall.live.publish(space.id, await hall.ticket(alice, space, "speaker"), offer)

        pid = hall.studio.process.pid
        assert pid is not None
        await _restart(hall, pid)
        banned = hall.studio.grant("subscribe", room=str(space.id), participant=f"account {alice.id}")
        await eventually("the new one knows", lambda: _opens(hall, banned), lambda opens: not opens)
        with pytest.raises(Forbidden):
            await hall.live.publish(space.id, await hall.ticket(alice, space, "speaker"), offer)

        await obedience.readmit(space.id, alice.id)
        await hall.live.publish(space.id, await hall.ticket(alice, space, "speaker"), offer)


async def test_who_is_muted_stays_and_is_not_heard(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
    obedience: Obedience,
) -> None:
    async with Speaker(hall.studio) as speaker, Listener(hall.studio) as listener:
        await hall.speak(speaker, alice, space)
        await hall.hear(listener, space)
        await listener.listen(0.5)

        await obedience.mute(space.id, alice.id)

        with pytest.raises(TimeoutError):
            await listener.listen(0.5, within=1.5)
        await hall.shows(space, 1, ["alice"])
        await obedience.mute(space.id, alice.id, muted=False)
        await listener.listen(0.5)


async def _restart(hall: Hall, pid: int) -> None:  # noqa: F811
    os.kill(pid, signal.SIGKILL)

    async def again() -> int:
        return hall.studio.process.starts

    await eventually("it is back", again, lambda starts: starts > 1)
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
