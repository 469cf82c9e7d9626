"""The SDP gate: what a browser offers becomes an `Offer`, or is refused.

Nothing but this module reads a stranger's SDP. It counts before it parses (general parsers are
quadratic and answer malformed input with any exception at all), keeps the dozen facts an ICE-lite
audio server needs, and forgets the rest: candidates are never looked at, so no offer can make us
send to an address of its choosing, and no line of one person's SDP reaches another.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fedispace.errors import Invalid

Setup = Literal["actpass", "active", "passive"]

MAX_BYTES = 16 * 1024
MAX_LINES = 400
_MAX_LINE = 1024
_MAX_SECTIONS = 4
_MAX_RTPMAP = 32
_MAX_FEEDBACK = 64
_MAX_SSRC = 4

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
_PROTOCOLS = frozenset({"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"})
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
_ICE_CHARS = re.compile(r"[A-Za-z0-9+/]+")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,32}")
_LINE = re.compile(r"([a-z])=(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The digest of the peer's DTLS certificate (RFC 8122)."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What we need of an offer with one audio section."""

    mid: str | None
    bundled: bool
    protocol: str
    sends: bool
    receives: bool
    payload_type: int
    level_extension: int | None
    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[Fingerprint, ...]
    setup: Setup
    reduced_size_rtcp: bool


def read_offer(text: str) -> Offer:
    """Parse `text`; raise `Invalid` (field `sdp`) when it is not an audio offer we can answer."""
    session, sections = _sections(_lines(text))
    if len(sections) != 1:
        raise _refusal("the offer must have exactly one audio section")
    return _offer(session, sections[0])


@dataclass(frozen=True, slots=True)
class _Section:
    media: str
    attributes: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str | None:
        return next(self.each(name), None)

    def each(self, name: str) -> Iterator[str]:
        return (value for key, value in self.attributes if key == name)


def _refusal(detail: str) -> Invalid:
    return Invalid(detail, field="sdp")


def _lines(text: str) -> list[str]:
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise _refusal("the offer is too long")
    if text.count("\n") > MAX_LINES:
        raise _refusal("the offer has too many lines")
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    for line in lines:
        if len(line) > _MAX_LINE or not line.isprintable():
            raise _refusal("the offer has a line that is too long or not text")
    if lines[0] != "v=0":
        raise _refusal("the offer is not SDP")
    return lines


def _sections(lines: list[str]) -> tuple[_Section, list[_Section]]:
    """Split into the session's attributes and each media section's, counting as we go."""
    heads: list[str] = [""]
    bodies: list[list[tuple[str, str]]] = [[]]
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            raise _refusal("the offer has a line that is not SDP")
        kind, value = match.groups()
        if kind == "m":
            if len(heads) > _MAX_SECTIONS:
                raise _refusal("the offer has too many sections")
            heads.append(value)
            bodies.append([])
        elif kind == "a":
            name, _, content = value.partition(":")
            bodies[-1].append((name, content))
    found = [_Section(head, tuple(body)) for head, body in zip(heads, bodies, strict=True)]
    for section in found:
        _count(section)
    return found[0], found[1:]


def _count(section: _Section) -> None:
    sources = {value.split(" ", 1)[0] for value in section.each("ssrc")}
    if (
        sum(1 for _ in section.each("rtpmap")) > _MAX_RTPMAP
        or sum(1 for _ in section.each("rtcp-fb")) > _MAX_FEEDBACK
        or len(sources) > _MAX_SSRC
    ):
        raise _refusal("the offer has too many codecs, feedbacks or sources")


def _offer(session: _Section, audio: _Section) -> Offer:
    protocol, formats = _media_line(audio.media)
    if audio.first("rtcp-mux") is None:
        raise _refusal("the offer must use rtcp-mux")
    mid = audio.first("mid")
    if mid is not None and not _TOKEN.fullmatch(mid):
        raise _refusal("the offer's mid is not a token")
    groups = (value.split() for value in session.each("group"))
    direction = _direction(audio) or _direction(session) or "sendrecv"
    return Offer(
        mid=mid,
        bundled=mid is not None and any(group[:1] == ["BUNDLE"] and mid in group for group in groups),
        protocol=protocol,
        sends=direction in ("sendrecv", "sendonly"),
        receives=direction in ("sendrecv", "recvonly"),
        payload_type=_opus(audio, formats),
        level_extension=_level_extension(session, audio),
        ice_ufrag=_ice(session, audio, "ice-ufrag", 4),
        ice_pwd=_ice(session, audio, "ice-pwd", 22),
        fingerprints=_fingerprints(session, audio),
        setup=_setup(session, audio),
        reduced_size_rtcp=audio.first("rtcp-rsize") is not None,
    )


def _media_line(media: str) -> tuple[str, frozenset[str]]:
    parts = media.split()
    if len(parts) < 4 or parts[0] != "audio":
        raise _refusal("the offer must be for audio only")
    if not _is_number(parts[1], 65535) or parts[1] == "0":
        raise _refusal("the offer's port is not valid")
    if parts[2] not in _PROTOCOLS:
        raise _refusal("the offer must use DTLS-SRTP")
    return parts[2], frozenset(parts[3:])


def _opus(audio: _Section, formats: frozenset[str]) -> int:
    for value in audio.each("rtpmap"):
        number, _, codec = value.partition(" ")
        # 64 to 95 would be taken for RTCP on a shared port (RFC 5761, section 4).
        if codec.lower().startswith("opus/48000") and number in formats and _is_number(number, 127):
            payload_type = int(number)
            if not 64 <= payload_type <= 95:
                return payload_type
    raise _refusal("the offer has no Opus")


def _level_extension(session: _Section, audio: _Section) -> int | None:
    for section in (audio, session):
        for value in section.each("extmap"):
            head, _, rest = value.partition(" ")
            number = head.partition("/")[0]
            if rest.split(" ", 1)[0] == AUDIO_LEVEL and _is_number(number, 14) and int(number):
                return int(number)
    return None


def _ice(session: _Section, audio: _Section, name: str, shortest: int) -> str:
    value = audio.first(name) or session.first(name) or ""
    if not shortest <= len(value) <= 256 or not _ICE_CHARS.fullmatch(value):
        raise _refusal(f"the offer's {name} is missing or not valid")
    return value


def _fingerprints(session: _Section, audio: _Section) -> tuple[Fingerprint, ...]:
    values = list(audio.each("fingerprint")) or list(session.each("fingerprint"))
    found: list[Fingerprint] = []
    for value in values[:8]:
        algorithm, _, digest = value.partition(" ")
        size = _DIGEST_BYTES.get(algorithm.lower())
        if size is None:
            continue
        pairs = digest.strip().split(":")
        if len(pairs) != size or not all(re.fullmatch(r"[0-9A-Fa-f]{2}", pair) for pair in pairs):
            raise _refusal("the offer's fingerprint is not valid")
        found.append(Fingerprint(algorithm=algorithm.lower(), value=":".join(pairs).upper()))
    if not found:
        raise _refusal("the offer has no fingerprint we can check")
    return tuple(found)


def _setup(session: _Section, audio: _Section) -> Setup:
    match audio.first("setup") or session.first("setup"):
        case "actpass":
            return "actpass"
        case "active":
            return "active"
        case "passive":
            return "passive"
    raise _refusal("the offer's setup is missing or not valid")


def _direction(section: _Section) -> str | None:
    return next((name for name, value in section.attributes if name in _DIRECTIONS and not value), None)


def _is_number(text: str, largest: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= largest
