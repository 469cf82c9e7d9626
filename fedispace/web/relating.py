"""Who follows a person and whom they follow; blocking and muting somebody."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from fedispace.accounts import follows
from fedispace.accounts.blocking import Blocking
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account, Follow
from fedispace.accounts.muting import Muting
from fedispace.accounts.paging import Page
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.web.frame import Frame, redirect
from fedispace.web.origin import safe_next
from fedispace.web.present import Presenter
from fedispace.web.reading import page_of
from fedispace.web.routing import Asked, Pages, number

Listed = Callable[[Tx, int, Page], Awaitable[Sequence[tuple[Follow, Account]]]]


class RelatingPages:
    """Lists of people, and the forms that end or limit a relation."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        lookup: Lookup,
        blocking: Blocking,
        muting: Muting,
        presenter: Presenter,
        frame: Frame,
    ) -> None:
        self._db = db
        self._lookup = lookup
        self._blocking = blocking
        self._muting = muting
        self._presenter = presenter
        self._frame = frame

    @pages.get("/@{handle}/followers")
    async def followers(self, asked: Asked) -> web.Response:
        return await self._listed(asked, "followers", "Who follows {}", follows.followers)

    @pages.get("/@{handle}/following")
    async def following(self, asked: Asked) -> web.Response:
        return await self._listed(asked, "following", "Whom {} follows", follows.following)

    @pages.post("/people/{id}/block")
    async def block(self, asked: Asked) -> web.Response:
        await self._blocking.block(asked.who.account, asked.id())
        return redirect(f"{safe_next(asked.text('next'))}?did=blocked")

    @pages.post("/people/{id}/unblock")
    async def unblock(self, asked: Asked) -> web.Response:
        await self._blocking.unblock(asked.who.account, asked.id())
        return redirect(safe_next(asked.text("next")))

    @pages.post("/people/{id}/mute")
    async def mute(self, asked: Asked) -> web.Response:
        """Mute somebody, for good or for the seconds the form says."""
        await self._muting.mute(asked.who.account, asked.id(), seconds=number(asked.text("seconds")) or 0)
        return redirect(f"{safe_next(asked.text('next'))}?did=muted")

    @pages.post("/people/{id}/unmute")
    async def unmute(self, asked: Asked) -> web.Response:
        await self._muting.unmute(asked.who.account, asked.id())
        return redirect(safe_next(asked.text("next")))

    async def _listed(self, asked: Asked, name: str, heading: str, listed: Listed) -> web.Response:
        account = await self._lookup.known(asked.request.match_info["handle"])
        if account.is_suspended:
            raise NotFound("There is no such account.")
        is_hidden = account.hides_relations and account.id != asked.viewer_id
        page = page_of(asked)
        rows: Sequence[tuple[Follow, Account]] = ()
        if not is_hidden:
            async with self._db.reading() as tx:
                rows = await listed(tx, account.id, page)
        face = self._presenter.face(account)
        more = f"{face.path}/{name}?max_id={rows[-1][0].id}" if len(rows) == page.limit else ""
        return await self._frame.page(
            asked,
            "relations.html",
            heading=heading.format(face.name),
            face=face,
            people=[self._presenter.face(person) for _, person in rows],
            is_hidden=is_hidden,
            is_remote=not account.local,
            url=account.url,
            indexable=False,
            more=more,
        )
