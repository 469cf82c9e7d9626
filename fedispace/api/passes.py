"""Passes: from a ticket, or one's own token, to a quarter of an hour in a room."""

from fedispace.accounts.people import People
from fedispace.api.entities.room import RoomPass
from fedispace.api.entities.shape import Parameters, RowId
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.routing import Besides, Call, Calls, Dialect, Reply, Routes, Who
from fedispace.clock import iso
from fedispace.db.engine import Database
from fedispace.errors import Unauthenticated
from fedispace.federation.addresses import Addresses
from fedispace.spaces.endpoints import endpoints_of
from fedispace.spaces.entry.passes import IssuedPass, Passes


class AskForPass(Parameters, frozen=True, kw_only=True):
    id: RowId
    renews: str | None = None
    """The pass one has; it lasts longer instead of being replaced."""


class PassPresenter:
    """Presents passes with whose they are and where to show them."""

    def __init__(self, addresses: Addresses, accounts: AccountPresenter, people: People) -> None:
        self._addresses = addresses
        self._accounts = accounts
        self._people = people

    async def shown(self, db: Database, issued: IssuedPass) -> RoomPass:
        """Return a pass as whoever gets it is told of it."""
        async with db.reading() as tx:
            account = await self._people.by_id(tx, issued.account_id)
        doors = endpoints_of(self._addresses, issued.space_id)
        return RoomPass(
            pass_=issued.token,
            expires_at=iso(issued.expires_at),
            space_id=str(issued.space_id),
            account=self._accounts.account(account),
            whep_url=doors.whep,
            whip_url=doors.whip,
            signal_url=doors.signal,
        )


class PassCalls(Calls):
    """Where a stay in a room begins and goes on."""

    routes = Routes(Dialect.NATIVE)

    def __init__(self, *, db: Database, passes: Passes, presenter: PassPresenter) -> None:
        self._db = db
        self._passes = passes
        self._presenter = presenter

    @routes.post(
        "/api/fedispace/v1/spaces/{id}/pass",
        who=Who.ANYONE,
        scope="write:statuses",
        besides=Besides.TICKET,
    )
    async def enter(self, call: Call[AskForPass]) -> Reply[RoomPass]:
        """Exchange the ticket shown as bearer token for a pass, or get one with one's own OAuth token.

        A ticket that is bound to a key comes with a signature over it (`Client-Proof`, multibase).
        """
        given = call.given
        if call.ticket is not None:
            issued = await self._passes.exchange(
                call.ticket, given.id, renews=given.renews, proof=call.client_proof
            )
        elif call.viewer_id is not None:
            issued = await self._passes.grant(call.viewer_id, given.id, renews=given.renews)
        else:
            raise Unauthenticated("A pass needs a ticket, or a token of somebody.")
        return Reply(body=await self._presenter.shown(self._db, issued), status=201)
