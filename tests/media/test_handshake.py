"""A DTLS handshake of ours against OpenSSL's own client and server, and what is left of it afterwards."""

import pylibsrtp
import pytest
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate
from OpenSSL import SSL

from fedispace.media.live.certificate import Certificate
from fedispace.media.live.handshake import Handshake, Secured, Step
from fedispace.media.live.sdp import Fingerprint

_ROUNDS = 10
_REPEATS = 10


class _Far:
    """Somebody else's end: plain OpenSSL, with aiortc's certificate and settings."""

    def __init__(self, *, is_client: bool = True, ciphers: bytes | None = None) -> None:
        certificate = RTCCertificate.generateCertificate()
        found = next(entry for entry in certificate.getFingerprints() if entry.algorithm == "sha-256")
        self.fingerprint = Fingerprint(algorithm=found.algorithm, value=found.value)
        context = certificate._create_ssl_context(SRTP_PROFILES)
        if ciphers is not None:
            context.set_cipher_list(ciphers)
        self.connection = SSL.Connection(context)
        if is_client:
            self.connection.set_connect_state()
        else:
            self.connection.set_accept_state()
        self.is_complete = False

    def step(self, *datagrams: bytes) -> tuple[bytes, ...]:
        for datagram in datagrams:
            self.connection.bio_write(datagram)
        try:
            self.connection.do_handshake()
            self.is_complete = True
        except SSL.WantReadError:
            pass
        return self.said()

    def said(self) -> tuple[bytes, ...]:
        try:
            return (self.connection.bio_read(1 << 14),)
        except SSL.WantReadError:
            return ()

    def hears_goodbye(self, *datagrams: bytes) -> bool:
        for datagram in datagrams:
            self.connection.bio_write(datagram)
        try:
            self.connection.recv(1500)
        except SSL.ZeroReturnError:
            return True
        except SSL.WantReadError:
            return False
        return False

    def says_goodbye(self) -> bytes:
        self.connection.shutdown()
        return self.connection.bio_read(1500)


def _ours(far: _Far, *, is_client: bool = False) -> Handshake:
    context = Certificate().context
    return Handshake(context, is_client=is_client, fingerprints=(far.fingerprint,))


def _completed(far: _Far, *, is_client: bool = False) -> tuple[Secured, tuple[bytes, ...]]:
    """Return what we got of a handshake, and our last flight, which is not delivered."""
    ours = _ours(far, is_client=is_client)
    step = ours.begin() if is_client else ours.receive(far.step())
    for _ in range(_ROUNDS):
        if step.secured is not None:
            return step.secured, step.outgoing
        step = ours.receive(far.step(*step.outgoing))
    raise AssertionError("the handshake does not end")


@pytest.mark.parametrize("is_client", [False, True])
def test_either_side_may_open_the_handshake(is_client: bool) -> None:
    far = _Far(is_client=not is_client)
    _, last = _completed(far, is_client=is_client)

    far.step(*last)

    assert far.is_complete


def test_both_sides_have_the_same_keys() -> None:
    far = _Far()
    secured, last = _completed(far)
    far.step(*last)
    keys = far.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 56)
    theirs = pylibsrtp.Session(
        pylibsrtp.Policy(
            key=keys[:16] + keys[32:44],
            ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
        )
    )
    packet = b"\x80\x6f\0\1\0\0\0\0\0\0\0\1opus"

    assert far.connection.get_selected_srtp_profile() == b"SRTP_AEAD_AES_128_GCM"
    assert secured.incoming.unprotect(theirs.protect(packet)) == packet


@pytest.mark.parametrize("is_client", [False, True])
def test_whoever_has_another_certificate_than_the_offer_said_is_refused(is_client: bool) -> None:
    far, named = _Far(is_client=not is_client), _Far()
    ours = _ours(named, is_client=is_client)
    step = ours.begin() if is_client else ours.receive(far.step())
    while step.secured is None and not step.has_failed:
        step = ours.receive(far.step(*step.outgoing))

    assert step.has_failed
    assert step.secured is None


def test_all_the_digests_that_an_offer_names_must_hold() -> None:
    far = _Far()
    wrong = Fingerprint(algorithm="sha-512", value=":".join(["00"] * 64))
    ours = Handshake(Certificate().context, is_client=False, fingerprints=(far.fingerprint, wrong))
    step = ours.receive(far.step())
    while step.secured is None and not step.has_failed:
        step = ours.receive(far.step(*step.outgoing))

    assert step.has_failed


def test_no_datagram_is_larger_than_a_path_carries() -> None:
    far = _Far()
    ours = _ours(far)

    assert all(len(datagram) <= 1200 for datagram in ours.receive(far.step()).outgoing)


def test_junk_among_the_records_does_not_end_the_handshake() -> None:
    far = _Far()
    ours = _ours(far)
    step = ours.receive((b"\x16\xfe\xfd" + bytes(40), *far.step(), b"\x15junk"))
    while step.secured is None:
        assert not step.has_failed
        step = ours.receive(far.step(*step.outgoing))


def test_the_last_flight_is_sent_again_to_whoever_did_not_get_it() -> None:
    far = _Far()
    secured, _lost = _completed(far)
    repeated = b"\x16\xfe\xfd\0\0\0\0\0\0\0\x09\0\x01\x10"

    assert not secured.farewell.hear(repeated)
    far.step(*secured.farewell.reply())

    assert far.is_complete
    assert secured.farewell.reply() == ()


def test_the_last_flight_is_not_sent_again_for_ever() -> None:
    secured, last = _completed(_Far())
    repeated = b"\x16\xfe\xfd\0\0\0\0\0\0\0\x09\0\x01\x10"
    replies: list[tuple[bytes, ...]] = []
    for _ in range(3 * _REPEATS):
        secured.farewell.hear(repeated)
        replies.append(secured.farewell.reply())

    assert replies == [last] * _REPEATS + [()] * (2 * _REPEATS)


@pytest.mark.parametrize("ciphers", [None, b"ECDHE-ECDSA-CHACHA20-POLY1305", b"ECDHE-ECDSA-AES256-SHA"])
@pytest.mark.parametrize("is_client", [False, True])
def test_goodbyes_are_understood_both_ways(is_client: bool, ciphers: bytes | None) -> None:
    far = _Far(is_client=not is_client, ciphers=ciphers)
    secured, last = _completed(far, is_client=is_client)
    far.step(*last)

    assert secured.farewell.hear(far.says_goodbye())
    assert far.hears_goodbye(*secured.farewell.goodbye())


def test_a_goodbye_behind_another_record_is_found() -> None:
    far = _Far()
    secured, last = _completed(far)
    far.step(*last)

    assert secured.farewell.hear(b"\x17\xfe\xfd\0\1\0\0\0\0\0\x07\0\x02ab" + far.says_goodbye())


def test_nobody_says_goodbye_for_another() -> None:
    far, other = _Far(), _Far()
    secured, last = _completed(far)
    _, others_last = _completed(other)
    far.step(*last)
    other.step(*others_last)
    goodbye = far.says_goodbye()
    forged = (
        other.says_goodbye(),
        goodbye[:-1] + bytes((goodbye[-1] ^ 1,)),
        goodbye[:10] + bytes((goodbye[10] ^ 1,)) + goodbye[11:],
        goodbye[:-1],
        b"\x15\xfe\xfd\0\0\0\0\0\0\0\x09\0\x02\x01\0",
        b"\x15\xfe\xfd\0\1\0\0\0\0\0\x09\0\x02\x01\0",
        b"\x15" + bytes(12),
        b"",
    )

    assert not any(secured.farewell.hear(datagram) for datagram in forged)
    assert secured.farewell.hear(goodbye)


def test_openssl_is_asked_to_repeat_when_the_peer_is_silent() -> None:
    far = _Far()
    ours = _ours(far)
    step = ours.receive(far.step())

    assert step.wait is not None
    assert 0 < step.wait <= 1
    assert isinstance(ours.repeat(), Step)
