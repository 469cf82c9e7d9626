"""Tells each server, with what is meant for followers only, which of its people follow the author here.

What two servers believe about a follow drifts apart: an Undo is lost, a database restored. Then a server
shows private posts to somebody who no longer follows. The header lets it notice (FEP-8fcf).

The digests are worked out once for each activity, for all servers at once, when the first delivery of it
wants one; a delivery only looks its server's up. A public one has none, and costs the search for a word.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Mapping

from sqlalchemy import select

from fedispace.accounts.models import Account, Follow
from fedispace.db.engine import Database
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow, OutboxItem
from fedispace.federation.outbox import FORWARDED
from fedispace.federation.synchronization import HEADER, MAX_FOLLOWERS, digest_of, header_value

ITEMS_IN_MEMORY = 64
_SEALED = b'"proof":{"type":'
"""What only public activities have (`federation/sealing.py`); in a text the quotes would be escaped."""
_FOLLOWERS = b'/followers"'
_NOTHING: Mapping[str, str] = {}


class FollowerDigests:
    """Makes the `Collection-Synchronization` header of outgoing activities."""

    def __init__(self, db: Database, addresses: Addresses) -> None:
        self._db = db
        self._addresses = addresses
        self._of_items: OrderedDict[int, asyncio.Task[Mapping[str, str]]] = OrderedDict()

    async def headers(self, item: int, host: str, body: bytes) -> Mapping[str, str]:
        """Return what to add to a delivery of outbox item `item` to `host`."""
        if not item or _SEALED in body or _FOLLOWERS not in body:
            return _NOTHING
        task = self._of_items.get(item)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._of_items[item] = asyncio.create_task(self._values(item))
            if len(self._of_items) > ITEMS_IN_MEMORY:
                self._of_items.popitem(last=False)
        value = (await asyncio.shield(task)).get(host)
        return _NOTHING if value is None else {HEADER: value}

    async def _values(self, item: int) -> Mapping[str, str]:
        """Return the header of every server that has followers of the item's author."""
        async with self._db.reading() as tx:
            found = (
                await tx.execute(
                    select(Account, OutboxItem.audience, OutboxItem.public, OutboxItem.uri)
                    .join(Account, Account.id == OutboxItem.actor_id)
                    .where(OutboxItem.id == item)
                )
            ).one_or_none()
            if found is None:
                return {}
            author, audience, public, uri = found
            if public or not audience["followers"] or uri.startswith(FORWARDED):
                return {}
            followers = await tx.execute(
                select(ActorRow.host, ActorRow.uri)
                .join(Follow, Follow.account_id == ActorRow.id)
                .where(Follow.target_id == author.id, Follow.accepted.is_(True), ~ActorRow.local)
                .limit(MAX_FOLLOWERS)
            )
            rows = followers.all()
        if len(rows) >= MAX_FOLLOWERS or author.followers_count >= MAX_FOLLOWERS:
            return {}
        by_host: defaultdict[str, list[str]] = defaultdict(list)
        for host, follower in rows:
            by_host[host].append(follower)
        collection = self._addresses.collection(author.uri, "followers")
        url = self._addresses.collection(author.uri, "followers_synchronization")
        values: dict[str, str] = {}
        for host, ids in by_host.items():
            values[host] = header_value(collection, url, digest_of(ids))
            await asyncio.sleep(0)
        return values
