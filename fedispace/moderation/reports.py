"""Reports: asking moderators, here or at the other server, to look at somebody.

Peers write a Flag in two ways: its `object` is an account, or a list of an account and its posts. One
kind of peer names posts only by their addresses in the text. A report of ours leaves under the name of
the instance actor, so that the one who is reported never learns who did it (as GoToSocial does).
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
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
from fedispace.federation.segments import segment, whole
from fedispace.federation.vocab.activities import Flag
from fedispace.federation.vocab.uri import Uri, is_uri, parse_uri
from fedispace.ids import Ids
from fedispace.moderation.evidence import EvidenceDrawer, Heard, count_of
from fedispace.moderation.models import Report

Category = Literal["spam", "legal", "violation", "other"]

MAX_COMMENT: Final = 5000
MAX_OBJECTS: Final = 150
MAX_OPEN: Final = 20
"""How many open reports one reporter may have about one account."""

MAX_HEARD: Final = 5
"""How many pieces of sound one reporter may bring from one Space."""

_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']+")
_MAX_ADDRESSES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The Space in which something was said, and how many seconds after its beginning.

    `host_id` is whose server the Space is on: another server's moderators hear of what was said there.
    """

    space_id: int
    uri: Uri
    url: str
    host_id: int
    moment: int | None = None


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
        drawer: EvidenceDrawer,
    ) -> None:
        self._drawer = drawer
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
        scene: Scene | None = None,
        heard: Heard | None = None,
    ) -> Report:
        """Write a report; with `forward` the moderators of a remote account are told too.

        `objects` are ids of posts of the account that `by` may see; `scene` is where it was said, and
        `heard` the sound of it. Raises `NotFound` for an unknown
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
            told = [target.id] if forward and not target.local else []
            if forward and scene is not None and not (await self._people.by_id(tx, scene.host_id)).local:
                told.append(scene.host_id)
            report = Report(
                id=id_,
                uri=self._addresses.activity(id_),
                reporter_uri=by.uri,
                target_id=target.id,
                objects=list(objects)[:MAX_OBJECTS],
                category=category,
                comment=comment,
                local=by.local,
                forwarded=bool(told),
                created_at=self._clock.now(),
                space_id=None if scene is None else scene.space_id,
                moment=None if scene is None else scene.moment,
            )
            tx.add(report)
            await tx.flush()
            if heard is not None and scene is not None and await self._may_bring(tx, by, scene):
                await self._drawer.keep(tx, id_, heard)
            if told:
                await self._forward(tx, report, target, scene, told)
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

    async def _may_bring(self, tx: Tx, by: Account, scene: Scene) -> bool:
        """Tell whether one more piece of sound is taken from this reporter; the report itself is."""
        return await count_of(tx, by.uri, scene.space_id) < MAX_HEARD

    async def _forward(
        self, tx: Tx, report: Report, target: Account, scene: Scene | None, told: Sequence[int]
    ) -> None:
        sender = await self._actors.by_uri(tx, self._addresses.instance_actor)
        assert sender is not None
        where = () if scene is None else (scene.uri,)
        if scene is not None and scene.moment is not None:
            where = (*where, segment(scene.uri, scene.moment))
        flag = Flag(
            id=parse_uri(report.uri),
            actor=self._addresses.instance_actor,
            objects=(parse_uri(target.uri), *where, *(parse_uri(uri) for uri in report.objects)),
            content=_said(report, scene) or None,
        )
        await self._outbox.send(tx, sender.id, flag, Audience(actors=tuple(dict.fromkeys(told))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A Space that a report names; `host_id` is who made it."""

    id: int
    host_id: int
    is_ours: bool


Rooms = Callable[[Tx, Sequence[str]], Awaitable[Room | None]]
"""Finds the Space that one of these addresses is of."""


class ReportInbox:
    """Reports from other servers: about people of ours, and about what anybody said in a Space of ours."""

    routes = InboxRoutes()

    def __init__(self, ids: Ids, clock: Clock, addresses: Addresses, people: People, rooms: Rooms) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._rooms = rooms

    @routes.on(Flag)
    async def flagged(self, tx: Tx, verified: Verified[Flag], found: Found) -> None:
        """Keep a report for the moderators, with the room and the moment if it names them."""
        flag = verified.activity
        named = (*flag.objects, *_addresses_in(flag.content or ""))
        things = [whole(uri) for uri in named]
        room = await self._rooms(tx, [thing for thing, _ in things])
        moment = next((second for _, second in things if second is not None), None)
        target = await self._target(tx, named)
        if target is None and room is not None and room.is_ours:
            target = await self._anybody(tx, flag.objects) or await self._people.by_id(tx, room.host_id)
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
                space_id=None if room is None else room.id,
                moment=None if room is None else moment,
            )
        )
        await tx.flush()

    async def _anybody(self, tx: Tx, named: Iterable[Uri]) -> Account | None:
        """Return the first account among what is named, of any server: people of others come to our rooms."""
        for uri in named:
            account = await self._people.by_uri(tx, uri)
            if account is not None:
                return account
        return None

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


def _said(report: Report, scene: Scene | None) -> str:
    """Return the comment, and beneath it the address of the moment: peers show nothing else of a room."""
    if scene is None:
        return report.comment
    moment = "" if scene.moment is None else f"#t={scene.moment}"
    return f"{report.comment}\n\n{scene.url}{moment}".strip()


async def one(tx: Tx, report_id: int) -> tuple[Report, Account]:
    """Return a report and whom it is about; raises `NotFound`."""
    rows = await tx.execute(
        select(Report, Account).join(Account, Account.id == Report.target_id).where(Report.id == report_id)
    )
    row = rows.one_or_none()
    if row is None:
        raise NotFound("There is no such report.")
    return row[0], row[1]


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
