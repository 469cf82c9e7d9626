"""oEmbed: what another site may show of a Space when somebody there pastes its address (oembed.com)."""

from typing import Literal

import msgspec

from fedispace.accounts.people import People
from fedispace.api.entities.oembed import Embeddable, OEmbed, OEmbedLink
from fedispace.api.entities.shape import Parameters
from fedispace.api.routing import Call, Calls, Dialect, Reply, Routes, Who
from fedispace.db.engine import Database
from fedispace.errors import Invalid, NotFound
from fedispace.federation.addresses import Addresses
from fedispace.spaces import oembed
from fedispace.spaces.access import OPEN_TO_ALL, no_such_space, parse_access
from fedispace.spaces.fediverse.lookup import SpaceLookup
from fedispace.spaces.oembed import Player


class AskForEmbed(Parameters, frozen=True, kw_only=True):
    url: str
    maxwidth: int | None = None
    maxheight: int | None = None
    format: Literal["json", "xml"] = "json"


class OEmbedCalls(Calls):
    """The provider's endpoint, at two addresses: ours, and the one that Mastodon's own clients know."""

    routes = Routes(Dialect.NATIVE)

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        addresses: Addresses,
        lookup: SpaceLookup,
        strangers_listen: bool,
    ) -> None:
        self._db = db
        self._people = people
        self._addresses = addresses
        self._lookup = lookup
        self._strangers_listen = strangers_listen

    @routes.get("/oembed", who=Who.ANYONE, scope="read:statuses")
    async def embed(self, call: Call[AskForEmbed]) -> Reply[OEmbed | OEmbedLink]:
        """Return the player of a Space of this server that is open to all; of anything else, nothing."""
        return await self._embed(call.given)

    @routes.get("/api/oembed", who=Who.ANYONE, scope="read:statuses")
    async def embed_of_api(self, call: Call[AskForEmbed]) -> Reply[OEmbed | OEmbedLink]:
        """Return the same."""
        return await self._embed(call.given)

    async def _embed(self, given: AskForEmbed) -> Reply[OEmbed | OEmbedLink]:
        if given.format != "json":
            raise NotFound("Only JSON is given.")
        try:
            is_ours = self._addresses.is_ours(given.url)
            space = await self._lookup.space(given.url, None) if is_ours else None
        except Invalid as error:
            raise no_such_space() from error
        if space is None or not space.local or parse_access(space.access) not in OPEN_TO_ALL:
            raise no_such_space()
        async with self._db.reading() as tx:
            host = await self._people.by_id(tx, space.host_id)
        player = oembed.player_of(
            space, host, self._addresses, max_width=given.maxwidth, max_height=given.maxheight
        )
        shown = self._player(player) if self._strangers_listen else self._link(player)
        return Reply(body=shown, headers={"Cache-Control": f"public, max-age={player.cache_age}"})

    def _player(self, player: Player) -> OEmbed:
        return OEmbed(
            type="video",
            html=player.html,
            width=player.width,
            height=player.height,
            **msgspec.structs.asdict(self._said(player)),
        )

    def _link(self, player: Player) -> OEmbedLink:
        return OEmbedLink(type="link", **msgspec.structs.asdict(self._said(player)))

    def _said(self, player: Player) -> Embeddable:
        return Embeddable(
            version="1.0",
            title=player.title,
            author_name=player.author_name,
            author_url=player.author_url,
            provider_name=self._addresses.account_domain,
            provider_url=self._addresses.origin,
            cache_age=player.cache_age,
        )
