"""Keeping order on the stage: muting, letting go again, and sending to the audience.

A mute drops somebody's packets at the audio server. A soft one ends when they turn their microphone on
again, a hard one when a host says so. Nobody's microphone is ever turned on by somebody else.
"""

from fedispace.errors import Conflict, Forbidden
from fedispace.queue.jobs import Jobs
from fedispace.spaces import members, roles
from fedispace.spaces.fediverse.pauses import enqueue_pause
from fedispace.spaces.models import Member
from fedispace.spaces.roles import ON_STAGE, Action, MemberRole
from fedispace.spaces.verbs.acting import Acting, Scene


class Ordering:
    """The verbs of microphones."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    async def mute(self, by_id: int, space_id: int, account_id: int, *, hard: bool) -> None:
        """Silence somebody; a soft mute does not loosen a hard one."""
        async with self._acting.scene(by_id, space_id, Action.MUTE) as scene:
            _mute(scene, await scene.other(Action.MUTE, account_id), hard=hard)

    async def unmute(self, by_id: int, space_id: int, account_id: int) -> None:
        """Let somebody turn the microphone on again."""
        async with self._acting.scene(by_id, space_id, Action.UNMUTE) as scene:
            row = await scene.other(Action.UNMUTE, account_id)
            if row.muted_at is None:
                return
            _let_go(scene, row)
            scene.tell_you(account_id, "unmuted")

    async def mute_all(self, by_id: int, space_id: int) -> None:
        """Silence everybody on stage whom one may silence; they may unmute themselves."""
        async with self._acting.scene(by_id, space_id, Action.MUTE_ALL) as scene:
            for row in await members.stage(scene.tx, space_id):
                if row.account_id != by_id and roles.may(scene.role, Action.MUTE, MemberRole(row.role)):
                    _mute(scene, row, hard=False)

    async def move(self, by_id: int, space_id: int, account_id: int) -> None:
        """Send somebody to the audience: their microphone ends now, and they go on listening."""
        async with self._acting.scene(by_id, space_id, Action.MOVE) as scene:
            row = await scene.other(Action.MOVE, account_id)
            await _to_audience(scene, row)
            scene.tell_you(account_id, "moved", role=MemberRole.LISTENER)

    async def step_down(self, by_id: int, space_id: int) -> None:
        """Leave the stage by oneself."""
        async with self._acting.scene(by_id, space_id) as scene:
            if scene.role is MemberRole.HOST:
                raise Conflict("Hand the Space over first, or end it.")
            if scene.role in ON_STAGE:
                await _to_audience(scene, await scene.myself())
                scene.tell_you(by_id, "role", role=MemberRole.LISTENER)

    async def turn_microphone(self, by_id: int, space_id: int, *, on: bool) -> None:
        """Say that one's own microphone is on or off; turning it on ends a soft mute."""
        async with self._acting.scene(by_id, space_id, Action.SPEAK if on else None) as scene:
            row = await scene.myself()
            if on and scene.space.paused_at is not None:
                raise Conflict("The room is paused.")
            if on and row.muted_at is not None:
                if not row.may_unmute:
                    raise Forbidden("A host muted you, and must let you go first.")
                _let_go(scene, row)
            scene.stage_changed |= row.has_mic_on != on
            row.has_mic_on = on


class Pausing:
    """The verbs of a room that holds its breath: nobody is heard, nobody is sent away."""

    def __init__(self, acting: Acting, jobs: Jobs) -> None:
        self._acting = acting
        self._jobs = jobs

    async def pause(self, by_id: int, space_id: int) -> None:
        """Silence the whole stage, and freeze reactions and replies; repeating it is fine."""
        await self._set(by_id, space_id, is_paused=True)

    async def resume(self, by_id: int, space_id: int) -> None:
        """Let the room go on as it was."""
        await self._set(by_id, space_id, is_paused=False)

    async def _set(self, by_id: int, space_id: int, *, is_paused: bool) -> None:
        async with self._acting.scene(by_id, space_id, Action.PAUSE) as scene:
            if (scene.space.paused_at is not None) is is_paused:
                return
            scene.space.paused_at = scene.now if is_paused else None
            scene.concerned |= {row.account_id for row in await members.stage(scene.tx, space_id)}
            scene.tell("paused", is_paused=is_paused)
            await enqueue_pause(scene.tx, self._jobs, space_id, scene.now)


async def _to_audience(scene: Scene, row: Member) -> None:
    scene.becomes(row, MemberRole.LISTENER)
    row.muted_at, row.may_unmute = None, True
    await scene.take_off_stage(row)


def _mute(scene: Scene, row: Member, *, hard: bool) -> None:
    was_loose = row.muted_at is None or row.may_unmute
    if row.muted_at is not None and not (hard and was_loose):
        return
    row.muted_at = row.muted_at or scene.now
    row.may_unmute, row.has_mic_on = not hard, False
    scene.stage_changed = True
    scene.concerned.add(row.account_id)
    scene.tell_you(row.account_id, "muted", may_unmute=row.may_unmute)


def _let_go(scene: Scene, row: Member) -> None:
    row.muted_at, row.may_unmute = None, True
    scene.stage_changed = True
    scene.concerned.add(row.account_id)
