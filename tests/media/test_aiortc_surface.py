"""The private names of aiortc and pylibsrtp that the SFU stands on. When an upgrade moves one, this
fails before a room goes silent."""

import inspect

import pylibsrtp
from aiortc import rtcdtlstransport
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport, State
from pylibsrtp._binding import ffi, lib

from fedispace.media.live.dtls import Credentials, DtlsTransport
from fedispace.media.live.path import Path


class _Nowhere:
    def send(self, data: bytes, to: object) -> None: ...


async def test_the_transport_has_the_attributes_that_we_set_and_read() -> None:
    credentials = Credentials(0.0)
    path = Path(ufrag="a", password="b", remote_ufrag="c", sender=_Nowhere(), now=0.0)
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
