"""Writing posts and threads; boosting, liking and deleting them. Every form works without scripts."""

from dataclasses import replace

from aiohttp import web

from fedispace.db.engine import Database
from fedispace.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited
from fedispace.ids import Ids
from fedispace.threads.audience import narrower, parse_visibility
from fedispace.threads.boost import Boosting
from fedispace.threads.compose import MAX_POSTS
from fedispace.threads.deletion import Deletion
from fedispace.threads.drafts import Drafts
from fedispace.threads.favourite import Favouriting
from fedispace.threads.manuscript import Manuscript
from fedispace.threads.models import Status
from fedispace.threads.publish import Publishing
from fedispace.threads.visibility import require_visible
from fedispace.threads.written import Draft as Typed
from fedispace.web.cards import Draft, PostCard
from fedispace.web.changed import changed
from fedispace.web.composing import Composer
from fedispace.web.frame import Frame, redirect
from fedispace.web.interactions import chosen_words
from fedispace.web.origin import safe_next
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages, number
from fedispace.web.times import typed


class WritingPages:
    """Forms that write."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        publishing: Publishing,
        deletion: Deletion,
        boosting: Boosting,
        favouriting: Favouriting,
        drafts: Drafts,
        composer: Composer,
        presenter: Presenter,
        frame: Frame,
    ) -> None:
        self._db = db
        self._ids = ids
        self._publishing = publishing
        self._deletion = deletion
        self._boosting = boosting
        self._favouriting = favouriting
        self._drafts = drafts
        self._composer = composer
        self._presenter = presenter
        self._frame = frame

    @pages.get("/compose", stranger=False)
    async def blank(self, asked: Asked) -> web.Response:
        visibility = asked.who.user.default_visibility
        quote = number(asked.query("quote"))
        return await self._composer.page(
            asked, Draft(key=self._ids.token(), visibility=visibility, quote=quote)
        )

    @pages.post("/compose")
    async def compose(self, asked: Asked) -> web.Response:
        """Publish, or, for "Add another post" without scripts, draw the form with one more."""
        draft = self._typed(asked)
        if asked.text("add"):
            more = (*draft.posts, "") if len(draft.posts) < MAX_POSTS else draft.posts
            return await self._composer.page(asked, replace(draft, posts=more))
        try:
            if asked.text("do") in ("save", "schedule"):
                return await self._put_aside(asked, draft)
            statuses = await self._publish(asked, draft)
        except (Invalid, Conflict, Forbidden, RateLimited, NotFound) as error:
            if asked.piece:
                raise
            return await self._composer.page(asked, replace(draft, error=error.detail), status=422)
        if asked.piece == "stay":
            return web.Response(status=201, headers={"X-Next-Key": self._ids.token()})
        back = draft.next if draft.next != "/compose" else "/"
        return redirect(f"{back}#post-{statuses[0].id}" if draft.in_reply_to else f"{back}?did=posted")

    async def _put_aside(self, asked: Asked, draft: Draft) -> web.Response:
        """Keep what was typed as a draft, or until its time."""
        at = typed(draft.at, asked.text("zone")) if asked.text("do") == "schedule" else None
        manuscript = Manuscript(
            posts=tuple(_posts(draft)),
            visibility=parse_visibility(draft.visibility),
            in_reply_to_id=draft.in_reply_to,
            application="Web",
            quoted_id=draft.quote,
            policy=chosen_words(draft.replies, draft.quotes) or None,
        )
        by = asked.who.account
        if draft.draft_id is None:
            await self._drafts.create(by, manuscript, scheduled_at=at, request_key=f"web-{draft.key}")
        else:
            await self._drafts.rewrite(by, draft.draft_id, manuscript, scheduled_at=at)
        return redirect(f"/drafts?did={'thread-scheduled' if at else 'kept'}")

    async def _publish(self, asked: Asked, draft: Draft) -> list[Status]:
        posts = _posts(draft)
        if draft.draft_id is not None:
            manuscript = Manuscript(
                posts=tuple(posts),
                visibility=parse_visibility(draft.visibility),
                in_reply_to_id=draft.in_reply_to,
                application="Web",
                quoted_id=draft.quote,
                policy=chosen_words(draft.replies, draft.quotes) or None,
            )
            await self._drafts.rewrite(asked.who.account, draft.draft_id, manuscript)
            return await self._drafts.publish(asked.who.account, draft.draft_id)
        return await self._publishing.publish(
            asked.who.account,
            posts,
            visibility=parse_visibility(draft.visibility),
            in_reply_to_id=draft.in_reply_to,
            quiet_continuation=True,
            quoted_id=draft.quote,
            policy=chosen_words(draft.replies, draft.quotes),
            idempotency_key=f"web-{draft.key}" if draft.key else None,
            application="Web",
        )

    def _typed(self, asked: Asked) -> Draft:
        return Draft(
            posts=tuple(asked.texts("post"))[:MAX_POSTS] or ("",),
            spoiler=asked.text("spoiler").strip(),
            visibility=asked.text("visibility", "public"),
            in_reply_to=number(asked.text("in_reply_to")),
            next=safe_next(asked.text("next")),
            key=asked.text("key")[:64] or self._ids.token(),
            draft_id=number(asked.text("draft")),
            at=asked.text("at")[:32],
            quote=number(asked.text("quote")),
            replies=asked.text("replies")[:16],
            quotes=asked.text("quotes")[:16],
            label="Reply" if asked.text("in_reply_to") else "Post",
        )

    @pages.post("/posts/{id}/boost")
    async def boost(self, asked: Asked) -> web.Response:
        await self._boosting.boost(asked.who.account, asked.id())
        return await self._changed(asked)

    @pages.post("/posts/{id}/unboost")
    async def unboost(self, asked: Asked) -> web.Response:
        await self._boosting.unboost(asked.who.account, asked.id())
        return await self._changed(asked)

    @pages.post("/posts/{id}/favourite")
    async def favourite(self, asked: Asked) -> web.Response:
        await self._favouriting.favourite(asked.who.account, asked.id())
        return await self._changed(asked)

    @pages.post("/posts/{id}/unfavourite")
    async def unfavourite(self, asked: Asked) -> web.Response:
        await self._favouriting.unfavourite(asked.who.account, asked.id())
        return await self._changed(asked)

    async def _changed(self, asked: Asked) -> web.Response:
        return await changed(asked, db=self._db, presenter=self._presenter, frame=self._frame)

    @pages.get("/posts/{id}/delete", stranger=False)
    async def ask_to_delete(self, asked: Asked) -> web.Response:
        async with self._db.reading() as tx:
            status = await require_visible(tx, asked.who.account.id, asked.id())
            if status.account_id != asked.who.account.id:
                raise Forbidden("Only its author can delete a post.")
            card = await self._presenter.post(tx, status, asked.viewer_id)
        only = "Delete only this post" if card.length > 1 else "Delete this post"
        whole = [("thread", f"Delete all {card.length} posts")] if card.length > 1 else []
        return await self._frame.page(
            asked,
            "confirm.html",
            question="Delete this thread?" if card.length > 1 else "Delete this post?",
            loss="It goes here, and other servers are asked to delete it too. Replies by others stay.",
            action=f"/posts/{status.id}/delete",
            next="/",
            back=card.path,
            choices=[*whole, ("post", only)],
            post=card,
        )

    @pages.post("/posts/{id}/delete")
    async def delete(self, asked: Asked) -> web.Response:
        if asked.text("what") == "thread":
            await self._deletion.delete_thread(asked.who.account, asked.id())
        else:
            await self._deletion.delete(asked.who.account, asked.id())
        return redirect("/?did=deleted")


def _posts(draft: Draft) -> list[Typed]:
    """Return what was typed, without the boxes left empty."""
    posts = [
        Typed(text=text, spoiler=draft.spoiler, sensitive=bool(draft.spoiler))
        for text in draft.posts
        if text.strip()
    ]
    if not posts and draft.quote:
        return [Typed(text="", spoiler=draft.spoiler, sensitive=bool(draft.spoiler))]
    if not posts:
        raise Invalid("Write something first.")
    return posts


def reply_to(card: PostCard, *, key: str, default: str, next: str) -> Draft:
    """Return an empty reply, seen by no more people than the post it answers."""
    visibility = narrower(parse_visibility(default), parse_visibility(card.visibility))
    return Draft(key=key, visibility=visibility, in_reply_to=card.id, label="Reply", next=next)
