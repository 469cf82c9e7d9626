"""The page of a post: what came before, the author's thread, the replies."""

from dataclasses import dataclass

from aiohttp import web

from fedispace.accounts.people import People
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.ids import Ids
from fedispace.threads import conversation
from fedispace.threads.attention import standing
from fedispace.threads.completeness import completeness
from fedispace.threads.compose import MAX_CHARACTERS, MAX_POSTS
from fedispace.threads.looking import Looking
from fedispace.threads.models import Status
from fedispace.threads.poll_news import PollNews
from fedispace.threads.tree import Order
from fedispace.threads.visibility import require_visible
from fedispace.web.branches import Branch, below, branch
from fedispace.web.cards import PostCard
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages
from fedispace.web.wants import to_object, wants_activity
from fedispace.web.writing import reply_to

_BEFORE = 40


class PostPages:
    """Pages of posts."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        addresses: Addresses,
        people: People,
        looking: Looking,
        presenter: Presenter,
        frame: Frame,
        poll_news: PollNews,
    ) -> None:
        self._db = db
        self._ids = ids
        self._addresses = addresses
        self._people = people
        self._looking = looking
        self._presenter = presenter
        self._frame = frame
        self._poll_news = poll_news

    @pages.get("/@{handle}/{id:[0-9]+}/read")
    async def read(self, asked: Asked) -> web.Response:
        """Show a thread as one article, for reading and for paper."""
        viewer_id = asked.viewer_id
        async with self._db.reading() as tx:
            status = await require_visible(tx, viewer_id, asked.id())
            author = await self._people.by_id(tx, status.account_id)
            face = self._presenter.face(author)
            if status.boost_of_id is not None or not _is_at(asked, face.path, f"{status.id}/read"):
                raise NotFound("There is no such post.")
            line = await self._presenter.posts(
                tx, await conversation.thread_posts(tx, viewer_id, status), viewer_id
            )
        return await self._frame.page(
            asked,
            "read.html",
            line=line,
            author=face,
            indexable=author.local and author.indexable and _is_public(status),
        )

    @pages.get("/@{handle}/{id:[0-9]+}")
    async def post(self, asked: Asked) -> web.Response:
        viewer_id = asked.viewer_id
        async with self._db.reading() as tx:
            status = await require_visible(tx, viewer_id, asked.id())
            author = await self._people.by_id(tx, status.account_id)
            face = self._presenter.face(author)
            if status.boost_of_id is not None or not _is_at(asked, face.path, status.id):
                raise NotFound("There is no such post.")
            if wants_activity(asked) and (answer := to_object(status.uri, self._addresses)):
                return answer
            order: Order = "newest" if asked.query("sort") == "newest" else "oldest"
            shown = await self._shown(tx, asked, status, order)
            follows = await standing(tx, viewer_id, status.conversation_id)
            how = await completeness(tx, viewer_id, status.conversation_id)
        await self._poll_news.look(shown.rows)
        await self._looking.viewed(status, viewer_id)
        line_cards = shown.line
        focus = next(card for card in line_cards if card.id == status.id)
        draft = None
        if asked.visitor is not None:
            last = line_cards[-1] if line_cards[-1].mine else focus
            draft = reply_to(
                last,
                key=self._ids.token(),
                default=asked.visitor.user.default_visibility,
                next=asked.path,
            )
        return await self._frame.page(
            asked,
            "thread.html",
            focus=focus,
            before=shown.before,
            line=line_cards,
            replies=shown.replies,
            total=sum(reply.size + (1 if reply.card else 0) for reply in shown.replies),
            order=order,
            how=how,
            follows=follows,
            draft=draft,
            indexable=author.local and author.indexable and _is_public(status),
            limit=MAX_CHARACTERS,
            most=MAX_POSTS,
        )

    async def _shown(self, tx: Tx, asked: Asked, status: Status, order: Order) -> "_Shown":
        """Return the posts of the page: what came before, the author's own line, the replies to it."""
        viewer_id = asked.viewer_id
        line = await conversation.thread_posts(tx, viewer_id, status)
        line = line if any(post.id == status.id for post in line) else [status]
        before = await conversation.ancestors(tx, viewer_id, line[0], _BEFORE)
        tops = await conversation.whole(tx, viewer_id, line[0], asked.at, order)
        nodes = below(tops, {post.id for post in line}, is_top=not before)
        rows = [node.status for top in nodes for node in top.walk() if node.status is not None]
        cards = await self._presenter.posts(tx, rows, viewer_id)
        by_id = {card.id: card for card in cards}
        return _Shown(
            before=await self._presenter.posts(tx, before, viewer_id),
            line=await self._presenter.posts(tx, line, viewer_id),
            replies=[branch(node, by_id, status.account_id) for node in nodes],
            rows=[*line, *rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    before: list[PostCard]
    line: list[PostCard]
    replies: list[Branch]
    rows: list[Status]


def _is_at(asked: Asked, path: str, rest: int | str) -> bool:
    """Tell whether the address names the post's own author, whatever the case of the letters."""
    return asked.path.casefold() == f"{path}/{rest}".casefold()


def _is_public(status: Status) -> bool:
    return status.visibility == "public"
