"""Object integrity proofs (FEP-8b32, cryptosuite eddsa-jcs-2022 of W3C Data Integrity).

A proof is a signature that travels with the document, over its canonical JSON (RFC 8785), so that an
activity can be forwarded and still be its author's. No JSON-LD is processed and no context is fetched.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

import rfc8785

from fedispace.clock import wire_time
from fedispace.errors import Invalid, Refused
from fedispace.federation import multibase
from fedispace.federation.codec_shapes import moment
from fedispace.federation.keys import LocalKey, PublicKey
from fedispace.federation.signed_request import FUTURE
from fedispace.federation.vocab.uri import Uri, is_uri

_SUITE: Final = "eddsa-jcs-2022"
_SIGNATURE_BYTES: Final = 64
_KEYWORDS: Final = frozenset({"@graph", "@included", "@reverse"})

NEWS_FOR: Final = timedelta(days=7) - 2 * FUTURE
"""How old the proof of a forwarded activity may be: a little less than its id would be remembered."""


def with_proof(document: dict[str, Any], key: LocalKey, now: datetime) -> dict[str, Any]:
    """Return the document with a proof by `key`, which must be Ed25519."""
    if key.kind != "ed25519":
        raise Invalid("a proof is made with an Ed25519 key")
    bare = {name: value for name, value in document.items() if name != "proof"}
    proof: dict[str, Any] = {
        "type": "DataIntegrityProof",
        "cryptosuite": _SUITE,
        "verificationMethod": key.key_id,
        "proofPurpose": "assertionMethod",
        "created": wire_time(now),
    }
    if "@context" in bare:
        proof["@context"] = bare["@context"]
    signature = key.sign(_hash_data(bare, proof))
    return {**bare, "proof": {**proof, "proofValue": multibase.encode(signature)}}


def proof_key_id(document: dict[str, Any]) -> Uri | None:
    """Return the key a document's proof names, or None when there is no proof of the kind we verify."""
    proof = document.get("proof")
    if type(proof) is not dict or proof.get("cryptosuite") != _SUITE:
        return None
    method = proof.get("verificationMethod")
    return method if is_uri(method) else None


def refuse_keywords(document: Any) -> None:
    """Refuse keywords by which JSON-LD says what plain JSON does not.

    A reader that expands `@graph`, `@included` or `@reverse` sees another activity than we do in the same
    proven bytes, and would be told by us that its author said so.
    """
    waiting = [document]
    while waiting:
        each = waiting.pop()
        if type(each) is dict:
            if not _KEYWORDS.isdisjoint(each):
                raise Refused("jsonld_keyword", "the document hides things from readers of plain JSON")
            waiting += [value for name, value in each.items() if name != "@context"]
        elif type(each) is list:
            waiting += each


def require_recent(document: dict[str, Any], now: datetime) -> None:
    """Refuse a proof that does not say when it was made, or was made too long ago to be news."""
    proof = document.get("proof")
    created = moment(proof.get("created")) if type(proof) is dict else None
    if created is None or created < now - NEWS_FOR:
        raise Refused("proof_date", "the proof is too old, or does not say how old")


def verify_proof(document: dict[str, Any], key: PublicKey, now: datetime) -> None:
    """Raise `Refused` unless the document's proof was made with `key` over exactly this document.

    The caller checks that the key's owner is the document's actor. An LD signature may have been put
    beside the proof afterwards (Fedify does); it is not covered then, and nobody here reads it.
    """
    proof = document.get("proof")
    if type(proof) is not dict:
        raise Refused("proof_missing", "the document has no proof")
    if (
        proof.get("type") != "DataIntegrityProof"
        or proof.get("cryptosuite") != _SUITE
        or proof.get("proofPurpose") != "assertionMethod"
    ):
        raise Refused("proof_invalid", "the proof is of a kind we do not verify")
    if proof.get("verificationMethod") != key.key_id or key.kind != "ed25519":
        raise Refused("proof_invalid", "the proof was made with another key")
    if "@context" in proof and not _begins_with(document.get("@context"), proof["@context"]):
        raise Refused("proof_invalid", "the proof was made in another context")
    _check_times(proof, now)
    bare = {name: value for name, value in document.items() if name != "proof"}
    if "@context" in proof:
        bare["@context"] = proof["@context"]
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    signature = _signature(proof.get("proofValue"))
    if key.is_signature(signature, _hash_data(bare, options)):
        return
    if bare.pop("signature", None) is None or not key.is_signature(signature, _hash_data(bare, options)):
        raise Refused("proof_invalid", "the proof is not valid")


def _check_times(proof: dict[str, Any], now: datetime) -> None:
    created, expires = moment(proof.get("created")), moment(proof.get("expires"))
    if created is not None and created > now + FUTURE:
        raise Refused("proof_date", "the proof is from the future")
    if expires is not None and expires < now:
        raise Refused("proof_date", "the proof has expired")


def _begins_with(context: Any, prefix: Any) -> bool:
    """Tell whether the document's context begins with the proof's, as the suite asks (section 3.3.2)."""
    whole = context if type(context) is list else [context]
    start = prefix if type(prefix) is list else [prefix]
    return bool(whole[: len(start)] == start)


def _signature(value: Any) -> bytes:
    if type(value) is not str:
        raise Refused("proof_invalid", "the proof has no value")
    try:
        raw = multibase.decode(value)
    except Invalid as error:
        raise Refused("proof_invalid", error.detail) from error
    if len(raw) != _SIGNATURE_BYTES:
        raise Refused("proof_invalid", "the proof's value is not an Ed25519 signature")
    return raw


def _hash_data(document: dict[str, Any], options: dict[str, Any]) -> bytes:
    """Return the bytes that are signed: the hash of the options, then the hash of the document."""
    try:
        canonical = rfc8785.dumps(options), rfc8785.dumps(document)
    except rfc8785.CanonicalizationError as error:
        raise Refused("proof_invalid", "the document has no canonical form") from error
    return hashlib.sha256(canonical[0]).digest() + hashlib.sha256(canonical[1]).digest()
