"""HTTP Message Signatures (RFC 9421), the part that servers use between each other.

The signature base is built by hand: a fixed set of components without parameters, which is all that
Mastodon and Fedify sign, costs half of what a general implementation does. Anything more is refused
rather than half understood.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from urllib.parse import urlsplit

from fedispace.errors import Refused
from fedispace.federation import digests
from fedispace.federation.keys import LocalKey
from fedispace.federation.signed_request import (
    MAX_HEADER,
    Claim,
    SignedRequest,
    check_date,
    check_host,
    check_key_id,
    check_target,
    check_times,
)

_MAX_COVERED: Final = 32

_INPUT: Final = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=\(([^()]*)\)((?:\s*;[^,]*|,)*)\s*")
_COMPONENT: Final = re.compile(r'"([a-z0-9@!#$%&\'*+.^_`|~-]+)"')
_PARAMETER: Final = re.compile(
    r'\s*;\s*([a-z*][a-z0-9_.*-]*)=("(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|-?[0-9]{1,15})'
)
_SIGNATURE: Final = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):\s*")

_ASKED: Final = re.compile(r"\s*([a-z*][a-z0-9_.*-]{0,31})=\(([^()]*)\)([^,]*)")
_ECHOED: Final = re.compile(r';\s*(nonce|tag)="([A-Za-z0-9+/=_.:-]{1,256})"')
_SIGNABLE: Final = frozenset(
    {"@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query"}
    | {"content-digest", "host", "date"}
)
"""What we can cover when a peer asks for it."""

ALGORITHMS: Final = {"rsa": "rsa-v1_5-sha256", "ed25519": "ed25519"}
"""The registered name (RFC 9421 section 6.2) of what each of our key types does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """A parsed `Signature-Input` with one member; `line` is its value as serialized in the base."""

    label: str
    covered: tuple[str, ...]
    parameters: Mapping[str, str]
    line: str


def parse(request: SignedRequest, now: datetime, *, allow_http: bool = False) -> Claim:
    """Return what the signature claims; raises `Refused` when it proves too little."""
    check_target(request)
    stated = _input(request.only("signature-input"))
    signature = _signature(request.only("signature"), stated.label)
    check_host(request)
    _check_strength(request, stated.covered)
    created = stated.parameters.get("created")
    if created is None:
        raise Refused("sig_date", "the signature does not state when it was made")
    made = check_times(created, stated.parameters.get("expires"), now)
    values = {name: _value(request, name) for name in stated.covered}
    if "date" in values:
        check_date(values["date"], now)
    if "content-digest" in values:
        digests.check_content_digest(values["content-digest"], request.body)
    if "digest" in values:
        digests.check_digest(values["digest"], request.body)
    key_id = stated.parameters.get("keyid")
    if key_id is None:
        raise Refused("key_id", "the signature does not name its key")
    return Claim(
        scheme="rfc9421",
        key_id=check_key_id(key_id, request.origin, allow_http=allow_http),
        covered=stated.covered,
        algorithm=stated.parameters.get("alg"),
        signed_at=datetime.fromtimestamp(made or 0.0, UTC),
        signature=signature,
        messages=(_base(values, stated.line),),
    )


def _input(header: str | None) -> _Input:
    """Parse a Signature-Input with exactly one signature (as Mastodon requires)."""
    if header is None:
        raise Refused("sig_missing", "the request is not signed")
    match = _INPUT.fullmatch(header) if len(header) <= MAX_HEADER and header.isascii() else None
    if match is None:
        raise Refused("sig_malformed", "the Signature-Input header cannot be read")
    label, inner, tail = match.groups()
    covered: list[str] = []
    for item in inner.split():
        component = _COMPONENT.fullmatch(item)
        if component is None or component[1] in covered or len(covered) == _MAX_COVERED:
            raise Refused("sig_malformed", "the signed components cannot be read")
        covered.append(component[1])
    parameters: dict[str, str] = {}
    line = "(" + " ".join(f'"{name}"' for name in covered) + ")"
    at = 0
    tail = tail.rstrip()
    while at < len(tail):
        parameter = _PARAMETER.match(tail, at)
        if parameter is None or parameter[1] in parameters:
            raise Refused("sig_malformed", "the parameters of the signature cannot be read")
        name, value = parameter.groups()
        parameters[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        line += f";{name}={value}"
        at = parameter.end()
    return _Input(label=label, covered=tuple(covered), parameters=parameters, line=line)


def _signature(header: str | None, label: str) -> bytes:
    match = _SIGNATURE.fullmatch(header) if header is not None and len(header) <= MAX_HEADER else None
    if match is None or match[1] != label:
        raise Refused("sig_malformed", "the Signature header does not hold exactly that signature")
    try:
        return base64.b64decode(match[2], validate=True)
    except ValueError:
        raise Refused("sig_malformed", "the signature is not base64") from None


def _check_strength(request: SignedRequest, covered: tuple[str, ...]) -> None:
    """Require the method, the whole target with its host, and the digest of a body.

    A signature over less, which the RFC allows, could be moved to another request.
    """
    whole = "@target-uri" in covered
    if not whole and ("@authority" in covered or "host" in covered):
        pieces = "@path" in covered and ("@query" in covered or "?" not in request.target)
        whole = "@request-target" in covered or pieces
    if "@method" not in covered or not whole:
        raise Refused("sig_weak", "the signature does not cover the method and the target")
    if (request.method == "POST" or request.body) and "content-digest" not in covered:
        raise Refused("sig_weak", "the signature does not cover the body")


def _value(request: SignedRequest, name: str) -> str:
    """Return the value of one component (RFC 9421 section 2)."""
    if not name.startswith("@"):
        value = request.only(name, "sig_date" if name == "date" else "repeated_header")
        if value is None or not value.isascii():
            raise Refused("sig_weak", f"the signed header {name[:64]} is missing")
        return value
    scheme, _, authority = request.origin.partition("://")
    match name:
        case "@method":
            return request.method
        case "@target-uri":
            return f"{request.origin}{request.target}"
        case "@authority":
            return authority.lower()
        case "@scheme":
            return scheme
        case "@request-target":
            return request.target
        case "@path":
            return request.path
        case "@query":
            return "?" + request.target.partition("?")[2]
        case _:
            raise Refused("sig_malformed", "a signed component is not known")


def _base(values: Mapping[str, str], line: str) -> bytes:
    """Return the signature base (RFC 9421 section 2.5)."""
    lines = [f'"{name}": {value}' for name, value in values.items()]
    lines.append(f'"@signature-params": {line}')
    return "\n".join(lines).encode("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a peer wants to be signed to (RFC 9421 section 5.1): what to cover, and what to echo."""

    label: str
    covered: tuple[str, ...]
    nonce: str | None = None
    tag: str | None = None


def asked(header: str | None) -> Asked | None:
    """Read `Accept-Signature`; None when there is none, or when it asks for what we do not sign."""
    match = _ASKED.match(header) if header is not None and len(header) <= MAX_HEADER else None
    if match is None:
        return None
    label, inner, parameters = match.groups()
    components = [_COMPONENT.fullmatch(item) for item in inner.split()]
    covered = tuple(dict.fromkeys(each[1] for each in components if each is not None))
    if None in components or not set(covered) <= _SIGNABLE:
        return None
    echoed = dict(_ECHOED.findall(parameters))
    return Asked(label=label, covered=covered, nonce=echoed.get("nonce"), tag=echoed.get("tag"))


def sign(
    key: LocalKey,
    method: str,
    url: str,
    body: bytes | None,
    now: datetime,
    *,
    asked: Asked | None = None,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers that sign a request: Host, Content-Digest with a body, and the signature.

    `extra` headers are covered too. What is `asked` for is covered besides what we always cover, never
    instead of it.
    """
    parts = urlsplit(url)
    headers = {"Host": parts.netloc}
    values = {"@method": method, "@target-uri": url}
    if body is not None:
        headers["Content-Digest"] = values["content-digest"] = digests.content_digest(body)
    for name, value in (extra or {}).items():
        headers[name] = values[name.lower()] = value
    if asked is not None:
        known = {
            "@authority": parts.netloc.lower(),
            "@scheme": parts.scheme,
            "@path": parts.path or "/",
            "@query": f"?{parts.query}",
            "@request-target": (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            "host": parts.netloc,
        }
        if "date" in asked.covered:
            headers["Date"] = known["date"] = format_datetime(now.astimezone(UTC), usegmt=True)
        values |= {name: known[name] for name in asked.covered if name in known}
    components = " ".join(f'"{name}"' for name in values)
    line = f'({components});created={int(now.timestamp())};keyid="{key.key_id}"'
    line += f';alg="{ALGORITHMS[key.kind]}"'
    if asked is not None:
        line += "".join(
            f';{name}="{value}"' for name, value in (("nonce", asked.nonce), ("tag", asked.tag)) if value
        )
    label = asked.label if asked is not None else "sig1"
    signature = base64.b64encode(key.sign(_base(values, line))).decode("ascii")
    headers["Signature-Input"] = f"{label}={line}"
    headers["Signature"] = f"{label}=:{signature}:"
    return headers
