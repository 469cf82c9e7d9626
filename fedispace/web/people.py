"""A person's page, and following them."""

from typing import Literal

from aiohttp import web
from markupsafe import Markup

from fedispace.accounts.following import Following
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account
from fedispace.accounts.moved import moved_to
from fedispace.accounts.paging import Page
from fedispace.accounts.refreshing import Refreshing
from fedispace.accounts.relationships import Relationship, relationship
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.spaces import queries
from fedispace.spaces.lifecycle import Phase
from fedispace.threads import pins, timelines
from fedispace.threads.featured import Featured
from fedispace.threads.sanitize import safe_html
from fedispace.web.cards import Profile, SpaceCard
from fedispace.web.emojis import pictured
from fedispace.web.frame import Frame, redirect
from fedispace.web.origin import safe_next
from fedispace.web.present import Presenter
from fedispace.web.reading import older, page_of
from fedispace.web.routing import Asked, Pages
from fedispace.web.wants import to_object, wants_activity

_RECENT_SPACES = 5


class PeoplePages:
    """Pages of people."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        addresses: Addresses,
        lookup: Lookup,
        following: Following,
        featured: Featured,
        refreshing: Refreshing,
        presenter: Presenter,
        frame: Frame,
    ) -> None:
        self._db = db
        self._addresses = addresses
        self._lookup = lookup
        self._following = following
        self._featured = featured
        self._refreshing = refreshing
        self._presenter = presenter
        self._frame = frame

    @pages.get("/@{handle}")
    async def profile(self, asked: Asked) -> web.Response:
        account = await self.known(asked.request.match_info["handle"])
        if wants_activity(asked) and (answer := to_object(account.uri, self._addresses)):
            return answer
        page, replies, viewer_id = page_of(asked), asked.query("replies") == "1", asked.viewer_id
        async with self._db.reading() as tx:
            statuses = await timelines.of_account(
                tx, viewer_id, account.id, page, exclude_replies=not replies
            )
            cards = await self._presenter.feed(tx, statuses, viewer_id)
            pinned = [] if page.max_id else await pins.pinned(tx, viewer_id, account.id)
            pinned_cards = await self._presenter.posts(tx, pinned, viewer_id)
            live = await self._live(tx, account, viewer_id)
            now_at = await moved_to(tx, account)
            relation = await relationship(tx, viewer_id, account.id, asked.at) if viewer_id else None
        if viewer_id is not None:
            await self._featured.looked_at(account)
            await self._refreshing.seen(account)
        path = self._presenter.face(account).path
        return await self._frame.page(
            asked,
            "profile.html",
            profile=self._profile(account, relation, live, now_at, viewer_id),
            pinned=pinned_cards,
            cards=cards,
            replies=replies,
            indexable=account.local and account.indexable,
            more=older(f"{path}?replies=1" if replies else path, statuses, page),
        )

    @pages.post("/people/{id}/follow")
    async def follow(self, asked: Asked) -> web.Response:
        relation = await self._following.follow(asked.who.account, asked.id())
        back = safe_next(asked.text("next"))
        return redirect(f"{back}?did={'followed' if relation.following else 'requested'}")

    @pages.post("/people/{id}/unfollow")
    async def unfollow(self, asked: Asked) -> web.Response:
        await self._following.unfollow(asked.who.account, asked.id())
        return redirect(safe_next(asked.text("next")))

    @pages.post("/people/{id}/accept")
    async def accept(self, asked: Asked) -> web.Response:
        await self._following.authorize(asked.who.account, asked.id())
        return redirect(safe_next(asked.text("next")))

    @pages.post("/people/{id}/decline")
    async def decline(self, asked: Asked) -> web.Response:
        await self._following.reject(asked.who.account, asked.id())
        return redirect(safe_next(asked.text("next")))

    async def known(self, handle: str) -> Account:
        """Return the person of a page's address, if they are known and not suspended."""
        account = await self._lookup.known(handle)
        if account.is_suspended:
            raise NotFound("There is no such account.")
        return account

    async def _live(self, tx: Tx, account: Account, viewer_id: int | None) -> SpaceCard | None:
        recent = await queries.spaces_of(tx, viewer_id, account.id, Page(limit=_RECENT_SPACES))
        soon = sorted(
            (space for space in recent if space.state in (Phase.LIVE, Phase.SCHEDULED)),
            key=lambda space: (space.state != Phase.LIVE, space.starts_at),
        )
        return await self._presenter.space(tx, soon[0], viewer_id) if soon else None

    def _profile(
        self,
        account: Account,
        relation: Relationship | None,
        live: SpaceCard | None,
        now_at: Account | None,
        viewer_id: int | None,
    ) -> Profile:
        return Profile(
            face=self._presenter.face(account),
            html=pictured(safe_html(account.note), account.emojis, self._addresses),
            fields=tuple(
                (str(field.get("name", "")), Markup(safe_html(str(field.get("value", "")))))  # noqa: S704
                for field in account.fields
                if isinstance(field, dict)
            ),
            posts=account.statuses_count,
            following=account.following_count,
            followers=account.followers_count,
            joined=account.created_at,
            locked=account.locked,
            bot=account.bot,
            url=account.url,
            uri=account.uri,
            relation=_standing(relation, is_self=account.id == viewer_id),
            follows_you=relation is not None and relation.followed_by,
            live=live,
            proven=frozenset(
                str(field.get("name", "")) for field in account.fields if field.get("verified_at")
            ),
            moved=None if now_at is None else self._presenter.face(now_at),
            memorial=account.memorial,
            blocking=relation is not None and relation.blocking,
            muting=relation is not None and relation.muting,
            shuns=relation is not None and relation.domain_blocking,
        )


def _standing(
    relation: Relationship | None, *, is_self: bool
) -> Literal["", "self", "following", "requested", "none"]:
    if relation is None:
        return ""
    if is_self:
        return "self"
    if relation.following:
        return "following"
    return "requested" if relation.requested else "none"
