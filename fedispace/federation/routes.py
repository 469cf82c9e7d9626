"""The two tables features fill: what to do with an activity, and where a document is found.

Both are filled by decorators on methods and joined to an instance when the application is built:

    class ThreadInbox:
        routes = InboxRoutes()

        @routes.on(Create, Note)
        async def created(self, tx, verified, found): ...

    inbox.mount(ThreadInbox.routes, ThreadInbox(...))

The same pair registered twice is an error at start-up; a pair nobody registered is counted and
otherwise ignored.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from fedispace.db.engine import Tx
from fedispace.federation.vocab.activities import Activity
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.interactions import Authorization
from fedispace.federation.vocab.links import Emoji
from fedispace.federation.vocab.objects import Collection, CollectionPage, Event, Note, Tombstone
from fedispace.federation.vocab.uri import Uri

A_co = TypeVar("A_co", bound=Activity, covariant=True)


@dataclass(frozen=True, slots=True)
class Verified(Generic[A_co]):
    """An activity whose signature proved who sent it. Only `verify.py` and the inbox make one.

    A handler that passes it on has the `body` as it came; it is kept nowhere else. `signed_at` is when the
    sender signed the request it came in, and None where it came in another's.
    """

    activity: A_co
    sender: Uri
    body: bytes = b""
    signed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An activity of ours as it was sent, to the byte: a proof in it is over exactly this."""

    body: bytes


Document = (
    Actor | Note | Event | Activity | Tombstone | Collection | CollectionPage | Emoji | Authorization | Stored
)


class Found(Protocol):
    """The documents that were fetched for a handler before its transaction began."""

    def note(self, uri: Uri) -> Note | None: ...

    def event(self, uri: Uri) -> Event | None: ...

    def actor(self, uri: Uri) -> Actor | None: ...

    def authorization(self, uri: Uri) -> Authorization | None: ...


Needs = Callable[[Any], Iterable[Uri]]
InboxHandler = Callable[[Any, Tx, Any, Found], Awaitable[None]]
DocumentLoader = Callable[[Any, Mapping[str, str], "Asker"], Awaitable[Document]]


@dataclass(frozen=True, slots=True)
class InboxRoute:
    activity: type
    object: type | None
    needs: Needs
    handler: InboxHandler


def _nothing(_activity: Any) -> Iterable[Uri]:
    return ()


class InboxRoutes:
    """A feature's handlers of activities, by the class of the activity and of what it carries.

    `object` is the class of the embedded object (Create, Update) or of the inner activity (Undo,
    Accept, Reject); None takes whatever no other route of that activity takes. `needs` is pure: it
    names the documents to fetch before the transaction.
    """

    def __init__(self) -> None:
        self.table: list[InboxRoute] = []

    def on(
        self, activity: type, object: type | None = None, *, needs: Needs = _nothing
    ) -> Callable[[InboxHandler], InboxHandler]:
        def enter(handler: InboxHandler) -> InboxHandler:
            self.table.append(InboxRoute(activity, object, needs, handler))
            return handler

        return enter


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a document: the actor whose key signed the GET, or nobody known."""

    actor: Uri | None = None


@dataclass(frozen=True, slots=True)
class DocumentRoute:
    pattern: str
    loader: DocumentLoader


class DocumentRoutes:
    """A feature's ActivityPub documents, by path pattern (aiohttp's `{name}` syntax).

    A loader is given the names of the path together with the query (`page`), and who asks.

    A loader returns the vocabulary object, or raises `NotFound`, or `Gone` when there is a
    tombstone. What the asker may not see is `NotFound`.
    """

    def __init__(self) -> None:
        self.table: list[DocumentRoute] = []

    def at(self, pattern: str) -> Callable[[DocumentLoader], DocumentLoader]:
        def enter(loader: DocumentLoader) -> DocumentLoader:
            self.table.append(DocumentRoute(pattern, loader))
            return loader

        return enter
