"""The page that shows what a post said before it was edited."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from markupsafe import Markup

from fedispace.accounts.people import People
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.threads import history
from fedispace.threads.sanitize import safe_html
from fedispace.threads.visibility import require_visible
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCard:
    """What a post said from some time on."""

    since: datetime
    html: Markup
    language: str | None
    title: str = ""
    spoiler: str = ""
    options: tuple[str, ...] = ()


class HistoryPages:
    """Earlier states of posts."""

    pages = Pages()

    def __init__(self, *, db: Database, people: People, presenter: Presenter, frame: Frame) -> None:
        self._db = db
        self._people = people
        self._presenter = presenter
        self._frame = frame

    @pages.get("/@{handle}/{id:[0-9]+}/history")
    async def listed(self, asked: Asked) -> web.Response:
        async with self._db.reading() as tx:
            status = await require_visible(tx, asked.viewer_id, asked.id())
            author = self._presenter.face(await self._people.by_id(tx, status.account_id))
            path = f"{author.path}/{status.id}"
            if status.boost_of_id is not None or asked.path.casefold() != f"{path}/history".casefold():
                raise NotFound("There is no such post.")
            said = await history.states(tx, asked.viewer_id, status)
        return await self._frame.page(
            asked,
            "history.html",
            author=author,
            path=path,
            states=[_card(state) for state in reversed(said)],
        )


def _card(state: history.State) -> StateCard:
    return StateCard(
        since=state.since,
        html=Markup(safe_html(state.content)),  # noqa: S704 - safe_html is what makes it safe
        title=state.title or "",
        spoiler=state.spoiler,
        language=state.language,
        options=tuple(state.poll_options or ()),
    )
