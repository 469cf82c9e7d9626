"""Who hosts: handing the room over, taking a co-host's powers away, and taking over when the host is gone."""

from fedispace.errors import Conflict
from fedispace.spaces import access, members
from fedispace.spaces.models import Member
from fedispace.spaces.roles import Action, MemberRole
from fedispace.spaces.verbs.acting import Acting, Scene


class Handing:
    """The verbs of hosting together."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    async def demote(self, by_id: int, space_id: int, account_id: int) -> None:
        """Take a co-host's powers away; they stay on stage."""
        async with self._acting.scene(by_id, space_id, Action.DEMOTE, before_live=True) as scene:
            scene.becomes(await scene.other(Action.DEMOTE, account_id), MemberRole.SPEAKER)
            scene.tell_you(account_id, "role", role=MemberRole.SPEAKER)

    async def hand_over(self, by_id: int, space_id: int, account_id: int) -> None:
        """Make somebody on stage the host; who was it stays there, as a co-host if there is room."""
        async with self._acting.scene(by_id, space_id, Action.HAND_OVER) as scene:
            heir = await scene.other(Action.HAND_OVER, account_id)
            if await members.is_banned(scene.tx, account_id, account_id):
                raise Conflict("They may not host Spaces here.")
            standing = await members.standing(scene.tx, scene.space, account_id)
            if not access.is_let_in(access.parse_access(scene.space.access), standing):
                raise Conflict("They may not be in this Space any more.")
            await succeed(scene, heir, await scene.myself())


async def succeed(scene: Scene, heir: Member, former: Member | None) -> None:
    """Make `heir` the host in place of `former`."""
    if former is not None:
        others = [row for row in await members.cohosts(scene.tx, scene.space.id) if row is not heir]
        kept = len(others) < scene.limits.max_cohosts
        role = MemberRole.COHOST if kept else MemberRole.SPEAKER
        scene.becomes(former, role)
        scene.tell_you(former.account_id, "role", role=role)
    scene.becomes(heir, MemberRole.HOST)
    scene.tell_you(heir.account_id, "role", role=MemberRole.HOST)
