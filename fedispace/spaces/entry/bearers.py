"""Whom a bearer token at WHIP or WHEP stands for: a ticket, a pass, a stream key, or one of our OAuth tokens.

A ticket is spent by what it opens, and good again if it opened nothing. The others say only who somebody
is. Whatever is shown, whether they may speak or listen now is asked of the rows afterwards.
"""

from dataclasses import dataclass
from typing import Final

from fedispace.accounts import scopes
from fedispace.accounts.oauth import OAuth
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.errors import Forbidden, Unauthenticated
from fedispace.spaces.access import Role
from fedispace.spaces.entry import stream_keys
from fedispace.spaces.entry.passes import Passes, is_pass
from fedispace.spaces.entry.stream_keys import is_stream_key
from fedispace.spaces.entry.tickets import Tickets

SCOPE: Final = "write:statuses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A bearer token as it came, with what came to prove it; and whose OAuth token it is, if it is one."""

    token: str
    account_id: int | None = None
    proof: str | None = None


class Bearers:
    """Says whose a bearer token is."""

    def __init__(self, *, clock: Clock, tickets: Tickets, passes: Passes, oauth: OAuth) -> None:
        self._clock = clock
        self._tickets = tickets
        self._passes = passes
        self._oauth = oauth

    async def looked_at(self, token: str, proof: str | None = None) -> Shown:
        """Find out if `token` is an OAuth token, outside of any transaction."""
        bearer = await self._oauth.bearer(token)
        if bearer is None or bearer.account is None:
            return Shown(token=token, proof=proof)
        if not scopes.covers(bearer.scopes, SCOPE):
            raise Forbidden("This action is outside the authorized scopes")
        return Shown(token=token, account_id=bearer.account.id)

    async def account_of(self, tx: Tx, shown: Shown, *, space_id: int, role: Role) -> int:
        """Return whose token it is, and use it up if it is a ticket; raises `Unauthenticated`."""
        if shown.account_id is not None:
            return shown.account_id
        if is_pass(shown.token):
            return (await self._passes.judge(tx, shown.token, space_id)).account_id
        if is_stream_key(shown.token):
            return await self._owner_of_key(tx, shown.token, space_id, role)
        return await self._tickets.redeem(tx, shown.token, space_id=space_id, role=role, proof=shown.proof)

    async def give_back(self, tx: Tx, shown: Shown) -> None:
        """Make a ticket good again that opened nothing."""
        if shown.account_id is None:  # what is no ticket is none of theirs
            await self._tickets.give_back(tx, shown.token)

    async def _owner_of_key(self, tx: Tx, token: str, space_id: int, role: Role) -> int:
        """Return whose stream key it is; one opens a microphone and nothing else."""
        owner = await stream_keys.holder(tx, token, space_id, self._clock.now())
        if owner is None or role != "speaker":
            raise Unauthenticated("The stream key is not valid here, or was revoked.")
        return owner
