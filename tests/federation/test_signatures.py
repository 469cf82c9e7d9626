"""A request's signature: the refusals first, then what peers really send."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import http_message_signatures as oracle
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from fedispace.errors import Refused
from fedispace.federation import signatures
from fedispace.federation.keys import LocalKey, PublicKey, multikey, new_key_pair, public_key, public_pem
from fedispace.federation.signed_request import SignedRequest
from fedispace.federation.vocab.actors import PublicKeyRef
from fedispace.federation.vocab.uri import Uri

NOW = datetime(2026, 11, 12, 19, 0, tzinfo=UTC)
OURS = "https://our.test"
ACTOR = Uri("https://peer.test/users/ada")
KEY_ID = Uri(f"{ACTOR}#main-key")
ED_ID = Uri(f"{ACTOR}#ed25519")
BODY = b'{"type":"Follow"}'

PAIR = new_key_pair()
RSA = LocalKey.from_pem(KEY_ID, PAIR.rsa_private)
ED25519 = LocalKey.from_pem(ED_ID, PAIR.ed25519_private)
RSA_PUBLIC = public_key(PublicKeyRef(id=KEY_ID, owner=ACTOR, kind="rsa", pem=PAIR.rsa_public))
ED25519_PUBLIC = public_key(
    PublicKeyRef(id=ED_ID, owner=ACTOR, kind="ed25519", multibase=PAIR.ed25519_public)
)

Headers = dict[str, str]


def digest(body: bytes) -> str:
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


def content_digest(body: bytes) -> str:
    return "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"


def cavage(
    covered: str = "(request-target) host date digest",
    *,
    method: str = "POST",
    target: str = "/inbox",
    signed_target: str | None = None,
    body: bytes = BODY,
    headers: Headers | None = None,
    algorithm: str | None = "rsa-sha256",
    key_id: str = KEY_ID,
    key: LocalKey = RSA,
    parameters: str = "",
    signature: bytes | None = None,
) -> SignedRequest:
    """Sign a request by hand, as draft-cavage-12 says, with any part of it changed."""
    sent = {
        "Host": "our.test",
        "Date": format_datetime(NOW, usegmt=True),
        "Digest": digest(body),
        "Content-Type": "application/activity+json",
        **(headers or {}),
    }
    known = {name.lower(): value for name, value in sent.items()}
    known["(request-target)"] = f"{method.lower()} {signed_target or target}"
    for parameter in parameters.split(","):
        name, _, value = parameter.partition("=")
        known[f"({name})"] = value
    text = "\n".join(f"{name}: {known.get(name, '')}" for name in covered.split())
    value = base64.b64encode(signature or key.sign(text.encode())).decode()
    stated = f'algorithm="{algorithm}",' if algorithm else ""
    stated += f"{parameters}," if parameters else ""
    sent["Signature"] = f'keyId="{key_id}",{stated}headers="{covered}",signature="{value}"'
    return request(sent, method=method, target=target, body=body)


def rfc9421(
    components: Sequence[str] = ("@method", "@target-uri", "content-digest"),
    *,
    method: str = "POST",
    target: str = "/inbox",
    body: bytes = BODY,
    label: str = "sig1",
    parameters: dict[str, Any] | None = None,
    headers: Headers | None = None,
    key: LocalKey = RSA,
) -> SignedRequest:
    """Sign a request by hand, as RFC 9421 says, with any part of it changed."""
    sent = {
        "Host": "our.test",
        "Date": format_datetime(NOW, usegmt=True),
        "Content-Digest": content_digest(body),
        **(headers or {}),
    }
    known = {name.lower(): value for name, value in sent.items()}
    known |= {
        "@method": method,
        "@target-uri": f"{OURS}{target}",
        "@authority": "our.test",
        "@path": target.partition("?")[0],
        "@query": "?" + target.partition("?")[2],
        "@request-target": target,
        "@scheme": "https",
    }
    stated = {"created": int(NOW.timestamp()), "keyid": key.key_id} | (parameters or {})
    line = "(" + " ".join(f'"{name}"' for name in components) + ")"
    for name, value in stated.items():
        if value is not None:
            line += f";{name}={value}" if isinstance(value, int) else f';{name}="{value}"'
    base = [f'"{name}": {known.get(name, "")}' for name in components]
    text = "\n".join([*base, f'"@signature-params": {line}'])
    sent["Signature-Input"] = f"{label}={line}"
    sent["Signature"] = f"{label}=:{base64.b64encode(key.sign(text.encode())).decode()}:"
    return request(sent, method=method, target=target, body=body)


def request(
    headers: Headers, *, method: str = "POST", target: str = "/inbox", body: bytes = BODY
) -> SignedRequest:
    return SignedRequest(method=method, target=target, headers=list(headers.items()), body=body, origin=OURS)


def without(sent: SignedRequest, *names: str) -> SignedRequest:
    return replace(sent, headers=[pair for pair in sent.headers if pair[0].lower() not in names])


def plus(sent: SignedRequest, name: str, value: str) -> SignedRequest:
    return replace(sent, headers=[*sent.headers, (name, value)])


def judge(sent: SignedRequest, key: PublicKey = RSA_PUBLIC) -> str:
    """Return `ok`, or the reason of the refusal."""
    try:
        signatures.verify(signatures.parse(sent, NOW), key)
    except Refused as refusal:
        return refusal.reason
    return "ok"


def at(moment: datetime) -> Headers:
    return {"Date": format_datetime(moment, usegmt=True)}


@pytest.mark.attack(1)
def test_a_request_without_a_signature_is_refused() -> None:
    assert judge(request({"Host": "our.test"})) == "sig_missing"


def test_another_key_is_refused() -> None:
    other = new_key_pair()
    stranger = public_key(PublicKeyRef(id=KEY_ID, owner=ACTOR, kind="rsa", pem=other.rsa_public))
    assert judge(cavage(), stranger) == "sig_invalid"
    assert judge(rfc9421(), stranger) == "sig_invalid"


def test_the_right_key_under_another_id_is_refused() -> None:
    other = replace(RSA_PUBLIC, key_id=Uri("https://peer.test/users/eve#main-key"))
    assert judge(cavage(), other) == "key_id"


@pytest.mark.parametrize("sent", [cavage(), rfc9421()], ids=["cavage", "rfc9421"])
@pytest.mark.attack(3)
@pytest.mark.row(2)
def test_a_changed_body_is_refused(sent: SignedRequest) -> None:
    assert judge(sent) == "ok"
    assert judge(replace(sent, body=BODY + b" ")) == "digest_mismatch"


@pytest.mark.parametrize("sent", [cavage(), rfc9421()], ids=["cavage", "rfc9421"])
@pytest.mark.attack(13)
def test_a_signature_moved_to_another_path_is_refused(sent: SignedRequest) -> None:
    assert judge(replace(sent, target="/users/alice/inbox")) == "sig_invalid"


@pytest.mark.parametrize("sent", [cavage(), rfc9421()], ids=["cavage", "rfc9421"])
def test_a_signature_moved_to_another_method_is_refused(sent: SignedRequest) -> None:
    assert judge(replace(sent, method="PUT")) == "sig_invalid"


def test_a_request_signed_for_another_host_is_refused() -> None:
    assert judge(cavage(headers={"Host": "other.test"})) == "host_mismatch"
    assert judge(rfc9421(headers={"Host": "other.test"})) == "host_mismatch"
    absolute = replace(cavage(), target="https://other.test/inbox")
    assert judge(absolute) == "request_target"


@pytest.mark.parametrize(
    ("moment", "verdict"),
    [
        (NOW - timedelta(hours=2), "sig_date"),
        (NOW - timedelta(minutes=61), "sig_date"),
        (NOW - timedelta(minutes=59), "ok"),
        (NOW + timedelta(minutes=4), "ok"),
        (NOW + timedelta(minutes=10), "sig_date"),
    ],
)
@pytest.mark.attack(10)
@pytest.mark.row(1)
def test_the_date_must_be_inside_the_window(moment: datetime, verdict: str) -> None:
    assert judge(cavage(headers=at(moment))) == verdict
    assert judge(rfc9421(parameters={"created": int(moment.timestamp())})) == verdict


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Nov 2026 19:00:00 GMT", "2026-11-12T19:00:00Z"])
@pytest.mark.attack(10)
def test_a_date_that_cannot_be_read_is_refused(date: str) -> None:
    assert judge(cavage(headers={"Date": date})) == "sig_date"


@pytest.mark.attack(10)
def test_a_missing_date_is_refused() -> None:
    assert judge(without(cavage(), "date")) == "sig_date"
    assert judge(without(cavage("(request-target) host digest"), "date")) == "sig_date"


@pytest.mark.attack(10)
def test_a_claim_says_when_it_was_signed() -> None:
    for age in (0, 1, 3000):
        moment = NOW - timedelta(seconds=age)
        created = {"created": int(moment.timestamp())}
        assert signatures.parse(cavage(headers=at(moment)), NOW).signed_at == moment
        assert signatures.parse(rfc9421(parameters=created), NOW).signed_at == moment


def test_two_dates_are_refused() -> None:
    assert judge(plus(cavage(), "Date", format_datetime(NOW, usegmt=True))) == "sig_date"


def test_an_rfc9421_signature_without_a_time_is_refused() -> None:
    assert judge(rfc9421(parameters={"created": None})) == "sig_date"
    assert judge(rfc9421(parameters={"created": "soon"})) == "sig_date"


def test_an_expired_signature_is_refused() -> None:
    past = int((NOW - timedelta(seconds=1)).timestamp())
    assert judge(rfc9421(parameters={"expires": past})) == "sig_date"
    assert judge(cavage(algorithm="hs2019", parameters=f"expires={past}")) == "sig_date"


@pytest.mark.parametrize(
    "covered", ["host date digest", "(request-target) date digest", "(request-target) host date", "date"]
)
@pytest.mark.attack(11)
@pytest.mark.row(2, 3, 5)
def test_a_cavage_signature_over_too_little_is_refused(covered: str) -> None:
    assert judge(cavage(covered)) == "sig_weak"


@pytest.mark.parametrize(
    "components",
    [
        ("@method",),
        ("@method", "@target-uri"),
        ("@target-uri", "content-digest"),
        ("@method", "@path", "content-digest"),
        ("@method", "@authority", "content-digest"),
        (),
    ],
)
@pytest.mark.attack(11)
def test_an_rfc9421_signature_over_too_little_is_refused(components: tuple[str, ...]) -> None:
    assert judge(rfc9421(components)) == "sig_weak"


def test_a_date_that_is_not_signed_does_not_make_a_signature_fresh() -> None:
    assert judge(cavage("(request-target) host digest")) == "sig_weak"


@pytest.mark.parametrize("stated", [f"SHA-512={'A' * 86}==", "MD5=1B2M2Y8AsgTpgAmY7PhCfg==", "nonsense", ""])
@pytest.mark.attack(12)
def test_a_digest_without_sha256_is_refused(stated: str) -> None:
    assert judge(cavage(headers={"Digest": stated})) == "digest_alg"


@pytest.mark.attack(12)
def test_a_digest_is_read_in_any_case_and_beside_others() -> None:
    lower = digest(BODY).replace("SHA-256", "sha-256")
    assert judge(cavage(headers={"Digest": lower})) == "ok"
    assert judge(cavage(headers={"Digest": f"{lower},unixsum=30637"})) == "ok"


def test_two_digests_of_which_one_is_false_are_refused() -> None:
    assert judge(cavage(headers={"Digest": f"{digest(BODY)},{digest(b'other')}"})) == "digest_mismatch"
    both = f"{content_digest(BODY)}, {content_digest(b'other')}"
    assert judge(rfc9421(headers={"Content-Digest": both})) == "digest_mismatch"


def test_a_content_digest_of_a_weak_kind_is_refused() -> None:
    assert judge(rfc9421(headers={"Content-Digest": "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"})) == "digest_alg"


@pytest.mark.parametrize("name", ["Host", "Digest", "Content-Type", "Signature"])
def test_a_repeated_header_is_refused(name: str) -> None:
    sent = cavage("(request-target) host date digest content-type")
    assert judge(sent) == "ok"
    value = sent.values(name.lower())[0]
    assert judge(plus(sent, name, value)) == "repeated_header"


@pytest.mark.parametrize("name", ["Host", "Content-Digest", "Signature", "Signature-Input"])
def test_a_repeated_header_is_refused_in_rfc9421(name: str) -> None:
    sent = rfc9421()
    value = sent.values(name.lower())[0]
    assert judge(plus(sent, name, value)) == "repeated_header"


@pytest.mark.parametrize(
    "key_id",
    [
        "https://our.test/users/alice#main-key",
        "https://OUR.test:443/users/alice#main-key",
        "acct:ada@peer.test",
        "http://peer.test/users/ada#main-key",
        "file:///etc/passwd",
        "https://u:p@peer.test/key",
        "https://127.1/key",
        "not an address",
    ],
)
@pytest.mark.attack(14)
@pytest.mark.row(14)
def test_a_key_id_that_is_ours_or_no_https_address_is_refused(key_id: str) -> None:
    assert judge(cavage(key_id=key_id)) == "key_id"
    assert judge(rfc9421(parameters={"keyid": key_id})) == "key_id"


def test_an_rfc9421_signature_that_names_no_key_is_refused() -> None:
    assert judge(rfc9421(parameters={"keyid": None})) == "key_id"


@pytest.mark.row(80)
def test_a_plain_http_key_is_taken_only_where_the_operator_says_so() -> None:
    sent = cavage(key_id="http://peer.test/key")
    assert signatures.parse(sent, NOW, allow_http=True).key_id == "http://peer.test/key"


def test_the_public_key_does_not_serve_as_an_hmac_secret() -> None:
    text = f"(request-target): post /inbox\nhost: our.test\ndate: {format_datetime(NOW, usegmt=True)}\n"
    text += f"digest: {digest(BODY)}"
    forged = hmac.new(PAIR.rsa_public.encode(), text.encode(), hashlib.sha256).digest()
    assert judge(cavage(algorithm="hmac-sha256", signature=forged)) == "sig_alg"
    assert judge(cavage(algorithm="hs2019", signature=forged)) == "sig_invalid"
    assert judge(rfc9421(parameters={"alg": "hmac-sha256"})) == "sig_invalid"


@pytest.mark.parametrize("algorithm", ["rsa-sha1", "none", "ecdsa-sha256"])
def test_an_algorithm_we_do_not_do_is_refused(algorithm: str) -> None:
    assert judge(cavage(algorithm=algorithm)) == "sig_alg"


def test_an_algorithm_that_does_not_fit_the_key_is_refused() -> None:
    assert judge(cavage(algorithm="rsa-sha256", key=ED25519, key_id=ED_ID), ED25519_PUBLIC) == "sig_invalid"
    assert judge(rfc9421(parameters={"alg": "ed25519"})) == "sig_invalid"
    assert judge(rfc9421(parameters={"alg": "rsa-pss-sha512"})) == "sig_invalid"


@pytest.mark.row(6)
def test_created_is_refused_with_the_old_algorithm_names() -> None:
    created = f"created={int(NOW.timestamp())}"
    covered = "(request-target) host (created) digest"
    assert judge(cavage(covered, algorithm="hs2019", parameters=created)) == "ok"
    assert judge(cavage(covered, algorithm=None, parameters=created)) == "ok"
    assert judge(cavage(covered, algorithm="rsa-sha256", parameters=created)) == "sig_invalid"


def test_created_that_is_signed_but_not_stated_is_refused() -> None:
    assert judge(cavage("(request-target) host (created) digest", algorithm="hs2019")) == "sig_date"


@pytest.mark.row(8)
def test_more_than_one_rfc9421_signature_is_refused() -> None:
    sent = rfc9421()
    inputs, values = sent.values("signature-input")[0], sent.values("signature")[0]
    twice = request(
        {
            **dict(sent.headers),
            "Signature-Input": f"{inputs}, {inputs.replace('sig1', 'sig2')}",
            "Signature": f"{values}, {values.replace('sig1', 'sig2')}",
        }
    )
    assert judge(twice) == "sig_malformed"


@pytest.mark.parametrize(
    "stated",
    [
        "",
        "sig1",
        'sig1=("@method"',
        'sig1=("@method" "@method" "@target-uri" "content-digest");created=1;keyid="k"',
        'sig1=("@method";req "@target-uri" "content-digest");created=1;keyid="k"',
        'sig1=("@method" "@target-uri" "content-digest");created=1;created=2;keyid="k"',
        'sig1=("@method" "@target-uri" "content-digest");created=1;keyid=unquoted',
    ],
)
def test_a_signature_input_that_cannot_be_read_is_refused(stated: str) -> None:
    sent = rfc9421()
    assert judge(request({**dict(sent.headers), "Signature-Input": stated})) == "sig_malformed"


def test_a_signature_of_another_label_is_refused() -> None:
    sent = rfc9421()
    value = sent.values("signature")[0].replace("sig1", "sig2")
    assert judge(request({**dict(sent.headers), "Signature": value})) == "sig_malformed"


@pytest.mark.parametrize(
    "value", ["garbage", 'keyId="x"', 'signature="x"', 'keyId="a",signature="é"', "=", ","]
)
def test_a_signature_header_that_cannot_be_read_is_refused(value: str) -> None:
    assert judge(request({**dict(cavage().headers), "Signature": value})) == "sig_malformed"


def test_a_signature_that_is_not_base64_is_refused() -> None:
    headers = dict(cavage().headers)
    broken = headers["Signature"].partition("signature=")[0] + 'signature="!!!"'
    assert judge(request({**headers, "Signature": broken})) == "sig_malformed"


# What peers really send.


@pytest.mark.row(11)
def test_with_both_headers_rfc9421_counts() -> None:
    sent = rfc9421()
    assert signatures.parse(sent, NOW).scheme == "rfc9421"
    assert signatures.parse(cavage(), NOW).scheme == "cavage"


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "RSA-SHA256", "hs2019", None])
@pytest.mark.row(4, 5)
def test_the_names_peers_use_for_rsa_are_accepted(algorithm: str | None) -> None:
    assert judge(cavage(algorithm=algorithm)) == "ok"


@pytest.mark.row(3)
def test_snac_signs_a_get_with_the_digest_of_nothing() -> None:
    sent = cavage("(request-target) host digest date", method="GET", target="/users/alice", body=b"")
    assert judge(sent) == "ok"
    assert judge(cavage("(request-target) host date", method="GET", target="/users/alice", body=b"")) == "ok"


@pytest.mark.row(3)
def test_takahe_signs_the_content_type_and_the_accept_header() -> None:
    assert judge(cavage("(request-target) host date digest content-type")) == "ok"
    accept = {"Accept": "application/activity+json"}
    signed = cavage("(request-target) host date accept", method="GET", body=b"", headers=accept)
    assert judge(signed) == "ok"


def test_fedify_signs_host_and_date_beside_the_target() -> None:
    components = ("@method", "@target-uri", "@authority", "host", "date", "content-digest")
    assert judge(rfc9421(components, parameters={"alg": "rsa-v1_5-sha256"})) == "ok"


@pytest.mark.row(3)
def test_a_get_needs_no_digest_in_rfc9421() -> None:
    assert judge(rfc9421(("@method", "@target-uri"), method="GET", body=b"")) == "ok"


def test_a_target_in_pieces_is_a_whole_target() -> None:
    pieces = ("@method", "@authority", "@path", "@query", "content-digest")
    assert judge(rfc9421(pieces, target="/inbox?a=1")) == "ok"
    assert judge(rfc9421(pieces[:3] + pieces[4:], target="/inbox?a=1")) == "sig_weak"


@pytest.mark.row(7)
def test_the_query_may_be_signed_or_not_in_cavage() -> None:
    both = {"method": "GET", "target": "/outbox?page=1", "body": b""}
    assert judge(cavage("(request-target) host date", **both)) == "ok"  # type: ignore[arg-type]
    pathname = cavage("(request-target) host date", signed_target="/outbox", **both)  # type: ignore[arg-type]
    assert judge(pathname) == "ok"


def test_a_query_that_was_not_signed_is_refused_in_rfc9421() -> None:
    assert judge(replace(rfc9421(), target="/inbox?x=1")) == "sig_invalid"


def test_ed25519_is_accepted_in_both() -> None:
    assert judge(cavage(algorithm="hs2019", key=ED25519, key_id=ED_ID), ED25519_PUBLIC) == "ok"
    assert judge(rfc9421(key=ED25519, parameters={"alg": "ed25519"}), ED25519_PUBLIC) == "ok"


def test_spaces_between_parameters_are_read_as_they_are_meant() -> None:
    sent = rfc9421()
    loose = sent.values("signature-input")[0].replace(";", "; ")
    assert judge(request({**dict(sent.headers), "Signature-Input": loose})) == "ok"


# What we send, judged by us and by an implementation that is not ours.


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("body", [BODY, None], ids=["post", "get"])
@pytest.mark.parametrize("target", ["/inbox", "/outbox?page=1"])
def test_what_we_sign_we_accept(key: LocalKey, body: bytes | None, target: str) -> None:
    method = "GET" if body is None else "POST"
    public = RSA_PUBLIC if key is RSA else ED25519_PUBLIC
    for sign in (signatures.sign_cavage, signatures.sign_rfc9421):
        headers = sign(key, method, f"{OURS}{target}", body, NOW)
        assert judge(request(headers, method=method, target=target, body=body or b""), public) == "ok"


class Resolver(oracle.HTTPSignatureKeyResolver):
    def resolve_public_key(self, key_id: str) -> Any:
        return RSA_PUBLIC.public if key_id == KEY_ID else ED25519_PUBLIC.public


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.row(8, 9)
def test_an_independent_implementation_accepts_our_rfc9421(key: LocalKey) -> None:
    now = datetime.now(UTC)
    url = f"{OURS}/inbox?x=1"
    headers = signatures.sign_rfc9421(key, "POST", url, BODY, now)
    algorithm = oracle.algorithms.RSA_V1_5_SHA256 if key is RSA else oracle.algorithms.ED25519
    verifier = oracle.HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=Resolver())
    message = SimpleNamespace(method="POST", url=url, headers=headers, body=BODY)
    results = verifier.verify(message)
    assert len(results) == 1
    assert {'"@method"', '"@target-uri"', '"content-digest"'} <= set(results[0].covered_components)


def test_we_accept_what_an_independent_implementation_signs() -> None:
    class Private(oracle.HTTPSignatureKeyResolver):
        def resolve_private_key(self, key_id: str) -> Any:
            return RSA.private

    url = f"{OURS}/inbox"
    headers = {"Host": "our.test", "Content-Digest": content_digest(BODY)}
    message = SimpleNamespace(method="POST", url=url, headers=headers, body=BODY)
    signer = oracle.HTTPMessageSigner(
        signature_algorithm=oracle.algorithms.RSA_V1_5_SHA256, key_resolver=Private()
    )
    signer.sign(
        message,
        key_id=KEY_ID,
        created=NOW,
        covered_component_ids=("@method", "@target-uri", "content-digest"),
        use_existing_digest=True,
    )
    assert judge(request(headers)) == "ok"


# Keys.


def test_keys_too_weak_or_too_large_are_refused() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    large = rsa.RSAPublicNumbers(65537, (1 << 16383) + 1).public_key()
    for key in (weak, large):
        with pytest.raises(Refused) as refusal:
            public_key(PublicKeyRef(id=KEY_ID, owner=ACTOR, kind="rsa", pem=public_pem(key)))
        assert refusal.value.reason == "key_type"
        with pytest.raises(Refused):
            public_key(PublicKeyRef(id=KEY_ID, owner=ACTOR, kind="rsa", multibase=multikey(key)))


@pytest.mark.parametrize(
    "pem", ["", "garbage", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "é"]
)
def test_a_key_that_cannot_be_read_is_refused(pem: str) -> None:
    with pytest.raises(Refused) as refusal:
        public_key(PublicKeyRef(id=KEY_ID, owner=ACTOR, kind="rsa", pem=pem))
    assert refusal.value.reason == "key_type"


# Nothing a sender writes makes the parser raise anything but a refusal.


FRAGMENTS = st.sampled_from(
    [
        'keyId="',
        '"',
        ",",
        "=",
        "headers=",
        "(request-target) ",
        "sig1",
        "=(",
        ")",
        ";",
        ":",
        "created=",
        "\\",
        " ",
    ]
)
TEXT = st.lists(FRAGMENTS | st.text(max_size=8), max_size=20).map("".join)


@settings(max_examples=300, deadline=None, database=None)
@given(signature=TEXT, stated=st.none() | TEXT, date=TEXT, stated_digest=TEXT)
def test_no_header_makes_the_parser_fail(
    signature: str, stated: str | None, date: str, stated_digest: str
) -> None:
    headers = {"Host": "our.test", "Signature": signature, "Date": date, "Digest": stated_digest}
    if stated is not None:
        headers["Signature-Input"] = stated
    assert judge(request(headers)) != "ok"


@settings(max_examples=200, deadline=None, database=None)
@given(value=TEXT, name=st.sampled_from(["Signature", "Signature-Input", "Date", "Content-Digest", "Host"]))
def test_no_damage_to_a_signed_request_makes_the_parser_fail(value: str, name: str) -> None:
    for sent in (cavage(), rfc9421()):
        judge(request({**dict(sent.headers), name: value}))
