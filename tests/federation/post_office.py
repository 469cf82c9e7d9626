"""One instance's way out, from the outbox to a peer's inbox, worked by hand."""

import asyncio
import random
from typing import Any

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.db.engine import Database
from fedispace.federation.delivery import DeliveryPump
from fedispace.federation.fanout import FanoutPump
from fedispace.federation.models import Delivery, Fanout, OutboxItem
from fedispace.federation.outbox import Audience
from fedispace.federation.peers import Peers
from fedispace.federation.policy import Open, Policy
from fedispace.federation.requests import SignedRequests
from fedispace.federation.vocab.activities import Like
from fedispace.federation.vocab.uri import Uri
from fedispace.net import Net
from tests.factories import Home, remote_actor

Row = dict[str, Any]


class Worker:
    """A process that delivers: its own connection, its own memory of peers."""

    def __init__(self, home: Home, db: Database, peers: Peers, net: Net) -> None:
        self.peers = peers
        requests = SignedRequests(net, home.keyring, peers, Open(), home.clock, db)
        self.pump = DeliveryPump(db, home.ids, home.clock, home.bus, requests, peers, random.Random(7))

    async def run(self) -> None:
        """Do what is due, to the end."""
        taken = 1
        while taken:
            await self.pump.idle()
            taken = await self.pump.pump()

    async def die(self) -> None:
        """End as a killed process does: nothing is given back, nothing is finished."""
        idle = asyncio.create_task(self.pump.idle())
        await asyncio.sleep(0)
        idle.cancel()
        await asyncio.gather(idle, return_exceptions=True)


class PostOffice:
    """Sends, fans out, and tells what still waits."""

    def __init__(self, home: Home, *, policy: Policy | None = None) -> None:
        self.home = home
        self.fanouts = FanoutPump(home.db, home.ids, home.clock, home.bus, policy or Open(), home.peers)
        self.worker = self.new_worker(peers=home.peers)
        self._numbers = 0

    def new_worker(
        self, db: Database | None = None, *, peers: Peers | None = None, net: Net | None = None
    ) -> Worker:
        peers = peers or Peers(self.home.clock)
        return Worker(self.home, db or self.home.db, peers, net or self.home.net)

    async def recipient(self, name: str = "carol", host: str = "c.test", **more: Any) -> Account:
        """Make somebody elsewhere known."""
        return await self.home.stranger(remote_actor(name, host, scheme="http", **more))

    async def send(self, sender: Account, *to: Account, public: bool = True, followers: bool = False) -> str:
        """Write an activity to the outbox; return its id."""
        self._numbers += 1
        activity = Like(
            id=Uri(f"{sender.uri}#likes/{self._numbers}"),
            actor=Uri(sender.uri),
            object=Uri("http://c.test/notes/1"),
        )
        audience = Audience(public=public, followers=followers, actors=tuple(each.id for each in to))
        async with self.home.db.transaction() as tx:
            await self.home.outbox.send(tx, sender.id, activity, audience)
        return activity.id

    async def fan_out(self) -> None:
        while await self.fanouts.pump():
            pass

    async def post(self, sender: Account, *to: Account) -> str:
        """Send and fan out."""
        uri = await self.send(sender, *to)
        await self.fan_out()
        return uri

    async def waiting(self) -> list[tuple[str, str]]:
        """Return (activity, inbox) of what is not delivered yet, in order."""
        async with self.home.db.reading() as tx:
            rows = await tx.execute(
                select(OutboxItem.uri, Delivery.inbox)
                .join(Delivery, Delivery.outbox_id == OutboxItem.id)
                .order_by(Delivery.id)
            )
            return [(uri, inbox) for uri, inbox in rows]

    async def rows(self) -> list[Delivery]:
        async with self.home.db.reading() as tx:
            return list(await tx.scalars(select(Delivery).order_by(Delivery.id)))

    async def fanning_out(self) -> list[Fanout]:
        async with self.home.db.reading() as tx:
            return list(await tx.scalars(select(Fanout).order_by(Fanout.id)))
