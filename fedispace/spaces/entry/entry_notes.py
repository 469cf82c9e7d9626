"""The direct message that carries a link: who asks, what for, and that it may be ignored.

It comes from the instance itself, an actor that every peer can look up, and is for one person: `to`
names nobody else and nothing public. It is no post of anybody here, so it is kept nowhere but in the
outgoing queue, and there not for longer than its link is good.
"""

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from fedispace.accounts.models import Account
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.activities import Create
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.spaces.fediverse.instance_notes import note_to

_PLACE: Final = "/visit/messages/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why somebody is written to: they asked in a browser, or a host took their raised hand."""

    title: str
    host: str
    is_invited: bool
    minutes: int


def place_of(addresses: Addresses) -> str:
    """Return what the ids of these messages begin with."""
    return f"{addresses.origin}{_PLACE}"


def create_of(
    addresses: Addresses, reader: Account, occasion: Occasion, *, name: str, link: str, now: datetime
) -> Create:
    """Return the activity that says it; `name` tells one message from another."""
    id_ = parse_uri(f"{place_of(addresses)}{name}")
    said = _paragraphs(occasion, addresses.account_domain, link)
    return note_to(addresses, reader, said, id_=id_, activity=Uri(f"{id_}/activity"), now=now)


def _paragraphs(occasion: Occasion, here: str, link: str) -> tuple[str, str, str]:
    space = f"“{escape(occasion.title)}” with {escape(occasion.host)}"
    if occasion.is_invited:
        why = f"your raised hand was seen: you may come on stage in the Space {space} on {here}."
        how = f"Open this link within {occasion.minutes} minutes, in the browser you want to speak with:"
    else:
        why = f"somebody wants to enter the Space {space} on {here} as you. Was it you?"
        how = f"Then open this link within {occasion.minutes} minutes, in the browser where you asked for it:"
    ignore = (
        "It works once and gives nobody access to your account. If you do not know what this is about, "
        "ignore it: nothing happens. Block this sender and you get no such message again."
    )
    address = f'<a href="{escape(link)}" rel="nofollow noopener noreferrer">{escape(link)}</a>'
    return why, f"{how}<br>{address}", ignore
