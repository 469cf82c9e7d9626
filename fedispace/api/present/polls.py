"""Polls, as Mastodon's clients read them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from fedispace.api.entities import status as entities
from fedispace.api.present.emojis import emojis_of
from fedispace.clock import iso
from fedispace.threads.polls import PollView, is_over, shows_totals


def poll_of(view: PollView, now: datetime, kept: Iterable[Mapping[str, Any]] = ()) -> entities.Poll:
    """Return a poll; who asks has no vote of their own, and counts as somebody who voted.

    `kept` are the emojis of the post.
    """
    poll = view.poll
    told = shows_totals(poll, now)
    return entities.Poll(
        id=str(poll.id),
        expires_at=iso(poll.expires_at) if poll.expires_at else None,
        expired=is_over(poll, now),
        multiple=poll.multiple,
        votes_count=sum(poll.tallies),
        voters_count=poll.voters_count,
        options=[
            entities.PollOption(title=title, votes_count=votes if told else None)
            for title, votes in zip(poll.options, poll.tallies, strict=True)
        ],
        emojis=emojis_of(kept),
        voted=view.mine or bool(view.own_votes),
        own_votes=list(view.own_votes),
    )
