"""HTTP signatures written a second time, from the drafts, so that ours are not judged by themselves.

Draft-cavage-12 with RSA-SHA256, and its forgeries: every part of the signed text can be overridden.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

COVERED = ("(request-target)", "host", "date", "digest", "content-type")
ACTIVITY_TYPE = "application/activity+json"

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """An RSA key with the id under which a peer publishes it."""

    key_id: str
    private: rsa.RSAPrivateKey

    @property
    def public_pem(self) -> str:
        return (
            self.private.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def sign(self, text: bytes) -> bytes:
        return self.private.sign(text, padding.PKCS1v15(), hashes.SHA256())

    def hmac(self, text: bytes) -> bytes:
        """Do what a forger can: use the published key as a shared secret."""
        return hmac.new(self.public_pem.encode(), text, hashlib.sha256).digest()


def new_private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def digest_of(body: bytes) -> str:
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


def signed_headers(
    key: SigningKey,
    method: str,
    url: str,
    body: bytes | None,
    *,
    date: datetime | None = None,
    covered: Sequence[str] | None = None,
    algorithm: str = "rsa-sha256",
    key_id: str | None = None,
) -> Headers:
    """Return the headers of a request signed by draft-cavage-12.

    `algorithm` beginning with `hmac` signs with the public key as the secret, the classic confusion.
    """
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    headers: Headers = [
        ("Host", parts.netloc),
        ("Date", format_datetime(date or datetime.now(UTC), usegmt=True)),
    ]
    if body is not None:
        headers += [("Digest", digest_of(body)), ("Content-Type", ACTIVITY_TYPE)]
    else:
        headers += [("Accept", ACTIVITY_TYPE)]
    if covered is None:
        covered = COVERED if body is not None else ("(request-target)", "host", "date", "accept")
    values = {name.lower(): value for name, value in headers}
    values["(request-target)"] = f"{method.lower()} {target}"
    text = "\n".join(f"{name}: {values[name]}" for name in covered).encode()
    raw = key.hmac(text) if algorithm.startswith("hmac") else key.sign(text)
    signature = base64.b64encode(raw).decode()
    headers.append(
        (
            "Signature",
            f'keyId="{key_id or key.key_id}",algorithm="{algorithm}",'
            f'headers="{" ".join(covered)}",signature="{signature}"',
        )
    )
    return headers
