"""A listener's reports: copies are asked for when packets are lost, and no longer when none are."""

from collections import Counter
from dataclasses import dataclass, field

from fedispace.media.live import rtcp
from fedispace.media.live.feedback import Feedback
from fedispace.media.live.rtcp import ReportBlock


class _NoKeys:
    """The transport of a session that is not encrypted."""

    def open_rtcp(self, data: bytes) -> bytes:
        return data


@dataclass
class _Listener:
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        keys = _NoKeys()
        self.feedback = Feedback(keys, (9,), self.refused, 0.0)  # type: ignore[arg-type]

    def tells(self, lost: float, now: float, *, ssrc: int = 9) -> bool:
        block = ReportBlock(
            ssrc=ssrc, fraction_lost=round(256 * lost), lost=0, highest=0, jitter=0, last_report=0, delay=0
        )
        self.feedback.receive(rtcp.receiver_report(ssrc=1, block=block, cname="x"), now)
        return self.feedback.is_losing


def test_copies_are_wanted_from_the_first_loss_until_half_a_minute_without() -> None:
    listener = _Listener()
    assert not listener.tells(0.0, 1.0)
    assert not listener.tells(0.01, 2.0), "one packet in a hundred is concealed unheard"
    assert listener.tells(0.05, 6.0)
    assert listener.tells(0.0, 20.0)
    assert listener.tells(0.03, 30.0), "it begins anew"
    assert listener.tells(0.0, 59.0)
    assert not listener.tells(0.0, 61.0)


def test_what_is_told_of_other_streams_is_not_believed() -> None:
    assert not _Listener().tells(0.5, 1.0, ssrc=10)
