"""Rows of posts to what a viewer is shown, with their relations, in one reading."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from fedispace.api.entities import status as entities
from fedispace.api.present.statuses import StatusPresenter
from fedispace.api.routing import Listing
from fedispace.db.engine import Database, Tx
from fedispace.threads import views
from fedispace.threads.models import Status
from fedispace.threads.visibility import require_visible, visible


class Posts:
    """Reads and presents posts for the calls that answer with them."""

    def __init__(self, db: Database, presenter: StatusPresenter) -> None:
        self._db = db
        self._presenter = presenter

    async def one(self, viewer_id: int | None, status_id: int) -> entities.Status:
        """Return a post the viewer may see; raises `NotFound`."""
        async with self._db.reading() as tx:
            row = await require_visible(tx, viewer_id, status_id)
            return self._presenter.status(await views.view_one(tx, row, viewer_id))

    async def deleted(self, viewer_id: int, status_id: int) -> entities.Status:
        """Return a post as its author gets it back when it is deleted: with what they wrote."""
        async with self._db.reading() as tx:
            row = await require_visible(tx, viewer_id, status_id)
            view = await views.view_one(tx, row, viewer_id)
            return self._presenter.status(view, text=row.source or "")

    async def by_id(self, tx: Tx, ids: Collection[int], viewer_id: int | None) -> dict[int, entities.Status]:
        """Return those of some posts that the viewer may see."""
        if not ids:
            return {}
        rows = (await tx.scalars(select(Status).where(Status.id.in_(ids), visible(viewer_id)))).all()
        return {
            view.status.id: self._presenter.status(view) for view in await views.view(tx, rows, viewer_id)
        }

    async def many(self, tx: Tx, rows: Sequence[Status], viewer_id: int | None) -> list[entities.Status]:
        """Return posts that were read for this viewer."""
        return self._presenter.statuses(await views.view(tx, rows, viewer_id))

    async def page(self, tx: Tx, rows: Sequence[Status], viewer_id: int | None) -> Listing[entities.Status]:
        """Return a page of posts with its cursors."""
        return Listing(items=await self.many(tx, rows, viewer_id), cursors=[row.id for row in rows])
