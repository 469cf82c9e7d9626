"""What is decided about somebody reaches the rooms they are in: the sound stops, and nothing opens again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from fedispace.accounts.models import Account, DomainMute, User
from fedispace.accounts.oauth import OAuth
from fedispace.accounts.password_change import PasswordChange
from fedispace.accounts.passwords import Passwords
from fedispace.accounts.signin import SignIn
from fedispace.errors import Forbidden, NotFound, Unauthenticated
from fedispace.media.live.client import SfuClient
from fedispace.moderation import rules
from fedispace.moderation.policy import DomainPolicy
from fedispace.spaces import members
from fedispace.spaces.models import HostBan, Space
from fedispace.spaces.presence import topic
from fedispace.spaces.roles import MemberRole
from fedispace.spaces.sound.exits import Exits
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.watch import RoomWatch
from tests.ground.eventually import eventually
from tests.media.peers import Listener, Sound, Speaker
from tests.spaces.test_live import Hall, alice, hall, space  # noqa: F401
from tests.spaces.town import Town

_REDIRECT = "https://app.example/"

Decision = Callable[[Town, Space, Account, Account], Awaitable[None]]


def _watch(hall: Hall) -> RoomWatch:  # noqa: F811
    town = hall.town
    fleet = Fleet(town.bus, town.clock, lambda control: SfuClient(control, hall.studio.secret))
    fleet.include("studio", hall.studio.client)
    return RoomWatch(
        db=town.db,
        clock=town.clock,
        bus=town.bus,
        fleet=fleet,
        exits=Exits(town.clock, town.bus),
        rooms=hall.live,
        hosting=town.hosting,
        verdict=DomainPolicy(town.db, town.clock).verdict,
    )


@pytest.fixture
async def watch(hall: Hall) -> AsyncIterator[RoomWatch]:  # noqa: F811
    made = _watch(hall)
    await made.start()
    yield made
    await made.stop()


async def _appoint(town: Town, space: Space, account: Account, role: MemberRole) -> None:  # noqa: F811
    async with town.db.transaction() as tx:
        row = await members.ensured(tx, space.id, account.id, town.clock.now())
        row.role = role


async def _is_blocked_by_the_host(town: Town, space: Space, host: Account, them: Account) -> None:  # noqa: F811
    await town.block(host, them)


async def _is_blocked_by_a_cohost(town: Town, space: Space, host: Account, them: Account) -> None:  # noqa: F811
    carol = await town.resident("carol")
    await _appoint(town, space, carol, MemberRole.COHOST)
    await town.block(carol, them)


async def _is_suspended(town: Town, space: Space, host: Account, them: Account) -> None:  # noqa: F811
    await town.suspend(them)


async def _is_banned(town: Town, space: Space, host: Account, them: Account) -> None:  # noqa: F811
    async with town.db.transaction() as tx:
        tx.add(HostBan(host_id=host.id, account_id=them.id, created_at=town.clock.now()))


async def _is_of_a_server_that_is_shut_out(
    town: Town,
    space: Space,  # noqa: F811
    host: Account,
    them: Account,
) -> None:
    async with town.db.transaction() as tx:
        await rules.set_rule(tx, town.clock, "b.example", "suspend")


async def _is_of_a_server_the_host_shuns(
    town: Town,
    space: Space,  # noqa: F811
    host: Account,
    them: Account,
) -> None:
    async with town.db.transaction() as tx:
        tx.add(
            DomainMute(
                id=town.ids.next(), account_id=host.id, domain="b.example", created_at=town.clock.now()
            )
        )


DECISIONS: list[Decision] = [
    _is_blocked_by_the_host,
    _is_blocked_by_a_cohost,
    _is_suspended,
    _is_banned,
    _is_of_a_server_that_is_shut_out,
    _is_of_a_server_the_host_shuns,
]


@pytest.mark.attack(104)
@pytest.mark.parametrize("decide", DECISIONS, ids=lambda decide: decide.__name__.strip("_"))
async def test_who_may_not_be_there_any_more_is_silent_within_seconds_and_out(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
    watch: RoomWatch,
    decide: Decision,
) -> None:
    town = hall.town
    bob = await town.stranger("bob")
    await _appoint(town, space, bob, MemberRole.SPEAKER)
    async with Speaker(hall.studio) as speaker, Listener(hall.studio) as listener:
        await hall.speak(speaker, bob, space)
        await hall.hear(listener, space)
        await listener.listen(0.5)
        held = await hall.ticket(bob, space, "speaker")

        began = time.monotonic()
        await decide(town, space, alice, bob)
        await eventually("nobody is heard", hall.rooms, lambda rooms: rooms[str(space.id)][0] == 0)

        assert time.monotonic() - began < 5
        with pytest.raises(TimeoutError):
            await listener.listen(0.5, within=1.5)
        await hall.shows(space, 1, [])
        offer = await Speaker(hall.studio).offer()
        with pytest.raises((Unauthenticated, Forbidden, NotFound)):
            await hall.live.publish(space.id, held, offer)
        with pytest.raises((Forbidden, NotFound)):
            await town.entering.join(bob, space.id, "listener")


async def _role_of(town: Town, space: Space, account: Account) -> MemberRole:  # noqa: F811
    async with town.db.reading() as tx:
        return await members.role_of(tx, space.id, account.id)


async def test_a_seat_a_hand_and_an_invitation_end_too_though_nobody_is_connected(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
) -> None:
    town = hall.town
    bob, carol = await town.resident("bob"), await town.resident("carol")
    await _appoint(town, space, bob, MemberRole.SPEAKER)
    async with town.db.transaction() as tx:
        row = await members.ensured(tx, space.id, carol.id, town.clock.now())
        row.hand_at, row.invited_as = town.clock.now(), "speaker"
    await town.suspend(bob)
    await town.block(alice, carol)

    await _watch(hall).look()

    assert await _role_of(town, space, bob) is MemberRole.LISTENER
    async with town.db.reading() as tx:
        assert await members.count_hands(tx, space.id) == 0
        after = await members.member(tx, space.id, carol.id)
        assert after is not None
        assert after.invited_as is None


async def test_nobody_empties_the_stage_by_blocking_it(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
) -> None:
    town = hall.town
    bob, carol, dave = [await town.resident(name) for name in ("bob", "carol", "dave")]
    for somebody, role in ((bob, MemberRole.SPEAKER), (carol, MemberRole.COHOST), (dave, MemberRole.SPEAKER)):
        await _appoint(town, space, somebody, role)
    for other in (alice, carol, dave):
        await town.block(bob, other)
    await town.block(carol, alice)

    await _watch(hall).look()

    assert await _role_of(town, space, alice) is MemberRole.HOST
    assert await _role_of(town, space, carol) is MemberRole.COHOST
    assert await _role_of(town, space, dave) is MemberRole.SPEAKER


async def test_what_was_written_while_nobody_watched_is_done_after_the_start(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
) -> None:
    town = hall.town
    bob = await town.resident("bob")
    await _appoint(town, space, bob, MemberRole.SPEAKER)
    async with Speaker(hall.studio) as speaker:
        await hall.speak(speaker, bob, space)
        async with town.db.transaction() as tx:  # another process, which knows no audio server
            await Exits(town.clock, town.bus).sign_out(tx, bob.id)
        assert (await hall.rooms())[str(space.id)] == (1, 0)

        await _watch(hall).look()

        await eventually("he is gone", hall.rooms, lambda rooms: rooms == {})


async def test_the_space_of_a_host_who_is_suspended_ends_for_everybody(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
    watch: RoomWatch,
) -> None:
    async with Listener(hall.studio) as listener:
        await hall.hear(listener, space)
        await hall.town.suspend(alice)

        await eventually("the room is closed", hall.rooms, lambda rooms: rooms == {})

        assert (await hall.town.stored(space.id)).state == "ended"


@pytest.mark.parametrize("way", ["session", "token", "password"])
async def test_whoever_is_signed_out_holds_nothing_in_rooms_any_more(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
    watch: RoomWatch,
    way: str,
) -> None:
    town = hall.town
    sign_out = await _signed_in(town, alice, way)
    async with Speaker(hall.studio) as speaker:
        await hall.speak(speaker, alice, space)
        held = await hall.ticket(alice, space, "speaker")
        given = await town.passes.grant(alice.id, space.id)

        await sign_out()

        await eventually("the room is empty", hall.rooms, lambda rooms: rooms == {})
    async with Speaker(hall.studio) as again:
        again.connection.addTrack(Sound.tone(440))
        offer = await again.offer()
        for bearer in (held, given.token):
            with pytest.raises(Unauthenticated):
                await hall.live.publish(space.id, bearer, offer)
    assert await _role_of(town, space, alice) is MemberRole.HOST


async def _signed_in(town: Town, account: Account, way: str) -> Callable[[], Awaitable[None]]:
    """Sign somebody in, and return how that ends."""
    exits = Exits(town.clock, town.bus)
    passwords = Passwords()
    changing = PasswordChange(town.db, passwords, exits.revoke)
    if way == "password":
        return lambda: changing.set(account.username, "a second password")
    await changing.set(account.username, "the first password")
    if way == "session":
        sign_in = SignIn(town.db, town.clock, town.ids, passwords, exits.sign_out)
        _, cookie = await sign_in.sign_in(account.username, "the first password", user_agent="")
        return lambda: sign_in.sign_out(cookie)
    oauth = OAuth(town.db, town.clock, town.ids, exits.sign_out)
    app, secret = await oauth.register_app("app", [_REDIRECT], "write", None)
    async with town.db.reading() as tx:
        user = await tx.get(User, account.id)
    assert user is not None
    code = await oauth.authorize(app, user, _REDIRECT, frozenset({"write"}), None)
    issued = await oauth.exchange_code(
        client_id=app.client_id, client_secret=secret, code=code, redirect_uri=_REDIRECT, verifier=None
    )
    return lambda: oauth.revoke(client_id=app.client_id, client_secret=secret, token=issued.token)


async def test_a_space_that_a_command_line_ended_is_closed_by_the_running_server(
    hall: Hall,  # noqa: F811
    alice: Account,  # noqa: F811
    space: Space,  # noqa: F811
    watch: RoomWatch,
) -> None:
    town = hall.town
    async with Listener(hall.studio) as listener, town.bus.subscribe(topic(space.id)) as told:
        await hall.hear(listener, space)
        async with town.db.transaction() as tx:  # as `fedispace space end` does, which knows no audio server
            row = await members.locked(tx, space.id)
            row.state, row.ended_at = "ended", town.clock.now()

        await eventually("the room is closed", hall.rooms, lambda rooms: rooms == {})

        async with asyncio.timeout(5):
            while (await told.next())[1] != {"event": "state", "state": "ended"}:
                pass
