"""A say that features above have in where somebody may answer: a conversation may be more than a thread."""

from collections.abc import Awaitable, Callable

from fedispace.db.engine import Tx

Gate = Callable[[Tx, int, int | None], Awaitable[None]]
"""Takes an account and the conversation it wants to answer in; raises `Forbidden` when it may not."""


async def anywhere(tx: Tx, account_id: int, conversation_id: int | None) -> None:
    """Everybody may answer anywhere."""
