"""Who may answer and quote, in the composer's words; and the page of those who wait for leave."""

from typing import Final

from aiohttp import web

from fedispace.accounts.people import People
from fedispace.db.engine import Database
from fedispace.errors import Invalid
from fedispace.threads import approvals
from fedispace.threads.approvals import Approvals
from fedispace.threads.policies import EVERYBODY, KINDS, NOBODY, Kind, Parties
from fedispace.threads.visibility import require_visible
from fedispace.web.cards import AskerCard
from fedispace.web.frame import Frame, redirect
from fedispace.web.present import Presenter
from fedispace.web.reading import page_of
from fedispace.web.routing import Asked, Pages

_ANSWERS: Final = {
    "everyone": EVERYBODY,
    "circle": Parties(automatic=frozenset({"author", "following"}), manual=frozenset({"public"})),
    "ask": Parties(automatic=frozenset({"author"}), manual=frozenset({"public"})),
    "nobody": NOBODY,
}
_QUOTES: Final = {
    "everyone": EVERYBODY,
    "followers": Parties(automatic=frozenset({"author", "followers"})),
    "ask": Parties(automatic=frozenset({"author"}), manual=frozenset({"public"})),
    "nobody": NOBODY,
}
_WANTS: Final = {
    "reply": "asks to reply to your post",
    "quote": "asks to quote your post",
    "favourite": "asks to like your post",
    "boost": "asks to boost your post",
}


KEPT: Final = "kept"
"""The word for a policy that another client set and the lists have no word for."""


def reply_word(parties: Parties | None) -> str:
    """Return the word of the list for who may reply; an empty one for what is so by default."""
    return _word_of(_ANSWERS, parties)


def quote_word(parties: Parties | None) -> str:
    """Return the word of the list for who may quote."""
    return _word_of(_QUOTES, parties)


def _word_of(words: dict[str, Parties], parties: Parties | None) -> str:
    if parties is None:
        return ""
    return next((word for word, meant in words.items() if meant == parties), KEPT)


def chosen_words(replies: str, quotes: str) -> dict[Kind, Parties]:
    """Return what the composer's two choices say; an empty one leaves it as it is by default."""
    found: dict[Kind, Parties] = {}
    if replies and replies != KEPT:
        found["reply"] = _word(_ANSWERS, replies)
    if quotes and quotes != KEPT:
        found["quote"] = _word(_QUOTES, quotes)
    return found


def _word(words: dict[str, Parties], word: str) -> Parties:
    if word not in words:
        raise Invalid("Choose who may reply and who may quote from the lists.")
    return words[word]


class RequestPages:
    """The queue of those who ask for leave; every decision is a form."""

    pages = Pages()

    def __init__(
        self, *, db: Database, people: People, approvals: Approvals, presenter: Presenter, frame: Frame
    ) -> None:
        self._db = db
        self._people = people
        self._approvals = approvals
        self._presenter = presenter
        self._frame = frame

    @pages.get("/requests", stranger=False)
    async def listed(self, asked: Asked) -> web.Response:
        viewer, page = asked.who.account, page_of(asked)
        async with self._db.reading() as tx:
            rows = await approvals.queue(tx, viewer.id, page, kinds=KINDS)
            people = await self._people.by_ids(tx, {row.account_id for row in rows})
            made = await approvals.made(tx, [row.uri for row in rows])
            cards: list[AskerCard] = []
            for row in rows:
                target = await require_visible(tx, viewer.id, row.status_id)
                shown = made.get(row.uri, target)
                cards.append(
                    AskerCard(
                        id=row.id,
                        by=self._presenter.face(people[row.account_id]),
                        wants=_WANTS[row.kind],
                        at=row.created_at,
                        target_path=f"{self._presenter.face(viewer).path}/{row.status_id}",
                        post=await self._presenter.post(tx, shown, viewer.id),
                    )
                )
        more = f"/requests?max_id={rows[-1].id}" if len(rows) == page.limit else ""
        return await self._frame.page(asked, "requests.html", waiting=cards, more=more)

    @pages.post("/requests/{id}/accept")
    async def accept(self, asked: Asked) -> web.Response:
        await self._approvals.authorize(asked.who.account, asked.id())
        return redirect("/requests")

    @pages.post("/requests/{id}/decline")
    async def decline(self, asked: Asked) -> web.Response:
        await self._approvals.reject(asked.who.account, asked.id())
        return redirect("/requests")
