"""Who sent a request: the one place that decides whether a signature counts.

Two steps, because between them the key may have to be fetched. `parse` looks at everything that can be
judged without the key, cheapest first, and refuses before anybody opens a connection. `verify` does the
arithmetic. The primitive is chosen by the type of OUR stored key; what the request says about its
algorithm can only make it refused. (Otherwise a sender takes the victim's public key for an HMAC
secret, and signs as anybody.)

What this does not decide: that the key's owner is the activity's actor, and that the owner's own
document lists the key. That is `verify.py`, with `origin.py`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from fedispace.errors import Refused
from fedispace.federation import cavage, rfc9421
from fedispace.federation.keys import LocalKey, PublicKey
from fedispace.federation.signed_request import Claim, SignedRequest

_FITTING: Final = {
    ("cavage", "rsa"): frozenset({None, "rsa-sha256", "rsa-sha512", "hs2019"}),
    ("cavage", "ed25519"): frozenset({None, "hs2019", "ed25519", "ed25519-sha512"}),
    ("rfc9421", "rsa"): frozenset({None, rfc9421.ALGORITHMS["rsa"]}),
    ("rfc9421", "ed25519"): frozenset({None, rfc9421.ALGORITHMS["ed25519"]}),
}


def is_signed(request: SignedRequest) -> bool:
    """Tell whether the request carries any signature at all."""
    return bool(request.values("signature") or request.values("signature-input"))


def parse(request: SignedRequest, now: datetime, *, allow_http: bool = False) -> Claim:
    """Return the claim of a request's signature, or raise `Refused` with the reason.

    With both headers present it is RFC 9421: that standard uses them both. Reasons: `sig_missing`,
    `sig_malformed`, `sig_weak`, `sig_date`, `sig_alg`, `sig_invalid`, `digest_mismatch`, `digest_alg`,
    `repeated_header`, `host_mismatch`, `request_target`, `key_id`.
    """
    if request.values("signature-input"):
        return rfc9421.parse(request, now, allow_http=allow_http)
    return cavage.parse(request, now, allow_http=allow_http)


def verify(claim: Claim, key: PublicKey) -> None:
    """Raise `Refused("sig_invalid")` unless the claim was signed with the private half of `key`."""
    if key.key_id != claim.key_id:
        raise Refused("key_id", "the signature is of another key")
    if claim.algorithm not in _FITTING[claim.scheme, key.kind]:
        raise Refused("sig_invalid", "the stated algorithm does not fit the key")
    sha512 = claim.algorithm == "rsa-sha512"
    if not any(key.is_signature(claim.signature, message, sha512=sha512) for message in claim.messages):
        raise Refused("sig_invalid", "the signature is not valid")


def sign_cavage(
    key: LocalKey,
    method: str,
    url: str,
    body: bytes | None,
    now: datetime,
    *,
    with_query: bool = True,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers that sign a request in draft-cavage: Host, Date, Digest, Signature, and `extra`."""
    return cavage.sign(key, method, url, body, now, with_query=with_query, extra=extra)


def sign_rfc9421(
    key: LocalKey,
    method: str,
    url: str,
    body: bytes | None,
    now: datetime,
    *,
    asked: rfc9421.Asked | None = None,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers that sign by RFC 9421: Host, Content-Digest, the two of the RFC, and `extra`."""
    return rfc9421.sign(key, method, url, body, now, asked=asked, extra=extra)
