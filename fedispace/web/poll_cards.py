"""A poll as the pages draw it."""

from dataclasses import dataclass
from datetime import datetime

from fedispace.threads import polls
from fedispace.threads.models import Poll
from fedispace.threads.polls import PollView


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionCard:
    """An answer: how many chose it, what part of the voters they are, in percent, and whether one did."""

    index: int
    name: str
    votes: int
    share: int
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PollCard:
    """A question; what of it is shown depends on the time it is drawn at."""

    poll: Poll
    options: tuple[OptionCard, ...]
    multiple: bool
    voters: int
    ends_at: datetime | None
    voted: bool
    mine: bool

    def is_over(self, now: datetime) -> bool:
        return polls.is_over(self.poll, now)

    def shows_totals(self, now: datetime) -> bool:
        return polls.shows_totals(self.poll, now)

    def takes_votes(self, now: datetime) -> bool:
        """Tell whether the reader, if signed in, may still choose."""
        return not (self.mine or self.voted or self.is_over(now))


def poll_card(view: PollView | None) -> PollCard | None:
    if view is None:
        return None
    poll = view.poll
    voters = sum(poll.tallies) if poll.voters_count is None else poll.voters_count
    return PollCard(
        poll=poll,
        options=tuple(
            OptionCard(
                index=index,
                name=name,
                votes=votes,
                share=min(100, round(100 * votes / voters)) if voters else 0,
                chosen=index in view.own_votes,
            )
            for index, (name, votes) in enumerate(zip(poll.options, poll.tallies, strict=True))
        ),
        multiple=poll.multiple,
        voters=voters,
        ends_at=poll.expires_at,
        voted=bool(view.own_votes),
        mine=view.mine,
    )
