"""Door A: another server asks, signed and waiting for the answer, to let its user in."""

from typing import Final

from fedispace.accounts.people import People
from fedispace.db.engine import Database
from fedispace.errors import Conflict, FedispaceError, Forbidden, Gone, Invalid, RateLimited
from fedispace.federation.routes import Verified
from fedispace.federation.vocab.activities import Activity, Join, Reject
from fedispace.federation.vocab.uri import Uri
from fedispace.spaces import queries
from fedispace.spaces.access import no_such_space
from fedispace.spaces.entry.entering import Entering, answer_id

_STATUSES: Final[dict[type[FedispaceError], int]] = {
    Forbidden: 403,
    Gone: 403,
    Invalid: 403,
    Conflict: 409,
    RateLimited: 429,
}


class SpaceDoor:
    """Answers `POST /spaces/{id}/join`."""

    def __init__(self, db: Database, people: People, entering: Entering) -> None:
        self._db = db
        self._people = people
        self._entering = entering

    async def answer(self, verified: Verified[Join]) -> tuple[int, Activity]:
        """Return the HTTP status and the Accept or Reject that says the same.

        A Space that is not there, or not for this asker, is `NotFound`: a Reject would betray it.
        """
        try:
            return 200, await self._entering.admit(verified)
        except tuple(_STATUSES) as refusal:
            status = next(code for kind, code in _STATUSES.items() if isinstance(refusal, kind))
            return status, await self._reject(verified.activity, verified.sender)

    async def _reject(self, join: Join, asker: Uri) -> Reject:
        """Return the Reject, which names the host: of a Space that the asker may know of, else `NotFound`."""
        async with self._db.reading() as tx:
            found = await queries.by_uri(tx, join.object)
            if found is None or not found.local:
                raise no_such_space()
            known = await self._people.by_uri(tx, asker)
            space = await queries.space(tx, found.id, None if known is None else known.id)
            host = await self._people.by_id(tx, space.host_id)
        return Reject(
            id=answer_id(space, "rejects", join), actor=Uri(host.uri), object=join.id, to=(join.actor,)
        )
