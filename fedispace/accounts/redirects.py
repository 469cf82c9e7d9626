"""Where a client program may have people sent back to (RFC 6749 section 3.1.2, RFC 8252)."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from fedispace.errors import Invalid

OUT_OF_BAND: Final = "urn:ietf:wg:oauth:2.0:oob"
"""Shows the code on a page, to be copied by hand."""

MAX_URIS: Final = 20
MAX_LENGTH: Final = 2000

_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")
_ACTIVE: Final = frozenset({"javascript", "data", "vbscript", "file", "about", "blob", "ftp", "ws", "wss"})
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def acceptable_redirects(uris: Sequence[str]) -> list[str]:
    """Return the redirect URIs a client may register; raises `Invalid`.

    https, http to the own machine, an app's private scheme, or out of band. Schemes that would run
    or reveal something in a browser are refused, and http to elsewhere, where a code could be read.
    """
    wanted = list(dict.fromkeys(uri for uri in uris if uri))
    if not wanted:
        raise Invalid("A redirect URI is required.", field="redirect_uris")
    if len(wanted) > MAX_URIS:
        raise Invalid("These are too many redirect URIs.", field="redirect_uris")
    for uri in wanted:
        if not _is_acceptable(uri):
            raise Invalid("The redirect URI is not acceptable.", field="redirect_uris")
    return wanted


def _is_acceptable(uri: str) -> bool:
    if uri == OUT_OF_BAND:
        return True
    if len(uri) > MAX_LENGTH or _PRINTABLE.fullmatch(uri) is None or "\\" in uri:
        return False
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.fragment or "#" in uri or parts.username is not None:
        return False
    if _SCHEME.fullmatch(parts.scheme) is None or parts.scheme in _ACTIVE:
        return False
    if parts.scheme == "https":
        return bool(host)
    if parts.scheme == "http":
        return host in _LOOPBACK
    return parts.scheme != "urn"
