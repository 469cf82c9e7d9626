"""One-time links, sent by direct message: the way in for any account of the fediverse, without OAuth.

    browser -> "I am @dan@m.test" -> message to dan, with a link -> dan opens it in that browser -> visit

Whoever can read the message is the account. The link is good for ten minutes and once, and only in the
browser that asked: else a stranger could ask in dan's name and wait for dan to click. Looking at it uses
nothing up, because servers and clients fetch links to preview them; a button does.

A host who takes a raised hand (`raised_hands.py`) has a link sent that no browser asked for; the first to
press the button has it.

Nobody is bothered through us: two messages in ten minutes and six a day to one account, whoever asks;
none to who blocked us or the host; and what is not sent looks to the asker as if it had been.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import exists, func, or_, select, update

from fedispace.accounts.handles import parse_handle
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account, Block
from fedispace.accounts.people import People
from fedispace.accounts.tokens import at_rest, is_token
from fedispace.clock import Clock
from fedispace.db.engine import Database, Tx
from fedispace.db.pruning import forget
from fedispace.errors import Conflict, Forbidden, Gone, Invalid, NotFound, RateLimited
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow, OutboxItem
from fedispace.federation.outbox import Audience, Outbox, unsay
from fedispace.federation.policy import Policy, refuse_blocked
from fedispace.hosts import host_of
from fedispace.ids import Ids, id_at
from fedispace.spaces import queries
from fedispace.spaces.entry import entry_notes
from fedispace.spaces.entry.entry_notes import Occasion
from fedispace.spaces.entry.visits import Begun, Visits
from fedispace.spaces.entry.way_limits import WayLimits
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Space
from fedispace.spaces.visit_models import EntryLink

log = structlog.get_logger()

LIFE: Final = timedelta(minutes=10)
FEW: Final = ((timedelta(minutes=10), 2), (timedelta(days=1), 6))
"""How many messages one account is sent in how long."""
_REMEMBERED: Final = max(span for span, _ in FEW)
_AT_ONCE: Final = 500
_OVER: Final = (Phase.ENDED, Phase.CANCELLED)
_WRONG_BROWSER: Final = (
    "This link is good only in the browser where it was asked for. Open it there, or ask for a new one here. "
    "If you did not ask for it, somebody else did, and got nothing."
)
_NO_LINK: Final = "This link was used, or it is too old. Ask for a new one on the Space's page."


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A link that is good in this browser: whom it makes known, and where it leads."""

    account: Account
    space: Space


class EntryLinks:
    """Sends links and takes them back."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        ids: Ids,
        addresses: Addresses,
        people: People,
        lookup: Lookup,
        outbox: Outbox,
        policy: Policy,
        visits: Visits,
        limits: WayLimits,
    ) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._addresses = addresses
        self._people = people
        self._lookup = lookup
        self._outbox = outbox
        self._policy = policy
        self._visits = visits
        self._limits = limits

    async def ask(self, space_id: int, typed: str, *, browser: str, address: str) -> str:
        """Have a link sent to the account somebody says is theirs; return its handle as it will be shown.

        `browser` is the secret of the browser that asks. Raises `Invalid` for what is no address of another
        server, `NotFound`, `Conflict` for a Space that is over, `Forbidden` for a server that is blocked,
        `RateLimited`.
        """
        handle = parse_handle(typed)
        domain = self._people.domain_key(handle.domain) if handle.domain else ""
        if not domain:
            raise Invalid("That is an account of this server: sign in with it.", field="address")
        self._limits.ask(address)
        await refuse_blocked(self._policy, domain)
        async with self._db.reading() as tx:
            _require_unfinished(await _space(tx, space_id))
        self._limits.server(domain)
        account = await self._lookup.account(str(handle))
        if account.local:
            raise NotFound("There is no such account.")
        await refuse_blocked(self._policy, host_of(account.uri))
        async with self._db.transaction() as tx:
            space = await _space(tx, space_id)
            await self._send(tx, space, account.id, browser)
        return f"@{account.username}@{account.domain}"

    async def invite(self, tx: Tx, space: Space, account_id: int) -> None:
        """Send somebody of another server, whose hand was taken, the way in.

        What may not be sent is not, quietly: the host's click is about the hand.
        """
        try:
            await self._send(tx, space, account_id, None)
        except (RateLimited, Conflict):
            log.info("entry_link.too_many", account=account_id)

    async def look(self, link: str, browser: str) -> Waiting:
        """Return what a link is for, without using it up.

        Raises `Gone` for one that is used, too old or never was, and `Forbidden` in the wrong browser.
        """
        if not is_token(link):
            raise Gone(_NO_LINK)
        async with self._db.reading() as tx:
            row = (
                await tx.execute(
                    select(EntryLink, Account, Space)
                    .join(Account, Account.id == EntryLink.account_id)
                    .join(Space, Space.id == EntryLink.space_id)
                    .where(EntryLink.link_hash == at_rest(link))
                )
            ).one_or_none()
        if row is None:
            raise Gone(_NO_LINK)
        found, account, space = row
        if found.used_at is not None or found.expires_at <= self._clock.now():
            raise Gone(_NO_LINK)
        if found.browser_hash is not None and found.browser_hash != at_rest(browser):
            raise Forbidden(_WRONG_BROWSER)
        return Waiting(account=account, space=space)

    async def take(self, link: str, browser: str) -> Begun:
        """Use a link up and begin a visit; raises what `look` raises. Of two at once one gets in."""
        waiting = await self.look(link, browser)
        await refuse_blocked(self._policy, host_of(waiting.account.uri))
        now = self._clock.now()
        async with self._db.transaction() as tx:
            taken = await tx.scalar(
                update(EntryLink)
                .where(
                    EntryLink.link_hash == at_rest(link),
                    EntryLink.used_at.is_(None),
                    EntryLink.expires_at > now,
                    or_(EntryLink.browser_hash.is_(None), EntryLink.browser_hash == at_rest(browser)),
                )
                .values(used_at=now)
                .returning(EntryLink.account_id)
            )
            if taken is None:
                raise Gone(_NO_LINK)
            account = await self._people.by_id(tx, taken)
            token = await self._visits.begin(tx, account, "link")
            await unsay(tx, f"{entry_notes.place_of(self._addresses)}{_name_of(link)}")
        return Begun(token=token, space_id=waiting.space.id)

    async def prune(self) -> None:
        """Forget links when they count no more, and the messages of those that are no longer good."""
        now = self._clock.now()
        await forget(self._db, EntryLink, EntryLink.expires_at <= now - _REMEMBERED)
        async with self._db.transaction() as tx:
            stale = await tx.scalars(
                select(OutboxItem.object_uri)
                .where(
                    OutboxItem.object_uri.startswith(entry_notes.place_of(self._addresses), autoescape=True)
                )
                .where(OutboxItem.id < id_at(now - LIFE))
                .limit(_AT_ONCE)
            )
            for uri in list(stale):
                await unsay(tx, uri or "")

    async def _send(self, tx: Tx, space: Space, account_id: int, browser: str | None) -> None:
        """Write a link and the message that carries it, unless its reader wants none."""
        _require_unfinished(space)
        account = await tx.get(Account, account_id, with_for_update=True)  # two at once are counted in turn
        if account is None or account.local or not await self._is_reachable(tx, account):
            return
        now = self._clock.now()
        await self._require_few(tx, account_id, now)
        link = self._ids.token()
        tx.add(
            EntryLink(
                link_hash=at_rest(link),
                browser_hash=None if browser is None else at_rest(browser),
                account_id=account_id,
                space_id=space.id,
                status_id=None,
                created_at=now,
                expires_at=now + LIFE,
                used_at=None,
            )
        )
        await tx.flush()
        instance = await self._people.ensure(tx, self._addresses.instance_actor)
        if await _wants_none(tx, account_id, (instance.id, space.host_id)):
            log.info("entry_link.unwanted", account=account_id)
            return
        host = await self._people.by_id(tx, space.host_id)
        said = entry_notes.create_of(
            self._addresses,
            account,
            Occasion(
                title=space.title,
                host=host.display_name or host.username,
                is_invited=browser is None,
                minutes=int(LIFE.total_seconds()) // 60,
            ),
            name=_name_of(link),
            link=f"{self._addresses.origin}/visit/link/{link}",
            now=now,
        )
        await self._outbox.send(tx, instance.id, said, Audience(actors=(account_id,)))
        log.info("entry_link.sent", account=account_id, space=space.id, asked=browser is not None)

    async def _is_reachable(self, tx: Tx, account: Account) -> bool:
        row = await tx.get(ActorRow, account.id)
        shown = account.suspended_at is None and not account.suspended_at_home
        return row is not None and row.gone_at is None and shown

    async def _require_few(self, tx: Tx, account_id: int, now: datetime) -> None:
        for span, allowed in FEW:
            sent = await tx.scalar(
                select(func.count())
                .select_from(EntryLink)
                .where(EntryLink.account_id == account_id, EntryLink.created_at > now - span)
            )
            if (sent or 0) >= allowed:
                raise RateLimited(
                    "That account was written to already. Look for the message, or try again later.",
                    retry_after=int(span.total_seconds()),
                )


async def _space(tx: Tx, space_id: int) -> Space:
    """Return a Space of ours that anybody with its address may see."""
    space = await queries.space(tx, space_id, None)
    if not space.local:
        raise NotFound("There is no such Space.")
    return space


def _require_unfinished(space: Space) -> None:
    if Phase(space.state) in _OVER:
        raise Conflict("That Space is over. Read its thread.")


async def _wants_none(tx: Tx, account_id: int, senders: tuple[int, ...]) -> bool:
    blocked = exists().where(Block.account_id == account_id, Block.target_id.in_(senders))
    return bool(await tx.scalar(select(blocked)))


def _name_of(link: str) -> str:
    """Return the name of a link's message: it leads from the link to the message, and not back."""
    return at_rest(f"message {link}")[:32]
