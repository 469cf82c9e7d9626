"""What happened to a person: the notifications page."""

from aiohttp import web
from sqlalchemy import select

from fedispace.accounts.gate import ABOUT_SPACES
from fedispace.accounts.models import Account, Notification
from fedispace.accounts.notification_groups import Group, groups
from fedispace.accounts.people import People
from fedispace.db.engine import Database, Tx
from fedispace.spaces.models import Space
from fedispace.threads.models import Status
from fedispace.threads.sanitize import plain
from fedispace.threads.visibility import visible
from fedispace.web.cards import Happening
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.reading import page_of
from fedispace.web.routing import Asked, Pages
from fedispace.web.words import happened

_EXCERPT = 200
_FACES = 5


class NoticePages:
    """Notifications."""

    pages = Pages()

    def __init__(self, *, db: Database, people: People, presenter: Presenter, frame: Frame) -> None:
        self._db = db
        self._people = people
        self._presenter = presenter
        self._frame = frame

    @pages.get("/notifications", stranger=False)
    async def listed(self, asked: Asked) -> web.Response:
        viewer, page = asked.who.account, page_of(asked)
        async with self._db.reading() as tx:
            found = await groups(tx, viewer.id, page, asked.at, unasked=True)
            posts = await self._posts(tx, [group.newest for group in found], viewer.id)
            authors = {post.account_id for post in posts.values()}
            spaces = await self._spaces(tx, [group.newest for group in found])
            known = await self._people.by_ids(
                tx,
                {by for group in found for by in group.from_ids}
                | authors
                | {space.host_id for space in spaces.values()},
            )
        return await self._frame.page(
            asked,
            "notifications.html",
            events=[
                self._event(group, known, posts, spaces, viewer.id)
                for group in found
                if group.newest.from_id in known
            ],
            more=f"/notifications?max_id={found[-1].newest.id}" if len(found) == page.limit else "",
        )

    async def _posts(self, tx: Tx, rows: list[Notification], viewer_id: int) -> dict[int, Status]:
        wanted = {row.subject for row in rows if row.subject}
        if not wanted:
            return {}
        found = await tx.scalars(select(Status).where(Status.id.in_(wanted), visible(viewer_id)))
        return {status.id: status for status in found}

    async def _spaces(self, tx: Tx, rows: list[Notification]) -> dict[int, Space]:
        wanted = {row.subject for row in rows if row.type in ABOUT_SPACES}
        found = await tx.scalars(select(Space).where(Space.id.in_(wanted))) if wanted else ()
        return {space.id: space for space in found}

    def _event(
        self,
        group: Group,
        known: dict[int, Account],
        posts: dict[int, Status],
        spaces: dict[int, Space],
        viewer_id: int,
    ) -> Happening:
        row = group.newest
        by = self._presenter.face(known[row.from_id])
        post = posts.get(row.subject)
        space = spaces.get(row.subject)
        if space is not None and space.host_id in known:
            host = self._presenter.face(known[space.host_id])
            return Happening(
                id=row.id,
                kind=row.type,
                by=by,
                at=row.created_at,
                words=happened(row.type),
                path=f"{host.path}/spaces/{space.id}",
                excerpt=space.title,
                others=0,
                faces=(by,),
            )
        author = known.get(post.account_id) if post else None
        return Happening(
            id=row.id,
            kind=row.type,
            by=by,
            at=row.created_at,
            words=happened(row.type, many=group.count > 1, own=row.from_id == viewer_id),
            path=f"{self._presenter.face(author).path}/{post.id}" if post and author else by.path,
            excerpt=(post.spoiler or plain(post.content))[:_EXCERPT] if post else "",
            others=group.count - 1,
            faces=tuple(
                self._presenter.face(known[from_id])
                for from_id in group.from_ids[:_FACES]
                if from_id in known
            ),
        )
