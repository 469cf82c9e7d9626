"""Being in a room: what one sees of it, and every command. The bearer is a pass, or a token of one of ours.

Each command answers with the room as it is after it, so that whoever gave it need not ask again.
"""

from datetime import timedelta

from fedispace.accounts.models import Account
from fedispace.api.entities import room as entities
from fedispace.api.entities.shape import ById, Parameters, RowId
from fedispace.api.limits import Limiter, Rate
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.present.rooms import RoomPresenter
from fedispace.api.routing import Besides, Call, Calls, Dialect, Given, Routes, Who
from fedispace.clock import Clock, iso
from fedispace.db.engine import Database
from fedispace.errors import Invalid
from fedispace.spaces.room import room_of
from fedispace.spaces.verbs.handing import Handing
from fedispace.spaces.verbs.hands import Hands
from fedispace.spaces.verbs.hosting import Hosting
from fedispace.spaces.verbs.inviting import Inviting, parse_offer
from fedispace.spaces.verbs.ordering import Ordering, Pausing
from fedispace.spaces.verbs.removing import Removing

_AT = "/api/fedispace/v1/spaces/{id}/room"
_WRITE = "write:statuses"
_PASS = Besides.PASS
_COMMANDS = Rate(amount=20, period=timedelta(seconds=4))


class RaiseHand(Parameters, frozen=True, kw_only=True):
    id: RowId
    up: bool = True


class About(Parameters, frozen=True, kw_only=True):
    """A command about one person."""

    id: RowId
    account_id: RowId


class Mute(About, frozen=True, kw_only=True):
    hard: bool = False


class Invite(Parameters, frozen=True, kw_only=True):
    id: RowId
    role: str = "speaker"
    account_id: RowId | None = None
    handle: str | None = None


class Answer(Parameters, frozen=True, kw_only=True):
    id: RowId
    accept: bool


class Microphone(Parameters, frozen=True, kw_only=True):
    id: RowId
    on: bool


class Presence(Parameters, frozen=True, kw_only=True):
    id: RowId
    shown: bool


class RoomCalls(Calls):
    """The room, and its commands."""

    routes = Routes(Dialect.NATIVE)

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        hands: Hands,
        inviting: Inviting,
        ordering: Ordering,
        pausing: Pausing,
        removing: Removing,
        handing: Handing,
        hosting: Hosting,
        presenter: RoomPresenter,
        accounts: AccountPresenter,
        limiter: Limiter,
    ) -> None:
        self._db = db
        self._clock = clock
        self._hands = hands
        self._inviting = inviting
        self._ordering = ordering
        self._pausing = pausing
        self._removing = removing
        self._handing = handing
        self._hosting = hosting
        self._presenter = presenter
        self._accounts = accounts
        self._limiter = limiter

    @routes.get(_AT, who=Who.ANYONE, scope="read:statuses", besides=_PASS)
    async def room(self, call: Call[ById]) -> entities.RoomState:
        """Return a room: who is on stage, who asks to speak, and what one may do oneself."""
        return await self._shown(call.given.id, call.viewer_id)

    @routes.post(f"{_AT}/hand", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def hand(self, call: Call[RaiseHand]) -> entities.RoomState:
        """Ask to speak, or take one's hand down."""
        given = call.given
        await self._hands.raise_hand(self._by(call), given.id, up=given.up)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/hands/{{account_id}}/approve", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def approve(self, call: Call[About]) -> entities.RoomState:
        """Let somebody on stage whose hand is up; their microphone stays off."""
        given = call.given
        await self._hands.approve(self._by(call), given.id, given.account_id)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/hands/{{account_id}}/decline", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def decline(self, call: Call[About]) -> entities.RoomState:
        """Take somebody's hand down."""
        given = call.given
        await self._hands.decline(self._by(call), given.id, given.account_id)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/invite", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def invite(self, call: Call[Invite]) -> entities.RoomState:
        """Invite somebody, known here by `account_id` or anywhere by `handle`, to be something in a Space."""
        given, offer = call.given, parse_offer(call.given.role)
        if given.account_id is not None:
            await self._inviting.invite(self._by(call), given.id, given.account_id, offer)
        elif given.handle:
            await self._inviting.invite_by_handle(self._by(call), given.id, given.handle, offer)
        else:
            raise Invalid("account_id or handle must say who.", field="account_id")
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/invitation", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def answer(self, call: Call[Answer]) -> entities.RoomState:
        """Accept or decline what one was invited to."""
        given = call.given
        await self._inviting.answer(self._by(call), given.id, accept=given.accept)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/people/{{account_id}}/mute", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def mute(self, call: Call[Mute]) -> entities.RoomState:
        """Silence somebody; `hard` is until a host lets go."""
        given = call.given
        await self._ordering.mute(self._by(call), given.id, given.account_id, hard=given.hard)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/people/{{account_id}}/unmute", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def unmute(self, call: Call[About]) -> entities.RoomState:
        """Let somebody turn the microphone on again."""
        given = call.given
        await self._ordering.unmute(self._by(call), given.id, given.account_id)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/people/{{account_id}}/move", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def move(self, call: Call[About]) -> entities.RoomState:
        """Send somebody on stage to the audience."""
        given = call.given
        await self._ordering.move(self._by(call), given.id, given.account_id)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/people/{{account_id}}/remove", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def remove(self, call: Call[About]) -> entities.RoomState:
        """Send somebody out of this Space."""
        given = call.given
        await self._removing.remove(self._by(call), given.id, given.account_id)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/people/{{account_id}}/ban", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def ban(self, call: Call[About]) -> entities.RoomState:
        """Send somebody out of all Spaces of the host."""
        given = call.given
        await self._removing.ban(self._by(call), given.id, given.account_id)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/people/{{account_id}}/readmit", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def readmit(self, call: Call[About]) -> entities.RoomState:
        """Let somebody in again who was sent out."""
        given = call.given
        await self._removing.readmit(self._by(call), given.id, given.account_id)
        return await self._shown(given.id, call.viewer_id)

    @routes.get(f"{_AT}/removed", who=Who.PERSON, scope="read:statuses", besides=_PASS)
    async def removed(self, call: Call[ById]) -> list[entities.Removed]:
        """Return who was sent out, for hosts and co-hosts."""
        found = await self._removing.listed(self._by(call), call.given.id)
        return [
            entities.Removed(
                account=self._accounts.account(each.account),
                removed_at=iso(each.removed_at),
                is_banned=each.is_banned,
            )
            for each in found
        ]

    @routes.post(f"{_AT}/people/{{account_id}}/cohost", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def cohost(self, call: Call[About]) -> entities.RoomState:
        """Make somebody on stage a co-host, or invite a listener to be one."""
        given = call.given
        await self._inviting.invite(self._by(call), given.id, given.account_id, "cohost")
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/people/{{account_id}}/demote", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def demote(self, call: Call[About]) -> entities.RoomState:
        """Make a co-host a speaker again."""
        given = call.given
        await self._handing.demote(self._by(call), given.id, given.account_id)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/mute_all", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def mute_all(self, call: Call[ById]) -> entities.RoomState:
        """Silence everybody else on stage; they may unmute themselves."""
        await self._ordering.mute_all(self._by(call), call.given.id)
        return await self._shown(call.given.id, call.viewer_id)

    @routes.post(f"{_AT}/pause", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def pause(self, call: Call[ById]) -> entities.RoomState:
        """Silence the room and freeze reactions and replies, at once."""
        await self._pausing.pause(self._by(call), call.given.id)
        return await self._shown(call.given.id, call.viewer_id)

    @routes.post(f"{_AT}/resume", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def resume(self, call: Call[ById]) -> entities.RoomState:
        """Let a paused room go on."""
        await self._pausing.resume(self._by(call), call.given.id)
        return await self._shown(call.given.id, call.viewer_id)

    @routes.post(f"{_AT}/hand_over", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def hand_over(self, call: Call[About]) -> entities.RoomState:
        """Make somebody else on stage the host."""
        given = call.given
        await self._handing.hand_over(self._by(call), given.id, given.account_id)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/step_down", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def step_down(self, call: Call[ById]) -> entities.RoomState:
        """Leave the stage and listen on."""
        await self._ordering.step_down(self._by(call), call.given.id)
        return await self._shown(call.given.id, call.viewer_id)

    @routes.post(f"{_AT}/microphone", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def microphone(self, call: Call[Microphone]) -> entities.RoomState:
        """Say that one's own microphone is on or off; turning it on ends a soft mute."""
        given = call.given
        await self._ordering.turn_microphone(self._by(call), given.id, on=given.on)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/presence", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def presence(self, call: Call[Presence]) -> entities.RoomState:
        """Choose whether one is named among the listeners."""
        given = call.given
        await self._hands.show_oneself(self._by(call), given.id, shown=given.shown)
        return await self._shown(given.id, call.viewer_id)

    @routes.post(f"{_AT}/end", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def end(self, call: Call[ById]) -> entities.RoomState:
        """End the Space for everyone; for who hosts it now, wherever their home is."""
        await self._hosting.close(self._person(call), call.given.id)
        return await self._shown(call.given.id, call.viewer_id)

    def _by(self, call: Call[Given]) -> int:
        """Return who gives a command, if they do not give too many: five in a second, after a first few."""
        return self._person(call).id

    def _person(self, call: Call[Given]) -> Account:
        self._limiter.spend(f"room:{call.account.id}", _COMMANDS)
        return call.account

    async def _shown(self, space_id: int, viewer_id: int | None) -> entities.RoomState:
        async with self._db.reading() as tx:
            view = await room_of(tx, space_id, viewer_id, self._clock.now())
        return self._presenter.room(view)
