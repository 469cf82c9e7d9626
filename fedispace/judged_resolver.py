"""Names to addresses, judged before they are used."""

import socket
from collections.abc import Mapping

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from fedispace.address_rule import AddressRule


class AddressRefused(OSError):
    """The address rule's word, in the only form that passes through the connector."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class JudgedResolver(AbstractResolver):
    """Resolves a name, and refuses it when any of its addresses may not be connected to.

    A name that answers with a public and a private address is an attempt, not a mistake.
    """

    def __init__(self, rule: AddressRule, fixed: Mapping[str, tuple[str, int]]) -> None:
        self._rule = rule
        self._fixed = dict(fixed)
        self._system: aiohttp.ThreadedResolver | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host in self._fixed:
            found = [_fixed_answer(host, *self._fixed[host])]
        else:
            if self._system is None:
                self._system = aiohttp.ThreadedResolver()
            found = await self._system.resolve(host, port, family)
        for answer in found:
            refusal = self._rule.refusal(answer["host"], answer["port"])
            if refusal is not None:
                raise AddressRefused(refusal)
        return found

    async def close(self) -> None:
        if self._system is not None:
            await self._system.close()


def _fixed_answer(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
    )
