"""How a publisher's stream arrives: loss and jitter for the reports he adapts to (RFC 3550, A.3, A.8)."""

from fedispace.media.live.continuity import RATE
from fedispace.media.live.rtcp import ReportBlock


class Reception:
    """Statistics of one incoming source."""

    def __init__(self, ssrc: int, sequence: int) -> None:
        self.ssrc = ssrc
        self._first = sequence
        self._highest = sequence
        self._cycles = 0
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._transit: float | None = None
        self._jitter = 0.0
        self._report = 0
        self._report_at = 0.0

    def receive(self, sequence: int, timestamp: int, now: float) -> None:
        """Count one packet."""
        self._received += 1
        ahead = (sequence - self._highest) & 0xFFFF
        if 0 < ahead < 0x8000:
            if sequence < self._highest:
                self._cycles += 0x10000
            self._highest = sequence
        transit = now * RATE - timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < RATE * 10:
                self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def note_report(self, middle: int, now: float) -> None:
        """Remember the publisher's sender report, to echo it."""
        self._report, self._report_at = middle, now

    def block(self, now: float) -> ReportBlock:
        """Return the report since the last one."""
        expected = self._cycles + self._highest - self._first + 1
        expected_now, received_now = expected - self._expected_before, self._received - self._received_before
        self._expected_before, self._received_before = expected, self._received
        lost_now = max(0, expected_now - received_now)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min(255, lost_now * 256 // expected_now) if expected_now > 0 else 0,
            lost=expected - self._received,
            highest=self._cycles + self._highest,
            jitter=int(self._jitter),
            last_report=self._report,
            delay=int((now - self._report_at) * 65536) if self._report else 0,
        )
