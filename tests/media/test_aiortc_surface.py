"""What the SFU relies on in aiortc, aioice, pyOpenSSL and pylibsrtp, private names among it. When an
upgrade moves one, this fails before a room goes silent."""

import inspect
import random

import pylibsrtp
import pytest
from aioice import stun
from aiortc import rtcdtlstransport
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport, State
from OpenSSL import SSL
from pylibsrtp._binding import ffi, lib

from fedispace.media.live import stun as ours
from fedispace.media.live.dtls import PROFILES, Credentials, DtlsTransport, SharedCertificate
from fedispace.media.live.path import Ice, Path


class _Nowhere:
    def send(self, data: bytes, to: object) -> None: ...


async def test_the_transport_has_the_attributes_that_we_set_and_read() -> None:
    credentials = Credentials(0.0)
    ice = Ice(ufrag="a", password="b", remote_ufrag="c")
    path = Path(ice=ice, sender=_Nowhere(), now=0.0)
    transport = DtlsTransport(path, credentials, credentials.certificate(0.0), is_client=True)

    expected = {
        "_role": "client",
        "_state": State.NEW,
        "_ssl": None,
        "_task": None,
        "_rx_srtp": None,
        "_tx_srtp": None,
        "encrypted": False,
        "transport": path,
    }
    assert {name: getattr(transport, name) for name in expected} == expected
    credentials.close()


def test_the_methods_that_we_override_or_call_are_there() -> None:
    for name in ("_do_handshake", "_write_ssl", "start", "stop"):
        assert inspect.iscoroutinefunction(getattr(RTCDtlsTransport, name)), name
    assert list(inspect.signature(RTCDtlsTransport._set_role).parameters) == ["self", "role"]
    assert list(inspect.signature(RTCDtlsTransport._set_state).parameters) == ["self", "state"]
    assert list(inspect.signature(RTCCertificate._create_ssl_context).parameters) == ["self", "srtp_profiles"]


def test_start_still_calls_the_handshake_that_we_replace() -> None:
    source = inspect.getsource(RTCDtlsTransport.start)

    order = [
        "_create_ssl_context",
        "_do_handshake",
        "_validate_peer_identity",
        "_setup_srtp",
        "ensure_future",
    ]
    assert [source.index(name) for name in order] == sorted(source.index(name) for name in order)


def test_both_profiles_are_supported() -> None:
    names = {profile.openssl_profile for profile in rtcdtlstransport.SRTP_PROFILES}

    assert {b"SRTP_AEAD_AES_128_GCM", b"SRTP_AES128_CM_SHA1_80"} <= names


def test_the_c_library_takes_a_session_a_buffer_and_a_length() -> None:
    policy = pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    session = pylibsrtp.Session(policy)
    buffer, length = ffi.new("char[]", 200), ffi.new("int *", 16)
    buffer[0:16] = b"\x80\x6f\0\1\0\0\0\0\0\0\0\1opus"

    assert lib.srtp_protect(session._srtp[0], buffer, length) == 0
    assert length[0] == 26


def test_a_session_opens_what_its_twin_sealed_and_says_error_to_all_else() -> None:
    for profile, size in (
        (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
        (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    ):
        sender, receiver = (
            pylibsrtp.Session(pylibsrtp.Policy(key=bytes(range(size)), ssrc_type=kind, srtp_profile=profile))
            for kind in (pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        )
        plain = b"\x80\x6f\0\1\0\0\0\0\0\0\0\1opus"
        sealed = sender.protect(plain)
        assert receiver.unprotect(sealed) == plain
        report = b"\x80\xc9\0\1\0\0\0\1"
        assert receiver.unprotect_rtcp(sender.protect_rtcp(report)) == report
        for forged in (sealed, sealed[:-1], bytes(40), b"\x80\x6f" + bytes(38)):
            with pytest.raises(pylibsrtp.Error):
                receiver.unprotect(forged)


def test_a_check_is_read_and_its_password_proved() -> None:
    message = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={"USERNAME": "ours:them", "PRIORITY": 1, "ICE-CONTROLLING": 1, "USE-CANDIDATE": None},
    )
    message.add_message_integrity(b"password")
    parsed = stun.parse_message(bytes(message))

    assert parsed.transaction_id == message.transaction_id
    assert "USE-CANDIDATE" in parsed.attributes
    assert parsed.check_message_integrity(b"password")
    assert not parsed.check_message_integrity(b"another")
    assert stun.COOKIE == 0x2112A442


def test_an_answer_tells_the_address_it_saw() -> None:
    from_v4, from_v6 = (
        stun.parse_message(ours.success(bytes(12), (host, 4000), "password"))
        for host in ("::ffff:192.0.2.1", "2001:db8::1")
    )

    assert from_v4.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.1", 4000)
    assert from_v6.attributes["XOR-MAPPED-ADDRESS"] == ("2001:db8::1", 4000)
    assert from_v4.message_class is stun.Class.RESPONSE
    assert from_v4.check_message_integrity(b"password")


def test_what_the_stun_parser_raises_is_what_we_expect() -> None:
    chance = random.Random(5)
    whole = bytes(stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST))
    for _ in range(20_000):
        data = bytearray(whole + chance.randbytes(chance.randrange(60)))
        data[2:4] = (len(data) - 20).to_bytes(2, "big")
        assert ours.check(bytes(data), "password") is None


def test_openssl_has_the_steps_of_a_handshake_over_datagrams() -> None:
    for name in ("do_handshake", "bio_write", "DTLSv1_get_timeout", "DTLSv1_handle_timeout"):
        assert callable(getattr(SSL.Connection, name)), name
    assert issubclass(SSL.WantReadError, SSL.Error)


def test_one_certificate_makes_one_context() -> None:
    certificate = SharedCertificate.generateCertificate()

    assert certificate._create_ssl_context(PROFILES) is certificate._create_ssl_context(PROFILES)
    assert certificate.fingerprint is certificate.fingerprint
    assert PROFILES[0].openssl_profile == b"SRTP_AEAD_AES_128_GCM"
