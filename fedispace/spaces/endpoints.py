"""Where people enter a Space of ours: the addresses that follow from its id."""

from dataclasses import dataclass

from fedispace.errors import Invalid
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.hosts import origin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """`join` takes a signed Join, `whep` a listener's offer, `whip` a speaker's; `signal` tells the news."""

    join: Uri
    whep: Uri
    whip: Uri
    signal: str


def endpoints_of(addresses: Addresses, space_id: int) -> Endpoints:
    """Return the addresses of our Space `space_id`."""
    space = addresses.space(space_id)
    return Endpoints(
        join=parse_uri(f"{space}/join"),
        whep=parse_uri(f"{space}/whep"),
        whip=parse_uri(f"{space}/whip"),
        signal=f"ws{space.removeprefix('http')}/signal",
    )


def at_home(address: str | None, space: str) -> Uri | None:
    """Return `address` if it is on the server of the Space with that id: nobody is sent anywhere else."""
    try:
        return parse_uri(address) if address is not None and origin_of(address) == origin_of(space) else None
    except Invalid:
        return None


def socket_at_home(address: str | None, space: str) -> str | None:
    """Return a WebSocket address under the same rule; `wss` goes with https, and nothing else does."""
    if address is None or not address.startswith("ws"):
        return None
    return address if at_home(f"http{address.removeprefix('ws')}", space) is not None else None
