"""The SDP gate: what a browser offers becomes an `Offer`, or is refused.

Nothing but this module reads a stranger's SDP. It counts before it parses (general parsers are
quadratic and answer malformed input with any exception at all), keeps the dozen facts an ICE-lite
audio server needs, and forgets the rest: candidates are never looked at, so no offer can make us
send to an address of its choosing, and no line of one person's SDP reaches another.

An offer has one audio section; a speaker who wants to hear others apart has up to three that
receive, in one bundle. Anything else in it, video or a data channel, is a reason to refuse the whole:
half a session that looks like success misleads its user (RFC 9725, section 4.4). The refusal says
what to leave out.
"""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fedispace.errors import Invalid, TooLarge

Setup = Literal["actpass", "active", "passive"]

MAX_BYTES = 16 * 1024
MAX_LINES = 400
_MAX_LINE = 1024
_MAX_SECTIONS = 4
_MAX_RTPMAP = 32
_MAX_FEEDBACK = 64
_MAX_SSRC = 4
MAX_AUDIO = 3

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
_PROTOCOLS = frozenset({"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"})
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
_ICE_CHARS = re.compile(r"[A-Za-z0-9+/]+")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,32}")
_OTHER_LINES = frozenset(f"{letter}=" for letter in string.ascii_lowercase)
_DIGEST = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The digest of the peer's DTLS certificate (RFC 8122)."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """One audio section: what it is for, and its formats."""

    mid: str | None
    protocol: str
    sends: bool
    receives: bool
    payload_type: int
    red_payload_type: int | None
    level_extension: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What we need of an offer: its audio sections, and the one transport that all of them share."""

    sections: tuple[Audio, ...]
    bundled: bool
    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[Fingerprint, ...]
    setup: Setup
    reduced_size_rtcp: bool

    @property
    def sends(self) -> bool:
        """Whether there is sound in it that the peer would send."""
        return any(section.sends for section in self.sections)

    @property
    def receives(self) -> bool:
        """Whether the peer would receive in every section."""
        return all(section.receives for section in self.sections)

    @property
    def payload_type(self) -> int:
        """The number of Opus in the first section."""
        return self.sections[0].payload_type

    @property
    def red_payload_type(self) -> int | None:
        """The number of Opus with redundancy (RFC 2198) in the first section."""
        return self.sections[0].red_payload_type

    @property
    def level_extension(self) -> int | None:
        """The number of the audio level (RFC 6464) in the first section."""
        return self.sections[0].level_extension


def read_offer(text: str) -> Offer:
    """Parse `text`; raise `Invalid` (field `sdp`) when it is not an audio offer we can answer."""
    check_size(text)
    session, sections = _sections(_lines(text))
    if not sections:
        raise _refusal("the offer has no audio section")
    for section in sections:
        kind = section.media.split(" ", 1)[0]
        if kind != "audio":
            raise _refusal(
                f"this server takes sound only: leave {'video' if kind == 'video' else 'data channels'} out"
            )
    if len(sections) > MAX_AUDIO:
        raise _refusal(f"the offer may have {MAX_AUDIO} audio sections at most")
    return _offer(session, sections)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """What we need of a fragment that comes after the offer (RFC 8840): the names of its ICE generation,
    None where it has only candidates."""

    ice_ufrag: str | None
    ice_pwd: str | None


def read_fragment(text: str) -> Fragment:
    """Parse an SDP fragment; raise `Invalid` (field `sdp`) when it is none. Its candidates stay unread."""
    check_size(text)
    session, sections = _sections(_lines(text, is_whole=False))
    section = next((found for found in sections if found.first("ice-ufrag")), session)
    if not (section.first("ice-ufrag") or section.first("ice-pwd")):
        return Fragment(ice_ufrag=None, ice_pwd=None)
    return Fragment(
        ice_ufrag=_ice(session, section, "ice-ufrag", 4), ice_pwd=_ice(session, section, "ice-pwd", 22)
    )


def check_size(text: str) -> None:
    """Raise `TooLarge` before anything is parsed."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise TooLarge("the offer is too long", field="sdp")
    if text.count("\n") > MAX_LINES:
        raise TooLarge("the offer has too many lines", field="sdp")


@dataclass(frozen=True, slots=True)
class _Section:
    media: str
    attributes: dict[str, list[str]]

    def first(self, name: str) -> str | None:
        values = self.attributes.get(name)
        return None if values is None else values[0]

    def each(self, name: str) -> list[str]:
        return self.attributes.get(name, [])


def _refusal(detail: str) -> Invalid:
    return Invalid(detail, field="sdp")


def _lines(text: str, *, is_whole: bool = True) -> list[str]:
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    for line in lines:
        if len(line) > _MAX_LINE or not line.isprintable():
            raise _refusal("the offer has a line that is too long or not text")
    if is_whole and lines[0] != "v=0":
        raise _refusal("the offer is not SDP")
    return lines


def _sections(lines: list[str]) -> tuple[_Section, list[_Section]]:
    """Split into the session's attributes and each media section's, counting as we go."""
    found = [_Section("", {})]
    for line in lines:
        kind = line[:2]
        if kind == "a=":
            name, _, content = line[2:].partition(":")
            found[-1].attributes.setdefault(name, []).append(content)
        elif kind == "m=":
            if len(found) > _MAX_SECTIONS:
                raise _refusal("the offer has too many sections")
            found.append(_Section(line[2:], {}))
        elif kind not in _OTHER_LINES:
            raise _refusal("the offer has a line that is not SDP")
    for section in found:
        _count(section)
    return found[0], found[1:]


def _count(section: _Section) -> None:
    sources = {value.split(" ", 1)[0] for value in section.each("ssrc")}
    if (
        len(section.each("rtpmap")) > _MAX_RTPMAP
        or len(section.each("rtcp-fb")) > _MAX_FEEDBACK
        or len(sources) > _MAX_SSRC
    ):
        raise _refusal("the offer has too many codecs, feedbacks or sources")


def _offer(session: _Section, sections: list[_Section]) -> Offer:
    first = sections[0]
    audio = tuple(_audio(session, section, is_first=section is first) for section in sections)
    mids = [section.mid for section in audio]
    groups = [value.split() for value in session.each("group")]
    bundled = mids[0] is not None and any(
        group[:1] == ["BUNDLE"] and set(mids) <= set(group[1:]) for group in groups
    )
    if len(mids) > 1 and not (bundled and len(set(mids)) == len(mids)):
        raise _refusal("the offer's sections must be in one BUNDLE group, each with a mid of its own")
    return Offer(
        sections=audio,
        bundled=bundled,
        ice_ufrag=_ice(session, first, "ice-ufrag", 4),
        ice_pwd=_ice(session, first, "ice-pwd", 22),
        fingerprints=_fingerprints(session, first),
        setup=_setup(session, first),
        reduced_size_rtcp=first.first("rtcp-rsize") is not None,
    )


def _audio(session: _Section, audio: _Section, *, is_first: bool) -> Audio:
    protocol, formats = _media_line(audio, is_first=is_first)
    if audio.first("rtcp-mux") is None:
        raise _refusal("the offer must use rtcp-mux")
    mid = audio.first("mid")
    if mid is not None and not _TOKEN.fullmatch(mid):
        raise _refusal("the offer's mid is not a token")
    direction = _direction(audio) or _direction(session) or "sendrecv"
    opus = _opus(audio, formats)
    return Audio(
        mid=mid,
        protocol=protocol,
        sends=direction in ("sendrecv", "sendonly"),
        receives=direction in ("sendrecv", "recvonly"),
        payload_type=opus,
        red_payload_type=_red(audio, formats, opus),
        level_extension=_level_extension(session, audio),
    )


def _media_line(audio: _Section, *, is_first: bool) -> tuple[str, frozenset[str]]:
    parts = audio.media.split()
    if len(parts) < 4:
        raise _refusal("the offer's media line is not valid")
    if not _is_number(parts[1], 65535):
        raise _refusal("the offer's port is not valid")
    # Sections that exist only in the bundle have port 0 and say so (RFC 9143, section 6).
    if int(parts[1]) == 0 and (is_first or audio.first("bundle-only") is None):
        raise _refusal("the offer has a rejected section")
    if parts[2] not in _PROTOCOLS:
        raise _refusal("the offer must use DTLS-SRTP")
    return parts[2], frozenset(parts[3:])


def _opus(audio: _Section, formats: frozenset[str]) -> int:
    return next(iter(_payload_types(audio, formats, "opus/48000")), None) or _no_opus()


def _no_opus() -> int:
    raise _refusal("the offer has no Opus")


def _red(audio: _Section, formats: frozenset[str], opus: int) -> int | None:
    """Return the number of RED whose blocks are Opus (RFC 2198, section 5)."""
    parameters = dict(value.split(" ", 1) for value in audio.each("fmtp") if " " in value)
    for number in _payload_types(audio, formats, "red/48000"):
        blocks = parameters.get(str(number), "").strip().split("/")
        if set(blocks) == {str(opus)} and 2 <= len(blocks) <= 4:
            return number
    return None


def _payload_types(audio: _Section, formats: frozenset[str], codec: str) -> Iterator[int]:
    for value in audio.each("rtpmap"):
        number, _, name = value.partition(" ")
        # 64 to 95 would be taken for RTCP on a shared port (RFC 5761, section 4).
        if (
            name.lower().startswith(codec)
            and number in formats
            and _is_number(number, 127)
            and not 64 <= int(number) <= 95
        ):
            yield int(number)


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
    values = audio.each("fingerprint") or session.each("fingerprint")
    found: list[Fingerprint] = []
    for value in values[:8]:
        algorithm, _, digest = value.partition(" ")
        size = _DIGEST_BYTES.get(algorithm.lower())
        if size is None:
            continue
        digest = digest.strip()
        if len(digest) != 3 * size - 1 or not _DIGEST.fullmatch(digest):
            raise _refusal("the offer's fingerprint is not valid")
        found.append(Fingerprint(algorithm=algorithm.lower(), value=digest.upper()))
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
    found = (name for name, values in section.attributes.items() if name in _DIRECTIONS and "" in values)
    return next(found, None)


def _is_number(text: str, largest: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= largest
