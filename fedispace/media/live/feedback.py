"""What a subscriber tells of how the sound arrives: the loss and jitter of his receiver reports.

He may send nothing else. His RTP is dropped unread, whatever he offered; his RTCP is policed before
it is decrypted, and of it only what concerns the streams we send him is kept, the newest only.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from fedispace.media.live import rtcp, rtp
from fedispace.media.live.continuity import RATE
from fedispace.media.live.dtls import DtlsTransport
from fedispace.media.live.limits import Bucket

_REPORTS_PER_SECOND = 10.0
_OLD_SECONDS = 30.0
SHARES = 256
_LOSING = 0.02
_WELL_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A subscriber's last word on one stream: the share lost since the word before, and seconds."""

    at: float
    lost: float
    jitter: float


class Feedback:
    """One subscriber's."""

    def __init__(
        self, keys: DtlsTransport, ssrcs: Collection[int], refused: Counter[str], now: float
    ) -> None:
        self.heard_at = now
        self.is_losing = False
        self._lost_at = now
        self._keys = keys
        self._refused = refused
        self._told: dict[int, Told | None] = dict.fromkeys(ssrcs)
        self._reports = Bucket(rate=_REPORTS_PER_SECOND, burst=2 * _REPORTS_PER_SECOND, now=now)

    def receive(self, data: bytes, now: float) -> None:
        """Take in whatever he sends."""
        if not rtp.is_rtcp(data):
            self._refused["subscriber_media"] += 1
            return
        if not self._reports.take(1, now):
            self._refused["subscriber_rate"] += 1
            return
        plain = self._keys.open_rtcp(data)
        if plain is None:
            self._refused["srtp"] += 1
            return
        self.heard_at = now
        told = rtcp.read(plain)
        for block in told.blocks if told is not None else ():
            if block.ssrc in self._told:
                self._told[block.ssrc] = Told(
                    at=now, lost=block.fraction_lost / SHARES, jitter=block.jitter / RATE
                )
                if block.fraction_lost >= _LOSING * SHARES:
                    self.is_losing, self._lost_at = True, now
        if now - self._lost_at > _WELL_SECONDS:
            self.is_losing = False

    def worst(self, now: float) -> Told | None:
        """Return the worst of what he told of late, if anything."""
        late = [told for told in self._told.values() if told is not None and now - told.at < _OLD_SECONDS]
        return max(late, key=lambda told: told.lost, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How the sound arrives at all who told: shares lost, and seconds of jitter."""

    reporting: int
    lost: float
    worst_lost: float
    jitter: float
    worst_jitter: float


def summary(told: Iterable[Told | None]) -> Summary:
    """Sum up."""
    known = [one for one in told if one is not None]
    count = len(known)
    return Summary(
        reporting=count,
        lost=sum(one.lost for one in known) / count if count else 0.0,
        worst_lost=max((one.lost for one in known), default=0.0),
        jitter=sum(one.jitter for one in known) / count if count else 0.0,
        worst_jitter=max((one.jitter for one in known), default=0.0),
    )
