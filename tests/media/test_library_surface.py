"""What the SFU relies on in aiortc, pyOpenSSL and pylibsrtp, private names among it, and what it does as
other libraries do. When an upgrade moves one, this fails before a room goes silent."""

import inspect
import random
import subprocess
import sys

import pylibsrtp
import pytest
from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate
from OpenSSL import SSL
from pylibsrtp._binding import ffi, lib

from fedispace.media.live import stun as ours
from fedispace.media.live.certificate import PROFILES


def test_a_certificate_makes_the_context_for_the_profiles_it_is_given() -> None:
    assert list(inspect.signature(RTCCertificate._create_ssl_context).parameters) == ["self", "srtp_profiles"]
    made = RTCCertificate.generateCertificate()
    assert isinstance(made._create_ssl_context(list(PROFILES.values())), SSL.Context)
    assert [(name, one.key_length, one.salt_length) for name, one in PROFILES.items()] == [
        (b"SRTP_AEAD_AES_128_GCM", 16, 12),
        (b"SRTP_AES128_CM_SHA1_80", 16, 14),
    ]


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


def test_a_check_of_ours_is_what_another_library_expects_and_its_answer_is_known() -> None:
    transaction = bytes(range(12))
    asked = stun.parse_message(ours.request(transaction, "theirs:ours1", "password"))
    answer = stun.Message(
        message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE, transaction_id=transaction
    )
    answer.add_message_integrity(b"password")

    assert asked.attributes["USERNAME"] == "theirs:ours1"
    assert "USE-CANDIDATE" in asked.attributes
    assert asked.check_message_integrity(b"password")
    assert ours.is_success(bytes(answer), [transaction], "password")
    assert not ours.is_success(bytes(answer), [transaction], "another")
    assert not ours.is_success(bytes(answer), [bytes(12)], "password")


def test_a_check_with_a_wrong_fingerprint_or_after_its_integrity_counts_for_nothing() -> None:
    whole = ours.request(bytes(12), "ours:them", "password")
    altered = whole[:-1] + bytes((whole[-1] ^ 1,))
    without = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={"USERNAME": "ours:them"},
    )
    without.add_message_integrity(b"password")
    late = bytes(without)[:-8] + b"\x00\x25\x00\x00"
    late = late[:2] + (len(late) - 20).to_bytes(2, "big") + late[4:]
    nominating, not_nominating = ours.check(whole, "password"), ours.check(late, "password")

    assert nominating is not None
    assert nominating.nominates
    assert ours.check(altered, "password") is None
    assert not_nominating is not None
    assert not not_nominating.nominates


def test_openssl_tells_what_is_kept_of_a_connection() -> None:
    for name in (
        "DTLSv1_get_timeout",
        "DTLSv1_handle_timeout",
        "master_key",
        "client_random",
        "server_random",
    ):
        assert callable(getattr(SSL.Connection, name)), name
    assert issubclass(SSL.WantReadError, SSL.Error)


def test_a_server_loads_no_arithmetic_before_it_mixes() -> None:
    code = "import sys, fedispace.media.live.server as _; print({'numpy', 'scipy'} & {*sys.modules})"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"set()\n"
