"""Being in a room: what one sees of it, and every command. The bearer is a pass, or a token of one of ours.

Each command answers with the room as it is after it, so that whoever gave it need not ask again.
"""

import typing
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal, TypeVar

from fedispace.accounts.models import Account
from fedispace.api.entities import room as entities
from fedispace.api.entities.shape import ById, RowId
from fedispace.api.limits import Limiter, Rate
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.present.rooms import RoomPresenter
from fedispace.api.routing import Besides, Call, Calls, Dialect, Routes, Who
from fedispace.clock import Clock, iso
from fedispace.db.engine import Database
from fedispace.errors import Invalid, NotFound
from fedispace.spaces.room import left_room, room_of
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
"""Five in a second, after a first few."""
_ROUTES = Routes(Dialect.NATIVE)
Given = TypeVar("Given", bound=ById)


class RaiseHand(ById, frozen=True, kw_only=True):
    up: bool = True


class About(ById, frozen=True, kw_only=True):
    """A command about one person."""

    account_id: RowId


class Mute(About, frozen=True, kw_only=True):
    hard: bool = False


class Invite(ById, frozen=True, kw_only=True):
    role: str = "speaker"
    account_id: RowId | None = None
    handle: str | None = None


class Answer(ById, frozen=True, kw_only=True):
    accept: bool


class Microphone(ById, frozen=True, kw_only=True):
    on: bool


class Presence(ById, frozen=True, kw_only=True):
    shown: bool


Verb = Callable[["RoomCalls", Account, Given], Awaitable[None]]


def _command(path: str, method: Literal["POST", "DELETE"] = "POST") -> Callable[[Verb[Given]], Verb[Given]]:
    """Enter a command into the table: given by a person, not too often, answered with the room after it."""

    def enter(verb: Verb[Given]) -> Verb[Given]:
        async def carry_out(self: "RoomCalls", call: Call[Given]) -> entities.RoomState:
            self._limiter.spend(f"room:{call.account.id}", _COMMANDS)
            await verb(self, call.account, call.given)
            return await self._shown(call.given.id, call.viewer_id)

        carry_out.__doc__ = verb.__doc__
        takes: type[ById] = typing.get_type_hints(verb)["given"]
        carry_out.__annotations__ = {"call": Call[takes], "return": entities.RoomState}  # type: ignore[valid-type]
        add = _ROUTES.post if method == "POST" else _ROUTES.delete
        add(f"{_AT}{path}", who=Who.PERSON, scope=_WRITE, besides=_PASS)(carry_out)
        return verb

    return enter


class RoomCalls(Calls):
    """The room, and its commands."""

    routes = _ROUTES

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

    @_ROUTES.get(_AT, who=Who.ANYONE, scope="read:statuses", besides=_PASS)
    async def room(self, call: Call[ById]) -> entities.RoomState:
        """Return a room: who is on stage, who asks to speak, and what one may do oneself."""
        return await self._shown(call.given.id, call.viewer_id)

    @_command("/hand")
    async def hand(self, by: Account, given: RaiseHand) -> None:
        """Ask to speak, or take one's hand down."""
        await self._hands.raise_hand(by.id, given.id, up=given.up)

    @_command("/hands/{account_id}/approve")
    async def approve(self, by: Account, given: About) -> None:
        """Let somebody on stage whose hand is up; their microphone stays off."""
        await self._hands.approve(by.id, given.id, given.account_id)

    @_command("/hands/{account_id}/decline")
    async def decline(self, by: Account, given: About) -> None:
        """Take somebody's hand down."""
        await self._hands.decline(by.id, given.id, given.account_id)

    @_command("/invite")
    async def invite(self, by: Account, given: Invite) -> None:
        """Invite somebody, known here by `account_id` or anywhere by `handle`, to be something in a Space."""
        offer = parse_offer(given.role)
        if given.account_id is not None:
            await self._inviting.invite(by.id, given.id, given.account_id, offer)
        elif given.handle:
            await self._inviting.invite_by_handle(by.id, given.id, given.handle, offer)
        else:
            raise Invalid("account_id or handle must say who.", field="account_id")

    @_ROUTES.get(f"{_AT}/invitations", who=Who.PERSON, scope="read:statuses", besides=_PASS)
    async def invitations(self, call: Call[ById]) -> list[entities.Invited]:
        """Return who is invited and has not answered, for hosts and co-hosts."""
        found = await self._inviting.listed(call.account.id, call.given.id)
        return [
            entities.Invited(account=self._accounts.account(each.account), role=each.offered.value)
            for each in found
        ]

    @_command("/invitations/{account_id}", "DELETE")
    async def withdraw(self, by: Account, given: About) -> None:
        """Take back an invitation that is not answered yet."""
        await self._inviting.withdraw(by.id, given.id, given.account_id)

    @_ROUTES.post(f"{_AT}/invitation", who=Who.PERSON, scope=_WRITE, besides=_PASS)
    async def answer(self, call: Call[Answer]) -> entities.RoomState:
        """Accept or decline what one was invited to.

        Who could see the Space by this invitation alone, and declines, gets the room with nobody in it,
        where `you` is nobody and may do nothing; and the same again when they decline again.
        """
        by, given = call.account, call.given
        self._limiter.spend(f"room:{by.id}", _COMMANDS)
        await self._inviting.answer(by.id, given.id, accept=given.accept)
        try:
            return await self._shown(given.id, by.id)
        except NotFound:
            if given.accept:
                raise
            async with self._db.reading() as tx:
                return self._presenter.room(await left_room(tx, given.id))

    @_command("/people/{account_id}/mute")
    async def mute(self, by: Account, given: Mute) -> None:
        """Silence somebody; `hard` is until a host lets go."""
        await self._ordering.mute(by.id, given.id, given.account_id, hard=given.hard)

    @_command("/people/{account_id}/unmute")
    async def unmute(self, by: Account, given: About) -> None:
        """Let somebody turn the microphone on again."""
        await self._ordering.unmute(by.id, given.id, given.account_id)

    @_command("/people/{account_id}/move")
    async def move(self, by: Account, given: About) -> None:
        """Send somebody on stage to the audience."""
        await self._ordering.move(by.id, given.id, given.account_id)

    @_command("/people/{account_id}/remove")
    async def remove(self, by: Account, given: About) -> None:
        """Send somebody out of this Space."""
        await self._removing.remove(by.id, given.id, given.account_id)

    @_command("/people/{account_id}/ban")
    async def ban(self, by: Account, given: About) -> None:
        """Send somebody out of all Spaces of the host."""
        await self._removing.ban(by.id, given.id, given.account_id)

    @_command("/people/{account_id}/readmit")
    async def readmit(self, by: Account, given: About) -> None:
        """Let somebody in again who was sent out."""
        await self._removing.readmit(by.id, given.id, given.account_id)

    @_ROUTES.get(f"{_AT}/removed", who=Who.PERSON, scope="read:statuses", besides=_PASS)
    async def removed(self, call: Call[ById]) -> list[entities.Removed]:
        """Return who was sent out, for hosts and co-hosts."""
        found = await self._removing.listed(call.account.id, call.given.id)
        return [
            entities.Removed(
                account=self._accounts.account(each.account),
                removed_at=iso(each.removed_at),
                is_banned=each.is_banned,
            )
            for each in found
        ]

    @_command("/people/{account_id}/cohost")
    async def cohost(self, by: Account, given: About) -> None:
        """Make somebody on stage a co-host, or invite a listener to be one."""
        await self._inviting.invite(by.id, given.id, given.account_id, "cohost")

    @_command("/people/{account_id}/demote")
    async def demote(self, by: Account, given: About) -> None:
        """Make a co-host a speaker again."""
        await self._handing.demote(by.id, given.id, given.account_id)

    @_command("/mute_all")
    async def mute_all(self, by: Account, given: ById) -> None:
        """Silence everybody else on stage; they may unmute themselves."""
        await self._ordering.mute_all(by.id, given.id)

    @_command("/pause")
    async def pause(self, by: Account, given: ById) -> None:
        """Silence the room and freeze reactions and replies, at once."""
        await self._pausing.pause(by.id, given.id)

    @_command("/resume")
    async def resume(self, by: Account, given: ById) -> None:
        """Let a paused room go on."""
        await self._pausing.resume(by.id, given.id)

    @_command("/hand_over")
    async def hand_over(self, by: Account, given: About) -> None:
        """Make somebody else on stage the host."""
        await self._handing.hand_over(by.id, given.id, given.account_id)

    @_command("/step_down")
    async def step_down(self, by: Account, given: ById) -> None:
        """Leave the stage and listen on."""
        await self._ordering.step_down(by.id, given.id)

    @_command("/microphone")
    async def microphone(self, by: Account, given: Microphone) -> None:
        """Say that one's own microphone is on or off; turning it on ends a soft mute."""
        await self._ordering.turn_microphone(by.id, given.id, on=given.on)

    @_command("/presence")
    async def presence(self, by: Account, given: Presence) -> None:
        """Choose whether one is named among the listeners."""
        await self._hands.show_oneself(by.id, given.id, shown=given.shown)

    @_command("/end")
    async def end(self, by: Account, given: ById) -> None:
        """End the Space for everyone; for who hosts it now, wherever their home is."""
        await self._hosting.close(by, given.id)

    async def _shown(self, space_id: int, viewer_id: int | None) -> entities.RoomState:
        async with self._db.reading() as tx:
            view = await room_of(tx, space_id, viewer_id, self._clock.now())
        return self._presenter.room(view)
