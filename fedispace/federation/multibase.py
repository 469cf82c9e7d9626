"""Multibase base58-btc and the multicodec prefixes of public keys (FEP-521a)."""

from typing import Final

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
    """Return the bytes of a base58-btc multibase string; raises `Invalid`."""
    if not text.startswith("z") or len(text) > _MAX:
        raise Invalid("not base58-btc multibase")
    letters = text[1:]
    number = 0
    for letter in letters:
        value = _VALUES.get(letter)
        if value is None:
            raise Invalid("not base58-btc multibase")
        number = number * 58 + value
    zeros = len(letters) - len(letters.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)
