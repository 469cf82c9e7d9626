"""What the instance says of itself to crawlers and peers: NodeInfo 2.0 and 2.1, host-meta.

The counts are those of our own people, from their profiles.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import ColumnElement, func, select

from fedispace import __version__
from fedispace.accounts.models import Account, User
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses

SCHEMA: Final = "http://nodeinfo.diaspora.software/ns/schema/"
APPLICATION: Final = "https://www.w3.org/ns/activitystreams#Application"
HOST_META_TYPE: Final = "application/xrd+xml; charset=utf-8"

Version = Literal["2.0", "2.1"]
VERSIONS: Final[tuple[Version, ...]] = ("2.0", "2.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How many live here and how many of them were heard of lately."""

    users: int
    active_month: int
    active_half_year: int
    posts: int


async def usage(tx: Tx, now: datetime) -> Usage:
    """Count the local people, those who posted in the last 30 and 180 days, and their posts."""

    def since(days: int) -> ColumnElement[int]:
        return func.count().filter(Account.last_status_at > now - timedelta(days=days))

    row = (
        await tx.execute(
            select(
                func.count(),
                since(30),
                since(180),
                func.coalesce(func.sum(Account.statuses_count), 0),
            )
            .select_from(User)
            .join(Account, Account.id == User.id)
            .where(User.disabled_at.is_(None), Account.suspended_at.is_(None))
        )
    ).one()
    users, month, half_year, posts = row
    return Usage(users=users, active_month=month, active_half_year=half_year, posts=int(posts))


def index(addresses: Addresses) -> dict[str, object]:
    """Return `/.well-known/nodeinfo`: both versions, and the instance actor (FEP-2677)."""
    links: list[dict[str, str]] = [
        {"rel": f"{SCHEMA}{version}", "href": f"{addresses.origin}/nodeinfo/{version}"}
        for version in VERSIONS
    ]
    links.append({"rel": APPLICATION, "href": addresses.instance_actor})
    return {"links": links}


def document(
    version: Version, counted: Usage, *, title: str, description: str, repository: str = ""
) -> dict[str, object]:
    """Return the NodeInfo of `version`; people are registered by the operator, so it is closed."""
    software: dict[str, object] = {"name": "fedispace", "version": __version__}
    if version == "2.1" and repository:
        software["repository"] = repository
    return {
        "version": version,
        "software": software,
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": False,
        "usage": {
            "users": {
                "total": counted.users,
                "activeMonth": counted.active_month,
                "activeHalfyear": counted.active_half_year,
            },
            "localPosts": counted.posts,
        },
        "metadata": {"nodeName": title, "nodeDescription": description},
    }


def content_type(version: Version) -> str:
    """Return the media type NodeInfo asks for."""
    return f'application/json; profile="{SCHEMA}{version}#"'


def host_meta(addresses: Addresses) -> str:
    """Return host-meta (RFC 6415): where WebFinger is, for peers that were told 404 there."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" type="application/jrd+json" template="{_template(addresses)}"/>\n'
        "</XRD>\n"
    )


def host_meta_json(addresses: Addresses) -> dict[str, object]:
    """Return host-meta as JRD."""
    link = {"rel": "lrdd", "type": "application/jrd+json", "template": _template(addresses)}
    return {"links": [link]}


def _template(addresses: Addresses) -> str:
    return f"{addresses.origin}/.well-known/webfinger?resource={{uri}}"
