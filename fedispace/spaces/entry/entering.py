"""Who comes in, and by which door.

    our user, our Space       a ticket from us
    our user, remote Space    a signed Join to the host's server; the ticket comes with its Accept
    a remote user, our Space  the same from the other side: `admit` answers the signed Join
    nobody known              no ticket: listening to a Space that is open to all needs none

A signed Join vouches for a person at their home server, so the host needs neither an account of
theirs nor their password (door A of FEDERATION.md).
"""

import dataclasses
import hashlib

import structlog

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Forbidden, Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.requests import SignedRequests
from fedispace.federation.routes import Verified
from fedispace.federation.vocab import activities as vocab
from fedispace.federation.vocab.activities import Accept, Join
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.hosts import host_of
from fedispace.ids import Ids
from fedispace.spaces import access, queries
from fedispace.spaces.access import Role
from fedispace.spaces.endpoints import endpoints_of
from fedispace.spaces.entry import admission
from fedispace.spaces.entry.admission import Admission
from fedispace.spaces.entry.client_keys import parse_client_key
from fedispace.spaces.entry.tickets import Tickets
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Space
from fedispace.spaces.safety import blocked_on_stage

log = structlog.get_logger()


class Entering:
    """Hands out the right to enter."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        people: People,
        requests: SignedRequests,
        tickets: Tickets,
        strangers_listen: bool = True,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._requests = requests
        self._tickets = tickets
        self._strangers_listen = strangers_listen

    async def join(
        self, by: Account | None, space_id: int, role: Role, client_key: str | None = None
    ) -> Admission:
        """Let `by` (None: a visitor without an account) into a Space, ours or another server's.

        The ticket is good only together with `client_key`, if one is given (`client_keys.py`).
        """
        viewer_id = None if by is None else by.id
        async with self._db.reading() as tx:
            space = await queries.space(tx, space_id, viewer_id)
            standing = await queries.standing(tx, space, viewer_id)
            host = await self._people.by_id(tx, space.host_id)
            blocked = 0 if by is None else await blocked_on_stage(tx, space.id, space.host_id, by.id)
        if space.local or by is None:
            access.require_role(access.parse_access(space.access), standing, role)
        if space.local or Phase(space.state) in (Phase.ENDED, Phase.CANCELLED):
            access.require_live(Phase(space.state))
        if by is None:
            return self._without_ticket(space)
        if client_key is not None:
            parse_client_key(client_key)
        if space.local:
            given = await self._at_home(by, space, role, client_key)
        else:
            given = await self._abroad(by, space, host, role, client_key)
        return dataclasses.replace(given, blocked_on_stage=blocked)

    async def admit(self, verified: Verified[Join]) -> Accept:
        """Answer the signed Join of another server's user: an Accept that carries the ticket.

        Raises `NotFound`, `Forbidden`, `Conflict`, `Invalid` or `RateLimited`. The same Join again
        is answered in the same words.
        """
        join = verified.activity
        role = access.parse_role(join.role or "listener")
        if join.client_key is not None:
            parse_client_key(join.client_key)
        async with self._db.transaction() as tx:
            space = await self._our_space(tx, join.object)
            joiner = await self._people.ensure(tx, verified.sender)
            space = await queries.space(tx, space.id, joiner.id)
            if joiner.is_suspended:
                raise Forbidden("This account is suspended here.")
            standing = await queries.standing(tx, space, joiner.id)
            access.require_role(access.parse_access(space.access), standing, role)
            access.require_live(Phase(space.state))
            issued = await self._tickets.answer(
                tx,
                space_id=space.id,
                account_id=joiner.id,
                role=role,
                join_uri=join.id,
                client_key=join.client_key,
            )
            host = await self._people.by_id(tx, space.host_id)
        log.info("space.admitted", space=space.id, peer=host_of(verified.sender), role=role)
        doors = endpoints_of(self._addresses, space.id)
        return Accept(
            id=answer_id(space, "accepts", join),
            actor=Uri(host.uri),
            object=join.id,
            to=(join.actor,),
            result=vocab.Ticket(
                role=role,
                ticket=issued.token,
                listen=doors.whep,
                publish=doors.whip if role == "speaker" else None,
                signal=doors.signal,
                expires=issued.expires_at,
            ),
        )

    async def _our_space(self, tx: Tx, uri: Uri) -> Space:
        space = await queries.by_uri(tx, uri)
        if space is None or not space.local:
            raise access.no_such_space()
        return space

    def _without_ticket(self, space: Space) -> Admission:
        if not space.takes_strangers(ours=self._strangers_listen):
            raise access.account_needed()
        if space.local:
            doors = endpoints_of(self._addresses, space.id)
            return Admission(role="listener", whep_url=doors.whep, whip_url=None, signal_url=doors.signal)
        if space.whep_endpoint is None:
            raise access.no_such_space()
        return Admission(
            role="listener",
            whep_url=parse_uri(space.whep_endpoint),
            whip_url=None,
            signal_url=space.signal_endpoint,
        )

    async def _at_home(self, by: Account, space: Space, role: Role, client_key: str | None) -> Admission:
        async with self._db.transaction() as tx:
            issued = await self._tickets.issue(
                tx, space_id=space.id, account_id=by.id, role=role, client_key=client_key
            )
        doors = endpoints_of(self._addresses, space.id)
        return Admission(
            role=role,
            ticket=issued.token,
            whep_url=doors.whep,
            whip_url=doors.whip,
            signal_url=doors.signal,
            expires_at=issued.expires_at,
        )

    async def _abroad(
        self, by: Account, space: Space, host: Account, role: Role, client_key: str | None
    ) -> Admission:
        if space.join_endpoint is None:
            raise Forbidden("This Space cannot be joined from here.")
        join = Join(
            id=self._addresses.activity(self._ids.next()),
            actor=Uri(by.uri),
            object=Uri(space.uri),
            to=(Uri(host.uri),),
            role=role,
            client_key=client_key,
        )
        try:
            reply = await self._requests.post(space.join_endpoint, join, sender_id=by.id)
        except Refused as refusal:
            raise Forbidden("That server cannot be asked from here.") from refusal
        return admission.read_answer(
            reply.status, reply.document, join=join, space=space, host=host.uri, now=self._clock.now()
        )


def answer_id(space: Space, kind: str, join: Join) -> Uri:
    """Return the id of our answer to `join`: always the same, as the answer is."""
    return parse_uri(f"{space.uri}#{kind}/{hashlib.sha256(join.id.encode()).hexdigest()[:32]}")
