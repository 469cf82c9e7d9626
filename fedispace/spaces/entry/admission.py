"""What somebody gets who may enter, and how another server's word for it is read.

The host of a remote Space answers our signed Join with an Accept that carries a ticket. All of it is
a stranger's word: it must answer this Join, come from the host, be for the role that was asked for,
and send our user's browser nowhere but to the server the Space lives on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fedispace.errors import Conflict, FedispaceError, Forbidden, Invalid, NotFound, RateLimited, Unavailable
from fedispace.federation import codec
from fedispace.federation.vocab.activities import Accept, Join, Ticket
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.hosts import origin_of
from fedispace.spaces.access import Role
from fedispace.spaces.endpoints import socket_at_home
from fedispace.spaces.models import Space

_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,2048}")
_MAX_LIFE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """How to enter: offer at `whep_url` to listen, at `whip_url` to speak, with `ticket` as bearer.

    Whoever listens without an account needs no ticket and gets none. `signal_url` tells what happens in
    the room, if its server has such a door. `blocked_on_stage` people there are blocked by whoever enters.
    """

    role: Role
    whep_url: Uri
    whip_url: Uri | None
    signal_url: str | None = None
    ticket: str | None = None
    expires_at: datetime | None = None
    blocked_on_stage: int = 0


def read_answer(
    status: int, document: Mapping[str, Any] | None, *, join: Join, space: Space, host: str, now: datetime
) -> Admission:
    """Read what the host's server answered to `join`; raises when it lets nobody in."""
    _require_success(status)
    ticket = _ticket_of(document, join=join, host=host)
    expires = ticket.expires
    if expires is None or not now < expires <= now + _MAX_LIFE:
        raise _nonsense()
    if ticket.role != join.role or _BEARER.fullmatch(ticket.ticket) is None:
        raise _nonsense()
    whep, whip = ticket.listen or space.whep_endpoint, ticket.publish or space.whip_endpoint
    if whep is None or (whip is None and ticket.role == "speaker"):
        raise _nonsense()
    return Admission(
        role="speaker" if ticket.role == "speaker" else "listener",
        ticket=ticket.ticket,
        whep_url=_at_home(whep, space),
        whip_url=None if whip is None else _at_home(whip, space),
        signal_url=socket_at_home(ticket.signal or space.signal_endpoint, space.uri),
        expires_at=expires,
    )


def _require_success(status: int) -> None:
    if status == 200:
        return
    refusals: dict[int, FedispaceError] = {
        403: Forbidden("The host's server does not let you in."),
        404: NotFound("The host's server does not know this Space, or not you."),
        409: Conflict("This Space is not live."),
        410: NotFound("This Space was deleted."),
        429: RateLimited("The host's server asks you to wait.", retry_after=60),
    }
    raise refusals.get(status) or _nonsense()


def _ticket_of(document: Mapping[str, Any] | None, *, join: Join, host: str) -> Ticket:
    try:
        answer = codec.read_activity(dict(document or {}))
    except Invalid as error:
        raise _nonsense() from error
    if not isinstance(answer, Accept) or answer.object != join.id or answer.actor != host:
        raise _nonsense()
    if answer.result is None:
        raise _nonsense()
    return answer.result


def _at_home(address: str, space: Space) -> Uri:
    """Return `address` if it is on the server of the Space; an answer must not aim browsers elsewhere."""
    try:
        if origin_of(address) == origin_of(space.uri):
            return parse_uri(address)
    except Invalid as error:
        raise _nonsense() from error
    raise _nonsense()


def _nonsense() -> FedispaceError:
    return Unavailable("The host's server gave no usable answer.")
