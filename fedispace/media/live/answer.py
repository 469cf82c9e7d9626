"""The SDP answer of an ICE-lite server: everything in it, nothing to trickle, nothing to renegotiate.

One section for each of the offer's, in its order, over one transport. Our names, key and candidates stand
in all of them: not every client takes those of the first, to which the others are bundled.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from fedispace.media.live.path import Ice
from fedispace.media.live.sdp import AUDIO_LEVEL, Audio, Fingerprint, Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Our side of one session."""

    number: int
    ice_ufrag: str
    ice_pwd: str
    fingerprint: Fingerprint
    addresses: tuple[str, ...]
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a subscriber will receive: one source with one name."""

    ssrc: int
    cname: str
    stream: str
    with_copies: bool = False  # redundancy (RFC 2198), for those who lose packets


def is_dtls_client(offer: Offer) -> bool:
    """Tell whether we open the DTLS handshake: only towards a peer that insists on being the server."""
    return offer.setup == "passive"


def answer_to(offer: Offer, local: Local, sending: Sequence[Sending] = ()) -> str:
    """Write the answer: recvonly to a publisher; to a subscriber each section sends its `sending`,
    and those beyond are inactive."""
    address = local.addresses[0]
    lines = ["v=0", f"o=- {local.number} 1 IN {_family(address)} {address}", "s=-", "t=0 0", "a=ice-lite"]
    if offer.bundled:
        lines.append("a=group:BUNDLE " + " ".join(section.mid or "" for section in offer.sections))
    lines.append("a=msid-semantic: WMS *")
    for order, section in enumerate(offer.sections):
        has_copies = order < len(sending) and sending[order].with_copies
        lines += _head(section, local, is_publishers=not sending, has_copies=has_copies)
        lines += [
            f"a=ice-ufrag:{local.ice_ufrag}",
            f"a=ice-pwd:{local.ice_pwd}",
            f"a=fingerprint:{local.fingerprint.algorithm} {local.fingerprint.value}",
            "a=setup:active" if is_dtls_client(offer) else "a=setup:passive",
        ]
        if not sending:
            lines += _receiving(section)
        elif order < len(sending):
            lines += _sending(section, sending[order])
        else:
            lines += ["a=inactive", *_opus(section.payload_type)]
        lines += _candidates(local.addresses, local.port)
    return "\r\n".join(lines) + "\r\n"


def _head(section: Audio, local: Local, *, is_publishers: bool, has_copies: bool) -> list[str]:
    address = local.addresses[0]
    formats = [section.payload_type]
    if is_publishers and section.red_payload_type is not None:
        formats.insert(0, section.red_payload_type)  # named first, it is used
    elif has_copies and section.red_payload_type is not None:
        formats.append(section.red_payload_type)
    return [
        f"m=audio {local.port} {section.protocol} {' '.join(map(str, formats))}",
        f"c=IN {_family(address)} {address}",
        *([f"a=mid:{section.mid}"] if section.mid is not None else []),
        "a=rtcp-mux",
    ]


def _receiving(section: Audio) -> list[str]:
    lines = ["a=recvonly", *_opus(section.payload_type)]
    lines += _red(section)
    if section.level_extension is not None:
        lines.append(f"a=extmap:{section.level_extension} {AUDIO_LEVEL}")
    return lines


def _sending(section: Audio, sending: Sending) -> list[str]:
    return [
        "a=sendonly",
        *_opus(section.payload_type),
        *(_red(section) if sending.with_copies else []),
        f"a=msid:{sending.stream} {sending.stream}",
        f"a=ssrc:{sending.ssrc} cname:{sending.cname}",
    ]


def _red(section: Audio) -> list[str]:
    red, opus = section.red_payload_type, section.payload_type
    return [] if red is None else [f"a=rtpmap:{red} red/48000/2", f"a=fmtp:{red} {opus}/{opus}"]


def _opus(number: int) -> list[str]:
    return [
        f"a=rtpmap:{number} opus/48000/2",
        f"a=fmtp:{number} minptime=10;useinbandfec=1;usedtx=1",
    ]


def fragment_of(offer: Offer, ice: Ice, addresses: tuple[str, ...], port: int) -> str:
    """Write what answers an ICE restart (RFC 9725, section 4.3.3): new names, the same candidates."""
    first = offer.sections[0]
    lines = ["a=ice-lite", f"a=ice-ufrag:{ice.ufrag}", f"a=ice-pwd:{ice.password}"]
    lines.append(f"m=audio {port} {first.protocol} {first.payload_type}")
    if first.mid is not None:
        lines.append(f"a=mid:{first.mid}")
    lines += _candidates(addresses, port)
    return "\r\n".join(lines) + "\r\n"


def _candidates(addresses: tuple[str, ...], port: int) -> list[str]:
    """Return the lines of all our candidates, UDP first.

    A host candidate's priority falls with its place in the list (RFC 8445, section 5.1.2.1); those
    of TCP are below all of UDP (RFC 6544, section 4.2: the direction preference of passive is 4).
    """
    udp = [
        f"a=candidate:{order + 1} 1 udp {_priority(126, 65535 - order)} {address} {port} typ host"
        for order, address in enumerate(addresses)
    ]
    tcp = [
        f"a=candidate:{len(udp) + order + 1} 1 tcp {_priority(90, (4 << 13) | (8191 - order))} {address}"
        f" {port} typ host tcptype passive"
        for order, address in enumerate(addresses)
    ]
    return [*udp, *tcp, "a=end-of-candidates"]


def _priority(kind: int, preference: int) -> int:
    return kind << 24 | preference << 8 | 255


@lru_cache(maxsize=64)
def _family(address: str) -> str:
    return f"IP{ipaddress.ip_address(address).version}"
