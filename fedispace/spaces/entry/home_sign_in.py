"""Signing in by one's home server: the browser is sent home, comes back, and begins a visit.

    POST /visit --(register once per host)--> home: "may a.example know who you are?" --> GET /visit/from/HOST
        --> code for token --> who --> token given back --> visit

An errand remembers who was sent where, and to which browser they come back:

- the state is 256 random bits, good once, for ten minutes, and only in the browser whose cookie began it:
  nobody is signed in by a link somebody else made (login CSRF), and no answer counts twice (replay);
- every host has a return address of its own, so one server's answer is not taken for another's (mix-up,
  RFC 9700 section 4.4.2); and where an answer names its issuer, it must be that host (RFC 9207);
- the code is bound to a verifier only we know (PKCE, RFC 7636); a MiAuth session is the one we made.
"""

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote, urlencode

import structlog
from sqlalchemy import and_, delete

from fedispace.accounts.handles import parse_domain, parse_handle
from fedispace.accounts.people import People
from fedispace.accounts.tokens import at_rest
from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database
from fedispace.db.pruning import forget
from fedispace.db.upsert import insert
from fedispace.errors import Forbidden, Invalid, Refused
from fedispace.federation.actors import actor_of
from fedispace.federation.addresses import Addresses
from fedispace.federation.resolve import Resolver
from fedispace.federation.vocab.uri import Uri, is_uri
from fedispace.hosts import host_of, origin_of
from fedispace.ids import Ids
from fedispace.spaces.entry.home_servers import ForgotUs, HomeServers, NoRegistration
from fedispace.spaces.entry.visits import Begun, Visits, Way
from fedispace.spaces.entry.way_limits import WayLimits
from fedispace.spaces.visit_models import Errand, HomeApp

log = structlog.get_logger()

LIFE: Final = timedelta(minutes=10)
_APP_LASTS: Final = timedelta(days=90)
_MAX_TYPED: Final = 300
_MAX_CODE: Final = 2048
_STRAY: Final = (
    "This answer does not belong to this browser, or it came too late, or it was used already. Begin again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where a browser is sent."""

    url: str
    host: str


class HomeSignIn:
    """Sends people home and takes them in again."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        ids: Ids,
        addresses: Addresses,
        people: People,
        resolver: Resolver,
        servers: HomeServers,
        visits: Visits,
        limits: WayLimits,
    ) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._addresses = addresses
        self._people = people
        self._resolver = resolver
        self._servers = servers
        self._visits = visits
        self._limits = limits

    async def begin(self, typed: str, *, browser: str, address: str, space_id: int | None) -> Departure:
        """Return where to send a browser whose person lives at `typed`.

        That is `@dan@m.test`, `m.test` or a profile page. Raises `Invalid`, `Forbidden` for a server that is
        blocked here, `NotFound`, `Refused` and `Unavailable` for one that cannot be asked, `RateLimited`.
        """
        username, host = _spelled(typed)
        self._limits.ask(address)
        if host in (self._addresses.host, self._addresses.account_domain):
            raise Invalid("That is this server: sign in with your account here.", field="address")
        await self._servers.refuse_blocked(host)
        self._limits.server(host)
        if username:
            host = await self._servers.host_of_account(username, host)
            await self._servers.refuse_blocked(host)
        app = await self._app(host)
        if app is None:
            return await self._begin_miauth(host, browser, space_id)
        state, verifier = self._ids.token(), self._ids.token()
        await self._remember(state, browser, app.host, "oauth", verifier, space_id)
        asked = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": self._back(app.host),
            "scope": app.scope,
            "state": state,
            "code_challenge": _challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        return Departure(url=_with(app.authorize_url, asked), host=app.host)

    async def come_back(self, host: str, said: Mapping[str, str], *, browser: str, address: str) -> Begun:
        """Take in who comes back from `host` with the answer `said`; raises `Forbidden`, `Refused`."""
        self._limits.open(address)
        ours = said.get("state") or said.get("session") or ""
        errand = await self._finished(host, ours, browser)
        await self._servers.refuse_blocked(errand.host)
        if errand.kind == "miauth":
            # Never another session: somebody may have agreed to that for another program.
            return await self._arrived(errand, await self._servers.who_by_miauth(errand.host, ours), "miauth")
        if "iss" in said and not self._is_issuer(said["iss"], errand.host):
            raise Refused("issuer_mismatch", "The answer is of another server.", status=403)
        if said.get("error"):
            raise Forbidden("Your server did not tell who you are: you said no there, or it would not.")
        return await self._arrived(errand, await self._asked(errand, said.get("code", "")), "oauth")

    async def prune(self) -> None:
        """Forget errands nobody came back from, and registrations of long ago: strangers name many hosts."""
        now = self._clock.now()
        await forget(self._db, Errand, Errand.expires_at <= now)
        await forget(self._db, HomeApp, HomeApp.created_at <= now - _APP_LASTS)

    async def _asked(self, errand: Errand, code: str) -> Uri:
        """Return who came, by the code; the token lives no longer than the question."""
        async with self._db.reading() as tx:
            app = await tx.get(HomeApp, errand.host)
        if app is None or not 0 < len(code) <= _MAX_CODE or not code.isprintable():
            raise Forbidden(_STRAY)
        try:
            token = await self._servers.exchange(app, code, errand.verifier, self._back(app.host))
        except ForgotUs:
            await self._forget_app(app)
            raise
        try:
            return await self._servers.who(app, token)
        finally:
            await self._servers.revoke(app, token)

    async def _arrived(self, errand: Errand, uri: Uri, via: Way) -> Begun:
        """Begin the visit of the actor `uri`, as it describes itself now."""
        if self._addresses.is_ours(uri):
            raise Forbidden("That is an account of this server: sign in with it.")
        await self._servers.refuse_blocked(host_of(uri))
        row = await self._resolver.actor(uri, refresh=True)
        async with self._db.transaction() as tx:
            account = await self._people.refresh(tx, actor_of(row))
            token = await self._visits.begin(tx, account, via)
        return Begun(token=token, space_id=errand.space_id)

    async def _app(self, host: str) -> HomeApp | None:
        """Return our registration at a host that still knows it, made anew if it does not.

        None when the host has MiAuth instead. Raises `NoRegistration` when it has neither.
        """
        known = await self._known_app(host)
        if known is not None:
            return known
        home = await self._servers.discover(host)
        if home.host != host and (known := await self._known_app(home.host)) is not None:
            return known
        try:
            app = await self._servers.register(home, self._back(home.host), self._clock.now())
        except NoRegistration:
            if await self._servers.speaks_miauth(host):
                return None
            raise
        kept = await self._keep(app)
        log.info("home.registered", host=app.host, scope=app.scope)
        return kept

    async def _keep(self, app: HomeApp) -> HomeApp:
        """Write a registration, and return the one that counts: of two at once the first, for both."""
        said = {column.key: getattr(app, column.key) for column in table_of(HomeApp).columns}
        async with self._db.transaction() as tx:
            await tx.execute(insert(tx, HomeApp).values(said).on_conflict_do_nothing())
            return await tx.get_one(HomeApp, app.host)

    async def _known_app(self, host: str) -> HomeApp | None:
        async with self._db.reading() as tx:
            known = await tx.get(HomeApp, host)
        if known is None or await self._servers.knows(known, self._back(host)):
            return known
        log.info("home.forgot_us", host=host)
        await self._forget_app(known)
        return None

    async def _begin_miauth(self, host: str, browser: str, space_id: int | None) -> Departure:
        session = str(uuid.UUID(bytes=base64.urlsafe_b64decode(self._ids.token() + "=")[:16], version=4))
        await self._remember(session, browser, host, "miauth", "", space_id)
        asked = {"name": self._addresses.host, "callback": self._back(host)}
        return Departure(url=_with(f"{self._servers.origin(host)}/miauth/{session}", asked), host=host)

    async def _remember(
        self, state: str, browser: str, host: str, kind: Way, verifier: str, space_id: int | None
    ) -> None:
        now = self._clock.now()
        async with self._db.transaction() as tx:
            tx.add(
                Errand(
                    state_hash=at_rest(state),
                    browser_hash=at_rest(browser),
                    host=host,
                    kind=kind,
                    verifier=verifier,
                    space_id=space_id,
                    created_at=now,
                    expires_at=now + LIFE,
                )
            )

    async def _finished(self, host: str, state: str, browser: str) -> Errand:
        """Take the errand that ends here; of two answers with one state the second finds none."""
        async with self._db.transaction() as tx:
            errand = await tx.get(Errand, at_rest(state[:_MAX_CODE]), with_for_update=True)
            if (
                errand is None
                or errand.browser_hash != at_rest(browser)
                or errand.host != host
                or errand.expires_at <= self._clock.now()
            ):
                raise Forbidden(_STRAY)
            await tx.execute(delete(Errand).where(Errand.state_hash == errand.state_hash))
        return errand

    async def _forget_app(self, app: HomeApp) -> None:
        """Forget a registration that its home has forgotten, and none that was made since."""
        this_one = and_(HomeApp.host == app.host, HomeApp.client_id == app.client_id)
        async with self._db.transaction() as tx:
            await tx.execute(delete(HomeApp).where(this_one))

    def _is_issuer(self, said: str, host: str) -> bool:
        try:
            return origin_of(said) == origin_of(self._servers.origin(host))
        except Invalid:
            return False

    def _back(self, host: str) -> str:
        return f"{self._addresses.origin}/visit/from/{quote(host, safe=':[]')}"


def _spelled(typed: str) -> tuple[str, str]:
    """Read what somebody typed: (user name or nothing, host)."""
    text = typed.strip()[:_MAX_TYPED]
    if is_uri(text):
        return "", host_of(text)
    bare = text.removeprefix("acct:").removeprefix("@")
    if "@" in bare:
        handle = parse_handle(text)
        return handle.username, handle.domain
    if not bare or not ("." in bare or ":" in bare):
        raise Invalid("Type your address, such as @name@server.example, or your server.", field="address")
    return "", parse_domain(bare)


def _with(url: str, asked: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"


def _challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
