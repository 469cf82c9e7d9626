"""What ties a signed header to the body: `Digest` (RFC 3230) and `Content-Digest` (RFC 9530)."""

import base64
import binascii
import hashlib
import hmac
import re
from functools import lru_cache
from typing import Final

from fedispace.errors import Refused

_CONTENT_DIGEST_MEMBER: Final = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):\s*")


@lru_cache(maxsize=16)
def digest(body: bytes) -> str:
    """Return the value of a `Digest` header. One body goes to many inboxes."""
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")


def content_digest(body: bytes) -> str:
    """Return the value of a `Content-Digest` header."""
    return "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode("ascii") + ":"


def check_digest(value: str, body: bytes) -> None:
    """Require a SHA-256 `Digest` of exactly these bytes; its name is spelled in any case.

    Other algorithms beside it are ignored; alone they are refused, MD5 because it can be forged and
    the rest because a peer that sends no SHA-256 exists only in attacks.
    """
    found = False
    for member in value.split(","):
        name, _, encoded = member.strip().partition("=")
        if name.lower() == "sha-256":
            found = True
            _compare(encoded, hashlib.sha256(body).digest())
    if not found:
        raise Refused("digest_alg", "a SHA-256 digest is required")


def check_content_digest(value: str, body: bytes) -> None:
    """Require a SHA-256 or SHA-512 `Content-Digest` of exactly these bytes (RFC 9530 section 2)."""
    found = False
    for member in value.split(","):
        match = _CONTENT_DIGEST_MEMBER.fullmatch(member)
        if match is None:
            raise Refused("digest_alg", "the Content-Digest header cannot be read")
        if match[1] in ("sha-256", "sha-512"):
            found = True
            _compare(match[2], hashlib.new(match[1].replace("-", ""), body).digest())
    if not found:
        raise Refused("digest_alg", "a SHA-256 or SHA-512 digest is required")


def _compare(encoded: str, expected: bytes) -> None:
    try:
        stated = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Refused("digest_mismatch", "the digest cannot be read") from None
    if not hmac.compare_digest(stated, expected):
        raise Refused("digest_mismatch", "the body is not the one that was signed")
