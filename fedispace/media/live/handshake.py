"""One DTLS handshake (RFC 6347), from the first record to the keys for SRTP (RFC 5764).

    datagrams in --> step --> datagrams out, and in the end: SRTP both ways, and the farewell

No socket, no clock and no event loop: a step computes, and is made in a thread (`dtls`). OpenSSL's
connection holds eighty kilobytes, so it is let go of with the last step; what is still needed of it
is a hundred bytes (`farewell`).
"""

import contextlib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import pylibsrtp
from OpenSSL import SSL, crypto

from fedispace.media.live.certificate import PROFILES
from fedispace.media.live.farewell import Farewell, farewell_of
from fedispace.media.live.sdp import Fingerprint

_DATAGRAM = 1200
_RECORD_HEADER = 13
_MOST_WAITING = 1 << 16
_LABEL = b"EXTRACTOR-dtls_srtp"
_WINDOW = 1024


class HandshakeFailed(Exception):
    """The peer did not complete the handshake, or is not who the offer said."""


@dataclass(frozen=True, slots=True)
class Secured:
    """What a handshake was for."""

    incoming: pylibsrtp.Session
    outgoing: pylibsrtp.Session
    farewell: Farewell


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one step: datagrams to send, and what it led to.

    While there is neither an end nor a failure, `wait` is how long to wait for the peer's next datagrams.
    """

    outgoing: tuple[bytes, ...]
    wait: float | None = None
    secured: Secured | None = None
    has_failed: bool = False


class Handshake:
    """One side of it. The steps must not overlap."""

    def __init__(
        self, context: SSL.Context, *, is_client: bool, fingerprints: tuple[Fingerprint, ...]
    ) -> None:
        self._is_client = is_client
        self._fingerprints = fingerprints
        self._connection: SSL.Connection | None = None
        self._context = context

    def begin(self) -> Step:
        """Make the first step of whoever opens the handshake."""
        return self._go_on(self._connected(), (b"",))

    def receive(self, datagrams: Iterable[bytes]) -> Step:
        """Take in what the peer sent."""
        return self._go_on(self._connected(), datagrams)

    def repeat(self) -> Step:
        """Send our last flight again: the peer has been silent for as long as we should wait (4.2.4)."""
        connection = self._connected()
        try:
            connection.DTLSv1_handle_timeout()
        except SSL.Error:
            return self._failed(connection)
        return Step(_waiting(connection), connection.DTLSv1_get_timeout())

    def _connected(self) -> SSL.Connection:
        """Return OpenSSL's end, made by the first step."""
        if self._connection is None:
            self._connection = connection = SSL.Connection(self._context)
            connection.set_ciphertext_mtu(_DATAGRAM)
            if self._is_client:
                connection.set_connect_state()
            else:
                connection.set_accept_state()
        return self._connection

    def _go_on(self, connection: SSL.Connection, datagrams: Iterable[bytes]) -> Step:
        for datagram in datagrams:
            if datagram:
                connection.bio_write(datagram)
            try:
                connection.do_handshake()
            except SSL.WantReadError:
                continue
            except SSL.Error:
                return self._failed(connection)
            return self._complete(connection)
        return Step(_waiting(connection), connection.DTLSv1_get_timeout())

    def _complete(self, connection: SSL.Connection) -> Step:
        profile = connection.get_selected_srtp_profile()
        if profile not in PROFILES or not self._is_expected(connection):
            return self._failed(connection)
        outgoing = _waiting(connection)
        first, second = _keys(connection, profile)
        ours, theirs = (first, second) if self._is_client else (second, first)
        secured = Secured(
            incoming=_session(theirs, profile, pylibsrtp.Policy.SSRC_ANY_INBOUND),
            outgoing=_session(ours, profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND),
            farewell=farewell_of(connection, outgoing, is_client=self._is_client),
        )
        self._connection = None
        return Step(outgoing, secured=secured)

    def _failed(self, connection: SSL.Connection) -> Step:
        self._connection = None
        return Step(_waiting(connection), has_failed=True)

    def _is_expected(self, connection: SSL.Connection) -> bool:
        """Tell whether the peer's certificate has every digest that the offer named (RFC 8122, section 5)."""
        certificate = connection.get_peer_certificate()
        if certificate is None:
            return False
        whole = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
        return all(
            hashlib.new(named.algorithm.replace("-", ""), whole).digest()
            == bytes.fromhex(named.value.replace(":", ""))
            for named in self._fingerprints
        )


def _waiting(connection: SSL.Connection) -> tuple[bytes, ...]:
    """Return what OpenSSL wants to send, in datagrams: records stay whole."""
    flight = b""
    with contextlib.suppress(SSL.WantReadError):
        flight = connection.bio_read(_MOST_WAITING)
    datagrams: list[bytes] = []
    start, at = 0, 0
    while at + _RECORD_HEADER <= len(flight):
        end = at + _RECORD_HEADER + int.from_bytes(flight[at + 11 : at + _RECORD_HEADER], "big")
        if end - start > _DATAGRAM and at > start:
            datagrams.append(flight[start:at])
            start = at
        at = end
    if at > start:
        datagrams.append(flight[start:at])
    return tuple(datagrams)


def _keys(connection: SSL.Connection, profile: bytes) -> tuple[bytes, bytes]:
    """Return the client's and the server's master key, each with its salt (RFC 5764, section 4.2)."""
    size, salt = PROFILES[profile].key_length, PROFILES[profile].salt_length
    keys = connection.export_keying_material(_LABEL, 2 * (size + salt))
    salts = keys[2 * size :]
    return keys[:size] + salts[:salt], keys[size : 2 * size] + salts[salt:]


def _session(key: bytes, profile: bytes, sources: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=sources, srtp_profile=PROFILES[profile].libsrtp_profile)
    policy.allow_repeat_tx = True
    policy.window_size = _WINDOW
    return pylibsrtp.Session(policy)
