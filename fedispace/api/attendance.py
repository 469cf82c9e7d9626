"""Coming to a Space, here or elsewhere; and answering an invitation to one."""

from fedispace.api.entities import space as entities
from fedispace.api.entities.shape import ById, Parameters, RowId
from fedispace.api.routing import Call, Calls, Dialect, Routes, Who
from fedispace.db.engine import Database
from fedispace.spaces import declined, members, queries
from fedispace.spaces.guesting import Guesting
from fedispace.spaces.models import Attendance, Member
from fedispace.spaces.rsvp import Attending
from fedispace.spaces.verbs.inviting import Inviting

_COMING = "/api/fedispace/v1/spaces/{id}/attendance"
_INVITED = "/api/fedispace/v1/spaces/{id}/invitation"


class Attend(Parameters, frozen=True, kw_only=True):
    id: RowId
    reminder: bool = True
    """Whether one wants to be told when it begins."""


class AnswerInvitation(Parameters, frozen=True, kw_only=True):
    id: RowId
    accept: bool


class AttendanceCalls(Calls):
    """Who comes, and who was asked to."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, db: Database, attending: Attending, guesting: Guesting, inviting: Inviting) -> None:
        self._db = db
        self._attending = attending
        self._guesting = guesting
        self._inviting = inviting

    @routes.get(_COMING, who=Who.PERSON, scope="read:statuses")
    async def attendance(self, call: Call[ById]) -> entities.Attendance:
        """Return what one said about coming, and what the host answered."""
        row = await self._attending.attendance(call.person.account, call.given.id)
        return await self._shown(call.given.id, row)

    @routes.post(_COMING, who=Who.PERSON, scope="write:statuses")
    async def attend(self, call: Call[Attend]) -> entities.Attendance:
        """Say that one will come; a host elsewhere is asked, and answers in time."""
        given = call.given
        row = await self._attending.attend(call.person.account, given.id, reminder=given.reminder)
        return await self._shown(given.id, row)

    @routes.delete(_COMING, who=Who.PERSON, scope="write:statuses")
    async def stay_away(self, call: Call[ById]) -> entities.Attendance:
        """Say that one will not come after all."""
        await self._attending.stay_away(call.person.account, call.given.id)
        return await self._shown(call.given.id, None)

    @routes.get(_INVITED, who=Who.PERSON, scope="read:statuses")
    async def invitation(self, call: Call[ById]) -> entities.Invitation:
        """Return what one is offered in a Space, and what one is there."""
        row = await self._guesting.invitation(call.person.account, call.given.id)
        return _invitation(call.given.id, row)

    @routes.post(_INVITED, who=Who.PERSON, scope="write:statuses")
    async def answer(self, call: Call[AnswerInvitation]) -> entities.Invitation:
        """Take the role that is offered, in a Space of any server, or not; a no said again is fine."""
        by, given = call.person.account, call.given
        async with self._db.reading() as tx:
            if not given.accept and await declined.is_so(tx, given.id, by.id):
                return _invitation(given.id, await members.member(tx, given.id, by.id))
            space = await queries.space(tx, given.id, by.id)
        if not space.local:
            row = await self._guesting.answer(by, given.id, accept=given.accept)
            return _invitation(given.id, row)
        await self._inviting.answer(by.id, given.id, accept=given.accept)
        async with self._db.reading() as tx:
            return _invitation(given.id, await members.member(tx, given.id, by.id))

    async def _shown(self, space_id: int, row: Attendance | None) -> entities.Attendance:
        async with self._db.reading() as tx:
            many = await queries.count_attendances(tx, space_id)
        return entities.Attendance(
            space_id=str(space_id),
            state=None if row is None else row.state,
            reminder=row is not None and row.wants_reminder,
            count=many,
        )


def _invitation(space_id: int, row: Member | None) -> entities.Invitation:
    return entities.Invitation(
        space_id=str(space_id),
        role="listener" if row is None else row.role,
        offered=None if row is None else row.invited_as,
    )
