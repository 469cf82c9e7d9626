"""What else ends when somebody is signed out: given by the features above, in the same transaction."""

from collections.abc import Awaitable, Callable

from fedispace.db.engine import Tx

Ending = Callable[[Tx, int], Awaitable[None]]
"""Takes the account whose session or token was revoked just now."""


async def nothing_more(tx: Tx, account_id: int) -> None:
    """Nothing else ends."""
