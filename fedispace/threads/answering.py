"""The answers we send to what other servers ask, and the authorizations they may fetch."""

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Accept, Delete, InteractionRequest, Reject
from fedispace.federation.vocab.interactions import Authorization
from fedispace.federation.vocab.objects import Tombstone
from fedispace.federation.vocab.uri import PUBLIC, Uri, parse_uri
from fedispace.ids import Ids
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import InteractionRequest as Entry
from fedispace.threads.models import Status
from fedispace.threads.requests import AUTHORIZATION_TYPE, REQUEST_TYPE


class Answering:
    """Says yes, no, and no longer."""

    def __init__(self, ids: Ids, clock: Clock, addresses: Addresses, outbox: Outbox, people: People) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._people = people

    async def answer(self, tx: Tx, entry: Entry) -> None:
        """Send what became of an entry of our queue to the server of whoever asked.

        Who asked by a request is answered by its id, alone. Who just sent the reply or Like is answered
        by that, and our followers hear of a yes too: their servers could not know it otherwise.
        """
        target = await tx.get(Status, entry.status_id)
        by = await self._people.by_id(tx, entry.account_id)
        if target is None or by.local or entry.state == "pending":
            return
        owner = await self._people.by_id(tx, entry.owner_id)
        inner = _request(entry, by, target)
        public = inner is None and entry.state == "accepted" and is_distributable(target.visibility)
        followers = self._addresses.collection(owner.uri, "followers")
        id_ = self._addresses.activity(self._ids.next())
        actor, object_ = parse_uri(owner.uri), parse_uri(inner.id if inner else entry.uri)
        to, cc = (Uri(by.uri),), (PUBLIC, followers) if public else ()
        answer: Accept | Reject = Reject(id=id_, actor=actor, object=object_, inner=inner, to=to)
        if entry.state == "accepted":
            assert entry.authorization_uri is not None
            answer = Accept(
                id=id_,
                actor=actor,
                object=object_,
                inner=inner,
                authorization=parse_uri(entry.authorization_uri),
                target=None if inner else parse_uri(target.uri),
                to=to,
                cc=cc,
            )
        about_public = is_distributable(target.visibility)
        audience = Audience(public=public, about_public=about_public, followers=public, actors=(by.id,))
        await self._outbox.send(tx, owner.id, answer, audience)

    async def revoke(self, tx: Tx, entry: Entry) -> Delete | None:
        """Tell the server of whoever was let in, and our followers, that the authorization is no more."""
        target = await tx.get(Status, entry.status_id)
        if target is None or entry.authorization_uri is None:
            return None
        owner = await self._people.by_id(tx, entry.owner_id)
        by = await self._people.by_id(tx, entry.account_id)
        public = is_distributable(target.visibility)
        gone = parse_uri(entry.authorization_uri)
        delete = Delete(
            id=self._addresses.activity(self._ids.next()),
            actor=parse_uri(owner.uri),
            object=gone,
            former=Tombstone(id=gone, former_type=AUTHORIZATION_TYPE[entry.kind], deleted=self._clock.now()),
            to=(Uri(by.uri),),
            cc=(PUBLIC, self._addresses.collection(owner.uri, "followers")) if public else (),
        )
        await self._outbox.send(
            tx, owner.id, delete, Audience(public=public, followers=public, actors=(by.id,))
        )
        return delete


def authorization_of(entry: Entry, owner: Account, target: Status) -> Authorization:
    """Return what an accepted entry is as others fetch it."""
    assert entry.authorization_uri is not None
    return Authorization(
        id=parse_uri(entry.authorization_uri),
        type=AUTHORIZATION_TYPE[entry.kind],
        attributed_to=parse_uri(owner.uri),
        interacting_object=parse_uri(entry.uri),
        interaction_target=parse_uri(target.uri),
    )


def _request(entry: Entry, by: Account, target: Status) -> InteractionRequest | None:
    if entry.request_uri is None:
        return None
    return InteractionRequest(
        id=parse_uri(entry.request_uri),
        type=REQUEST_TYPE[entry.kind],
        actor=parse_uri(by.uri),
        object=parse_uri(target.uri),
        instrument=parse_uri(entry.uri),
    )
