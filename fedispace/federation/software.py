"""What a server runs, by its NodeInfo, for the few things that are said in dialects.

It is never waited for: who asks of a server for the first time is told nothing, and a job finds out for
the next time. What is not known, or was refused, is asked for again after a week.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import select

from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import insert
from fedispace.errors import FedispaceError
from fedispace.federation.models import Peer
from fedispace.federation.origin import same_origin
from fedispace.federation.requests import SignedRequests
from fedispace.federation.vocab.uri import is_uri
from fedispace.hosts import host_of
from fedispace.net import Net
from fedispace.queue.jobs import Arguments, Jobs, Task

log = structlog.get_logger()

FETCH_SOFTWARE: Final = "federation.fetch_software"
KNOWN_FOR: Final = timedelta(days=7)
LITEPUB: Final = frozenset({"pleroma", "akkoma"})
_SCHEMA: Final = "http://nodeinfo.diaspora.software/ns/schema/2."
_MAX_LINKS: Final = 8
_MAX_NAME: Final = 64


class Software:
    """Remembers what servers run."""

    def __init__(self, db: Database, clock: Clock, net: Net, requests: SignedRequests, jobs: Jobs) -> None:
        self._db = db
        self._clock = clock
        self._net = net
        self._requests = requests
        self._jobs = jobs

    def tasks(self) -> Mapping[str, Task]:
        """Return the job by its kind, for the pump."""
        return {FETCH_SOFTWARE: self.fetch}

    async def of(self, tx: Tx, uri: str) -> str | None:
        """Return what the server of `uri` runs, in lower case, as far as it is known by now."""
        host = host_of(uri)
        row = (await tx.execute(select(Peer.software, Peer.software_at).where(Peer.host == host))).first()
        name, at = (None, None) if row is None else row
        if at is None or at < self._clock.now() - KNOWN_FOR:
            origin = uri[: uri.index("/", uri.index("//") + 2)] if uri.count("/") > 2 else uri
            key = f"{FETCH_SOFTWARE} {host}"
            await self._jobs.enqueue(tx, FETCH_SOFTWARE, {"origin": origin}, unique_key=key)
        return name

    async def fetch(self, arguments: Arguments) -> None:
        """Ask a server for its NodeInfo (FEP-f1d5)."""
        origin = arguments["origin"]
        try:
            name = await self._asked(origin)
        except FedispaceError as error:
            log.info("software.unknown", origin=origin, error=type(error).__name__)
            name = None
        said = {"software": name, "software_at": self._clock.now()}
        async with self._db.transaction() as tx:
            await tx.execute(
                insert(tx, Peer)
                .values(host=host_of(origin), **said)
                .on_conflict_do_update(index_elements=["host"], set_=said)
            )

    async def _asked(self, origin: str) -> str | None:
        await self._requests.refuse_blocked(origin)
        links = (await self._net.fetch_json(f"{origin}/.well-known/nodeinfo")).get("links")
        for link in links[:_MAX_LINKS] if isinstance(links, list) else ():
            if not isinstance(link, dict) or not str(link.get("rel")).startswith(_SCHEMA):
                continue
            href = link.get("href")
            if is_uri(href) and same_origin(href, origin):
                software = (await self._net.fetch_json(href)).get("software")
                name = software.get("name") if isinstance(software, dict) else None
                return name[:_MAX_NAME].lower() if isinstance(name, str) else None
        return None
