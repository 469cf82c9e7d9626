"""HTTP signatures of draft-cavage-http-signatures-12, as the fediverse signs.

Taking the Signature header apart is `httpsig`'s; every judgement is ours: what must be covered,
that nothing covered is repeated, that the digest is of the very bytes, that the date is fresh.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from fedispace.errors import Refused
from fedispace.federation import digests
from fedispace.federation._httpsig import parse_signature_header
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

_SIGNATURE: Final = re.compile(r',\s*signature="([A-Za-z0-9+/]{1,2048}={0,2})"')
_MAX_COVERED: Final = 32
_TARGET: Final = "(request-target)"
_PSEUDO: Final = frozenset({_TARGET, "(created)", "(expires)"})
_ALGORITHMS: Final = frozenset({"rsa-sha256", "rsa-sha512", "hs2019", "ed25519", "ed25519-sha512"})


def parse(request: SignedRequest, now: datetime, *, allow_http: bool = False) -> Claim:
    """Return what the Signature header claims; raises `Refused` when it proves too little."""
    check_target(request)
    header = request.only("signature")
    if header is None:
        raise Refused("sig_missing", "the request is not signed")
    fields = _fields(header)
    covered = _covered(fields)
    algorithm = fields["algorithm"].lower() if "algorithm" in fields else None
    if algorithm is not None and algorithm not in _ALGORITHMS:
        raise Refused("sig_alg", "the signature algorithm is not accepted")
    values = _values(request, fields, covered, algorithm)
    check_host(request)
    _check_strength(request, covered)
    dated = check_date(values["date"], now) if "date" in values else 0.0
    created = check_times(
        fields.get("created") if "(created)" in covered else None,
        fields.get("expires"),
        now,
    )
    if "digest" in values:
        digests.check_digest(values["digest"], request.body)
    return Claim(
        scheme="cavage",
        key_id=check_key_id(fields["keyid"], request.origin, allow_http=allow_http),
        covered=covered,
        algorithm=algorithm,
        signed_at=datetime.fromtimestamp(dated if created is None else created, UTC),
        signature=_decoded(fields["signature"]),
        messages=_messages(request, covered, values),
    )


def _fields(header: str) -> dict[str, str]:
    """Return the parameters in lower case; `httpsig` raises many things on malformed input."""
    if len(header) > MAX_HEADER or not header.isascii():
        raise Refused("sig_malformed", "the Signature header cannot be read")
    before, *rest = _SIGNATURE.split(header)
    if len(rest) == 2 and "\\" not in header:
        # All but the signature itself is the same in a sender's every request.
        signature, after = rest
        constant = _parameters(before + after)
        fields = {**constant, "signature": signature}
        if "signature" in constant:
            raise Refused("sig_malformed", "the Signature header has two signatures")
    else:
        fields = dict(_parameters(header))
    if not fields.get("keyid") or not fields.get("signature"):
        raise Refused("sig_malformed", "the Signature header lacks keyId or signature")
    return fields


@lru_cache(maxsize=2048)
def _parameters(header: str) -> Mapping[str, str]:
    """Return what `httpsig` reads; it goes through the text letter by letter."""
    try:
        return {str(name): str(value) for name, value in parse_signature_header(header).items()}
    except (ValueError, IndexError, KeyError, AttributeError, TypeError):
        raise Refused("sig_malformed", "the Signature header cannot be read") from None


def _covered(fields: dict[str, str]) -> tuple[str, ...]:
    covered = tuple(fields.get("headers", "date").lower().split(" "))
    if "" in covered or len(covered) > _MAX_COVERED or len(set(covered)) != len(covered):
        raise Refused("sig_malformed", "the list of signed headers cannot be read")
    return covered


def _values(
    request: SignedRequest, fields: dict[str, str], covered: tuple[str, ...], algorithm: str | None
) -> dict[str, str]:
    """Return the covered headers, each of which must be there exactly once."""
    values: dict[str, str] = {}
    for name in covered:
        if name == _TARGET:
            continue
        if name in _PSEUDO:
            values[name] = _pseudo(name, fields, algorithm)
            continue
        value = request.only(name, "sig_date" if name == "date" else "repeated_header")
        if value is None:
            reason = "sig_date" if name == "date" else "sig_weak"
            raise Refused(reason, f"the signed header {name[:64]} is missing")
        values[name] = value
    return values


def _pseudo(name: str, fields: dict[str, str], algorithm: str | None) -> str:
    """Return `(created)` or `(expires)`, which the draft forbids with the old algorithm names."""
    if algorithm is not None and algorithm.startswith(("rsa", "hmac", "ecdsa")):
        raise Refused("sig_invalid", f"{name} cannot be signed with {algorithm}")
    value = fields.get(name[1:-1])
    if value is None:
        raise Refused("sig_date", f"{name} is signed but not stated")
    return value


def _check_strength(request: SignedRequest, covered: tuple[str, ...]) -> None:
    """Require what makes a signature good for this request and no other."""
    required = {"(request-target)", "host"}
    if request.method == "POST" or request.body:
        required.add("digest")
    if not required.issubset(covered):
        raise Refused("sig_weak", "the signature does not cover the target, the host and the digest")
    if "date" not in covered and "(created)" not in covered:
        reason = "sig_weak" if request.values("date") else "sig_date"
        raise Refused(reason, "the signature does not cover a time")


def _messages(request: SignedRequest, covered: tuple[str, ...], values: dict[str, str]) -> tuple[bytes, ...]:
    """Return the signing string, and the one without the query that Misskey signs."""
    targets = (request.target, request.path) if "?" in request.target else (request.target,)
    try:
        return tuple(_signing_string(covered, values, request.method, target) for target in targets)
    except UnicodeEncodeError:
        raise Refused("sig_malformed", "a signed header is not ASCII") from None


def _signing_string(covered: Sequence[str], values: Mapping[str, str], method: str, target: str) -> bytes:
    """Return what is signed (draft-cavage section 2.3); `values` has the covered headers in lower case."""
    line = f"{method.lower()} {target}"
    stated = [f"{name}: {line if name == _TARGET else values[name]}" for name in covered]
    return "\n".join(stated).encode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("sig_malformed", "the signature is not base64") from None


def sign(
    key: LocalKey,
    method: str,
    url: str,
    body: bytes | None,
    now: datetime,
    *,
    with_query: bool = True,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers that sign a request: Host, Date, Digest with a body, Signature.

    `extra` headers are covered too.
    """
    parts = urlsplit(url)
    target = parts.path or "/"
    if parts.query and with_query:
        target += f"?{parts.query}"
    headers = {"Host": parts.netloc, "Date": _date(int(now.timestamp()))}
    covered = ["(request-target)", "host", "date"]
    if body is not None:
        headers["Digest"] = digests.digest(body)
        covered.append("digest")
    for name, value in (extra or {}).items():
        headers[name] = value
        covered.append(name.lower())
    stated = {name.lower(): value for name, value in headers.items()}
    message = _signing_string(covered, stated, method, target)
    signature = base64.b64encode(key.sign(message)).decode("ascii")
    algorithm = "rsa-sha256" if key.kind == "rsa" else "hs2019"
    headers["Signature"] = (
        f'keyId="{key.key_id}",algorithm="{algorithm}",headers="{" ".join(covered)}",signature="{signature}"'
    )
    return headers


@lru_cache(maxsize=16)
def _date(second: int) -> str:
    """Return a Date header; many requests are signed within one second."""
    return format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)
