"""Our DTLS certificate, and the one SSL context that all sessions share (a context each: 0.27 ms, 21 kB).

Both are aiortc's. Nobody signs the certificate: answers carry its digest (RFC 8122), and peers believe
that. Its key proves who we are for as long as the process runs, a week at most.
"""

from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, RTCCertificate
from OpenSSL import SSL

from fedispace.media.live.sdp import Fingerprint

PROFILES = {profile.openssl_profile: profile for profile in (SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80)}
"""How SRTP may be protected (RFC 7714, RFC 5764), by OpenSSL's name, the preferred one first."""


class Certificate:
    """A certificate with its context and digest."""

    def __init__(self) -> None:
        made = RTCCertificate.generateCertificate()
        value = next(one.value for one in made.getFingerprints() if one.algorithm == "sha-256")
        self.fingerprint = Fingerprint(algorithm="sha-256", value=value)
        self.context = made._create_ssl_context(list(PROFILES.values()))
        # What is sent at once must not be asked of a memory BIO; `farewell` reads our choice of cipher.
        self.context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_CIPHER_SERVER_PREFERENCE)
        self.context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
