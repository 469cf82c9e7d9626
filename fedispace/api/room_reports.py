"""Reporting somebody for what they said in a room. The bearer is a pass, or a token of one of ours."""

from fedispace.api.entities.room_report import RoomReport
from fedispace.api.entities.shape import Parameters, RowId
from fedispace.api.routing import Besides, Call, Calls, Dialect, Routes, Who
from fedispace.clock import iso
from fedispace.moderation.reports import Category
from fedispace.spaces.reporting import RoomReporting


class ReportRoom(Parameters, frozen=True, kw_only=True):
    id: RowId
    account_id: RowId | None = None
    category: Category = "other"
    comment: str = ""
    moment: int | None = None
    with_sound: bool = False


class RoomReportCalls(Calls):
    """Reports about rooms."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, reporting: RoomReporting) -> None:
        self._reporting = reporting

    @routes.post(
        "/api/fedispace/v1/spaces/{id}/room/report",
        who=Who.PERSON,
        scope="write:reports",
        besides=Besides.PASS,
    )
    async def report(self, call: Call[ReportRoom]) -> RoomReport:
        """Report a person, or whoever hosts, to the moderators of every server concerned.

        With `with_sound` the last minute of the room goes with it, if it is live here and its server keeps a
        safety buffer. The one who is reported is not told.
        """
        given = call.given
        filed = await self._reporting.report(
            call.account,
            given.id,
            account_id=given.account_id,
            category=given.category,
            comment=given.comment,
            moment=given.moment,
            with_sound=given.with_sound,
        )
        row = filed.report
        return RoomReport(
            id=str(row.id),
            category=row.category,
            comment=row.comment,
            moment=row.moment,
            sound_seconds=filed.seconds,
            forwarded=row.forwarded,
            created_at=iso(row.created_at),
        )
