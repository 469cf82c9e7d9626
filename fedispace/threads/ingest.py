"""From another server's Note to a row of ours.

Whoever calls this has proved that the note is its author's word: it came embedded in the author's own
signed activity, or was fetched from its own address. What is decided here is how it is kept: cleaned,
capped, dated, placed in its thread and conversation, and known to those it names.

Posts arrive in any order. A reply whose parent is not known yet is kept with the parent's address, and
a job fetches the parent; when that arrives, by whatever way, the replies that wait for it are hung
below it. When the rest of a conversation is fetched too is the rule of `looking.py`.
"""

import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, exists, select

from fedispace.accounts import emojis
from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.base import BigId, table_of
from fedispace.db.changing import change
from fedispace.db.engine import Tx
from fedispace.db.upsert import add_new
from fedispace.errors import Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow
from fedispace.federation.origin import same_origin
from fedispace.federation.vocab.objects import Note
from fedispace.hosts import host_of
from fedispace.ids import Ids, id_at
from fedispace.queue.jobs import Jobs
from fedispace.threads import counts, history, looking, missing, news, policy_wire, quotes, tags
from fedispace.threads.adoption import adopt, keep_history, lengthen
from fedispace.threads.arrival import Arrival, look
from fedispace.threads.audience import visibility_from
from fedispace.threads.edits import tell_boosters
from fedispace.threads.holding import Holding
from fedispace.threads.known import KnownPost, post_by_id, post_by_uri
from fedispace.threads.models import Status
from fedispace.threads.naming import Naming
from fedispace.threads.placing import Place, place
from fedispace.threads.policies import to_json
from fedispace.threads.polls import Polls
from fedispace.threads.said import claims_of, columns_of, subject_of
from fedispace.threads.talk import Spoken, Talk
from fedispace.threads.telling import tell
from fedispace.threads.votes import is_vote

FETCH_PARENT: Final = "threads.fetch_parent"
LATE: Final = timedelta(days=1)
"""How old a post may be for an Update of it to stand in for a Create that never came."""
_IS_TAKEN: Final = select(exists().where(table_of(Status).c.id == bindparam("id", type_=BigId)))
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Ingest:
    """Stores other servers' posts."""

    def __init__(
        self,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        people: People,
        notifier: Notifier,
        jobs: Jobs,
        polls: Polls,
        talk: Talk | None = None,
    ) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._notifier = notifier
        self._jobs = jobs
        self._polls = polls
        self._talk = talk
        self._naming = Naming(addresses, people, notifier)
        self._holding = Holding(ids, clock, addresses, notifier, jobs)

    async def store_note(
        self,
        tx: Tx,
        note: Note,
        *,
        delivered: bool = True,
        climbs: bool = True,
        conversation_id: int | None = None,
        quote_depth: int = 0,
    ) -> Status:
        """Store a note and return its row; see `store`."""
        arrival = await look(tx, note)
        id_ = await self.store(
            tx,
            note,
            arrival,
            delivered=delivered,
            climbs=climbs,
            conversation_id=conversation_id,
            quote_depth=quote_depth,
        )
        status = await tx.get(Status, id_)
        assert status is not None
        return status

    async def store(
        self,
        tx: Tx,
        note: Note,
        arrival: Arrival,
        *,
        delivered: bool = True,
        climbs: bool = True,
        conversation_id: int | None = None,
        quote_depth: int = 0,
    ) -> int:
        """Store a note and return the id of its row; one that is known already is left as it is.

        A `delivered` note is news: it stands at the top of timelines, and those it names are notified.
        One that was fetched stands where its date puts it, or an old post would surface as a new one
        whenever somebody answers it. Without `climbs` nothing further is fetched on account of it, and
        `conversation_id` is where it belongs when what it answers is not known.
        Raises `Refused` for a note that was deleted before it came, and for a vote in a poll.
        """
        if arrival.known_id is not None:
            if arrival.is_awaited:
                await adopt(tx, arrival.known_id)
            if delivered:
                await self._late(tx, arrival.known_id, note)
            return arrival.known_id
        self._refuse(note, arrival)
        author_id, followers = arrival.author_id, arrival.followers
        if author_id is None:
            author_id = (await self._people.ensure(tx, note.attributed_to)).id
        visibility = visibility_from(note.to, note.cc, followers)
        parent = await self._parent(tx, note)
        waits = parent is not None and await self._holding.holds_reply(tx, parent, author_id, note.id)
        created_at = self._dated(note)
        id_ = self._ids.next() if delivered else await self._id_at(tx, note.id, created_at, parent)
        subject = subject_of(note)
        at = await self._place(tx, id_, author_id, parent, note, conversation_id)
        row = {
            "id": id_,
            "uri": note.id,
            "account_id": author_id,
            "local": False,
            "in_reply_to_id": parent.id if parent else None,
            "in_reply_to_uri": note.in_reply_to,
            "in_reply_to_account_id": parent.account_id if parent else None,
            "thread_id": at.thread_id,
            "thread_position": at.thread_position,
            "thread_length": at.thread_position,
            "conversation_id": at.conversation_id,
            "context_uri": at.context_uri,
            "subject_uri": subject,
            "replies_uri": note.replies if note.replies and same_origin(note.replies, note.id) else None,
            "visibility": visibility,
            "created_at": created_at,
            "edited_at": self._edited(note, created_at),
            "likes_claimed": note.likes_claimed,
            "shares_claimed": note.shares_claimed,
            "pending_approval": waits,
            "policy": await _policy(tx, note, followers),
            "quote_uri": note.quote,
            "quote_state": "pending" if note.quote else None,
            **columns_of(note),
        }
        if await add_new(tx, Status, row) == 0:
            return await _stored_meanwhile(tx, note)
        await tags.write(tx, id_, row["tags"])
        if note.poll is not None:
            await self._polls.arrive(tx, id_, note.poll)
        await emojis.remember(tx, self._ids, self._clock, host_of(note.id), note.tags)
        if at.thread_id != id_:
            await lengthen(tx, at.thread_id, at.thread_position)
        await self._naming.name(tx, id_, author_id, visibility, note, notify=delivered and not waits)
        if delivered and not waits:
            await self._tell(tx, row, note)
        news.came(tx, id_, at.conversation_id)
        await counts.posted(tx, author_id, visibility, created_at)
        if parent is not None:
            await self._answers(tx, parent, id_, visibility, note, waits=waits)
        await quotes.arrived(tx, self._jobs, id_, note, quote_depth)
        if arrival.is_awaited:
            await missing.found(tx, note.id)
            await adopt(tx, id_)
        await keep_history(tx, at.conversation_id, note)
        if climbs and note.in_reply_to not in (None, note.id, subject):
            await self._fetch_around(tx, id_, at.conversation_id, note, parent, delivered=delivered)
        return id_

    async def update_note(self, tx: Tx, status: Status, note: Note, *, fetched: bool = False) -> bool:
        """Take over a newer state of a stored post; tell whether there was one.

        Without a strictly newer `updated` nothing of the post changed: peers send such an Update when
        only counts did, of a poll above all (row 53 of the notes). Who may see a post, what it answers
        and when it was written stay; whom a newer state names is addressed too.
        """
        if note.updated is None or status.edited_at is None or note.updated >= status.edited_at:
            await self._leave(tx, status, note)
        last = status.edited_at or status.created_at
        newer = self._edited(note, last)
        if newer is None:
            if status.edited_at is None or note.updated == status.edited_at:
                await self._polls.recount(tx, status, note.poll, fetched=fetched)
                for name, value in claims_of(note).items():
                    setattr(status, name, value)
            if not fetched:
                await self._late(tx, status.id, note)
            return False
        said = {**columns_of(note), "type": note.type}
        if any(getattr(status, name) != value for name, value in said.items()):
            await history.keep(tx, self._ids, status)
        retagged = said["tags"] != status.tags
        await change(tx, status, {**said, "edited_at": newer, **claims_of(note)})
        await self._polls.become(tx, status, note.poll)
        if retagged:
            await tags.rewrite(tx, status.id, status.tags)
        await emojis.remember(tx, self._ids, self._clock, host_of(note.id), note.tags)
        await self._naming.name_too(tx, status, note, added_at=newer)
        await tell_boosters(tx, self._notifier, status)
        await tx.flush()
        news.changed(tx, status)
        await quotes.tell_of_edit(tx, self._notifier, status)
        return True

    async def _leave(self, tx: Tx, status: Status, note: Note) -> None:
        """Take over what a state says of leave asked and given; that changes without an edit."""
        if note.interaction_policy is not None:
            status.policy = await _policy(tx, note, await _followers_of(tx, note.attributed_to))
        await quotes.restated(tx, self._jobs, status, note)
        if status.pending_approval and note.reply_authorization:
            await quotes.enqueue_reply(tx, self._jobs, status.id, note.reply_authorization)

    async def _late(self, tx: Tx, status_id: int, note: Note) -> None:
        """Address and notify those of ours whom a state names that comes after the post itself is here.

        A Create that its own Update overtook, or one of a post that was fetched meanwhile: without this
        it would depend on the order of arrival who hears of it.
        """
        if note.published is None or note.published < self._clock.now() - LATE:
            return
        status = await tx.get(Status, status_id)
        author = None if status is None else await tx.get(Account, status.account_id)
        if status is None or author is None or author.uri != note.attributed_to or status.local:
            return
        if status.pending_approval:
            return
        await self._naming.name_too(tx, status, note, added_at=None)

    def _edited(self, note: Note, last: datetime) -> datetime | None:
        """Return when this state was written if it is newer than `last`; a date far ahead is held at a day.

        It is not held at our present: the same state would be newer once more whenever it is sent again.
        """
        if note.updated is None:
            return None
        at = min(note.updated, self._clock.now() + LATE)
        return at if at > last else None

    async def _answers(
        self, tx: Tx, parent: KnownPost, id_: int, visibility: str, note: Note, *, waits: bool
    ) -> None:
        """Count a reply; or, when it waits to be let in, tell the author and look for its leave."""
        if not waits:
            await counts.answered(tx, parent.id, visibility)
            return
        await self._holding.tell(tx, "reply", parent, note.id, id_)
        if note.reply_authorization and not parent.local:
            await quotes.enqueue_reply(tx, self._jobs, id_, note.reply_authorization)

    async def _tell(self, tx: Tx, row: Mapping[str, Any], note: Note) -> None:
        """Tell of a new post who asked for it, and of a reply who wants to hear what is said where."""
        is_news = row["thread_position"] == 1 and note.in_reply_to in (None, row["subject_uri"])
        await tell(
            tx,
            self._jobs,
            status_id=row["id"],
            author_id=row["account_id"],
            conversation_id=row["conversation_id"],
            is_news=row["visibility"] != "direct" and is_news,
        )
        if self._talk is not None and note.in_reply_to is not None:
            await self._talk.said(
                tx,
                Spoken(
                    status_id=row["id"],
                    account_id=row["account_id"],
                    conversation_id=row["conversation_id"],
                    answers=note.in_reply_to,
                    visibility=row["visibility"],
                    content=row["content"],
                ),
            )

    def _refuse(self, note: Note, arrival: Arrival) -> None:
        if self._addresses.is_ours(note.id):
            raise Refused("ours", "That post is said to be ours and is not.", status=403)
        if arrival.is_buried:
            raise Refused("deleted", "That post was deleted.", status=410)
        if is_vote(note):
            raise Refused("vote", "A vote is no post.", status=202)

    async def _parent(self, tx: Tx, note: Note) -> KnownPost | None:
        """Return the post that is answered; an answer to a boost's address answers what it passes on."""
        if note.in_reply_to is None or note.in_reply_to == note.id:
            return None
        parent = await post_by_uri(tx, note.in_reply_to)
        if parent is not None and parent.boost_of_id is not None:
            return await post_by_id(tx, parent.boost_of_id)
        return parent

    async def _place(
        self,
        tx: Tx,
        id_: int,
        author_id: int,
        parent: KnownPost | None,
        note: Note,
        conversation_id: int | None,
    ) -> Place:
        if parent is not None:
            return place(id_, author_id, parent, own_context=note.context)
        at = place(id_, author_id, None, own_context=note.context)
        if note.in_reply_to is not None and conversation_id is None:
            conversation_id = await missing.conversation_of(tx, note.in_reply_to)
        if conversation_id is not None:
            return replace(at, conversation_id=conversation_id)
        if note.in_reply_to is None:
            return at
        about = (
            await tx.scalars(
                select(Status).where(Status.subject_uri == note.in_reply_to).order_by(Status.id).limit(1)
            )
        ).one_or_none()
        if about is None:
            return at
        return Place(
            thread_id=id_,
            thread_position=1,
            conversation_id=about.conversation_id,
            context_uri=about.context_uri,
        )

    def _dated(self, note: Note) -> datetime:
        """Return when the note says it was written, kept between then and now (row 96 of the notes)."""
        now = self._clock.now()
        return max(_EPOCH, min(note.published or now, now))

    async def _id_at(self, tx: Tx, uri: str, created_at: datetime, parent: KnownPost | None) -> int:
        """Return a free id of the note's own time, after its parent's.

        Most peers state whole seconds, so the rest of the second is filled from the address. Many
        answers may have been written in the second of what they answer: they follow it closely.
        """
        span = 1 << 16 if created_at.microsecond else 1000 << 16
        place_ = zlib.crc32(uri.encode())
        id_ = id_at(created_at) + place_ % span
        if parent is not None and id_ <= parent.id:
            id_ = parent.id + 1 + place_ % (1 << 16)
        while (await tx.core(_IS_TAKEN, {"id": id_})).scalar():
            id_ += 1 + (self._ids.next() & 0xFFF)
        return id_

    async def _fetch_around(
        self,
        tx: Tx,
        id_: int,
        conversation_id: int,
        note: Note,
        parent: KnownPost | None,
        *,
        delivered: bool,
    ) -> None:
        """Have what is around a reply fetched: the rest of its conversation, or what it answers."""
        now, uri = self._clock.now(), note.in_reply_to
        if uri is None or self._addresses.is_ours(uri):
            return
        at = now + looking.spread(self._addresses.origin, uri) if delivered else now
        if (
            delivered
            and await looking.is_taken_part_in(tx, conversation_id)
            and await looking.is_rested(tx, conversation_id, now)
        ):
            await self._jobs.enqueue(
                tx,
                looking.GATHER,
                {"status": id_, "run": 0, "arrival": True},
                run_at=at,
                unique_key=looking.key_of(conversation_id),
            )
        elif parent is None:
            await self._jobs.enqueue(
                tx, FETCH_PARENT, {"uri": uri}, run_at=at, unique_key=f"{FETCH_PARENT} {uri}"
            )


async def _stored_meanwhile(tx: Tx, note: Note) -> int:
    """Return the row that another transaction wrote between our look and our write."""
    stored: int | None = await tx.scalar(select(Status.id).where(Status.uri == note.id))
    if stored is None:
        raise Refused("repeated", "The post was stored a moment ago.", status=202)
    return stored


async def _policy(tx: Tx, note: Note, followers: str | None) -> dict[str, Any] | None:
    """Return the policy a note states, as it is stored. What its author follows is seldom in it."""
    if note.interaction_policy is None:
        return None
    following: str | None = None
    if policy_wire.names_others(note.interaction_policy, note.attributed_to, followers):
        document = await tx.scalar(select(ActorRow.document).where(ActorRow.uri == note.attributed_to))
        following = document.get("following") if document else None
    return to_json(policy_wire.read(note.interaction_policy, note.attributed_to, followers, following))


async def _followers_of(tx: Tx, actor: str) -> str | None:
    return await tx.scalar(select(ActorRow.followers).where(ActorRow.uri == actor))
