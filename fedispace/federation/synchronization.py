"""What two servers say of who follows whom between them (FEP-8fcf): a digest, and where the list is.

The digest is the XOR of the SHA-256 of the followers' ids, so it depends on no order. It is of the
followers of one actor on one server, and is told to that server alone.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fedispace.errors import Invalid
from fedispace.federation.vocab.uri import Uri, parse_uri

HEADER: Final = "Collection-Synchronization"
MAX_FOLLOWERS: Final = 25_000
"""More followers than this are not compared: the list would be too long to send around."""

_MAX_HEADER: Final = 2048
_PARAMETER: Final = re.compile(r'\s*([A-Za-z]{1,20})="([^"\\]*)"\s*(?:,|$)')
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A parsed header: whose followers, which digest, and where the partial list is."""

    collection: Uri
    url: Uri
    digest: str


def digest_of(ids: Iterable[str]) -> str:
    """Return the digest of a set of followers, in lower-case hex."""
    total = 0
    for each in ids:
        total ^= int.from_bytes(hashlib.sha256(each.encode("utf-8")).digest())
    return f"{total:064x}"


def header_value(collection: str, url: str, digest: str) -> str:
    return f'collectionId="{collection}", url="{url}", digest="{digest}"'


def parse(value: str) -> Stated:
    """Read the header; raises `Invalid`."""
    stated: dict[str, str] = {}
    at = 0
    while at < len(value) <= _MAX_HEADER:
        match = _PARAMETER.match(value, at)
        if match is None or match[1] in stated:
            raise Invalid("the Collection-Synchronization header cannot be read")
        stated[match[1]] = match[2]
        at = match.end()
    digest = stated.get("digest", "").lower()
    if not stated.keys() >= {"collectionId", "url"} or _DIGEST.fullmatch(digest) is None:
        raise Invalid("the Collection-Synchronization header cannot be read")
    return Stated(collection=parse_uri(stated["collectionId"]), url=parse_uri(stated["url"]), digest=digest)
