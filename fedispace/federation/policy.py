"""The one question federation asks of whoever decides about other servers."""

from typing import Protocol


class Policy(Protocol):
    """Answers before any key is fetched, any document read, any delivery made."""

    async def is_refused(self, host: str) -> bool:
        """Tell whether nothing may be taken from or sent to `host`."""
        ...


class Open:
    """Refuses nobody."""

    async def is_refused(self, host: str) -> bool:
        return False
