"""Calls about hashtags: how each is used, and which the asker follows."""

from datetime import UTC, datetime, time

from fedispace.api.entities.search import Tag, TagHistory
from fedispace.api.entities.shape import Paged, Parameters
from fedispace.api.links import page_of
from fedispace.api.routing import Call, Calls, Listing, Routes, Who
from fedispace.db.engine import Database, Tx
from fedispace.federation.addresses import Addresses
from fedispace.threads import followed_tags
from fedispace.threads.followed_tags import FollowedTags, Usage
from fedispace.threads.tags import key_of


class ByName(Parameters, frozen=True, kw_only=True):
    name: str


class TagCalls(Calls):
    """Mastodon's `tags` and `followed_tags` methods."""

    routes = Routes()

    def __init__(self, *, db: Database, addresses: Addresses, followed: FollowedTags) -> None:
        self._db = db
        self._addresses = addresses
        self._followed = followed

    @routes.get("/api/v1/tags/{name}", who=Who.ANYONE, scope="read")
    async def tag(self, call: Call[ByName]) -> Tag:
        """Return a hashtag, with how it was used in the last seven days."""
        name = followed_tags.spelled(call.given.name)
        async with self._db.reading() as tx:
            following = await followed_tags.follows_tag(tx, call.viewer_id, name)
            return await self._tag(tx, name, call.at, following=following)

    @routes.post("/api/v1/tags/{name}/follow", who=Who.PERSON, scope="write:follows")
    async def follow(self, call: Call[ByName]) -> Tag:
        """Have public posts with a hashtag in the home timeline."""
        name = await self._followed.follow(call.person.account, call.given.name)
        async with self._db.reading() as tx:
            return await self._tag(tx, name, call.at, following=True)

    @routes.post("/api/v1/tags/{name}/unfollow", who=Who.PERSON, scope="write:follows")
    async def unfollow(self, call: Call[ByName]) -> Tag:
        """Have them there no longer."""
        name = await self._followed.unfollow(call.person.account, call.given.name)
        async with self._db.reading() as tx:
            return await self._tag(tx, name, call.at, following=False)

    @routes.get("/api/v1/followed_tags", who=Who.PERSON, scope="read:follows")
    async def followed(self, call: Call[Paged]) -> Listing[Tag]:
        """Return the hashtags the asker follows; how each is used stands in the hashtag itself."""
        async with self._db.reading() as tx:
            page = page_of(call.given, default=100, most=200)
            rows = await followed_tags.followed(tx, call.person.account.id, page)
        return Listing(
            items=[self._shown(row.name, [], following=True) for row in rows],
            cursors=[row.id for row in rows],
        )

    async def _tag(self, tx: Tx, name: str, now: datetime, *, following: bool) -> Tag:
        return self._shown(name, await followed_tags.usage(tx, name, now), following=following)

    def _shown(self, name: str, days: list[Usage], *, following: bool) -> Tag:
        return Tag(
            id=key_of(name),
            name=name,
            url=self._addresses.tag(name),
            history=[
                TagHistory(
                    day=str(int(datetime.combine(each.day, time(), UTC).timestamp())),
                    uses=str(each.uses),
                    accounts=str(each.accounts),
                )
                for each in days
            ],
            following=following,
            featuring=False,
        )
