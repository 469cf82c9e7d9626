"""Keys: ours to sign with, theirs to verify with.

A key is parsed once and kept: loading a PEM costs more than a verification. Our own private keys skip
RSA's consistency check, which takes 35 ms and holds the interpreter; they come from our database, not
from the wire. The primitive follows from the type of the key and from nothing a sender says.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)

from fedispace.errors import Invalid, Refused
from fedispace.federation import multibase
from fedispace.federation.vocab.actors import PublicKeyRef
from fedispace.federation.vocab.uri import Uri

Kind = Literal["rsa", "ed25519"]

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
_MAX_PEM: Final = 4096

_SHA256: Final = hashes.SHA256()
_SHA512: Final = hashes.SHA512()
_PKCS1: Final = padding.PKCS1v15()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalKey:
    """A private key of ours, ready to sign."""

    key_id: Uri
    private: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_pem(cls, key_id: Uri, pem: str) -> "LocalKey":
        """Load a private key that we made; the parsed key is kept."""
        return cls(key_id=key_id, private=_private(pem))

    @property
    def kind(self) -> Kind:
        return "rsa" if isinstance(self.private, RSAPrivateKey) else "ed25519"

    def sign(self, message: bytes) -> bytes:
        """Sign with RSASSA-PKCS1-v1_5 and SHA-256, or with Ed25519."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(message, _PKCS1, _SHA256)
        return self.private.sign(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """Somebody's public key; `owner` is the actor it speaks for."""

    key_id: Uri
    owner: Uri
    public: RSAPublicKey | Ed25519PublicKey = field(repr=False)

    @property
    def kind(self) -> Kind:
        return "rsa" if isinstance(self.public, RSAPublicKey) else "ed25519"

    def is_signature(self, signature: bytes, message: bytes, *, sha512: bool = False) -> bool:
        """Tell whether `signature` over `message` was made with the private half of this key.

        `sha512` picks the hash of an RSA signature; it cannot pick another primitive.
        """
        try:
            if isinstance(self.public, RSAPublicKey):
                self.public.verify(signature, message, _PKCS1, _SHA512 if sha512 else _SHA256)
            else:
                self.public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def public_key(ref: PublicKeyRef) -> PublicKey:
    """Load a stated public key; cached. Raises `Refused("key_type")` when we do not accept it."""
    try:
        if ref.pem is not None:
            loaded = _public_from_pem(ref.pem)
        elif ref.multibase is not None:
            loaded = _public_from_multibase(ref.multibase)
        else:
            raise Refused("key_type", "the key is empty")
    except Invalid as error:
        raise Refused("key_type", error.detail) from error
    return PublicKey(key_id=ref.id, owner=ref.owner, public=loaded)


@lru_cache(maxsize=4096)
def _private(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
    loaded = serialization.load_pem_private_key(
        pem.encode("ascii"), password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(loaded, RSAPrivateKey | Ed25519PrivateKey):
        raise Invalid("a private key is neither RSA nor Ed25519")
    return loaded


@lru_cache(maxsize=16384)
def _public_from_pem(pem: str) -> RSAPublicKey | Ed25519PublicKey:
    if len(pem) > _MAX_PEM:
        raise Invalid("the key is too long")
    try:
        return _accepted(serialization.load_pem_public_key(pem.strip().encode("ascii")))
    except (ValueError, UnsupportedAlgorithm) as error:  # UnicodeEncodeError is a ValueError
        raise Invalid("the key cannot be read") from error


@lru_cache(maxsize=16384)
def _public_from_multibase(text: str) -> RSAPublicKey | Ed25519PublicKey:
    raw = multibase.decode(text)
    try:
        if raw.startswith(multibase.ED25519_PUB):
            return Ed25519PublicKey.from_public_bytes(raw[2:])
        if raw.startswith(multibase.RSA_PUB):
            return _accepted(serialization.load_der_public_key(raw[2:]))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid("the key cannot be read") from error
    raise Invalid("the key is of a type we do not accept")


def _accepted(loaded: object) -> RSAPublicKey | Ed25519PublicKey:
    """Accept Ed25519, and RSA neither too weak to trust nor so large that verifying it is an attack."""
    if isinstance(loaded, Ed25519PublicKey):
        return loaded
    if isinstance(loaded, RSAPublicKey) and MIN_RSA_BITS <= loaded.key_size <= MAX_RSA_BITS:
        return loaded
    raise Invalid("the key is of a type or size we do not accept")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """The fresh keys of a new actor: RSA in PEM, the Ed25519 public half in Multikey form."""

    rsa_private: str = field(repr=False)
    rsa_public: str
    ed25519_private: str = field(repr=False)
    ed25519_public: str


def new_key_pair() -> KeyPair:
    """Make an RSA-2048 key, the only one every peer takes, and an Ed25519 key (FEP-521a).

    Finding the primes takes about 0.1 s: not on the event loop.
    """
    rsa = generate_private_key(public_exponent=65537, key_size=MIN_RSA_BITS)
    ed25519 = Ed25519PrivateKey.generate()
    return KeyPair(
        rsa_private=_private_pem(rsa),
        rsa_public=public_pem(rsa.public_key()),
        ed25519_private=_private_pem(ed25519),
        ed25519_public=multikey(ed25519.public_key()),
    )


def public_pem(key: RSAPublicKey | Ed25519PublicKey) -> str:
    """Return a public key as `publicKeyPem` states it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode("ascii")


def multikey(key: RSAPublicKey | Ed25519PublicKey) -> str:
    """Return a public key as `publicKeyMultibase` states it."""
    if isinstance(key, Ed25519PublicKey):
        return multibase.encode(multibase.ED25519_PUB + key.public_bytes_raw())
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return multibase.encode(multibase.RSA_PUB + der)


def _private_pem(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")
