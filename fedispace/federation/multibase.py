"""Multibase, and the multicodec prefixes of public keys (FEP-521a)."""

import base64
import binascii
from typing import Final, Literal

from fedispace.errors import Invalid

ED25519_PUB: Final = b"\xed\x01"
RSA_PUB: Final = b"\x85\x24"
"""The varint of 0x1205; the key follows as PKCS #1 DER."""

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_MAX: Final = 1500
"""An RSA key of 8192 bits takes about 1,420 letters; decoding is quadratic, so nothing longer is tried."""


def encode(raw: bytes) -> str:
    """Return `raw` in base58-btc with the multibase letter `z`."""
    number = int.from_bytes(raw)
    letters: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        letters.append(_ALPHABET[digit])
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    return "z" + "1" * zeros + "".join(reversed(letters))


def decode(text: str) -> bytes:
    """Return the bytes of a multibase string, base58-btc (`z`) or base64url (`u`); raises `Invalid`."""
    if len(text) > _MAX:
        raise Invalid("the multibase string is too long")
    if text.startswith("z"):
        return _base58(text[1:])
    if text.startswith("u"):
        return _base64url(text[1:])
    raise Invalid("not base58-btc or base64url multibase")


def key_kind(text: str) -> Literal["rsa", "ed25519"] | None:
    """Return the kind of a public key in Multikey form, None when it is none that we know."""
    try:
        prefix = decode(text)[:2]
    except Invalid:
        return None
    if prefix == ED25519_PUB:
        return "ed25519"
    return "rsa" if prefix == RSA_PUB else None


def _base64url(letters: str) -> bytes:
    try:
        padded = letters.encode("ascii") + b"=" * (-len(letters) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Invalid("not base64url multibase") from None


def _base58(letters: str) -> bytes:
    number = 0
    for letter in letters:
        value = _VALUES.get(letter)
        if value is None:
            raise Invalid("not base58-btc multibase")
        number = number * 58 + value
    zeros = len(letters) - len(letters.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)
