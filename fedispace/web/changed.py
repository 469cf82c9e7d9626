"""What is answered when somebody did something to a post: the post anew for a script, or the way back."""

from aiohttp import web

from fedispace.db.engine import Database
from fedispace.threads.visibility import require_visible
from fedispace.web.frame import Frame, redirect
from fedispace.web.origin import safe_next
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked


async def changed(asked: Asked, *, db: Database, presenter: Presenter, frame: Frame) -> web.Response:
    """Return the post of the path as it is drawn now; without scripts, the page the form was on."""
    back = safe_next(asked.text("next"))
    if asked.piece != "post":
        return redirect(f"{back}#post-{asked.id()}")
    async with db.reading() as tx:
        status = await require_visible(tx, asked.viewer_id, asked.id())
        card = await presenter.post(tx, status, asked.viewer_id)
    return frame.fragment(asked, frame.piece(asked, "post.html", "status", card, here=back))
