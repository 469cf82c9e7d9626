"""A key of the browser that will enter: a ticket that is read on the way is of no use without it.

A Join may name an Ed25519 public key (`fs:clientKey`, Multikey, FEP-521a) that a browser made for this
visit. Its ticket then opens nothing unless it comes with a signature, by that key, over the ticket itself:

    Authorization: Bearer <ticket>
    Client-Proof: <multibase of the 64 bytes of the signature>

The ticket is the nonce: it is used once. The private half never leaves the browser; neither the home
server, which passes the ticket on, nor its log can enter in the person's place.
"""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fedispace.errors import Invalid
from fedispace.federation import multibase

HEADER: Final = "Client-Proof"
_MAX: Final = 256


def parse_client_key(text: str) -> str:
    """Return a key as it was named; raises `Invalid` for what is no Ed25519 public key."""
    _public(text)
    return text


def is_proven(key: str, proof: str | None, ticket: str) -> bool:
    """Tell whether `proof` is the signature over `ticket` that only the holder of `key` can make."""
    if proof is None or len(proof) > _MAX:
        return False
    try:
        _public(key).verify(multibase.decode(proof), ticket.encode("utf-8", "surrogatepass"))
    except (Invalid, InvalidSignature):
        return False
    return True


def _public(text: str) -> Ed25519PublicKey:
    if len(text) > _MAX:
        raise Invalid("clientKey is too long.", field="clientKey")
    raw = multibase.decode(text)
    if not raw.startswith(multibase.ED25519_PUB):
        raise Invalid("clientKey is an Ed25519 public key (Multikey).", field="clientKey")
    try:
        return Ed25519PublicKey.from_public_bytes(raw[len(multibase.ED25519_PUB) :])
    except ValueError as error:
        raise Invalid("clientKey is an Ed25519 public key (Multikey).", field="clientKey") from error
