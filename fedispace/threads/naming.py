"""Whom a post of another server names: written down, and ours among them notified."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import String, bindparam, select

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.db.upsert import add_new
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.links import Mention as MentionTag
from fedispace.federation.vocab.objects import Note
from fedispace.threads import direct
from fedispace.threads.models import Mention, Status

_accounts: Final = table_of(Account).c
_NAMED: Final = select(_accounts.id, _accounts.uri, _accounts.domain).where(
    _accounts.uri == bindparam("uri", type_=String())
)


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody a post names, as far as naming goes."""

    id: int
    uri: str
    local: bool


class Naming:
    """Writes mentions from the tags and the addressees of notes."""

    def __init__(self, addresses: Addresses, people: People, notifier: Notifier) -> None:
        self._addresses = addresses
        self._people = people
        self._notifier = notifier

    async def name(
        self, tx: Tx, status_id: int, author_id: int, visibility: str, note: Note, *, notify: bool
    ) -> None:
        """Write whom the note names and addresses, as far as they are known here; notify ours.

        Somebody tagged but not addressed is shown, and neither notified nor let in. Somebody of ours
        who is addressed without a tag was written to all the same.
        """
        tagged = [tag.href for tag in note.tags if isinstance(tag, MentionTag)]
        addressed = {*note.to, *note.cc}
        ours = [uri for uri in addressed if self._addresses.is_ours(uri)]
        if not tagged and not ours:
            return
        named = await self._accounts(tx, [*tagged, *ours])
        for account in named:
            if account.id == author_id:
                continue
            silent = account.uri not in addressed
            row = {"status_id": status_id, "account_id": account.id, "silent": silent, "added_at": None}
            await add_new(tx, Mention, row)
        if visibility == "direct":
            await direct.file(tx, status_id)
        if not notify:
            return
        for account in named:
            if account.local and account.uri in addressed:
                await self._notifier.notify_ours(
                    tx, to_id=account.id, type="mention", by_id=author_id, subject=status_id
                )

    async def name_too(self, tx: Tx, status: Status, note: Note, *, added_at: datetime | None) -> None:
        """Write and notify those whom another state of a post names; whom it named before stays named."""
        status_id, author_id = status.id, status.account_id
        tagged = [tag.href for tag in note.tags if isinstance(tag, MentionTag)]
        addressed = {*note.to, *note.cc}
        ours = [uri for uri in addressed if self._addresses.is_ours(uri)]
        if not tagged and not ours:
            return
        rows = await tx.scalars(select(Mention).where(Mention.status_id == status_id))
        known = {row.account_id: row for row in rows}
        new: list[Named] = []
        for account in await self._accounts(tx, [*tagged, *ours]):
            row = known.get(account.id)
            silent = account.uri not in addressed
            if account.id == author_id or (row is not None and (silent or not row.silent)):
                if added_at is None and not silent:
                    new.append(account)
                continue
            if row is None:
                tx.add(Mention(status_id=status_id, account_id=account.id, silent=silent, added_at=added_at))
            else:
                row.silent, row.added_at = False, added_at
            if not silent:
                new.append(account)
        await tx.flush()
        if status.visibility == "direct":
            await direct.file(tx, status.id)
        for account in new:
            if account.local:
                await self._notifier.notify_ours(
                    tx, to_id=account.id, type="mention", by_id=author_id, subject=status_id
                )

    async def _accounts(self, tx: Tx, uris: Iterable[str]) -> list[Named]:
        """Return the accounts among `uris`; a peer may name ours by their profile page."""
        accounts: dict[int, Named] = {}
        pages = f"{self._addresses.origin}/@"
        for uri in dict.fromkeys(uris):
            row = (await tx.core(_NAMED, {"uri": uri})).one_or_none()
            if row is not None:
                accounts[row.id] = Named(row.id, row.uri, row.domain == "")
            elif uri.startswith(pages):
                account = await self._people.by_handle(tx, uri.removeprefix(pages))
                if account is not None:
                    accounts[account.id] = Named(account.id, account.uri, account.local)
        return list(accounts.values())
