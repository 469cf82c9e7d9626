"""Writing posts and threads; boosting, liking and deleting them. Every form works without scripts."""

from dataclasses import replace

from aiohttp import web

from fedispace.db.engine import Database
from fedispace.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited
from fedispace.ids import Ids
from fedispace.threads.audience import narrower, parse_visibility
from fedispace.threads.boost import Boosting
from fedispace.threads.compose import MAX_CHARACTERS, MAX_POSTS
from fedispace.threads.deletion import Deletion
from fedispace.threads.drafts import Drafts, own
from fedispace.threads.favourite import Favouriting
from fedispace.threads.manuscript import Manuscript, unpacked
from fedispace.threads.models import Status
from fedispace.threads.publish import Publishing
from fedispace.threads.visibility import require_visible
from fedispace.web.cards import Draft, PostCard
from fedispace.web.changed import changed
from fedispace.web.composing import Composer
from fedispace.web.frame import Frame, redirect
from fedispace.web.manuscripts import manuscript, typed
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages, number
from fedispace.web.times import typed as time_typed


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
        draft = Draft(
            posts=(asked.query("text")[:MAX_CHARACTERS],),
            key=self._ids.token(),
            visibility=visibility,
            quote=number(asked.query("quote")),
        )
        if (last_id := number(asked.query("add_to"))) is not None:
            return await self._composer.page(asked, await self._more_of(asked, last_id, draft))
        return await self._composer.page(asked, draft)

    async def _more_of(self, asked: Asked, last_id: int, draft: Draft) -> Draft:
        """Return the composer for more of a thread of one's own."""
        viewer_id = asked.who.account.id
        async with self._db.reading() as tx:
            status = await require_visible(tx, viewer_id, last_id)
            if status.account_id != viewer_id:
                raise Forbidden("Only its author can add to a thread.")
            last = await self._presenter.post(tx, status, viewer_id)
        return reply_to(last, key=draft.key, default=draft.visibility, next=last.path)

    @pages.post("/compose")
    async def compose(self, asked: Asked) -> web.Response:
        """Publish, or, for "Add another post" without scripts, draw the form with one more."""
        draft = typed(asked, self._ids.token())
        if asked.text("do") == "more":
            return await self._composer.page(asked, draft)
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
        at = time_typed(draft.at, asked.text("zone")) if asked.text("do") == "schedule" else None
        written = manuscript(draft, await self._before(asked, draft))
        by = asked.who.account
        if draft.draft_id is None:
            await self._drafts.create(by, written, scheduled_at=at, request_key=f"web-{draft.key}")
        else:
            await self._drafts.rewrite(by, draft.draft_id, written, scheduled_at=at)
        return redirect(f"/drafts?did={'thread-scheduled' if at else 'kept'}")

    async def _publish(self, asked: Asked, draft: Draft) -> list[Status]:
        by = asked.who.account
        written = manuscript(draft, await self._before(asked, draft))
        if draft.draft_id is not None:
            await self._drafts.rewrite(by, draft.draft_id, written)
            return await self._drafts.publish(by, draft.draft_id)
        return await self._publishing.publish(
            by,
            written.posts,
            visibility=written.visibility,
            in_reply_to_id=written.in_reply_to_id,
            quiet_continuation=written.quiet_continuation,
            quoted_id=written.quoted_id,
            policy=written.policy,
            idempotency_key=f"web-{draft.key}" if draft.key else None,
            application=written.application,
        )

    async def _before(self, asked: Asked, draft: Draft) -> Manuscript | None:
        """Return the draft that was opened, as it was kept."""
        if draft.draft_id is None:
            return None
        async with self._db.reading() as tx:
            return unpacked((await own(tx, asked.who.account.id, draft.draft_id)).thread)

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


def reply_to(card: PostCard, *, key: str, default: str, next: str) -> Draft:
    """Return an empty reply, seen by no more people than the post it answers."""
    visibility = narrower(parse_visibility(default), parse_visibility(card.visibility))
    label = "Add to thread" if card.mine else "Reply"
    return Draft(key=key, visibility=visibility, in_reply_to=card.id, label=label, next=next)
