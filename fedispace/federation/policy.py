"""The one question federation asks of whoever decides about other servers."""

from typing import Protocol

from fedispace.errors import Forbidden


class Policy(Protocol):
    """Answers before any key is fetched, any document read, any delivery made."""

    async def is_refused(self, host: str) -> bool:
        """Tell whether nothing may be taken from or sent to `host`."""
        ...


class Open:
    """Refuses nobody."""

    async def is_refused(self, host: str) -> bool:
        return False


async def refuse_blocked(policy: Policy, host: str) -> None:
    """Raise `Forbidden` for a server that is blocked here: whoever named it is told so."""
    if await policy.is_refused(host):
        raise Forbidden("That server is blocked here.")
