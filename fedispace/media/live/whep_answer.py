"""What a WHEP client must know of the answer to its offer. Pure, so that the web process may look too."""

import re
from dataclasses import dataclass

from fedispace.errors import Invalid
from fedispace.media.live import sdp
from fedispace.media.live.sdp import Fingerprint

_CANDIDATES = 8
_CANDIDATE = re.compile(
    r"a=candidate:\S{1,32} 1 udp \d{1,10} ([0-9a-f.:]{2,45}) (\d{1,5}) typ \w+.*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Far:
    """What the answer says of the other side."""

    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[Fingerprint, ...]
    is_dtls_client: bool
    addresses: tuple[tuple[str, int], ...]


def read_answer(text: str) -> Far:
    """Parse a WHEP answer; raise `Invalid` when it is none we can use."""
    answer = sdp.read_offer(text)
    found = [_CANDIDATE.fullmatch(line.rstrip("\r")) for line in text.split("\n")]
    addresses = [(match[1], int(match[2])) for match in found if match is not None and int(match[2]) < 65536]
    if not answer.sends or not addresses:
        raise Invalid("the answer sends nothing, or says not from where", field="sdp")
    return Far(
        ice_ufrag=answer.ice_ufrag,
        ice_pwd=answer.ice_pwd,
        fingerprints=answer.fingerprints,
        is_dtls_client=answer.setup == "active",
        addresses=tuple(addresses[:_CANDIDATES]),
    )
