"""What is kept of a DTLS connection whose keys have been handed over to SRTP.

Two things may still come of it. The peer did not get our last flight and repeats his: then ours is sent
again, as it was. And one side says goodbye (close_notify): ours is sealed beforehand, and to read the
peer's takes one key, which is worked out as he does (RFC 5246, section 6.3; RFC 5288; RFC 6347, 4.1.2),
when there is something to read. That is a few hundred bytes, where OpenSSL's connection is eighty
kilobytes of buffers. For ciphers that are not the usual one the connection is kept.
"""

import contextlib
import hashlib
import hmac
import struct
from collections.abc import Iterator
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from OpenSSL import SSL

_VERSION = 0xFEFD  # DTLS 1.2
_CIPHER = "ECDHE-ECDSA-AES128-GCM-SHA256"
_RECORD = struct.Struct("!BH8sH")
_ALERT, _HANDSHAKE = 21, 22
_SEALED_ALERT = 8 + 2 + 16
_CLOSE_NOTIFY = 0
_REPEATS = 10
_LONGEST = 1500
_NO_DATAGRAMS: tuple[bytes, ...] = ()


class Farewell(Protocol):
    """What is left of a connection."""

    def hear(self, datagram: bytes) -> bool:
        """Take in what came after the handshake; tell whether it is the peer's goodbye."""

    def reply(self) -> tuple[bytes, ...]:
        """Return the datagrams to send because of what was heard last."""

    def goodbye(self) -> tuple[bytes, ...]:
        """Return ours."""


def farewell_of(connection: SSL.Connection, last_flight: tuple[bytes, ...], *, is_client: bool) -> Farewell:
    """Return what to keep of a connection whose handshake is complete; `last_flight` has left it."""
    if connection.get_protocol_version() != _VERSION or connection.get_cipher_name() != _CIPHER:
        return _Whole(connection)
    secret = _Secret(connection, is_client=is_client)
    with contextlib.suppress(SSL.Error):
        connection.shutdown()
    # The client's last flight is not the last: the server's, which follows, tells that it came.
    return _Remainder(_NO_DATAGRAMS if is_client else last_flight, _read(connection), secret)


class _Remainder:
    """A flight, a sealed alert, and what opens the peer's."""

    __slots__ = ("_goodbye", "_last_flight", "_repeats", "_secret", "_should_repeat")

    def __init__(self, last_flight: tuple[bytes, ...], goodbye: tuple[bytes, ...], secret: "_Secret") -> None:
        self._last_flight = last_flight
        self._goodbye = goodbye
        self._secret = secret
        self._repeats = 0
        self._should_repeat = False

    def hear(self, datagram: bytes) -> bool:
        for kind, version, number, body in _records(datagram):
            if kind == _HANDSHAKE:
                self._should_repeat = True
            elif kind == _ALERT and len(body) == _SEALED_ALERT:
                alert = self._secret.opened(body, number + struct.pack("!BHH", kind, version, 2))
                if alert is not None and alert[1] == _CLOSE_NOTIFY:
                    return True
        return False

    def reply(self) -> tuple[bytes, ...]:
        if not self._should_repeat or self._repeats >= _REPEATS:
            return _NO_DATAGRAMS
        self._should_repeat = False
        self._repeats += 1
        return self._last_flight

    def goodbye(self) -> tuple[bytes, ...]:
        return self._goodbye


class _Whole:
    """The connection itself."""

    __slots__ = ("_connection",)

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection

    def hear(self, datagram: bytes) -> bool:
        self._connection.bio_write(datagram)
        try:
            self._connection.recv(_LONGEST)
        except SSL.ZeroReturnError:
            return True
        except SSL.Error:
            pass
        return False

    def reply(self) -> tuple[bytes, ...]:
        return _read(self._connection)

    def goodbye(self) -> tuple[bytes, ...]:
        with contextlib.suppress(SSL.Error):
            self._connection.shutdown()
        return _read(self._connection)


def _read(connection: SSL.Connection) -> tuple[bytes, ...]:
    try:
        return (connection.bio_read(_LONGEST),)
    except SSL.Error:
        return _NO_DATAGRAMS


def _records(datagram: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield type, version, epoch with sequence number, and body of each whole record."""
    at = 0
    while at + _RECORD.size <= len(datagram):
        kind, version, number, size = _RECORD.unpack_from(datagram, at)
        at += _RECORD.size
        if at + size > len(datagram):
            return
        yield kind, version, number, datagram[at : at + size]
        at += size


class _Secret:
    """What the peer's key is made of. It is worked out when he has something to say, which he has not while
    a crowd is at the door, and many never have."""

    __slots__ = ("_is_client", "_key", "_randoms", "_secret")

    def __init__(self, connection: SSL.Connection, *, is_client: bool) -> None:
        secret, client, server = (
            connection.master_key(),
            connection.client_random(),
            connection.server_random(),
        )
        assert secret is not None
        assert client is not None
        assert server is not None
        self._secret = secret
        self._randoms = server + client
        self._is_client = is_client
        self._key: tuple[bytes, bytes] | None = None

    def opened(self, sealed: bytes, head: bytes) -> bytes | None:
        """Return what the peer sealed, or None for what somebody else did."""
        if self._key is None:
            self._key = self._peers_key()
        key, salt = self._key
        try:
            return AESGCM(key).decrypt(salt + sealed[:8], sealed[8:], head)
        except InvalidTag:
            return None

    def _peers_key(self) -> tuple[bytes, bytes]:
        """Return the key and the salt with which the peer seals his records."""
        block = _expanded(self._secret, b"key expansion" + self._randoms, 40)
        return (block[16:32], block[36:40]) if self._is_client else (block[:16], block[32:36])


def _expanded(secret: bytes, seed: bytes, size: int) -> bytes:
    """P_SHA256 of RFC 5246, section 5."""
    found, link = b"", seed
    while len(found) < size:
        link = hmac.digest(secret, link, hashlib.sha256)
        found += hmac.digest(secret, link + seed, hashlib.sha256)
    return found[:size]
