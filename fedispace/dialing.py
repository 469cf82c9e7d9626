"""From a name to an open connection, through every judgement there is.

A name's addresses are all judged before any is tried (`judged_resolver.py`); the address of every socket
is judged again right before `connect`, so that there is no gap to change it in, and address literals pass
the same gate. Where a name has several addresses, they are tried as RFC 8305 says: one that does not
answer holds nobody up.
"""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from typing import Final

import aiohappyeyeballs
from aiohttp.client_proto import ResponseHandler

from fedispace.address_rule import AddressRule
from fedispace.judged_resolver import Address, AddressRefused, JudgedResolver
from fedispace.tls_transport import TlsTransport

CONNECT_SECONDS: Final = 5.0
"""How long connecting may take, the name's lookup not included."""
_NEXT_ADDRESS_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Door:
    """Where to connect to; `host` is a name or an address, without brackets."""

    host: str
    port: int
    is_secure: bool


class Dialler:
    """Opens connections."""

    def __init__(self, rule: AddressRule, resolver: JudgedResolver, context: ssl.SSLContext) -> None:
        self._rule = rule
        self._resolver = resolver
        self._context = context

    async def dial(self, door: Door) -> ResponseHandler:
        """Return a connection whose peer has proved its name, over TLS."""
        addresses = await self._resolver.addresses(door.host, door.port)
        loop = asyncio.get_running_loop()
        protocol = ResponseHandler(loop)
        async with asyncio.timeout(CONNECT_SECONDS):
            sock = await self._connected(loop, addresses)
            try:
                if door.is_secure:
                    await TlsTransport(loop, sock, self._context, door.host).shake_hands(protocol)
                else:
                    await loop.create_connection(lambda: protocol, sock=sock)
            except BaseException:
                sock.close()
                raise
        return protocol

    async def _connected(self, loop: asyncio.AbstractEventLoop, addresses: list[Address]) -> socket.socket:
        if len(addresses) > 1:
            return await aiohappyeyeballs.start_connection(
                addresses,
                happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS,
                interleave=1,
                loop=loop,
                socket_factory=self._socket,
            )
        made = self._socket(addresses[0])
        try:
            await loop.sock_connect(made, addresses[0][4])
        except BaseException:
            made.close()
            raise
        return made

    def _socket(self, info: Address) -> socket.socket:
        """Make the socket for one address, if that very address may be connected to."""
        family, kind, protocol, _, address = info
        refusal = self._rule.refusal(str(address[0]), int(address[1]))
        if refusal is not None:
            raise AddressRefused(refusal)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made
