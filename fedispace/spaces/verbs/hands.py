"""Asking to speak: hands go up and down, and hosts approve or decline them, first come first."""

from fedispace.errors import Conflict, Forbidden
from fedispace.spaces.roles import Action, MemberRole
from fedispace.spaces.verbs.acting import Acting, Scene


class Hands:
    """The verbs of the queue."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    async def raise_hand(self, by_id: int, space_id: int, *, up: bool) -> None:
        """Put one's hand up, or down; repeating it keeps the place in the queue."""
        async with self._acting.scene(by_id, space_id) as scene:
            row = await scene.myself()
            if not up:
                scene.hands_changed = row.hand_at is not None
                row.hand_at = None
                return
            if scene.role is not MemberRole.LISTENER:
                raise Conflict("You are on stage already.")
            _require_policy(scene)
            if row.hand_at is None:
                row.hand_at = scene.now
                scene.hands_changed = True

    async def approve(self, by_id: int, space_id: int, account_id: int) -> None:
        """Let somebody whose hand is up come on stage. Their microphone stays off until they turn it on."""
        async with self._acting.scene(by_id, space_id, Action.APPROVE) as scene:
            row = await scene.other(Action.APPROVE, account_id)
            if row.hand_at is None or row.removed_at is not None:
                raise Conflict("That hand is not up any more.")
            await scene.require_seat()
            scene.becomes(row, MemberRole.SPEAKER)
            row.has_mic_on = False
            scene.tell_you(account_id, "approved", role=MemberRole.SPEAKER)

    async def decline(self, by_id: int, space_id: int, account_id: int) -> None:
        """Take somebody's hand down."""
        async with self._acting.scene(by_id, space_id, Action.DECLINE) as scene:
            row = await scene.other(Action.DECLINE, account_id)
            if row.hand_at is None:
                return
            row.hand_at = None
            scene.hands_changed = True
            scene.tell_you(account_id, "declined")

    async def show_oneself(self, by_id: int, space_id: int, *, shown: bool) -> None:
        """Choose whether one is named among the listeners; nobody is unless they chose it."""
        async with self._acting.scene(by_id, space_id) as scene:
            row = await scene.myself()
            if row.is_shown is not shown:
                row.is_shown = shown
                scene.tell("presence", listener_count=scene.space.listener_count)


def _require_policy(scene: Scene) -> None:
    """Raise unless who acts is among those who may ask to speak."""
    policy = scene.space.speak_policy
    if policy == "followers" and not scene.standing.follows_host:
        raise Forbidden("Only followers of the host may ask to speak here.")
    if policy == "invited":
        raise Forbidden("In this Space the hosts ask people to speak.")
