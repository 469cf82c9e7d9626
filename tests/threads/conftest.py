"""What the tests of threads share: an instance with its posts, and a server elsewhere to fetch from."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select

from fedispace.accounts.lookup import Lookup
from fedispace.accounts.models import Account, Block, Follow, Notification
from fedispace.accounts.paging import Page
from fedispace.federation import codec
from fedispace.federation.vocab.activities import Create
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.links import Mention
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import PUBLIC, Uri
from fedispace.net import Net
from fedispace.queue.jobs import JobPump, Jobs
from fedispace.threads import timelines
from fedispace.threads.activities import ThreadInbox
from fedispace.threads.approvals import Approvals
from fedispace.threads.audience import Visibility
from fedispace.threads.backfill import Backfill
from fedispace.threads.boost import Boosting
from fedispace.threads.collections import ThreadCollections
from fedispace.threads.deletion import Deletion
from fedispace.threads.documents import ThreadDocuments
from fedispace.threads.edits import Editing
from fedispace.threads.effects import Effects
from fedispace.threads.favourite import Favouriting
from fedispace.threads.fetching import Fetching
from fedispace.threads.gathering import Gathering
from fedispace.threads.ingest import Ingest
from fedispace.threads.interaction_inbox import InteractionInbox
from fedispace.threads.looking import Looking
from fedispace.threads.lookup import StatusLookup
from fedispace.threads.models import Status
from fedispace.threads.poll_news import PollNews
from fedispace.threads.polls import Polls
from fedispace.threads.publish import Publishing
from fedispace.threads.requests import Requests
from fedispace.threads.telling import Telling
from fedispace.threads.updates import Updates
from fedispace.threads.verification import Verification
from fedispace.threads.votes import Voting
from fedispace.threads.written import Draft
from tests.factories import Home, open_home, remote_actor


class Threads:
    """One instance as far as posts are concerned, wired as the application wires it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        jobs = Jobs(home.ids, home.clock, home.bus)
        lookup = Lookup(home.db, home.resolver, home.people, home.addresses)
        polls = Polls(home.clock, jobs)
        updates = Updates(home.ids, home.clock, home.addresses, home.outbox)
        self.ingest = Ingest(home.ids, home.clock, home.addresses, home.people, home.notifier, jobs, polls)
        self.publishing = Publishing(
            home.db,
            home.ids,
            home.clock,
            home.addresses,
            home.outbox,
            home.notifier,
            home.people,
            lookup,
            polls,
            jobs,
        )
        self.editing = Editing(
            home.db, home.ids, home.clock, home.addresses, home.notifier, home.people, lookup, polls, updates
        )
        self.voting = Voting(
            home.db, home.ids, home.clock, home.addresses, home.outbox, home.people, jobs, polls
        )
        self.poll_news = PollNews(
            home.db, home.clock, home.resolver, home.people, home.notifier, jobs, self.ingest, updates
        )
        parts = (
            home.db,
            home.ids,
            home.clock,
            home.addresses,
            home.outbox,
            home.notifier,
            home.people,
        )
        self.boosting = Boosting(*parts)
        self.favouriting = Favouriting(*parts)
        self.deletion = Deletion(
            home.db, home.ids, home.clock, home.addresses, home.outbox, home.people, self.boosting
        )
        self.lookup = StatusLookup(home.db, home.resolver, home.people, self.ingest, home.addresses)
        self.documents = ThreadDocuments(home.db, home.clock, home.addresses, home.people)
        self.collections = ThreadCollections(home.db, home.addresses, home.people)
        fetching = Fetching(home.db, home.clock, home.addresses, home.resolver, self.ingest)
        backfill = Backfill(home.db, home.ids, home.clock, home.people, home.notifier, fetching)
        gathering = Gathering(home.db, home.clock, home.addresses, home.resolver, jobs, fetching)
        self.looking = Looking(db=home.db, clock=home.clock, jobs=jobs, addresses=home.addresses)
        telling = Telling(home.db, home.people, home.notifier)
        leave = (*parts[1:], jobs)
        self.approvals = Approvals(home.db, *leave)
        verification = Verification(home.db, *leave, home.resolver, self.ingest)
        self._pump = JobPump(
            home.db,
            home.clock,
            {
                **backfill.tasks(),
                **gathering.tasks(),
                **self.poll_news.tasks(),
                **telling.tasks(),
                **self.approvals.tasks(),
                **verification.tasks(),
            },
        )
        inbox = ThreadInbox(
            home.ids, home.clock, home.addresses, home.people, home.notifier, jobs, self.ingest, self.voting
        )
        home.inbox_table.mount(ThreadInbox.routes, inbox)
        requests = Requests(home.ids, home.clock, home.addresses, home.notifier)
        home.inbox_table.mount(
            InteractionInbox.routes,
            InteractionInbox(
                home.clock,
                home.addresses,
                home.people,
                self.ingest,
                requests,
                self.approvals,
                Effects(*leave),
            ),
        )

    async def post(self, author: Account, *texts: str, **how: Any) -> list[Status]:
        """Publish a thread of the texts."""
        drafts = [Draft(text=text) for text in texts or ("hello",)]
        return await self.publishing.publish(author, drafts, **how)

    async def follow(self, account: Account, target: Account, *, accepted: bool = True) -> None:
        """Let an account follow another, as if all formalities were over."""
        async with self.home.db.transaction() as tx:
            id_ = self.home.ids.next()
            tx.add(
                Follow(
                    id=id_,
                    account_id=account.id,
                    target_id=target.id,
                    uri=f"{account.uri}#follow-{id_}",
                    accepted=accepted,
                    show_boosts=True,
                    created_at=self.home.clock.now(),
                )
            )
            await tx.flush()
            if accepted and target.local and not account.local:
                await self.home.outbox.follower_gained(tx, target.id, account.id)

    async def block(self, by: Account, target: Account) -> None:
        async with self.home.db.transaction() as tx:
            id_ = self.home.ids.next()
            tx.add(
                Block(
                    id=id_,
                    account_id=by.id,
                    target_id=target.id,
                    uri=f"{by.uri}#block-{id_}",
                    created_at=self.home.clock.now(),
                )
            )

    async def settle(self) -> None:
        """Run the jobs until nothing is due."""
        while await self._pump.pump():
            await self._pump.idle()

    async def home_of(self, account: Account, **page: int) -> list[Status]:
        async with self.home.db.reading() as tx:
            return await timelines.home(tx, account.id, Page(**page), self.home.clock.now())

    async def known(self, uri: str) -> Status | None:
        """Return a post as the database has it now."""
        async with self.home.db.reading() as tx:
            return (await tx.scalars(select(Status).where(Status.uri == uri))).one_or_none()

    async def again(self, status: Status) -> Status:
        """Return a post as the database has it now; it must still be there."""
        found = await self.known(status.uri)
        assert found is not None
        return found

    async def all(self) -> Sequence[Status]:
        async with self.home.db.reading() as tx:
            return (await tx.scalars(select(Status).order_by(Status.id))).all()

    async def notified(self, account: Account) -> list[tuple[str, int]]:
        """Return (type, subject) of all an account was notified of, oldest first."""
        async with self.home.db.reading() as tx:
            rows = await tx.scalars(
                select(Notification).where(Notification.account_id == account.id).order_by(Notification.id)
            )
            return [(row.type, row.subject) for row in rows]

    async def sent(self, *types: type) -> list[Any]:
        """Return the outgoing activities of those classes, oldest first."""
        return [activity for activity in await self.home.sent() if isinstance(activity, types)]


class Elsewhere:
    """A server, d.example, that shows documents and counts who asks."""

    host = "d.example"
    origin = f"http://{host}"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_down = False
        self.port = 0
        self._documents: dict[str, dict[str, Any]] = {}
        self._fingers: dict[str, str] = {}
        self._plain: dict[str, dict[str, Any]] = {}

    def show(self, thing: Any) -> None:
        """Serve a document at its id."""
        self._documents[thing.id.removeprefix(self.origin)] = codec.write(thing)

    def say(self, path: str, document: dict[str, Any]) -> None:
        """Serve plain JSON."""
        self._plain[path] = document

    def answer_webfinger(self, username: str, uri: str) -> None:
        """Say that `username` here is the actor `uri`."""
        self._fingers[f"acct:{username}@{self.host}"] = uri

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.is_down:
            raise web.HTTPServiceUnavailable
        resource = request.query.get("resource", "")
        if request.path == "/.well-known/webfinger" and resource in self._fingers:
            link = {"rel": "self", "type": "application/activity+json", "href": self._fingers[resource]}
            return _json({"subject": resource, "links": [link]}, "application/jrd+json")
        if request.path in self._plain:
            return _json(self._plain[request.path], "application/json")
        if request.path in self._documents:
            return _json(self._documents[request.path], "application/activity+json")
        raise web.HTTPNotFound


def _json(document: dict[str, Any], content_type: str) -> web.Response:
    return web.json_response(document, content_type=content_type)


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    server = Elsewhere()
    application = web.Application()
    application.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


@pytest.fixture
async def threads(tmp_path: Path, elsewhere: Elsewhere) -> AsyncIterator[Threads]:
    """An instance, a.example, that reaches d.example and nothing else."""
    net = Net(
        allow_private=["127.0.0.0/8"],
        allow_http=True,
        user_agent="fedispace tests",
        resolver={elsewhere.host: ("127.0.0.1", elsewhere.port)},
    )
    async with open_home(tmp_path, net=net) as home:
        yield Threads(home)


@pytest.fixture
async def dora(elsewhere: Elsewhere) -> Actor:
    """dora@d.example, who can be fetched and is not known here."""
    actor = remote_actor("dora", elsewhere.host, scheme="http")
    elsewhere.show(actor)
    elsewhere.answer_webfinger("dora", actor.id)
    return actor


@pytest.fixture
async def alice(threads: Threads) -> Account:
    return await threads.home.person("alice")


@pytest.fixture
async def carol(threads: Threads) -> Account:
    return await threads.home.person("carol")


@pytest.fixture
async def bob(threads: Threads) -> Account:
    """bob@b.example, of another server."""
    return await threads.home.stranger()


def a_note(
    author: str = "https://b.example/users/bob",
    number: int | str = 1,
    *,
    visibility: Visibility = "public",
    mentions: Sequence[str] = (),
    **fields: Any,
) -> Note:
    """Return a note of another server's person."""
    followers = Uri(f"{author}/followers")
    named = tuple(Uri(uri) for uri in mentions)
    to, cc = {
        "public": ((PUBLIC,), (followers, *named)),
        "unlisted": ((followers,), (PUBLIC, *named)),
        "private": ((followers,), named),
        "direct": (named, ()),
    }[visibility]
    given: dict[str, Any] = {
        "id": Uri(f"{author}/notes/{number}"),
        "attributed_to": Uri(author),
        "content": f"<p>note {number}</p>",
        "to": to,
        "cc": cc,
        "tags": tuple(Mention(href=uri, name="@somebody") for uri in named),
    }
    return Note(**{**given, **fields})


def creating(note: Note, **fields: Any) -> Create:
    """Return the Create of a note by its author."""
    given: dict[str, Any] = {
        "id": Uri(f"{note.id}/create"),
        "actor": note.attributed_to,
        "object": note,
        "to": note.to,
        "cc": note.cc,
    }
    return Create(**{**given, **fields})
