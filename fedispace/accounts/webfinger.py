"""Who an address is (RFC 7033), also in the ways peers ask that the RFC does not name.

Asked by `acct:` address in any case and at any of our own names, by actor id (Akkoma), by profile
page; and for the instance actor by our host as a name, by our origin (FEP-d556), by `relay@` (the
address Mobilizon tries when it looks for somebody to follow).
"""

import re
from typing import Final

from sqlalchemy import select

from fedispace.accounts.handles import Handle, name_key, parse_handle
from fedispace.accounts.models import Account
from fedispace.db.engine import Tx
from fedispace.errors import Gone, Invalid, NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.tombstones import has_left
from fedispace.federation.vocab.uri import Uri, is_uri

ACTIVITY_TYPE: Final = "application/activity+json"
LD_TYPE: Final = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
MAX_RESOURCE: Final = 2048

_PERSON: Final = re.compile(r"/(?:users/|@)(?P<name>\w{1,30})/?", re.ASCII)


async def webfinger(tx: Tx, addresses: Addresses, resource: str) -> dict[str, object]:
    """Return the JRD of `resource`; raises `NotFound`, or `Gone` for one that was deleted."""
    if len(resource) > MAX_RESOURCE:
        raise NotFound("There is no such account.")
    name = _name_at(resource, addresses) if is_uri(resource) else _name_of(resource, addresses)
    if name is None:
        return _jrd(addresses.host, addresses, addresses.instance_actor, Uri(addresses.origin))
    account = (
        await tx.scalars(select(Account).where(Account.name_key == name_key(name), Account.domain == ""))
    ).one_or_none()
    if await has_left(tx, addresses, name):
        raise Gone("This account was deleted.")
    if account is None:
        raise NotFound("There is no such account.")
    return _jrd(account.username, addresses, Uri(account.uri), Uri(account.url))


def _name_at(uri: str, addresses: Addresses) -> str | None:
    """Return the user name in one of our addresses; None is the instance itself."""
    if uri in (addresses.origin, f"{addresses.origin}/", addresses.instance_actor):
        return None
    if addresses.is_ours(uri) and (match := _PERSON.fullmatch(uri.removeprefix(addresses.origin))):
        return match["name"]
    raise NotFound("There is no such account.")


def _name_of(resource: str, addresses: Addresses) -> str | None:
    """Return the user name in an address at one of our names; None is the instance itself."""
    try:
        handle = parse_handle(resource)
    except Invalid:
        raise NotFound("There is no such account.") from None
    ours = (addresses.host.lower(), addresses.account_domain.lower())
    if handle.domain not in ours:
        raise NotFound("There is no such account.")
    return None if _is_the_instance(handle, ours) else handle.username


def _is_the_instance(handle: Handle, ours: tuple[str, str]) -> bool:
    return handle.username.lower() in (*ours, "relay")


def _jrd(username: str, addresses: Addresses, uri: Uri, page: Uri) -> dict[str, object]:
    return {
        "subject": f"acct:{username}@{addresses.account_domain}",
        "aliases": [page, uri],
        "links": [
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": page},
            {"rel": "self", "type": ACTIVITY_TYPE, "href": uri},
            {"rel": "self", "type": LD_TYPE, "href": uri},
        ],
    }
