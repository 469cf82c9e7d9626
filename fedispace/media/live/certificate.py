"""Our DTLS certificate, and the one SSL context that all sessions share (a context each: 0.27 ms, 21 kB).

Nobody signs it: answers carry its digest (RFC 8122), and peers believe that. Its key proves who we are
for as long as the process runs, a week at most.
"""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from fedispace.media.live.sdp import Fingerprint

PROFILES = (b"SRTP_AEAD_AES_128_GCM", b"SRTP_AES128_CM_SHA1_80")
_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"
)
# An unsigned certificate's dates are read by nobody; these hold whatever the clock says.
_BEGINS = datetime(2020, 1, 1, tzinfo=UTC)
_ENDS = datetime(2049, 1, 1, tzinfo=UTC)


class Certificate:
    """A certificate with its context and digest."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedispace audio")])
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_BEGINS)
            .not_valid_after(_ENDS)
            .sign(key, hashes.SHA256())
        )
        digest = signed.fingerprint(hashes.SHA256())
        self.fingerprint = Fingerprint(algorithm="sha-256", value=digest.hex(":").upper())
        self.context = _context(key, signed)


def _context(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_METHOD)
    # What is sent at once must not be asked of a memory BIO; our choice of cipher is what `farewell` reads.
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Whose certificate it is, its digest tells (`handshake`); who signed it matters to nobody.
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_cipher_list(_CIPHERS)
    context.set_tlsext_use_srtp(b":".join(PROFILES))
    return context
