"""The question a post asks: what may be asked, how it is kept, and how it is told to peers.

A poll's row has the id of its post. Of a poll of ours `tallies` and `voters_count` are kept with each
vote, under the row's lock; of another server's they are what that server says. A poll is over when its
time is, whether or not the row says `closed` yet: that is for the job that tells those who took part.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, exists, select

from fedispace.clock import Clock
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.errors import Invalid
from fedispace.federation.vocab import polls as wire
from fedispace.queue.jobs import Jobs
from fedispace.threads.compose import tidy
from fedispace.threads.models import Poll, PollVote, Status
from fedispace.threads.sanitize import storable

MIN_OPTIONS: Final = 2
MAX_OPTIONS: Final = 8
MAX_OPTION: Final = 50
MIN_SECONDS: Final = 300
MAX_SECONDS: Final = 15_778_476
"""Half a year, as Mastodon counts months."""

QUESTION: Final = "Question"
CLOSE: Final = "threads.close_poll"
_HAS_POLL: Final = select(exists().where(table_of(Poll).c.id == bindparam("post", type_=BigId)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PollDraft:
    """A poll as somebody asks for it; `expires_in` is in seconds."""

    options: tuple[str, ...]
    expires_in: int
    multiple: bool = False
    hides_totals: bool = False


def checked_poll(draft: PollDraft) -> PollDraft:
    """Return the poll as it will be stored; raises `Invalid`."""
    options = tuple(" ".join(tidy(option).split()) for option in draft.options)
    if not MIN_OPTIONS <= len(options) <= MAX_OPTIONS:
        raise Invalid(f"A poll has {MIN_OPTIONS} to {MAX_OPTIONS} options.", field="poll")
    if not all(1 <= len(option) <= MAX_OPTION for option in options):
        raise Invalid(f"An option has 1 to {MAX_OPTION} characters.", field="poll")
    if len({option.casefold() for option in options}) < len(options):
        raise Invalid("The options of a poll differ from each other.", field="poll")
    if not MIN_SECONDS <= draft.expires_in <= MAX_SECONDS:
        raise Invalid("A poll lasts from 5 minutes to 6 months.", field="poll")
    return PollDraft(
        options=options,
        expires_in=draft.expires_in,
        multiple=draft.multiple,
        hides_totals=draft.hides_totals,
    )


def is_over(poll: Poll, now: datetime) -> bool:
    """Tell whether nobody can vote any more."""
    return poll.closed or (poll.expires_at is not None and poll.expires_at <= now)


def shows_totals(poll: Poll, now: datetime) -> bool:
    """Tell whether anybody may know how it stands, option by option."""
    return not poll.hides_totals or is_over(poll, now)


def poll_on_the_wire(poll: Poll, now: datetime) -> wire.Poll:
    """Return a poll of ours as peers read it."""
    told = shows_totals(poll, now)
    return wire.Poll(
        options=tuple(
            wire.PollOption(name=name, votes=votes if told else None)
            for name, votes in zip(poll.options, poll.tallies, strict=True)
        ),
        multiple=poll.multiple,
        end_time=poll.expires_at,
        closed=poll.expires_at if is_over(poll, now) else None,
        voters_count=poll.voters_count,
    )


async def poll_of(tx: Tx, status: Status) -> Poll | None:
    """Return the poll of a post, if it asks one."""
    return await tx.get(Poll, status.id) if status.type == QUESTION else None


async def locked(tx: Tx, poll_id: int) -> Poll | None:
    """Return a poll that nobody else changes until this transaction ends."""
    rows = await tx.scalars(
        select(Poll).where(Poll.id == poll_id).with_for_update().execution_options(populate_existing=True)
    )
    return rows.one_or_none()


@dataclass(frozen=True, slots=True, kw_only=True)
class PollView:
    """A poll as a viewer sees it."""

    poll: Poll
    own_votes: tuple[int, ...]
    mine: bool


async def poll_views(tx: Tx, posts: Collection[Status], viewer_id: int | None) -> dict[int, PollView]:
    """Return the polls of those posts that ask one, in at most two statements."""
    asking = {post.id: post.account_id for post in posts if post.type == QUESTION}
    if not asking:
        return {}
    polls = (await tx.scalars(select(Poll).where(Poll.id.in_(asking)))).all()
    chosen: dict[int, list[int]] = {}
    if polls and viewer_id is not None:
        rows = await tx.execute(
            select(PollVote.poll_id, PollVote.choice)
            .where(PollVote.account_id == viewer_id, PollVote.poll_id.in_(asking))
            .order_by(PollVote.choice)
        )
        for poll_id, choice in rows:
            chosen.setdefault(poll_id, []).append(choice)
    return {
        poll.id: PollView(
            poll=poll,
            own_votes=tuple(chosen.get(poll.id, ())),
            mine=viewer_id is not None and asking[poll.id] == viewer_id,
        )
        for poll in polls
    }


class Polls:
    """Writes polls, ours and others'."""

    def __init__(self, clock: Clock, jobs: Jobs) -> None:
        self._clock = clock
        self._jobs = jobs

    async def open(self, tx: Tx, status_id: int, draft: PollDraft) -> Poll:
        """Write a poll of ours; it closes by itself."""
        now = self._clock.now()
        poll = Poll(
            id=status_id,
            options=list(draft.options),
            tallies=[0] * len(draft.options),
            multiple=draft.multiple,
            hides_totals=draft.hides_totals,
            voters_count=0,
            expires_at=now + timedelta(seconds=draft.expires_in),
            closed=False,
            fetched_at=None,
        )
        tx.add(poll)
        await tx.flush()
        await self.close_later(tx, poll)
        return poll

    async def change(self, tx: Tx, status: Status, draft: PollDraft | None) -> Poll | None:
        """Give an edited post of ours another poll, or none.

        With other options, or another way to choose, it is another question: all votes are gone.
        """
        poll = await locked(tx, status.id)
        status.type = "Note" if draft is None else QUESTION
        if poll is not None and (draft is None or is_another(poll, draft.options, draft.multiple)):
            await forget(tx, poll)
            poll = None
        if draft is None:
            return None
        if poll is None:
            return await self.open(tx, status.id, draft)
        poll.hides_totals = draft.hides_totals
        poll.expires_at = self._clock.now() + timedelta(seconds=draft.expires_in)
        poll.closed = False
        await tx.flush()
        await self.close_later(tx, poll)
        return poll

    async def arrive(self, tx: Tx, status_id: int, said: wire.Poll) -> None:
        """Keep the poll of a post that came from elsewhere."""
        now = self._clock.now()
        poll = Poll(
            id=status_id,
            options=[storable(option.name) for option in said.options],
            tallies=[option.votes or 0 for option in said.options],
            multiple=said.multiple,
            hides_totals=all(option.votes is None for option in said.options),
            voters_count=said.voters_count,
            expires_at=_end_of(said, now),
            closed=_is_closed(said, now),
            fetched_at=now,
        )
        tx.add(poll)
        await tx.flush()

    async def become(self, tx: Tx, status: Status, said: wire.Poll | None) -> None:
        """Take over the poll of a newer state of another server's post, which may be another one or none."""
        if said is None and not (await tx.core(_HAS_POLL, {"post": status.id})).scalar():
            return
        poll = await locked(tx, status.id)
        if poll is not None and (said is None or is_another(poll, names_of(said), said.multiple)):
            await forget(tx, poll)
            poll = None
        if said is None:
            return
        if poll is None:
            await self.arrive(tx, status.id, said)
        else:
            await self._count(tx, poll, said)

    async def recount(self, tx: Tx, status: Status, said: wire.Poll | None, *, fetched: bool = False) -> None:
        """Take over how another server's poll stands, and nothing else.

        News of it overtake each other on their way, and votes are only ever added: of what was sent,
        the higher count is the later one. What was `fetched` is how it stands now.
        """
        poll = await locked(tx, status.id) if said is not None else None
        if poll is None or said is None or is_another(poll, names_of(said), said.multiple):
            return
        if fetched or sum(option.votes or 0 for option in said.options) >= sum(poll.tallies):
            await self._count(tx, poll, said)

    async def _count(self, tx: Tx, poll: Poll, said: wire.Poll) -> None:
        now = self._clock.now()
        poll.hides_totals = all(option.votes is None for option in said.options)
        if not poll.hides_totals:
            poll.tallies = [option.votes or 0 for option in said.options]
        poll.voters_count = said.voters_count
        poll.expires_at = _end_of(said, now)
        poll.fetched_at = now
        await tx.flush()
        if not poll.closed and _is_closed(said, now):
            await self.close_later(tx, poll, at_once=True)

    async def close_later(self, tx: Tx, poll: Poll, *, at_once: bool = False) -> None:
        """Have those who took part told when it is over."""
        at = self._clock.now() if at_once else poll.expires_at
        if at is not None:
            key = f"{CLOSE} {poll.id} {int(at.timestamp())}"
            await self._jobs.enqueue(tx, CLOSE, {"poll": poll.id}, run_at=at, unique_key=key)


def names_of(said: wire.Poll) -> list[str]:
    return [storable(option.name) for option in said.options]


def is_another(poll: Poll, options: Sequence[str], multiple: bool) -> bool:
    """Tell whether what is asked now is not what was asked."""
    return poll.options != list(options) or poll.multiple != multiple


async def forget(tx: Tx, poll: Poll) -> None:
    """Remove a poll with its votes."""
    await tx.execute(delete(PollVote).where(PollVote.poll_id == poll.id))
    await tx.delete(poll)
    await tx.flush()


def _end_of(said: wire.Poll, now: datetime) -> datetime | None:
    return said.closed or (now if said.is_closed else said.end_time)


def _is_closed(said: wire.Poll, now: datetime) -> bool:
    end = _end_of(said, now)
    return end is not None and end <= now
