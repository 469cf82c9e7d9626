"""Calls about this server itself."""

from sqlalchemy import func, select

from fedispace.accounts.nodeinfo import usage
from fedispace.api.entities.instance import ExtendedDescription, Instance, InstanceV1, Rule
from fedispace.api.entities.shape import NoParameters
from fedispace.api.present.instance import InstancePresenter
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.federation.models import Peer


class InstanceCalls(Calls):
    """Mastodon's `instance` methods."""

    routes = Routes()

    def __init__(self, *, db: Database, clock: Clock, presenter: InstancePresenter) -> None:
        self._db = db
        self._clock = clock
        self._presenter = presenter

    @routes.get("/api/v2/instance", who=Who.ANYONE)
    async def instance(self, call: Call[NoParameters]) -> Instance:
        """Describe this server."""
        async with self._db.reading() as tx:
            counted = await usage(tx, self._clock.now())
        return self._presenter.instance(counted)

    @routes.get("/api/v1/instance", who=Who.ANYONE)
    async def instance_v1(self, call: Call[NoParameters]) -> InstanceV1:
        """Describe this server to older clients."""
        async with self._db.reading() as tx:
            counted = await usage(tx, self._clock.now())
            peers = await tx.scalar(select(func.count()).select_from(Peer)) or 0
        return self._presenter.instance_v1(counted, peers=peers)

    @routes.get("/api/v1/instance/rules", who=Who.ANYONE)
    async def rules(self, call: Call[NoParameters]) -> list[Rule]:
        """Return the rules of this server: none are written down."""
        return []

    @routes.get("/api/v1/instance/translation_languages", who=Who.ANYONE)
    async def translation_languages(self, call: Call[NoParameters]) -> dict[str, list[str]]:
        """Return what can be translated: nothing."""
        return {}

    @routes.get("/api/v1/instance/extended_description", who=Who.ANYONE)
    async def extended_description(self, call: Call[NoParameters]) -> ExtendedDescription:
        """Return the longer description: there is none."""
        return ExtendedDescription(updated_at=None, content="")

    @routes.get("/api/v1/instance/privacy_policy", who=Who.ANYONE)
    async def privacy_policy(self, call: Call[NoParameters]) -> ExtendedDescription:
        """Tell that the operator has written no privacy policy."""
        raise NotFound("There is no privacy policy.")
