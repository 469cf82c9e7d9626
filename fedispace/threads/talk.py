"""Who hears of replies as they are stored and removed: whoever knows what a conversation is about.

A Space's room does (`spaces/entry/raised_hands.py`). It is told in the transaction that stores the reply,
so what it makes of it is kept or lost with it; it must be quick and fetch nothing.
"""

from dataclasses import dataclass
from typing import Protocol

from fedispace.db.engine import Tx
from fedispace.threads.known import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A reply that was just stored, and that nobody has to let in first."""

    status_id: int
    account_id: int
    conversation_id: int
    answers: str | None
    """The address of what it answers."""
    visibility: str
    content: str


class Talk(Protocol):
    """Is told."""

    async def said(self, tx: Tx, spoken: Spoken) -> None:
        """Somebody has just replied, here or elsewhere. What was fetched long after is not told."""
        ...

    async def unsaid(self, tx: Tx, post: Post) -> None:
        """Its author is about to delete a post."""
        ...
