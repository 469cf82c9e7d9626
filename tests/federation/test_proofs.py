"""Proofs that travel with a document (FEP-8b32)."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fedispace.errors import Invalid, Refused
from fedispace.federation import multibase, proofs
from fedispace.federation.keys import LocalKey, PublicKey, new_key_pair, public_key
from fedispace.federation.vocab.actors import PublicKeyRef
from fedispace.federation.vocab.uri import Uri

NOW = datetime(2026, 11, 12, 19, 0, tzinfo=UTC)
ACTOR = Uri("https://peer.test/users/ada")
KEY_ID = Uri(f"{ACTOR}#ed25519")
PAIR = new_key_pair()
KEY = LocalKey.from_pem(KEY_ID, PAIR.ed25519_private)
PUBLIC = public_key(PublicKeyRef(id=KEY_ID, owner=ACTOR, kind="ed25519", multibase=PAIR.ed25519_public))

DOCUMENT: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v1"],
    "id": "https://peer.test/activities/1",
    "type": "Create",
    "actor": ACTOR,
    "object": {"type": "Note", "content": "Grüße, 世界 \u2028 \U0001f600", "n": 1.5e300, "z": [], "a": None},
}


def judge(document: dict[str, Any], key: PublicKey = PUBLIC, now: datetime = NOW) -> str:
    try:
        proofs.verify_proof(document, key, now)
    except Refused as refusal:
        return refusal.reason
    return "ok"


def damaged(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    document = deepcopy(proofs.with_proof(DOCUMENT, KEY, NOW))
    target: Any = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return document


def test_what_we_prove_we_accept_whatever_the_order_of_keys() -> None:
    proved = proofs.with_proof(DOCUMENT, KEY, NOW)
    assert judge(proved) == "ok"
    assert judge(dict(reversed(proved.items()))) == "ok"
    assert proofs.proof_key_id(proved) == KEY_ID


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("object", "content"), "something else"),
        (("actor",), "https://peer.test/users/eve"),
        (("extra",), 1),
        (("@context",), "https://www.w3.org/ns/activitystreams"),
        (("proof", "created"), "2026-11-12T18:59:59Z"),
        (("proof", "proofValue"), multibase.encode(b"\1" * 64)),
        (("proof", "proofValue"), "z"),
        (("proof", "proofValue"), "uAAAA"),
        (("proof", "proofValue"), None),
        (("proof", "cryptosuite"), "eddsa-rdfc-2022"),
        (("proof", "proofPurpose"), "authentication"),
        (("proof", "type"), "Ed25519Signature2020"),
        (("proof", "verificationMethod"), "https://peer.test/users/eve#ed25519"),
        (("object", "n"), 2**60),
    ],
)
def test_anything_changed_after_the_proof_is_noticed(path: tuple[str, ...], value: Any) -> None:
    assert judge(damaged(path, value)) == "proof_invalid"


def test_a_document_without_a_proof_is_refused() -> None:
    assert judge(DOCUMENT) == "proof_missing"
    assert judge({**DOCUMENT, "proof": []}) == "proof_missing"
    assert proofs.proof_key_id(DOCUMENT) is None


def test_another_key_is_refused() -> None:
    other = new_key_pair()
    stranger = public_key(
        PublicKeyRef(id=KEY_ID, owner=ACTOR, kind="ed25519", multibase=other.ed25519_public)
    )
    assert judge(proofs.with_proof(DOCUMENT, KEY, NOW), stranger) == "proof_invalid"


def test_a_proof_from_the_future_is_refused() -> None:
    proved = proofs.with_proof(DOCUMENT, KEY, NOW)
    assert judge(proved, now=NOW - timedelta(hours=1)) == "proof_date"
    assert judge(proved, now=NOW + timedelta(days=400)) == "ok"


def test_a_proof_is_never_made_with_rsa() -> None:
    rsa = LocalKey.from_pem(KEY_ID, PAIR.rsa_private)
    with pytest.raises(Invalid):
        proofs.with_proof(DOCUMENT, rsa, NOW)


VECTOR_KEY = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"

FEP_8B32: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v1"],
    "type": "Create",
    "actor": "https://server.example/users/alice",
    "object": {"type": "Note", "content": "Hello world"},
    "proof": {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": "https://server.example/users/alice#ed25519-key",
        "proofPurpose": "assertionMethod",
        "proofValue": "z3sXaxjKs4M3BRicwWA9peyNPJvJqxtGsDmpt1jjoHCjg"
        "eUf71TRFz56osPSfDErszyLp5Ks1EhYSgpDaNM977Rg2",
        "created": "2023-02-24T23:36:38Z",
    },
}

W3C: dict[str, Any] = {
    "@context": [
        "https://www.w3.org/ns/credentials/v2",
        "https://www.w3.org/ns/credentials/examples/v2",
    ],
    "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
    "type": ["VerifiableCredential", "AlumniCredential"],
    "name": "Alumni Credential",
    "description": "A minimum viable example of an Alumni Credential.",
    "issuer": "https://vc.example/issuers/5678",
    "validFrom": "2023-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
    "proof": {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2023-02-24T23:36:38Z",
        "verificationMethod": f"did:key:{VECTOR_KEY}#{VECTOR_KEY}",
        "proofPurpose": "assertionMethod",
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://www.w3.org/ns/credentials/examples/v2",
        ],
        "proofValue": "z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHX"
        "QzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX",
    },
}


@pytest.mark.parametrize("document", [FEP_8B32, W3C], ids=["FEP-8b32", "W3C vc-di-eddsa"])
def test_the_vectors_of_the_specifications_are_accepted(document: dict[str, Any]) -> None:
    key_id = Uri(document["proof"]["verificationMethod"])
    key = public_key(PublicKeyRef(id=key_id, owner=ACTOR, kind="ed25519", multibase=VECTOR_KEY))
    assert judge(document, key) == "ok"
    assert judge({**document, "id": "https://server.example/2"}, key) == "proof_invalid"


def test_a_multikey_in_base64url_is_the_same_key() -> None:
    assert multibase.decode("u7QGwDY2Tjn93PVFWWq02piP1NE9_XRlg-c8-jhJiDqKBDw") == multibase.decode(VECTOR_KEY)
