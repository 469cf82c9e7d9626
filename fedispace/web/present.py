"""Turns what the features know into the plain values that templates draw."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses
from fedispace.spaces import views as space_views
from fedispace.spaces.models import Space
from fedispace.spaces.views import SpaceView
from fedispace.threads import views
from fedispace.threads.models import Status
from fedispace.threads.quote_views import SHOWN
from fedispace.threads.reaction_names import shown as shown_character
from fedispace.threads.reaction_views import Tally, tallies
from fedispace.threads.sanitize import safe_html
from fedispace.threads.views import QuoteView, StatusView
from fedispace.threads.visibility import visible
from fedispace.web.cards import FileCard, PostCard, QuoteCard, ReactionCard, SpaceCard, State
from fedispace.web.emojis import pictured
from fedispace.web.faces import Face, face_of
from fedispace.web.interest import coming_to, interest_in
from fedispace.web.poll_cards import poll_card
from fedispace.web.words import may_quote, quote_in_words

_MAX_DEPTH = 3


class Presenter:
    """Draws cards for a viewer; the number of queries does not grow with the number of cards."""

    def __init__(self, addresses: Addresses, people: People, *, strangers_listen: bool = True) -> None:
        self._addresses = addresses
        self._people = people
        self._strangers_listen = strangers_listen

    def face(self, account: Account) -> Face:
        return face_of(account, account_domain=self._addresses.account_domain, origin=self._addresses.origin)

    async def feed(self, tx: Tx, statuses: Sequence[Status], viewer_id: int | None) -> list[PostCard]:
        """Return cards for a timeline: a thread is one card, its first post, and no post is there twice."""
        folded = await _fold(tx, statuses, viewer_id)
        cards: dict[int, PostCard] = {}
        for card in await self.posts(tx, folded, viewer_id):
            cards.setdefault(card.id, card)
        return list(cards.values())

    async def posts(self, tx: Tx, statuses: Sequence[Status], viewer_id: int | None) -> list[PostCard]:
        """Return cards of posts the viewer may see, one for each, in their order."""
        shown = await views.view(tx, statuses, viewer_id)
        originals = [view.boost or view for view in shown]
        spaces = await self._announced(tx, originals, viewer_id)
        reactions = await tallies(tx, [view.status.id for view in originals], viewer_id)
        answered = await self._people.by_ids(
            tx,
            {
                view.status.in_reply_to_account_id
                for view in originals
                if view.status.in_reply_to_account_id not in (None, view.status.account_id)
            }
            - {None},
        )
        cards = [
            self._post(view.boost or view, view.account if view.boost else None, spaces, answered, viewer_id)
            for view in shown
        ]
        return [replace(card, reactions=self._reactions(reactions.get(card.id, ()))) for card in cards]

    async def post(self, tx: Tx, status: Status, viewer_id: int | None) -> PostCard:
        return (await self.posts(tx, [status], viewer_id))[0]

    async def tree(
        self, tx: Tx, root_ids: Sequence[int], replies: Sequence[Status], viewer_id: int | None
    ) -> list[PostCard]:
        """Return replies in their order, each as deep as it hangs below the roots (at most three)."""
        cards = await self.posts(tx, replies, viewer_id)
        depth = dict.fromkeys(root_ids, -1)
        deep: list[PostCard] = []
        for status, card in zip(replies, cards, strict=True):
            depth[status.id] = min(depth.get(status.in_reply_to_id or 0, -1) + 1, _MAX_DEPTH)
            answers = card.answers if depth[status.id] == _MAX_DEPTH else None
            deep.append(replace(card, depth=depth[status.id], answers=answers))
        return deep

    async def spaces(self, tx: Tx, spaces: Sequence[Space], viewer_id: int | None) -> tuple[SpaceCard, ...]:
        """Return cards of Spaces the viewer may see."""
        waiting = [space.id for space in spaces if space.state == "scheduled"]
        interest = await interest_in(tx, waiting)
        coming = await coming_to(tx, waiting, viewer_id)
        return tuple(
            replace(
                self._space(view, viewer_id),
                interested=interest.get(view.space.id, 0),
                coming=view.space.id in coming,
            )
            for view in await space_views.view(tx, spaces)
        )

    async def space(self, tx: Tx, space: Space, viewer_id: int | None) -> SpaceCard:
        return (await self.spaces(tx, [space], viewer_id))[0]

    async def _announced(
        self, tx: Tx, shown: Sequence[StatusView], viewer_id: int | None
    ) -> dict[tuple[str, int], SpaceCard]:
        """Return the Spaces that posts announce, by address and host: nobody announces another's."""
        uris = {view.space_uri for view in shown if view.space_uri}
        if not uris:
            return {}
        rows = (await tx.scalars(select(Space).where(Space.uri.in_(uris)))).all()
        cards = await self.spaces(tx, rows, viewer_id)
        return {(card.uri, card.host.id): card for card in cards}

    def _post(
        self,
        view: StatusView,
        booster: Account | None,
        spaces: dict[tuple[str, int], SpaceCard],
        answered: dict[int, Account],
        viewer_id: int | None,
    ) -> PostCard:
        status, author = view.status, self.face(view.account)
        mine = viewer_id is not None and status.account_id == viewer_id
        whom = answered.get(status.in_reply_to_account_id or 0)
        return PostCard(
            id=status.id,
            uri=status.uri,
            path=f"{author.path}/{status.id}",
            author=author,
            html=pictured(safe_html(status.content), status.emojis, self._addresses),
            title=status.title or "",
            spoiler=status.spoiler,
            language=status.language,
            visibility=status.visibility,
            created_at=status.created_at,
            edited=status.edited_at is not None,
            replies=status.replies_count,
            boosts=status.boosts_count,
            favourites=status.favourites_count,
            boosted=view.boosted,
            favourited=view.favourited,
            bookmarked=view.bookmarked,
            pinned=view.pinned,
            muted=view.muted,
            mine=mine,
            may_boost=status.visibility in ("public", "unlisted")
            or (mine and status.visibility == "private"),
            boosted_by=self.face(booster) if booster else None,
            answers=self.face(whom) if whom and status.in_reply_to_account_id != status.account_id else None,
            position=status.thread_position,
            length=status.thread_length,
            thread_path=f"{author.path}/{status.thread_id}",
            space=spaces.get((view.space_uri or "", status.account_id)),
            poll=poll_card(view.poll),
            files=tuple(self._file(file) for file in status.attachments if isinstance(file, dict)),
            quote=self._quote(view.quote, viewer_id),
            may_quote=may_quote(view.quotable.viewer),
            waits=status.pending_approval,
        )

    def _quote(self, quote: QuoteView | None, viewer_id: int | None) -> QuoteCard | None:
        if quote is None:
            return None
        if quote.view is None or quote.state not in SHOWN:
            return QuoteCard(words=quote_in_words(quote.state))
        words = "" if quote.state == "accepted" else quote_in_words(quote.state)
        return QuoteCard(words=words, post=self._post(quote.view, None, {}, {}, viewer_id))

    def _reactions(self, found: Iterable[Tally]) -> tuple[ReactionCard, ...]:
        return tuple(
            ReactionCard(
                emoji=f"{tally.name}@{tally.domain}" if tally.domain else tally.name,
                label=f":{tally.name}:" if tally.icon else shown_character(tally.name),
                count=tally.count,
                mine=tally.mine,
                picture=tally.icon if tally.icon and self._addresses.is_ours(tally.icon) else None,
            )
            for tally in found
        )

    def _file(self, file: dict[str, Any]) -> FileCard:
        url = str(file.get("url") or "")
        kind = str(file.get("media_type") or file.get("type") or "").partition("/")[0].lower()
        return FileCard(
            url=url,
            kind=kind,
            description=str(file.get("name") or ""),
            is_ours=self._addresses.is_ours(url),
            width=file.get("width"),
            height=file.get("height"),
        )

    def _space(self, view: SpaceView, viewer_id: int | None) -> SpaceCard:
        space, host = view.space, self.face(view.host)
        state: State = "scheduled"
        for known in ("live", "ended", "cancelled"):
            if space.state == known:
                state = known
        return SpaceCard(
            id=space.id,
            uri=space.uri,
            path=f"{host.path}/spaces/{space.id}",
            title=space.title,
            description=space.description,
            host=host,
            state=state,
            access=space.access,
            starts_at=space.starts_at,
            started_at=space.started_at,
            ended_at=space.ended_at,
            listeners=view.listener_count,
            speakers=tuple(self.face(account) for account in view.speakers),
            local=space.local,
            mine=space.local and viewer_id == space.host_id,
            announcement_id=space.announcement_id,
            topics=tuple(str(topic) for topic in space.topics),
            language=space.language,
            speaks=space.speak_policy,
            paused=space.paused_at is not None,
            is_for_strangers=space.takes_strangers(ours=self._strangers_listen),
            moved_from=space.previous_starts_at,
        )


async def _fold(tx: Tx, statuses: Sequence[Status], viewer_id: int | None) -> list[Status]:
    """Put the first post of a thread in the place of its newest one, and leave out the others."""
    here = {status.id: status for status in statuses}
    wanted = {status.thread_id for status in statuses if status.thread_position > 1} - here.keys()
    if wanted:
        rows = await tx.scalars(select(Status).where(Status.id.in_(wanted), visible(viewer_id)))
        here.update({status.id: status for status in rows})
    folded: dict[int, Status] = {}
    for status in statuses:
        first = here.get(status.thread_id, status) if status.thread_position > 1 else status
        folded.setdefault(first.id, first)
    return list(folded.values())
