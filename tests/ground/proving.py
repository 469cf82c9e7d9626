"""Integrity proofs as another server makes them (eddsa-jcs-2022), with nothing of ours.

The canonical form (RFC 8785) of what the tests prove is what `json` writes with sorted keys: there are no
floats in it, and no keys beyond ASCII.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_PUB = b"\xed\x01"


@cache
def proving_key(name: str) -> Ed25519PrivateKey:
    """Return a key of the run."""
    return Ed25519PrivateKey.generate()


def multikey(name: str, controller: str) -> dict[str, str]:
    """Return what an actor lists in `assertionMethod` (FEP-521a)."""
    raw = proving_key(name).public_key().public_bytes_raw()
    return {
        "id": f"{controller}#{name}",
        "type": "Multikey",
        "controller": controller,
        "publicKeyMultibase": _base58(_ED25519_PUB + raw),
    }


def proven(activity: Mapping[str, Any], now: datetime, *, key: str, by: str, **more: Any) -> dict[str, Any]:
    """Return the activity with a proof by the key `key` of the actor `by`."""
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": f"{by}#{key}",
        "proofPurpose": "assertionMethod",
        "created": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "@context": activity["@context"],
        **more,
    }
    digest = _hash(options) + _hash(dict(activity))
    return {**activity, "proof": {**options, "proofValue": _base58(proving_key(key).sign(digest))}}


def _hash(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


def _base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "z" + "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def is_proven(activity: Mapping[str, Any], actor: Mapping[str, Any]) -> bool:
    """Tell whether the activity's proof is by a key that the actor's document lists, over just this."""
    options = dict(activity["proof"])
    signature = _unbase58(options.pop("proofValue"))
    listed = {key["id"]: key["publicKeyMultibase"] for key in actor["assertionMethod"]}
    raw = _unbase58(listed[options["verificationMethod"]]).removeprefix(_ED25519_PUB)
    bare = {name: value for name, value in activity.items() if name != "proof"}
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, _hash(options) + _hash(bare))
    except InvalidSignature:
        return False
    return activity["actor"] == actor["id"]


def _unbase58(text: str) -> bytes:
    number = 0
    for letter in text.removeprefix("z"):
        number = number * 58 + _ALPHABET.index(letter)
    return number.to_bytes((number.bit_length() + 7) // 8)
