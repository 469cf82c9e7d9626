"""Where people enter a Space of ours: the addresses that follow from its id."""

from dataclasses import dataclass

from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.uri import Uri, parse_uri


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
