"""Host names in one form, and the host of an address.

Two spellings of one name are one peer: policy, signatures and the fetcher all compare the form made
here. It is IDNA 2008 over UTS 46, non-transitional (`straße.example` is not `strasse.example`), in
lower case, without the trailing dot. Whatever a resolver could take for a number is refused: `127.1`,
`0x7f.1`, `2130706433` and enclosed digits are all 127.0.0.1 to getaddrinfo.
"""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

import idna

from fedispace.errors import Invalid

_LABELS = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")
_PLAIN = re.compile(r"https?://((?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+[a-z]{2,63})/[^\x00-\x20\x7f\\]*")
"""What nearly every address looks like: nothing in it needs another form (and so no parsing)."""
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


@lru_cache(maxsize=8192)
def normalize_host(host: str) -> str:
    """Return the one spelling of a host name; raises `Invalid` when it cannot be a public name.

    IP literals come back as they are (an IPv6 literal in brackets): whether they may be talked to is
    the fetcher's question.
    """
    if host.startswith("[") and host.endswith("]"):
        try:
            literal = ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise Invalid("not an IPv6 address") from None
        if literal.scope_id is not None:
            raise Invalid("an IPv6 address with a zone is not public")
        return f"[{literal.compressed}]"
    name = host.lower()
    if not name.isascii():
        try:
            name = idna.encode(host, uts46=True, transitional=False).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError):
            raise Invalid("not a host name") from None
    name = name.removesuffix(".")
    if len(name) > 253 or _LABELS.fullmatch(name) is None:
        raise Invalid("not a host name")
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        try:
            if host.isascii():
                return ipaddress.IPv4Address(name).compressed
        except ValueError:
            pass
        raise Invalid("not a host name: its last label is a number")
    return name


def registrable_domain(host: str) -> str:
    """Return the domain of a normalized host that somebody registered, as far as its form tells.

    That is its last two labels, or three below what registries of countries call their own second level.
    An address literal is its own domain; a port does not matter.
    """
    if host.startswith("["):
        return host
    labels = host.partition(":")[0].split(".")
    if labels[-1].isdigit() or len(labels) < 3:
        return host
    is_second_level = len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3:] if is_second_level else labels[-2:])


_SECOND_LEVEL = frozenset(
    {"ac", "co", "com", "edu", "go", "gob", "gouv", "gov", "govt", "id", "ltd", "me", "mil", "ne", "net"}
    | {"nhs", "nom", "or", "org", "plc", "sch", "school", "web"}
)


def host_of(uri: str) -> str:
    """Return the normalized host of an absolute address, with its port unless it is the scheme's own.

    The port is part of it: two servers on one machine are two peers. Raises `Invalid`.
    """
    if len(uri) < 253 and (plain := _PLAIN.fullmatch(uri)) is not None:
        return plain[1]
    scheme, host, port = _authority(uri)
    return host if port == _DEFAULT_PORTS[scheme] else f"{host}:{port}"


def origin_of(uri: str) -> tuple[str, str, int]:
    """Return (scheme, normalized host, port) of an absolute http(s) address (RFC 6454)."""
    if len(uri) < 253 and (plain := _PLAIN.fullmatch(uri)) is not None:
        scheme = uri[: uri.index(":")]
        return scheme, plain[1], _DEFAULT_PORTS[scheme]
    return _authority(uri)


_DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=8192)
def _authority(uri: str) -> tuple[str, str, int]:
    if _UNPRINTABLE.search(uri):  # urlsplit would drop a TAB, and so join what it separated
        raise Invalid("not an address")
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise Invalid("not an address") from None
    scheme = parts.scheme
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise Invalid("not an absolute http(s) address")
    if "@" in parts.netloc:
        raise Invalid("an address must not carry a user name")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return scheme, normalize_host(host), _DEFAULT_PORTS[scheme] if port is None else port
