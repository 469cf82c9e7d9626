"""Names to addresses, judged before they are used.

An answer is used for `SECONDS`, and asked for once however many wait for it.
"""

import asyncio
import socket
from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp.abc import ResolveResult

from fedispace.address_rule import AddressRule

SECONDS: Final = 60.0
_NAMES: Final = 8192

Address = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]
"""As `getaddrinfo` returns it."""


class AddressRefused(OSError):
    """The address rule's word, in the only form that passes through whatever connects."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class JudgedResolver:
    """Resolves a name, and refuses it when any of its addresses may not be connected to.

    A name that answers with a public and a private address is an attempt, not a mistake.
    """

    def __init__(self, rule: AddressRule, fixed: Mapping[str, tuple[str, int]]) -> None:
        self._rule = rule
        self._fixed = dict(fixed)
        self._system: aiohttp.ThreadedResolver | None = None
        self._known: dict[tuple[str, int], tuple[float, asyncio.Task[list[ResolveResult]]]] = {}

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Return what may be connected to; a literal is judged by whoever makes its socket."""
        if ":" in host or host.replace(".", "").isdigit():
            return [_address(host, port)]
        return [_address(answer["host"], answer["port"]) for answer in await self._answers(host, port)]

    async def _answers(self, host: str, port: int) -> list[ResolveResult]:
        """Return the answer that is known, or ask; who gives up waiting takes nothing from the others."""
        now = asyncio.get_running_loop().time()
        until, asking = self._known.get((host, port), (0.0, None))
        if asking is None or until <= now:
            self._known.pop((host, port), None)
            if len(self._known) >= _NAMES:
                del self._known[next(iter(self._known))]
            asking = asyncio.create_task(self.resolve(host, port), name=f"resolve {host}")
            self._known[host, port] = now + SECONDS, asking
        try:
            return await asyncio.shield(asking)
        except OSError:
            self._known.pop((host, port), None)
            raise

    async def resolve(self, host: str, port: int = 0) -> list[ResolveResult]:
        """Ask for a name's addresses; each must be one that may be connected to."""
        if host in self._fixed:
            found = [_fixed_answer(host, *self._fixed[host])]
        else:
            if self._system is None:
                self._system = aiohttp.ThreadedResolver()
            found = await self._system.resolve(host, port, socket.AF_UNSPEC)
        for answer in found:
            refusal = self._rule.refusal(answer["host"], answer["port"])
            if refusal is not None:
                raise AddressRefused(refusal)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        return found


def _address(host: str, port: int) -> Address:
    if ":" in host:
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)


def _fixed_answer(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
    )
