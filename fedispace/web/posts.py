"""The page of a post: what came before, the author's thread, the replies."""

from aiohttp import web

from fedispace.accounts.people import People
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.ids import Ids
from fedispace.threads import conversation
from fedispace.threads.compose import MAX_CHARACTERS, MAX_POSTS
from fedispace.threads.looking import Looking
from fedispace.threads.models import Status
from fedispace.threads.poll_news import PollNews
from fedispace.threads.visibility import require_visible
from fedispace.web.frame import Frame
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages
from fedispace.web.wants import to_object, wants_activity
from fedispace.web.writing import reply_to

_BEFORE = 40
_REPLIES = 200


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
            line = await conversation.thread_posts(tx, viewer_id, status)
            line = line if any(post.id == status.id for post in line) else [status]
            before = await conversation.ancestors(tx, viewer_id, line[0], _BEFORE)
            ours = {post.id for post in line}
            replies = [
                reply
                for reply in await conversation.descendants(tx, viewer_id, line[0], asked.at, _REPLIES)
                if reply.id not in ours
            ]
            line_cards = await self._presenter.posts(tx, line, viewer_id)
            before_cards = await self._presenter.posts(tx, before, viewer_id)
            reply_cards = await self._presenter.tree(tx, list(ours), replies, viewer_id)
        await self._poll_news.look([*line, *replies])
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
            before=before_cards,
            line=line_cards,
            replies=reply_cards,
            draft=draft,
            indexable=author.local and author.indexable and _is_public(status),
            limit=MAX_CHARACTERS,
            most=MAX_POSTS,
        )


def _is_at(asked: Asked, path: str, status_id: int) -> bool:
    """Tell whether the address names the post's own author, whatever the case of the letters."""
    return asked.path.casefold() == f"{path}/{status_id}".casefold()


def _is_public(status: Status) -> bool:
    return status.visibility == "public"
