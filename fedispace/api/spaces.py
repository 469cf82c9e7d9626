"""Our own calls about Spaces, and about threads as one unit."""

from datetime import datetime
from typing import Annotated

import msgspec

from fedispace.api.entities import space as entities
from fedispace.api.entities.shape import ById, Paged, Parameters, RowId
from fedispace.api.links import page_of
from fedispace.api.present.spaces import SpacePresenter, admission_of
from fedispace.api.routing import Besides, Call, Calls, Dialect, Listing, Reply, Routes, Who
from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.spaces import queries, views
from fedispace.spaces.entry.entering import Entering
from fedispace.spaces.fediverse.lookup import SpaceLookup
from fedispace.spaces.lifecycle import parse_phase
from fedispace.spaces.models import Space
from fedispace.spaces.verbs.changing import Changes, Changing
from fedispace.spaces.verbs.hosting import Hosting

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_AT = "/api/fedispace/v1/spaces"


class CreateSpace(Parameters, frozen=True, kw_only=True):
    title: str
    description: str = ""
    starts_at: Moment | None = None
    access: entities.Access = "public"
    topics: list[str] = []
    language: str = ""
    speak_policy: entities.SpeakPolicy = "request"
    about_id: RowId | None = None
    """A public post that the Space is about; it is pinned there."""


class EditSpace(Parameters, frozen=True, kw_only=True):
    id: RowId
    title: str | None = None
    description: str | None = None
    starts_at: Moment | None = None
    access: entities.Access | None = None
    topics: list[str] | None = None
    language: str | None = None
    speak_policy: entities.SpeakPolicy | None = None


class ListSpaces(Paged, frozen=True, kw_only=True):
    state: entities.State | None = None


class ResolveSpace(Parameters, frozen=True, kw_only=True):
    uri: str


class JoinSpace(Parameters, frozen=True, kw_only=True):
    id: RowId
    role: entities.JoinRole = "listener"
    client_key: str | None = None
    """An Ed25519 public key (Multikey) of the client; the ticket is then good only with `Client-Proof`."""


class SpaceCalls(Calls):
    """The Spaces API."""

    routes = Routes(Dialect.NATIVE)

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        hosting: Hosting,
        changing: Changing,
        entering: Entering,
        lookup: SpaceLookup,
        presenter: SpacePresenter,
    ) -> None:
        self._db = db
        self._clock = clock
        self._hosting = hosting
        self._changing = changing
        self._entering = entering
        self._lookup = lookup
        self._presenter = presenter

    @routes.post(_AT, who=Who.PERSON, scope="write:statuses")
    async def create(self, call: Call[CreateSpace]) -> Reply[entities.Space]:
        """Create a Space; it waits to be opened."""
        given = call.given
        space = await self._hosting.create(
            call.person.account,
            title=given.title,
            description=given.description,
            starts_at=given.starts_at,
            access=given.access,
            topics=given.topics,
            language=given.language,
            speak_policy=given.speak_policy,
            about_id=given.about_id,
        )
        return Reply(body=await self._shown(space), status=201)

    @routes.get(_AT, who=Who.ANYONE, scope="read:statuses")
    async def spaces(self, call: Call[ListSpaces]) -> Listing[entities.Space]:
        """Return the Spaces listed for the asker, newest first."""
        state = parse_phase(call.given.state) if call.given.state is not None else None
        async with self._db.reading() as tx:
            page, now = page_of(call.given), self._clock.now()
            rows = await queries.spaces(tx, call.viewer_id, state, page, now=now)
            shown = await views.view(tx, rows)
        return Listing(items=self._presenter.spaces(shown), cursors=[row.id for row in rows])

    @routes.get(f"{_AT}/resolve", who=Who.PERSON, scope="read:search")
    async def resolve(self, call: Call[ResolveSpace]) -> entities.Space:
        """Find a Space by its ActivityPub id, at its own server when it is not known here."""
        return await self._shown(await self._lookup.space(call.given.uri, call.viewer_id))

    @routes.get(f"{_AT}/{{id}}", who=Who.ANYONE, scope="read:statuses")
    async def space(self, call: Call[ById]) -> entities.Space:
        """Return a Space."""
        async with self._db.reading() as tx:
            row = await queries.space(tx, call.given.id, call.viewer_id)
        return await self._shown(row)

    @routes.patch(f"{_AT}/{{id}}", who=Who.PERSON, scope="write:statuses", besides=Besides.PASS)
    async def edit(self, call: Call[EditSpace]) -> entities.Space:
        """Change a Space one hosts, before it is live or while it is; what is not named stays."""
        given = call.given
        await self._changing.change(
            call.account.id,
            given.id,
            Changes(
                title=given.title,
                description=given.description,
                starts_at=given.starts_at,
                access=given.access,
                topics=given.topics,
                language=given.language,
                speak_policy=given.speak_policy,
            ),
        )
        async with self._db.reading() as tx:
            row = await queries.space(tx, given.id, call.viewer_id)
        return await self._shown(row)

    @routes.post(f"{_AT}/{{id}}/open", who=Who.PERSON, scope="write:statuses")
    async def open(self, call: Call[ById]) -> entities.Space:
        """Go live with one's own Space."""
        return await self._shown(await self._hosting.open(call.person.account, call.given.id))

    @routes.post(f"{_AT}/{{id}}/close", who=Who.PERSON, scope="write:statuses")
    async def close(self, call: Call[ById]) -> entities.Space:
        """End one's own Space for everyone."""
        return await self._shown(await self._hosting.close(call.person.account, call.given.id))

    @routes.post(f"{_AT}/{{id}}/cancel", who=Who.PERSON, scope="write:statuses")
    async def cancel(self, call: Call[ById]) -> entities.Space:
        """Call one's own Space off before it began."""
        return await self._shown(await self._hosting.cancel(call.person.account, call.given.id))

    @routes.post(f"{_AT}/{{id}}/join", who=Who.ANYONE, scope="write:statuses")
    async def join(self, call: Call[JoinSpace]) -> entities.Admission:
        """Get the right to enter; for another server's Space it is asked for there.

        A visitor without an account gets no ticket, for listening to a Space that is open to all
        needs none.
        """
        account = call.bearer.account if call.bearer is not None else None
        given = call.given
        return admission_of(await self._entering.join(account, given.id, given.role, given.client_key))

    async def _shown(self, row: Space) -> entities.Space:
        async with self._db.reading() as tx:
            (shown,) = await views.view(tx, [row])
        return self._presenter.space(shown)
