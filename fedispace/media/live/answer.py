"""The SDP answer of an ICE-lite server: everything in it, nothing to trickle, nothing to renegotiate."""

import ipaddress
from dataclasses import dataclass

from fedispace.media.live.sdp import AUDIO_LEVEL, Fingerprint, Offer


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


def is_dtls_client(offer: Offer) -> bool:
    """Tell whether we open the DTLS handshake: only towards a peer that insists on being the server."""
    return offer.setup == "passive"


def answer_to(offer: Offer, local: Local, sending: Sending | None) -> str:
    """Write the answer: recvonly to a publisher, sendonly (with `sending`) to a subscriber."""
    address = local.addresses[0]
    payload_type = offer.payload_type
    lines = ["v=0", f"o=- {local.number} 1 IN {_family(address)} {address}", "s=-", "t=0 0", "a=ice-lite"]
    if offer.bundled:
        lines.append(f"a=group:BUNDLE {offer.mid}")
    lines += [
        "a=msid-semantic: WMS *",
        f"m=audio {local.port} {offer.protocol} {payload_type}",
        f"c=IN {_family(address)} {address}",
    ]
    if offer.mid is not None:
        lines.append(f"a=mid:{offer.mid}")
    lines += [
        "a=sendonly" if sending else "a=recvonly",
        "a=rtcp-mux",
        f"a=ice-ufrag:{local.ice_ufrag}",
        f"a=ice-pwd:{local.ice_pwd}",
        f"a=fingerprint:{local.fingerprint.algorithm} {local.fingerprint.value}",
        "a=setup:active" if is_dtls_client(offer) else "a=setup:passive",
        f"a=rtpmap:{payload_type} opus/48000/2",
        f"a=fmtp:{payload_type} minptime=10;useinbandfec=1;usedtx=1",
    ]
    if offer.level_extension is not None and sending is None:
        lines.append(f"a=extmap:{offer.level_extension} {AUDIO_LEVEL}")
    if sending:
        lines += [
            f"a=msid:{sending.stream} {sending.stream}",
            f"a=ssrc:{sending.ssrc} cname:{sending.cname}",
        ]
    lines += candidates(local)
    return "\r\n".join(lines) + "\r\n"


def candidates(local: Local) -> list[str]:
    """Return the lines of all our candidates, UDP first.

    A host candidate's priority falls with its place in the list (RFC 8445, section 5.1.2.1); those
    of TCP are below all of UDP (RFC 6544, section 4.2: the direction preference of passive is 4).
    """
    udp = [
        f"a=candidate:{order + 1} 1 udp {_priority(126, 65535 - order)} {address} {local.port} typ host"
        for order, address in enumerate(local.addresses)
    ]
    tcp = [
        f"a=candidate:{len(udp) + order + 1} 1 tcp {_priority(90, (4 << 13) | (8191 - order))} {address}"
        f" {local.port} typ host tcptype passive"
        for order, address in enumerate(local.addresses)
    ]
    return [*udp, *tcp, "a=end-of-candidates"]


def _priority(kind: int, preference: int) -> int:
    return kind << 24 | preference << 8 | 255


def _family(address: str) -> str:
    return f"IP{ipaddress.ip_address(address).version}"
