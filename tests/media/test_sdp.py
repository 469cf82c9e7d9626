"""The SDP gate: what is let in, and the many things that are not (each must be cheap to refuse)."""

import dataclasses
import time
from collections.abc import Callable

import pytest

from fedispace.errors import Invalid, TooLarge
from fedispace.media.live.answer import Local, Sending, answer_to
from fedispace.media.live.sdp import Fingerprint, read_offer

_DIGEST = ":".join(["AB"] * 32)
OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=msid-semantic: WMS",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2113937151 192.168.7.7 50000 typ host",
        "a=ice-ufrag:AbCd",
        "a=ice-pwd:0123456789abcdef01234567",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {_DIGEST}",
        "a=setup:actpass",
        "a=mid:0",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=rtpmap:9 G722/8000",
        "a=ssrc:123 cname:abc",
        "",
    ]
)
LOCAL = Local(
    number=7,
    ice_ufrag="ours",
    ice_pwd="ourpassword",
    fingerprint=Fingerprint(algorithm="sha-256", value=_DIGEST),
    addresses=("203.0.113.5", "2001:db8::5"),
    port=7882,
)


def _without(prefix: str) -> str:
    return "\r\n".join(line for line in OFFER.split("\r\n") if not line.startswith(prefix))


def _with(line: str, instead_of: str) -> str:
    return "\r\n".join(line if old.startswith(instead_of) else old for old in OFFER.split("\r\n"))


def _plus(*lines: str) -> str:
    return OFFER + "\r\n".join(lines) + "\r\n"


_SECTION = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "a=ice-ufrag:WxYz",
    "a=recvonly",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
)


def _bundle(count: int) -> str:
    """An offer of `count` audio sections that receive, as a browser writes it."""
    group = "a=group:BUNDLE " + " ".join(map(str, range(count)))
    more = (line for mid in range(1, count) for line in (*_SECTION, f"a=mid:{mid}"))
    offer = _plus(*more).replace("a=sendrecv", "a=recvonly")
    return offer.replace("a=group:BUNDLE 0", group)


REFUSED: dict[str, str] = {
    "nothing": "",
    "a blank": " ",
    "NUL": OFFER.replace("abc", "a\0c"),
    "no version": _without("v="),
    "another version": _with("v=1", "v="),
    "not SDP": "hello\r\n" * 10,
    "no media": OFFER.split("m=audio")[0],
    "a negative port": _with("m=audio -9 UDP/TLS/RTP/SAVPF 111", "m="),
    "a rejected section": _with("m=audio 0 UDP/TLS/RTP/SAVPF 111", "m="),
    "a port of 5000 digits": _with("m=audio " + "9" * 900 + " UDP/TLS/RTP/SAVPF 111", "m="),
    "a port in other digits": _with("m=audio ٩ UDP/TLS/RTP/SAVPF 111", "m="),
    "plain RTP": _with("m=audio 9 RTP/AVP 111", "m="),
    "video": _with("m=video 9 UDP/TLS/RTP/SAVPF 111", "m="),
    "a data channel": _with("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m="),
    "audio and video": _plus("m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 H264/90000"),
    "two audio sections without a bundle": _plus(*_SECTION, "a=mid:1"),
    "two audio sections of one mid": _plus(*_SECTION, "a=mid:0"),
    "a second section that is rejected": _bundle(2).replace("m=audio 9", "m=audio 0"),
    "four audio sections": _bundle(4),
    "audio and a data channel": _plus("m=application 9 UDP/DTLS/SCTP webrtc-datachannel"),
    "an unknown parameter where Opus should be": _with("a=fmtp:111 " + "x=1;" * 300, "a=fmtp"),
    "a setup of nothing": _with("a=setup:", "a=setup"),
    "200 sections": _plus(*["m=audio 9 UDP/TLS/RTP/SAVPF 111"] * 200),
    "no user name": _without("a=ice-ufrag"),
    "no password": _without("a=ice-pwd"),
    "a short password": _with("a=ice-pwd:short", "a=ice-pwd"),
    "a user name with a colon": _with("a=ice-ufrag:ab:cd", "a=ice-ufrag"),
    "a user name of 300 characters": _with("a=ice-ufrag:" + "a" * 300, "a=ice-ufrag"),
    "no fingerprint": _without("a=fingerprint"),
    "a weak fingerprint": _with("a=fingerprint:sha-1 " + ":".join(["AB"] * 20), "a=fingerprint"),
    "a short fingerprint": _with("a=fingerprint:sha-256 AB:CD", "a=fingerprint"),
    "a fingerprint that is not hexadecimal": _with(
        f"a=fingerprint:sha-256 {_DIGEST[:-2]}XY", "a=fingerprint"
    ),
    "no setup": _without("a=setup"),
    "holdconn": _with("a=setup:holdconn", "a=setup"),
    "no rtcp-mux": _without("a=rtcp-mux"),
    "no Opus": _without("a=rtpmap:111"),
    "Opus at a payload type that is not offered": _with("a=rtpmap:112 opus/48000/2", "a=rtpmap:111"),
    "Opus where RTCP is": _with("m=audio 9 UDP/TLS/RTP/SAVPF 72", "m=").replace("rtpmap:111", "rtpmap:72"),
    "Opus at 5000": _with("m=audio 9 UDP/TLS/RTP/SAVPF 5000", "m=").replace("rtpmap:111", "rtpmap:5000"),
    "a mid with a line in it": _with("a=mid:0 1", "a=mid"),
    "33 codecs": _plus(*[f"a=rtpmap:{n} x/8000" for n in range(33)]),
    "65 feedbacks": _plus(*["a=rtcp-fb:111 nack"] * 65),
    "5 sources": _plus(*[f"a=ssrc:{n} cname:x" for n in range(5)]),
    "401 lines": _plus(*["a=x"] * 401),
    "10 000 lines": _plus(*["a=x"] * 10_000),
    "a long line": _plus("a=" + "x" * 2000),
    "17 KiB": _plus(*["a=" + "x" * 1000] * 17),
    "1 MiB": _plus("a=" + "x" * (1 << 20)),
    "16 KiB of what is longer in UTF-8": "v=0\r\n" + "é" * 10_000,
}


@pytest.mark.attack(96)
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_an_audio_offer_is_refused_quickly(name: str) -> None:
    began = time.perf_counter()
    with pytest.raises(Invalid) as refusal:
        read_offer(REFUSED[name])

    assert refusal.value.field == "sdp"
    assert time.perf_counter() - began < 0.05


def test_any_offer_cut_short_or_with_a_broken_line_raises_nothing_but_a_refusal() -> None:
    lines = OFFER.split("\r\n")
    broken: list[Callable[[str], str]] = [
        lambda line: line[: len(line) // 2],
        lambda line: line + " " + line,
        lambda line: line.replace(" ", ""),
        lambda line: line.replace("1", "٣"),
        lambda line: line.replace("=", ":"),
    ]
    for at in range(len(lines)):
        for spoil in broken:
            text = "\r\n".join([*lines[:at], spoil(lines[at]), *lines[at + 1 :]])
            try:
                read_offer(text)
            except Invalid:
                continue
    for size in range(len(OFFER)):
        try:
            read_offer(OFFER[:size])
        except Invalid:
            continue


def test_what_is_needed_of_an_offer_is_kept() -> None:
    offer = read_offer(OFFER)

    assert (offer.sections[0].mid, offer.bundled, offer.payload_type, offer.level_extension) == (
        "0",
        True,
        111,
        1,
    )
    assert (offer.ice_ufrag, offer.setup, offer.sends, offer.receives) == ("AbCd", "actpass", True, True)
    assert offer.fingerprints == (Fingerprint(algorithm="sha-256", value=_DIGEST),)


def test_credentials_may_stand_above_the_section() -> None:
    head, _, rest = _without("a=setup").partition("m=audio")
    offer = read_offer(head + "a=setup:active\r\n" + "m=audio" + rest)

    assert offer.setup == "active"


def test_opus_is_found_under_any_payload_type_and_spelling() -> None:
    offer = read_offer(
        _with("m=audio 9 UDP/TLS/RTP/SAVPF 96", "m=").replace("rtpmap:111 opus", "rtpmap:96 OPUS")
    )

    assert offer.payload_type == 96


def test_the_answer_to_a_publisher_receives_and_has_only_our_candidates() -> None:
    answer = answer_to(read_offer(OFFER), LOCAL)

    lines = answer.split("\r\n")
    assert "a=recvonly" in lines
    assert "a=setup:passive" in lines
    assert "a=ice-lite" in lines
    assert "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level" in lines
    candidates = [line for line in lines if line.startswith("a=candidate:")]
    assert [line.split()[2:6:2] for line in candidates] == [
        ["udp", "203.0.113.5"],
        ["udp", "2001:db8::5"],
        ["tcp", "203.0.113.5"],
        ["tcp", "2001:db8::5"],
    ]
    assert all(line.split()[5] == "7882" for line in candidates)
    assert all(line.endswith("tcptype passive") == (" tcp " in line) for line in candidates)
    priorities = [int(line.split()[3]) for line in candidates]
    assert priorities == sorted(set(priorities), reverse=True)
    assert len({line.split()[0] for line in candidates}) == 4, "each has a foundation of its own"
    assert "c=IN IP4 203.0.113.5" in lines
    assert lines[-2] == "a=end-of-candidates"
    assert "192.168.7.7" not in answer


def test_where_the_first_address_is_ipv6_the_answer_says_so() -> None:
    local = dataclasses.replace(LOCAL, addresses=("2001:db8::5", "203.0.113.5"))
    answer = answer_to(read_offer(OFFER), local)

    assert "\r\nc=IN IP6 2001:db8::5\r\n" in answer
    assert answer.count("a=candidate:") == 4


def test_the_answer_to_a_subscriber_sends_one_named_source_and_only_opus() -> None:
    answer = answer_to(read_offer(OFFER), LOCAL, [Sending(ssrc=99, cname="them", stream="programme")])

    lines = answer.split("\r\n")
    assert "a=sendonly" in lines
    assert "a=ssrc:99 cname:them" in lines
    assert "m=audio 7882 UDP/TLS/RTP/SAVPF 111" in lines


def test_a_speaker_may_ask_for_three_streams_in_one_bundle() -> None:
    offer = read_offer(_bundle(3))
    assert [section.mid for section in offer.sections] == ["0", "1", "2"]
    assert offer.ice_ufrag == "AbCd"
    assert offer.receives

    slots = [Sending(ssrc=number, cname="them", stream=f"slot{number}") for number in (7, 8)]
    head, *sections = answer_to(offer, LOCAL, slots).split("m=audio")
    assert "a=group:BUNDLE 0 1 2\r\n" in head
    assert [_direction(section) for section in sections] == ["sendonly", "sendonly", "inactive"]
    assert ["a=ssrc:7 " in sections[0], "a=ssrc:8 " in sections[1], "a=ssrc" in sections[2]] == [
        True,
        True,
        False,
    ]
    assert [section.count("a=candidate") for section in sections] == [4, 4, 4], "stock aiortc reads the last"
    assert [f"a=mid:{mid}\r\n" in section for mid, section in enumerate(sections)] == [True] * 3


def test_sections_that_exist_only_in_the_bundle_have_no_port_of_their_own() -> None:
    first, _, rest = _bundle(3).partition("m=audio 9")
    offer = (
        first
        + "m=audio 9"
        + rest.replace("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=bundle-only")
    )
    assert len(read_offer(offer).sections) == 3


def test_redundancy_is_answered_to_a_publisher_and_to_nobody_who_gets_none() -> None:
    offer = read_offer(_plus("a=fmtp:63 111/111"))
    assert offer.red_payload_type == 63

    answer = answer_to(offer, LOCAL)
    assert "m=audio 7882 UDP/TLS/RTP/SAVPF 63 111\r\n" in answer
    assert "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in answer
    assert "red" not in answer_to(offer, LOCAL, [Sending(ssrc=99, cname="them", stream="programme")])


def test_who_hears_the_programme_is_told_that_copies_may_come_but_opus_first() -> None:
    programme = Sending(ssrc=99, cname="them", stream="programme", with_copies=True)

    answer = answer_to(read_offer(_plus("a=fmtp:63 111/111")), LOCAL, [programme])
    assert "m=audio 7882 UDP/TLS/RTP/SAVPF 111 63\r\n" in answer
    assert "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in answer
    assert "red" not in answer_to(read_offer(_plus("")), LOCAL, [programme])


@pytest.mark.parametrize("parameters", ["", "111/63", "0/0", "111", "111/111/111/111/111", "/", "x"])
def test_redundancy_of_anything_but_opus_is_not_taken(parameters: str) -> None:
    assert read_offer(_plus(f"a=fmtp:63 {parameters}")).red_payload_type is None


@pytest.mark.attack(97)
@pytest.mark.parametrize("name", ["10 000 lines", "1 MiB", "17 KiB", "16 KiB of what is longer in UTF-8"])
def test_what_is_too_large_is_not_even_looked_at(name: str) -> None:
    began = time.perf_counter()
    with pytest.raises(TooLarge):
        read_offer(REFUSED[name])
    assert time.perf_counter() - began < 0.005


@pytest.mark.parametrize(("media", "said"), [("video", "video"), ("application", "data channels")])
def test_the_refusal_says_what_to_leave_out(media: str, said: str) -> None:
    with pytest.raises(Invalid, match=f"leave {said} out"):
        read_offer(_plus(f"m={media} 9 UDP/TLS/RTP/SAVPF 96"))


def _direction(section: str) -> str:
    return next(line for line in section.splitlines() if line in _DIRECTIONS)[2:]


_DIRECTIONS = ("a=sendonly", "a=recvonly", "a=inactive", "a=sendrecv")


def test_a_peer_that_insists_on_being_the_server_is_called_by_us() -> None:
    answer = answer_to(read_offer(_with("a=setup:passive", "a=setup")), LOCAL)

    assert "a=setup:active" in answer.split("\r\n")
