"""Publishing: one post, or a thread of several as one unit.

All posts of a thread, their mentions, notifications, counts and outgoing activities are one
transaction: nobody, here or elsewhere, ever sees half a thread. People on other servers who are
named and not yet known are looked up before it begins.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from fedispace.accounts import emojis
from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.accounts.standing import require_at_home
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs
from fedispace.threads import counts, direct, idempotency, news, tags
from fedispace.threads.asking import Asking
from fedispace.threads.audience import Visibility, is_distributable, parse_visibility
from fedispace.threads.compose import Named, find_tags, render
from fedispace.threads.continuing import answered_by, last_of_thread, lengthen
from fedispace.threads.framing import Choice, Frame, Leave, framed, quieter
from fedispace.threads.gates import Gate, anywhere
from fedispace.threads.mentions import AccountLookup, Handle, Mentions
from fedispace.threads.models import Mention, Poll, Status
from fedispace.threads.placing import next_in_thread, place
from fedispace.threads.polls import QUESTION, Polls, poll_on_the_wire
from fedispace.threads.talk import Spoken, Talk
from fedispace.threads.telling import tell
from fedispace.threads.wire import create_of, note_of
from fedispace.threads.written import Draft, Written, checked_drafts


class Publishing:
    """Publishes posts of our own people."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        notifier: Notifier,
        people: People,
        lookup: AccountLookup,
        polls: Polls,
        jobs: Jobs,
        talk: Talk | None = None,
        may_answer: Gate = anywhere,
    ) -> None:
        self._may_answer = may_answer
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._notifier = notifier
        self._people = people
        self._mentions = Mentions(db, people, lookup)
        self._polls = polls
        self._jobs = jobs
        self._talk = talk
        self._asking = Asking(ids, clock, addresses, outbox, notifier, people)

    async def publish(
        self,
        author: Account,
        drafts: Sequence[Draft],
        *,
        visibility: Visibility | None = None,
        in_reply_to_id: int | None = None,
        language: str | None = None,
        idempotency_key: str | None = None,
        application: str | None = None,
        subject_uri: str | None = None,
        quiet_continuation: bool = False,
        quoted_id: int | None = None,
        policy: Choice | None = None,
    ) -> list[Status]:
        """Publish the drafts as one thread and return its posts, first to last.

        Without a `visibility` it is the author's default, or that of the post answered when fewer
        people may see that. With `quiet_continuation` only the first post of a public thread stands in
        public lists, and those with hashtags of their own, which ask to be found; the others are unlisted,
        and found from it. A repeat with the same
        `idempotency_key` within an hour publishes nothing and returns what the first one made. The first
        post quotes `quoted_id`. Raises `Invalid` for a text that cannot be published, `NotFound` when the
        author may not see the post that is answered or quoted, and `Forbidden` when whoever wrote that
        does not want it.
        """
        require_at_home(author)
        await self.make_known(drafts, quotes=quoted_id is not None)
        async with self._db.transaction() as tx:
            if idempotency_key:
                earlier = await idempotency.claim(tx, self._clock, author.id, idempotency_key)
                if earlier:
                    return earlier
            statuses = await self.publish_in(
                tx,
                author,
                drafts,
                visibility=visibility,
                in_reply_to_id=in_reply_to_id,
                language=language,
                application=application,
                subject_uri=subject_uri,
                quiet_continuation=quiet_continuation,
                quoted_id=quoted_id,
                policy=policy,
            )
            if idempotency_key:
                await idempotency.keep(tx, author.id, idempotency_key, statuses[0])
        return statuses

    def check(self, drafts: Sequence[Draft], *, quotes: bool = False) -> None:
        """Raise the `Invalid` that publishing these drafts would raise."""
        checked_drafts(drafts, quotes=quotes)

    async def make_known(self, drafts: Sequence[Draft], *, quotes: bool = False) -> None:
        """Look up, before any transaction, the people on other servers whom the drafts name."""
        written = checked_drafts(drafts, quotes=quotes)
        await self._mentions.make_known(handle for draft in written for handle in draft.handles)

    async def go_on(
        self,
        author: Account,
        status_id: int,
        drafts: Sequence[Draft],
        *,
        language: str | None = None,
        idempotency_key: str | None = None,
        application: str | None = None,
        quiet_continuation: bool = False,
    ) -> list[Status]:
        """Continue the thread that one of the author's own posts belongs to, and return what was added.

        It is seen by those who see its last post. Raises `NotFound` for somebody else's.
        """
        async with self._db.reading() as tx:
            status = await tx.get(Status, status_id)
            if status is None or status.account_id != author.id or status.boost_of_id is not None:
                raise NotFound("There is no such post.")
            last = await last_of_thread(tx, status)
            visibility = parse_visibility(last.visibility)
            if not quiet_continuation and visibility == "unlisted":
                first = await tx.get(Status, last.thread_id)
                visibility = parse_visibility(first.visibility) if first is not None else visibility
        return await self.publish(
            author,
            drafts,
            visibility="unlisted" if quiet_continuation and visibility == "public" else visibility,
            in_reply_to_id=last.id,
            language=language,
            idempotency_key=idempotency_key,
            application=application,
            quiet_continuation=quiet_continuation,
        )

    async def publish_in(
        self,
        tx: Tx,
        author: Account,
        drafts: Sequence[Draft],
        *,
        visibility: Visibility | None = None,
        in_reply_to_id: int | None = None,
        language: str | None = None,
        application: str | None = None,
        subject_uri: str | None = None,
        in_reply_to_uri: str | None = None,
        conversation_id: int | None = None,
        quiet_continuation: bool = False,
        quoted_id: int | None = None,
        policy: Choice | None = None,
    ) -> list[Status]:
        """Publish inside the caller's transaction. People nobody here knows yet are not looked up.

        `subject_uri` is the object the posts are about; the first post answers `in_reply_to_uri` when
        that is no post (the Event that an announcement answers, say), and `conversation_id` names the
        conversation it begins.
        """
        written = checked_drafts(drafts, quotes=quoted_id is not None)
        parent = await answered_by(tx, author, in_reply_to_id)
        leave = await self._leave(tx, author, parent, quoted_id)
        frame = await framed(
            tx,
            author,
            parent,
            self._clock.now(),
            visibility=visibility,
            language=language,
            application=application,
            subject_uri=subject_uri,
            policy=policy,
        )
        frame = leave.narrowed(frame)
        named = await self._mentions.known(tx, (handle for draft in written for handle in draft.handles))
        statuses: list[Status] = []
        whole = frame
        for index, draft in enumerate(written):
            frame = quieter(whole, draft) if index and quiet_continuation else whole
            status = self._status(frame, draft, named, statuses, parent, total=len(written))
            if index == 0 and parent is None:
                _begin(status, author, in_reply_to_uri, conversation_id, self._addresses)
            asked = draft.poll.options if draft.poll is not None else ()
            status.emojis = await emojis.ours_in(tx, draft.text, draft.spoiler, *asked)
            tx.add(status)
            await tx.flush()
            await tags.write(tx, status.id, status.tags)
            poll = None if draft.poll is None else await self._polls.open(tx, status.id, draft.poll)
            if index == 0:
                await self._use(tx, leave, status, author)
            statuses.append(status)
            theirs = {handle: named[handle] for handle in draft.handles if handle in named}
            addressed = theirs if is_distributable(frame.visibility) else named
            recipients = {account.id: account for account in addressed.values()}
            to_notify = {account.id for account in theirs.values()}
            if index == 0 and parent is not None:
                recipients[parent.account_id] = await self._people.by_id(tx, parent.account_id)
                to_notify.add(parent.account_id)
            recipients.pop(author.id, None)
            await self._tell(tx, frame, status, list(recipients.values()), to_notify, poll)
            if index == 0:
                await self._ask(tx, frame, status, list(recipients.values()), poll, leave)
            if not frame.waits:
                news.came(tx, status.id, status.conversation_id)
                await tell(
                    tx,
                    self._jobs,
                    status_id=status.id,
                    author_id=author.id,
                    conversation_id=status.conversation_id,
                    is_news=frame.visibility != "direct" and index == 0 and parent is None,
                )
        if parent is not None:
            await counts.answered(tx, None if frame.waits else parent.id, frame.visibility)
            await lengthen(tx, statuses, parent)
            if self._talk is not None and not frame.waits:
                await self._talk.said(tx, _spoken(statuses[0]))
        await counts.posted(tx, author.id, whole.visibility, whole.now, len(statuses))
        return statuses

    async def _leave(self, tx: Tx, author: Account, parent: Status | None, quoted_id: int | None) -> Leave:
        """Find out what leave a thread needs; raises `Forbidden` where there is none."""
        if parent is not None:
            await self._may_answer(tx, author.id, parent.conversation_id)
        return Leave(
            parent=parent,
            reply=None if parent is None else await self._asking.may_reply(tx, author, parent),
            quoted=None if quoted_id is None else await self._asking.quotable(tx, author, quoted_id),
        )

    async def _use(self, tx: Tx, leave: Leave, status: Status, author: Account) -> None:
        """Write on the first post what it quotes, and by what it was let in."""
        if leave.quoted is not None:
            await self._asking.quote(tx, status, author, *leave.quoted)
        if leave.parent is not None and leave.parent.local and leave.reply and not leave.reply.proven:
            await self._asking.let_in(tx, status, author, leave.parent)

    def _status(
        self,
        frame: Frame,
        draft: Written,
        named: dict[Handle, Account],
        before: list[Status],
        parent: Status | None,
        *,
        total: int,
    ) -> Status:
        id_ = self._ids.next()
        author, index = frame.author, len(before)
        answered = before[-1] if before else parent
        at = next_in_thread(before[-1]) if before else place(id_, author.id, parent)
        links = {
            handle: Named(username=account.username, url=account.url) for handle, account in named.items()
        }
        has_next = index + 1 < total
        return Status(
            id=id_,
            uri=self._addresses.status(author.username, id_),
            url=self._addresses.status_page(author.username, id_),
            account_id=author.id,
            local=True,
            type="Note" if draft.poll is None else QUESTION,
            in_reply_to_id=answered.id if answered else None,
            in_reply_to_uri=answered.uri if answered else None,
            in_reply_to_account_id=answered.account_id if answered else None,
            thread_id=at.thread_id,
            thread_position=at.thread_position,
            thread_length=at.thread_position - index + total - 1,
            conversation_id=at.conversation_id,
            context_uri=at.context_uri or self._addresses.context(at.conversation_id),
            subject_uri=frame.subject_uri,
            visibility=frame.visibility,
            content=render(draft.text, links, self._addresses),
            source=draft.text,
            spoiler=draft.spoiler,
            sensitive=draft.sensitive or bool(draft.spoiler),
            language=frame.language,
            tags=[{"type": "Hashtag", "name": tag} for tag in find_tags(draft.text)],
            attachments=[],
            replies_count=1 if has_next and is_distributable(frame.visibility) else 0,
            boosts_count=0,
            favourites_count=0,
            policy=frame.policy,
            pending_approval=frame.waits,
            application=frame.application,
            created_at=_dated(frame.now, answered),
        )

    async def _tell(
        self,
        tx: Tx,
        frame: Frame,
        status: Status,
        recipients: list[Account],
        to_notify: set[int],
        poll: Poll | None,
    ) -> None:
        """Write who is addressed, notify those of ours, and send the post to the others.

        In a thread that is not for everybody each post is addressed to all whom any of its posts
        names, or they would see holes; each is notified only of the posts that name them.
        """
        author = frame.author
        tx.add_all(
            Mention(status_id=status.id, account_id=account.id, silent=False) for account in recipients
        )
        await tx.flush()
        if frame.visibility == "direct":
            await direct.file(tx, status.id)
        if frame.waits:
            return
        for account in recipients:
            if account.id in to_notify:
                await self._notifier.notify(
                    tx, to=account, type="mention", by_id=author.id, subject=status.id
                )
        audience = Audience(
            public=is_distributable(frame.visibility),
            followers=frame.visibility != "direct",
            actors=tuple(account.id for account in recipients),
        )
        asked = None if poll is None else poll_on_the_wire(poll, frame.now)
        note = note_of(status, author, recipients, self._addresses, poll=asked)
        await self._outbox.send(tx, author.id, create_of(note), audience)

    async def _ask(
        self,
        tx: Tx,
        frame: Frame,
        status: Status,
        recipients: list[Account],
        poll: Poll | None,
        leave: Leave,
    ) -> None:
        """Ask for leave where a new post wants it: of whom it answers, and of whom it quotes."""
        quoted, parent = leave.quoted, leave.parent
        asks_quoted = quoted is not None and status.quote_state == "pending" and not quoted[0].local
        if not frame.waits and not asks_quoted:
            return
        question = None if poll is None else poll_on_the_wire(poll, frame.now)
        note = note_of(status, frame.author, recipients, self._addresses, poll=question)
        if frame.waits and parent is not None:
            await self._asking.act(tx, "reply", frame.author, parent, note, subject=status.id)
        if asks_quoted and quoted is not None:
            await self._asking.act(tx, "quote", frame.author, quoted[0], note, subject=status.id)


def _dated(now: datetime, answered: Status | None) -> datetime:
    """Return when a post was written: always after what it answers, so that a thread sorts by date too."""
    return now if answered is None else max(now, answered.created_at + timedelta(milliseconds=1))


def _begin(
    status: Status,
    author: Account,
    in_reply_to_uri: str | None,
    conversation_id: int | None,
    addresses: Addresses,
) -> None:
    if in_reply_to_uri is not None:
        status.in_reply_to_uri = in_reply_to_uri
        status.in_reply_to_account_id = author.id
    if conversation_id is not None:
        status.conversation_id = conversation_id
        status.context_uri = addresses.context(conversation_id)


def _spoken(status: Status) -> Spoken:
    return Spoken(
        status_id=status.id,
        account_id=status.account_id,
        conversation_id=status.conversation_id,
        answers=status.in_reply_to_uri,
        visibility=status.visibility,
        content=status.content,
    )
