"""Editing one's own post: the old state is kept, the new one told to everybody who has it.

Who may see a post does not change with an edit, except that it may name more people: they are notified,
and sent what the post says now. Whom it named before stays addressed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, select

from fedispace.accounts import emojis
from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.base import BigId
from fedispace.db.engine import Database, Tx
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.ids import Ids
from fedispace.threads import direct, history, news, quotes, tags
from fedispace.threads.audience import parse_visibility
from fedispace.threads.compose import (
    Named,
    checked,
    checked_spoiler,
    find_mentions,
    find_tags,
    render,
    tidy,
)
from fedispace.threads.mentions import AccountLookup, Mentions
from fedispace.threads.models import Mention, Status
from fedispace.threads.policies import Kind, Parties, chosen, to_json
from fedispace.threads.policy_wire import policy_of
from fedispace.threads.polls import PollDraft, Polls, checked_poll, is_another, poll_of
from fedispace.threads.updates import Updates
from fedispace.threads.written import Draft, is_language

MAX_BOOSTERS: Final = 1000
_BOOSTERS: Final = (
    select(Account.id)
    .join(Status, Status.account_id == Account.id)
    .where(Status.boost_of_id == bindparam("post", type_=BigId), Account.domain == "")
    .limit(MAX_BOOSTERS)
)


class Editing:
    """Edits posts of our own people."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        notifier: Notifier,
        people: People,
        lookup: AccountLookup,
        polls: Polls,
        updates: Updates,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._notifier = notifier
        self._mentions = Mentions(db, people, lookup)
        self._polls = polls
        self._updates = updates

    async def edit(
        self,
        by: Account,
        status_id: int,
        draft: Draft,
        *,
        language: str | None = None,
        policy: Mapping[Kind, Parties] | None = None,
        keeps_poll: bool = False,
    ) -> Status:
        """Have a post of one's own say something else, and return it; the same again changes nothing.

        `policy` has the kinds of interaction for which it is to be another from now on. With `keeps_poll`
        the question it asks, its time and its votes stay as they are. A post that quotes may say nothing
        besides. Raises `NotFound` for what is not there or somebody else's, and `Invalid`
        for a text that cannot be published.
        """
        text = checked(draft.text) if tidy(draft.text) else ""
        spoiler = checked_spoiler(draft.spoiler)
        poll = None if draft.poll is None else checked_poll(draft.poll)
        said = replace(draft, text=text, spoiler=spoiler, poll=poll)
        handles = find_mentions(text)
        await self._mentions.make_known(handles)
        async with self._db.transaction() as tx:
            status = await self._own(tx, by, status_id)
            if not text and status.quote_state is None:
                checked(text)
            is_other_policy = repolice(status, policy or {})
            if language is None or not is_language(language):
                language = status.language
            kept = await poll_of(tx, status) if keeps_poll else None
            if await self._is_said(tx, status, said, language, keeps_poll=keeps_poll):
                if is_other_policy:
                    await tx.flush()
                    await self._updates.send(tx, status, by)
                return status
            await history.keep(tx, self._ids, status)
            at = after(status, self._clock.now())
            named = await self._mentions.known(tx, handles)
            links = {
                handle: Named(username=account.username, url=account.url) for handle, account in named.items()
            }
            status.source = text
            status.content = render(text, links, self._addresses)
            status.spoiler = spoiler
            status.sensitive = draft.sensitive or bool(spoiler)
            status.language = language
            others = [tag for tag in status.tags if tag["type"] != "Hashtag"]
            status.tags = [*({"type": "Hashtag", "name": tag} for tag in find_tags(text)), *others]
            asked = kept.options if kept is not None else poll.options if poll is not None else ()
            status.emojis = await emojis.ours_in(tx, text, spoiler, *asked)
            status.edited_at = at
            if not keeps_poll:
                await self._polls.change(tx, status, poll)
            await tx.flush()
            await tags.rewrite(tx, status.id, status.tags)
            await self._name(tx, status, by, list(named.values()), at)
            news.changed(tx, status)
            await tell_boosters(tx, self._notifier, status)
            await quotes.tell_of_edit(tx, self._notifier, status)
            await self._updates.send(tx, status, by)
        return status

    async def _own(self, tx: Tx, by: Account, status_id: int) -> Status:
        status = await tx.get(Status, status_id, with_for_update=True)
        if status is None or status.account_id != by.id or status.boost_of_id is not None:
            raise NotFound("There is no such post.")
        return status

    async def _is_said(
        self, tx: Tx, status: Status, said: Draft, language: str | None, *, keeps_poll: bool
    ) -> bool:
        """Tell whether the post says this already; a poll that is asked again is given new time."""
        return (
            status.source == said.text
            and status.spoiler == said.spoiler
            and status.sensitive == (said.sensitive or bool(said.spoiler))
            and status.language == language
            and (keeps_poll or await self._asks(tx, status, said.poll))
        )

    async def _asks(self, tx: Tx, status: Status, draft: PollDraft | None) -> bool:
        poll = await poll_of(tx, status)
        if poll is None or draft is None:
            return poll is None and draft is None
        if is_another(poll, draft.options, draft.multiple) or poll.hides_totals != draft.hides_totals:
            return False
        end = self._clock.now() + timedelta(seconds=draft.expires_in)
        return poll.expires_at == end

    async def _name(self, tx: Tx, status: Status, by: Account, named: list[Account], at: datetime) -> None:
        """Write and notify those whom the edit names and the post did not."""
        known = set(await tx.scalars(select(Mention.account_id).where(Mention.status_id == status.id)))
        new = [account for account in named if account.id != by.id and account.id not in known]
        tx.add_all(
            Mention(status_id=status.id, account_id=account.id, silent=False, added_at=at) for account in new
        )
        await tx.flush()
        if new and status.visibility == "direct":
            await direct.file(tx, status.id)
        for account in new:
            await self._notifier.notify(tx, to=account, type="mention", by_id=by.id, subject=status.id)


def repolice(status: Status, choice: Mapping[Kind, Parties]) -> bool:
    """Change who may do what with a post of ours; tell whether anything is changed by it."""
    visibility = parse_visibility(status.visibility)
    stored = chosen(visibility, {visibility: to_json(policy_of(status))}, choice) if choice else status.policy
    if stored == status.policy:
        return False
    status.policy = stored
    return True


def after(status: Status, now: datetime) -> datetime:
    """Return when an edit of now happens: in whole milliseconds, as peers read it, after the last one."""
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    last = status.edited_at or status.created_at
    last = last.replace(microsecond=last.microsecond // 1000 * 1000)
    return max(now, last + timedelta(milliseconds=1))


async def tell_boosters(tx: Tx, notifier: Notifier, status: Status) -> None:
    """Notify those of ours who passed the post on that it says something else now (as Mastodon does)."""
    by_id = status.account_id
    for account_id in (await tx.core(_BOOSTERS, {"post": status.id})).scalars().all():
        await notifier.withdraw(tx, to_id=account_id, type="update", by_id=by_id, subject=status.id)
        await notifier.notify_ours(tx, to_id=account_id, type="update", by_id=by_id, subject=status.id)
