"""How every verb in a room begins and ends: one transaction, then the word to those it concerns.

    begin   the Space's row for ourselves alone; who acts may be there, and is what the action asks for
    the verb changes rows
    end     what changed is told on the room's topic and to other servers, after commit; then the audio
            servers do what the rows say (`obedience`)

What is told may be lost; whoever reads the room again finds it in the rows.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import structlog

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.config import Spaces as Limits
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, Forbidden, NotFound
from fedispace.queue.bus import Bus
from fedispace.spaces import access, members, presence, queries, roles
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import LiveSession, Member, Space
from fedispace.spaces.presence import topic
from fedispace.spaces.roles import Action, MemberRole
from fedispace.spaces.verbs.herald import Herald

log = structlog.get_logger()


class Orders(Protocol):
    """Has the audio servers do what the rows say."""

    async def obey(self, space_id: int, account_ids: set[int]) -> None:
        """Silence, let through, keep out or let in again, each by their row. Does not raise."""
        ...

    async def hang_up(self, sessions: list[tuple[str, str]]) -> None:
        """End these sessions (audio server, name there). Does not raise."""
        ...


@dataclass(slots=True, kw_only=True)
class Scene:
    """A room in the middle of a verb. Whoever changes a row says here what it means for others."""

    tx: Tx
    bus: Bus
    space: Space
    by_id: int
    standing: access.Standing
    now: datetime
    limits: Limits
    stage_changed: bool = False
    hands_changed: bool = False
    concerned: set[int] = field(default_factory=set)
    ended: list[tuple[str, str]] = field(default_factory=list)
    became: list[tuple[int, MemberRole, MemberRole]] = field(default_factory=list)

    @property
    def role(self) -> MemberRole:
        """What the one who acts is."""
        return self.standing.role

    async def myself(self) -> Member:
        """Return the row of who acts."""
        return await members.ensured(self.tx, self.space.id, self.by_id, self.now)

    async def other(self, action: Action, account_id: int) -> Member:
        """Return the row of somebody to whom `action` may be done by who acts; raises why not."""
        roles.require(self.role, action)
        if account_id == self.by_id:
            raise Forbidden("One does not do this to oneself.")
        row = await members.member(self.tx, self.space.id, account_id)
        target = MemberRole.LISTENER if row is None else MemberRole(row.role)
        roles.require_towards(self.role, action, target)
        if row is None:
            if await self.tx.get(Account, account_id) is None:
                raise NotFound("There is no such account.")
            row = await members.ensured(self.tx, self.space.id, account_id, self.now)
        return row

    def becomes(self, row: Member, role: MemberRole) -> None:
        """Write what somebody is from now on: their hand is down, an invitation answered."""
        self.became.append((row.account_id, MemberRole(row.role), role))
        if row.hand_at is not None:
            self.hands_changed = True
        row.role, row.hand_at, row.invited_as, row.updated_at = role, None, None, self.now
        if role is MemberRole.LISTENER:
            row.has_mic_on = False
        self.stage_changed = True
        self.concerned.add(row.account_id)

    async def require_seat(self) -> None:
        """Raise unless one more fits on the stage."""
        most = self.limits.max_speakers
        if await members.count_on_stage(self.tx, self.space.id) >= most:
            raise Conflict(f"Stage is full ({most}). Move someone to the audience.")

    async def require_room_for_cohost(self) -> None:
        """Raise unless there may be one more co-host."""
        most = self.limits.max_cohosts
        if len(await members.cohosts(self.tx, self.space.id)) >= most:
            raise Conflict(
                f"There are {most} co-hosts already." if most != 1 else "There is a co-host already."
            )

    async def take_off_stage(self, row: Member) -> None:
        """Have somebody's microphones end now; what they listen by stays."""
        await self.end_sessions(row.account_id, only="speaker")

    async def end_sessions(self, account_id: int, *, only: str | None = None) -> None:
        """End somebody's sessions, all or those of one role."""
        open_ = await presence.open_sessions(self.tx, self.space.id, account_id)
        chosen: list[LiveSession] = [one for one in open_ if only is None or one.role == only]
        self.ended += [(one.sfu, one.engine_session) for one in chosen]
        await presence.record(
            self.tx, self.bus, connected=(), ended=[one.engine_session for one in chosen], now=self.now
        )

    def tell(self, event: str, **more: Any) -> None:
        """Tell the room something, once it is so."""
        message = {"event": event, **more}
        self.tx.after_commit(lambda: self.bus.publish(topic(self.space.id), message))

    def tell_you(self, account_id: int, what: str, **more: Any) -> None:
        """Tell one person what somebody did about them."""
        self.tell("you", account_id=str(account_id), what=what, **more)


class Acting:
    """Opens the scene for every verb."""

    def __init__(
        self, *, db: Database, clock: Clock, bus: Bus, limits: Limits, orders: Orders, herald: Herald
    ) -> None:
        self._db = db
        self._clock = clock
        self._bus = bus
        self._limits = limits
        self._orders = orders
        self._herald = herald

    @contextlib.asynccontextmanager
    async def scene(
        self, by_id: int, space_id: int, action: Action | None = None, *, before_live: bool = False
    ) -> AsyncIterator[Scene]:
        """Open a room for one verb of `by_id`, who must be allowed `action` if one is named."""
        async with self._db.transaction() as tx:
            space = await members.locked(tx, space_id)
            standing = await queries.standing(tx, space, by_id)
            access.require_presence(access.parse_access(space.access), standing)
            (access.require_unfinished if before_live else access.require_live)(Phase(space.state))
            if action is not None:
                roles.require(standing.role, action)
            scene = self._opened(tx, space, by_id, standing)
            yield scene
            await self._close(scene)
        await self._carry_out(scene)

    @contextlib.asynccontextmanager
    async def unasked(self, space_id: int) -> AsyncIterator[Scene]:
        """Open a room for what happens by itself; nobody is asked, and nothing is refused."""
        async with self._db.transaction() as tx:
            space = await members.locked(tx, space_id)
            scene = self._opened(tx, space, space.host_id, access.STRANGER)
            yield scene
            await self._close(scene)
        await self._carry_out(scene)

    def _opened(self, tx: Tx, space: Space, by_id: int, standing: access.Standing) -> Scene:
        return Scene(
            tx=tx,
            bus=self._bus,
            space=space,
            by_id=by_id,
            standing=standing,
            now=self._clock.now(),
            limits=self._limits,
        )

    async def _close(self, scene: Scene) -> None:
        tx, space = scene.tx, scene.space
        await tx.flush()
        if scene.hands_changed:
            scene.tell("hands", count=await members.count_hands(tx, space.id))
            scene.tell("queue")
        if scene.stage_changed:
            scene.tell("stage", stage=await presence.told_stage(tx, space.id))
        if scene.became:
            await self._herald.roles_changed(tx, space, scene.became)

    async def _carry_out(self, scene: Scene) -> None:
        if scene.ended:
            await self._orders.hang_up(scene.ended)
        if scene.concerned:
            await self._orders.obey(scene.space.id, scene.concerned)
        for account_id, was, now in scene.became:
            log.info("space.role", space=scene.space.id, account=account_id, was=was, role=now)
