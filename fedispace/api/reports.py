"""Mastodon's `reports`: asking the moderators to look at somebody."""

from sqlalchemy import select

from fedispace.accounts.people import People
from fedispace.api.entities.report import Report
from fedispace.api.entities.shape import Parameters, RowId
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.clock import iso
from fedispace.db.engine import Database
from fedispace.errors import Invalid
from fedispace.moderation.reports import MAX_OBJECTS, Category, Reporting
from fedispace.threads.models import Status
from fedispace.threads.visibility import visible


class FileReport(Parameters, frozen=True, kw_only=True):
    account_id: RowId
    status_ids: list[RowId] = []
    comment: str = ""
    forward: bool = False
    category: Category = "other"
    rule_ids: list[str] = []


class ReportCalls(Calls):
    """Reports."""

    routes = Routes()

    def __init__(
        self, *, db: Database, people: People, reporting: Reporting, presenter: AccountPresenter
    ) -> None:
        self._db = db
        self._people = people
        self._reporting = reporting
        self._presenter = presenter

    @routes.post("/api/v1/reports", who=Who.PERSON, scope="write:reports")
    async def file(self, call: Call[FileReport]) -> Report:
        """Report an account, and posts of it."""
        given, by = call.given, call.person.account
        wanted = list(dict.fromkeys(given.status_ids))
        if len(wanted) > MAX_OBJECTS:
            raise Invalid(f"A report names at most {MAX_OBJECTS} posts.", field="status_ids")
        async with self._db.reading() as tx:
            target = await self._people.by_id(tx, given.account_id)
            rows = await tx.execute(
                select(Status.id, Status.uri).where(
                    Status.id.in_(wanted), Status.account_id == target.id, visible(by.id)
                )
            )
            posts = {row.id: row.uri for row in rows}
        if len(posts) < len(wanted):
            raise Invalid("A report names posts of the account it is about.", field="status_ids")
        row = await self._reporting.report(
            by,
            target.id,
            objects=[posts[id_] for id_ in wanted],
            comment=given.comment,
            category=given.category,
            forward=given.forward,
        )
        return Report(
            id=str(row.id),
            action_taken=False,
            action_taken_at=None,
            category=row.category,
            comment=row.comment,
            forwarded=row.forwarded,
            created_at=iso(row.created_at),
            status_ids=[str(id_) for id_ in wanted],
            rule_ids=given.rule_ids,
            target_account=self._presenter.account(target),
        )
