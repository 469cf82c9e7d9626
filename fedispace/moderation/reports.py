"""Reports: asking moderators, here or at the other server, to look at somebody.

Peers write a Flag in two ways: its `object` is an account, or a list of an account and its posts. One
kind of peer names posts only by their addresses in the text. A report of ours leaves under the name of
the instance actor, so that the one who is reported never learns who did it (as GoToSocial does).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.errors import Conflict, Invalid, NotFound, Refused
from fedispace.federation.actors import Actors
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.vocab.activities import Flag
from fedispace.federation.vocab.uri import Uri, is_uri, parse_uri
from fedispace.ids import Ids
from fedispace.moderation.models import Report

Category = Literal["spam", "legal", "violation", "other"]

MAX_COMMENT: Final = 5000
MAX_OBJECTS: Final = 150
MAX_OPEN: Final = 20
"""How many open reports one reporter may have about one account."""

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']+")
_MAX_ADDRESSES: Final = 50


class Reporting:
    """Reports by our own people, and what moderators do with any report."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        actors: Actors,
        outbox: Outbox,
        people: People,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._actors = actors
        self._outbox = outbox
        self._people = people

    async def report(
        self,
        by: Account,
        target_id: int,
        *,
        objects: Sequence[str] = (),
        comment: str = "",
        category: Category = "other",
        forward: bool = False,
    ) -> Report:
        """Write a report; with `forward` the moderators of a remote account are told too.

        `objects` are ids of posts of the account that `by` may see. Raises `NotFound` for an unknown
        account and `Conflict` when `by` has reported it too often already.
        """
        if target_id == by.id:
            raise Invalid("One cannot report oneself.", field="account_id")
        comment = comment.strip()
        if len(comment) > MAX_COMMENT:
            raise Invalid(f"A report has at most {MAX_COMMENT} characters.", field="comment")
        async with self._db.transaction() as tx:
            target = await self._people.by_id(tx, target_id)
            if await _open_of(tx, by.uri, target.id) >= MAX_OPEN:
                raise Conflict("The moderators have enough reports of yours about this account.")
            id_ = self._ids.next()
            told = forward and not target.local
            report = Report(
                id=id_,
                uri=self._addresses.activity(id_),
                reporter_uri=by.uri,
                target_id=target.id,
                objects=list(objects)[:MAX_OBJECTS],
                category=category,
                comment=comment,
                local=True,
                forwarded=told,
                created_at=self._clock.now(),
            )
            tx.add(report)
            await tx.flush()
            if told:
                await self._forward(tx, report, target)
        return report

    async def resolve(self, report_id: int, resolution: str) -> Report:
        """Close a report; closing it again changes what was decided."""
        async with self._db.transaction() as tx:
            report = await tx.get(Report, report_id)
            if report is None:
                raise NotFound("There is no such report.")
            report.resolved_at = report.resolved_at or self._clock.now()
            report.resolution = resolution.strip()[:MAX_COMMENT]
        return report

    async def _forward(self, tx: Tx, report: Report, target: Account) -> None:
        sender = await self._actors.by_uri(tx, self._addresses.instance_actor)
        assert sender is not None
        flag = Flag(
            id=parse_uri(report.uri),
            actor=self._addresses.instance_actor,
            objects=(parse_uri(target.uri), *(parse_uri(uri) for uri in report.objects)),
            content=report.comment or None,
        )
        await self._outbox.send(tx, sender.id, flag, Audience(actors=(target.id,)))


class ReportInbox:
    """Reports from other servers about people of ours."""

    routes = InboxRoutes()

    def __init__(self, ids: Ids, clock: Clock, addresses: Addresses, people: People) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._people = people

    @routes.on(Flag)
    async def flagged(self, tx: Tx, verified: Verified[Flag], found: Found) -> None:
        """Keep a report for the moderators."""
        flag = verified.activity
        named = (*flag.objects, *_addresses_in(flag.content or ""))
        target = await self._target(tx, named)
        if target is None:
            raise Refused("unrelated", "The report is about nobody here.", status=202)
        if await _open_of(tx, verified.sender, target.id) >= MAX_OPEN:
            raise Refused("repeated", "There are enough reports from there about this account.", status=202)
        posts = [uri for uri in dict.fromkeys(named) if uri.startswith(f"{target.uri}/")]
        tx.add(
            Report(
                id=self._ids.next(),
                uri=flag.id,
                reporter_uri=verified.sender,
                target_id=target.id,
                objects=posts[:MAX_OBJECTS],
                category="other",
                comment=(flag.content or "")[:MAX_COMMENT],
                local=False,
                forwarded=False,
                created_at=self._clock.now(),
            )
        )
        await tx.flush()

    async def _target(self, tx: Tx, named: Iterable[Uri]) -> Account | None:
        """Return whom of ours the report is about: an account it names, or the author of a post."""
        for uri in named:
            if not self._addresses.is_ours(uri):
                continue
            owner = uri.partition("/statuses/")[0]
            account = await self._people.by_uri(tx, owner)
            if account is not None and account.local:
                return account
        return None


async def reports(tx: Tx, *, resolved: bool = False, limit: int = 100) -> list[tuple[Report, Account]]:
    """Return the reports that wait (or those that are done), oldest first, each with whom it is about."""
    done = Report.resolved_at.is_not(None)
    rows = await tx.execute(
        select(Report, Account)
        .join(Account, Account.id == Report.target_id)
        .where(done if resolved else ~done)
        .order_by(Report.id)
        .limit(limit)
    )
    return [(report, account) for report, account in rows]


async def _open_of(tx: Tx, reporter_uri: str, target_id: int) -> int:
    many = await tx.scalar(
        select(func.count())
        .select_from(Report)
        .where(
            Report.target_id == target_id,
            Report.reporter_uri == reporter_uri,
            Report.resolved_at.is_(None),
        )
    )
    return many or 0


def _addresses_in(text: str) -> list[Uri]:
    found = (match.group().rstrip(".,;:)") for match in _ADDRESS.finditer(text))
    return [uri for uri in found if is_uri(uri)][:_MAX_ADDRESSES]
