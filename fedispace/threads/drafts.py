"""Drafts, and threads that publish themselves at a time: one table, for the two are one thing.

A draft with `scheduled_at` is published at that time by a job, as one unit like any other thread. The
draft is removed and its posts are written in one transaction: a process that dies leaves either the
draft or the thread, never both and never neither. What cannot be published when its time comes (the
post it answers is gone, say) becomes a plain draft again that says why.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import delete, func, select

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.accounts.people import People
from fedispace.accounts.standing import require_at_home
from fedispace.clock import Clock, wire_time
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, FedispaceError, Invalid, NotFound, Unavailable
from fedispace.ids import Ids
from fedispace.queue.jobs import Arguments, Jobs, Task
from fedispace.threads.manuscript import Manuscript, packed, unpacked
from fedispace.threads.models import Status, ThreadDraft
from fedispace.threads.publish import Publishing

log = structlog.get_logger()

PUBLISH: Final = "threads.publish_scheduled"
SOONEST: Final = timedelta(minutes=5)
"""How far ahead a thread must be scheduled (Mastodon's rule, which its clients show)."""
LATEST: Final = timedelta(days=366)
MAX_DRAFTS: Final = 300
MAX_A_DAY: Final = 25
MAX_NAME: Final = 200
MAX_KEY: Final = 255


class Drafts:
    """Unpublished threads of our own people."""

    def __init__(
        self, db: Database, ids: Ids, clock: Clock, jobs: Jobs, publishing: Publishing, people: People
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._jobs = jobs
        self._publishing = publishing
        self._people = people

    def tasks(self) -> Mapping[str, Task]:
        """Return what the worker runs for this module, by kind of job."""
        return {PUBLISH: self._publish_scheduled}

    async def create(
        self,
        by: Account,
        manuscript: Manuscript,
        *,
        name: str = "",
        scheduled_at: datetime | None = None,
        request_key: str | None = None,
    ) -> ThreadDraft:
        """Keep a thread; with `scheduled_at` it will be published then.

        A repeat with the same `request_key` keeps nothing new and returns what the first one made.

        Raises `Invalid` for one that is empty or, when scheduled, could not be published as it is.
        """
        kept = self._judged(manuscript, scheduled_at)
        now = self._now()
        async with self._db.transaction() as tx:
            if request_key and (earlier := await _requested(tx, by.id, request_key)) is not None:
                return earlier
            many = await tx.scalar(
                select(func.count()).select_from(ThreadDraft).where(ThreadDraft.account_id == by.id)
            )
            if (many or 0) >= MAX_DRAFTS:
                raise Invalid(f"There is room for {MAX_DRAFTS} drafts and scheduled threads.")
            draft = ThreadDraft(
                id=self._ids.next(),
                account_id=by.id,
                request_key=request_key[:MAX_KEY] if request_key else None,
                name=_named(name),
                thread=kept,
                scheduled_at=None,
                created_at=now,
                updated_at=now,
            )
            tx.add(draft)
            await self._set_time(tx, draft, scheduled_at)
        return draft

    async def rewrite(
        self,
        by: Account,
        draft_id: int,
        manuscript: Manuscript,
        *,
        name: str | None = None,
        scheduled_at: datetime | None = None,
        seen_at: datetime | None = None,
    ) -> ThreadDraft:
        """Replace a draft. Without `scheduled_at` it waits for its author, whatever it did before.

        `seen_at` is the `updated_at` the writer started from: when another device has written since,
        nothing is overwritten and `Conflict` raised.
        """
        kept = self._judged(manuscript, scheduled_at)
        async with self._db.transaction() as tx:
            draft = await own(tx, by.id, draft_id)
            if seen_at is not None and draft.updated_at != seen_at:
                raise Conflict("The draft was changed elsewhere in the meantime.")
            draft.thread = kept
            draft.failure = None
            if name is not None:
                draft.name = _named(name)
            draft.updated_at = max(self._now(), draft.updated_at + timedelta(milliseconds=1))
            await self._set_time(tx, draft, scheduled_at)
        return draft

    async def schedule(self, by: Account, draft_id: int, at: datetime | None) -> ThreadDraft:
        """Move a draft to another time, or take it off the calendar."""
        async with self._db.transaction() as tx:
            draft = await own(tx, by.id, draft_id)
            self._judged(unpacked(draft.thread), at)
            draft.failure = None
            await self._set_time(tx, draft, at)
        return draft

    async def discard(self, by: Account, draft_id: int) -> None:
        """Throw a draft away."""
        async with self._db.transaction() as tx:
            draft = await own(tx, by.id, draft_id)
            await self._jobs.cancel(tx, _key(draft.id))
            await tx.delete(draft)

    async def publish(self, by: Account, draft_id: int) -> list[Status]:
        """Publish a draft now. Raises `NotFound` when it is gone: published or discarded before."""
        async with self._db.reading() as tx:
            draft = await own(tx, by.id, draft_id)
        return await self._publish(by, draft)

    def _now(self) -> datetime:
        """Return the time in whole milliseconds, as clients send it back."""
        now = self._clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _judged(self, manuscript: Manuscript, scheduled_at: datetime | None) -> dict[str, object]:
        if manuscript.is_blank:
            raise Invalid("There is nothing in it yet.", field="posts")
        if scheduled_at is not None:
            self._publishing.check(manuscript.posts, quotes=manuscript.quoted_id is not None)
        return packed(manuscript)

    async def _set_time(self, tx: Tx, draft: ThreadDraft, at: datetime | None) -> None:
        await tx.flush()
        await self._jobs.cancel(tx, _key(draft.id))
        draft.scheduled_at = None
        if at is None:
            await tx.flush()
            return
        now = self._clock.now()
        if at < now + SOONEST:
            raise Invalid("The time has to be at least 5 minutes from now.", field="scheduled_at")
        if at > now + LATEST:
            raise Invalid("The time has to be within a year.", field="scheduled_at")
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        same_day = await tx.scalar(
            select(func.count())
            .select_from(ThreadDraft)
            .where(
                ThreadDraft.account_id == draft.account_id,
                ThreadDraft.scheduled_at >= day,
                ThreadDraft.scheduled_at < day + timedelta(days=1),
                ThreadDraft.id != draft.id,
            )
        )
        if (same_day or 0) >= MAX_A_DAY:
            raise Invalid(f"At most {MAX_A_DAY} threads can be scheduled for one day.", field="scheduled_at")
        draft.scheduled_at = at
        await tx.flush()
        await self._jobs.enqueue(
            tx, PUBLISH, {"draft": draft.id, "at": wire_time(at)}, run_at=at, unique_key=_key(draft.id)
        )

    async def _publish(self, by: Account, draft: ThreadDraft) -> list[Status]:
        """Turn the draft that was read into a thread, unless it was changed or taken since."""
        require_at_home(by)
        manuscript = unpacked(draft.thread)
        await self._publishing.make_known(manuscript.posts, quotes=manuscript.quoted_id is not None)
        async with self._db.transaction() as tx:
            taken = await tx.scalar(
                delete(ThreadDraft)
                .where(ThreadDraft.id == draft.id, ThreadDraft.updated_at == draft.updated_at)
                .returning(ThreadDraft.id)
            )
            if taken is None:
                raise Conflict("The draft was changed or published in the meantime.")
            await self._jobs.cancel(tx, _key(draft.id))
            return await self._publishing.publish_in(
                tx,
                by,
                manuscript.posts,
                visibility=manuscript.visibility,
                in_reply_to_id=manuscript.in_reply_to_id,
                language=manuscript.language,
                application=manuscript.application,
                quiet_continuation=manuscript.quiet_continuation,
                quoted_id=manuscript.quoted_id,
                policy=manuscript.policy,
            )

    async def _publish_scheduled(self, arguments: Arguments) -> None:
        draft_id = int(arguments["draft"])
        async with self._db.reading() as tx:
            draft = await tx.get(ThreadDraft, draft_id)
            if draft is None or draft.scheduled_at is None or draft.scheduled_at > self._clock.now():
                return
            by = await self._people.by_id(tx, draft.account_id)
        try:
            statuses = await self._publish(by, draft)
        except (Unavailable, Conflict):
            raise
        except FedispaceError as error:
            await self._keep_with_reason(draft_id, error.detail)
        else:
            log.info("drafts.published", draft=draft_id, posts=len(statuses))

    async def _keep_with_reason(self, draft_id: int, reason: str) -> None:
        async with self._db.transaction() as tx:
            draft = await tx.get(ThreadDraft, draft_id)
            if draft is not None:
                draft.scheduled_at = None
                draft.failure = reason
        log.info("drafts.refused", draft=draft_id, reason=reason)


async def own(tx: Tx, account_id: int, draft_id: int) -> ThreadDraft:
    """Return somebody's draft; another's does not exist for them."""
    draft = await tx.get(ThreadDraft, draft_id)
    if draft is None or draft.account_id != account_id:
        raise NotFound("There is no such draft.")
    return draft


async def drafts(
    tx: Tx, account_id: int, page: Page, *, scheduled: bool | None = None
) -> Sequence[ThreadDraft]:
    """Return somebody's drafts, newest first; only those with a time, only those without, or all."""
    statement = select(ThreadDraft).where(ThreadDraft.account_id == account_id)
    if scheduled is not None:
        has_time = ThreadDraft.scheduled_at.is_not(None)
        statement = statement.where(has_time if scheduled else ~has_time)
    rows = (await tx.scalars(page.apply(statement, ThreadDraft.id))).all()
    return page.newest_first(rows)


async def _requested(tx: Tx, account_id: int, request_key: str) -> ThreadDraft | None:
    rows = await tx.scalars(
        select(ThreadDraft).where(
            ThreadDraft.account_id == account_id, ThreadDraft.request_key == request_key[:MAX_KEY]
        )
    )
    return rows.one_or_none()


def _key(draft_id: int) -> str:
    return f"{PUBLISH} {draft_id}"


def _named(name: str) -> str:
    return " ".join(name.split())[:MAX_NAME]
