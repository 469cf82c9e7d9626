"""Calls that return the lists people read."""

from fedispace.api.entities.shape import Paged
from fedispace.api.entities.status import Status
from fedispace.api.links import page_of
from fedispace.api.posts import Posts
from fedispace.api.routing import Call, Calls, Listing, Routes, Who
from fedispace.db.engine import Database
from fedispace.threads import tags, timelines


class PublicTimeline(Paged, frozen=True, kw_only=True):
    local: bool = False
    remote: bool = False


class TagTimeline(PublicTimeline, frozen=True, kw_only=True):
    hashtag: str
    only_media: bool = False
    any: list[str] = []
    all: list[str] = []
    none: list[str] = []


class TimelineCalls(Calls):
    """Mastodon's `timelines` methods."""

    routes = Routes()

    def __init__(self, *, db: Database, posts: Posts) -> None:
        self._db = db
        self._posts = posts

    @routes.get("/api/v1/timelines/home", who=Who.PERSON, scope="read:statuses")
    async def home(self, call: Call[Paged]) -> Listing[Status]:
        """Return what the asker and those they follow posted."""
        viewer = call.person.account.id
        async with self._db.reading() as tx:
            rows = await timelines.home(tx, viewer, page_of(call.given), call.at)
            return await self._posts.page(tx, rows, viewer)

    @routes.get("/api/v1/timelines/public", who=Who.ANYONE, scope="read:statuses")
    async def public(self, call: Call[PublicTimeline]) -> Listing[Status]:
        """Return public posts of everyone known here, or of here or elsewhere only."""
        given = call.given
        async with self._db.reading() as tx:
            rows = await timelines.public(
                tx, call.viewer_id, page_of(given), call.at, local=given.local, remote=given.remote
            )
            return await self._posts.page(tx, rows, call.viewer_id)

    @routes.get("/api/v1/timelines/tag/{hashtag}", who=Who.ANYONE, scope="read:statuses")
    async def tag(self, call: Call[TagTimeline]) -> Listing[Status]:
        """Return public posts with a hashtag; with `any` of more, with `all` of more, with `none` of more."""
        given = call.given
        async with self._db.reading() as tx:
            rows = await tags.tagged(
                tx,
                call.viewer_id,
                given.hashtag,
                page_of(given),
                call.at,
                or_any_of=given.any,
                all_of=given.all,
                none_of=given.none,
                local=given.local,
                remote=given.remote,
                only_media=given.only_media,
            )
            return await self._posts.page(tx, rows, call.viewer_id)
