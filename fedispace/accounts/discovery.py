"""Answers who is here, for the federation door: WebFinger, host-meta, NodeInfo."""

from collections.abc import Mapping
from typing import Any

from fedispace.accounts import nodeinfo
from fedispace.accounts.webfinger import webfinger
from fedispace.clock import Clock
from fedispace.config import Instance
from fedispace.db.engine import Database
from fedispace.federation.addresses import Addresses


class Discovery:
    """What `federation.http.Discovery` asks for."""

    def __init__(self, db: Database, clock: Clock, addresses: Addresses, instance: Instance) -> None:
        self._db = db
        self._clock = clock
        self._addresses = addresses
        self._instance = instance

    async def webfinger(self, resource: str) -> Mapping[str, Any]:
        async with self._db.reading() as tx:
            return await webfinger(tx, self._addresses, resource)

    def host_meta(self) -> str:
        return nodeinfo.host_meta(self._addresses)

    def nodeinfo_links(self) -> Mapping[str, Any]:
        return nodeinfo.index(self._addresses)

    async def nodeinfo(self, version: str) -> Mapping[str, Any]:
        async with self._db.reading() as tx:
            counted = await nodeinfo.usage(tx, self._clock.now())
        return nodeinfo.document(
            "2.1" if version == "2.1" else "2.0",
            counted,
            title=self._instance.title,
            description=self._instance.description,
        )
