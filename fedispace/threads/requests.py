"""Leave asked for and leave given: the rows, whichever side of it is ours.

Where the post is ours, the row is an entry of its author's queue, and, once accepted, what the
authorization document is made from. Where the post is another server's, the row is what one of our
people asked of its author.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, String, bindparam, case, delete, literal, or_, select

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import Somebody
from fedispace.clock import Clock
from fedispace.db.base import BigId, UtcDateTime, table_of
from fedispace.db.engine import Tx
from fedispace.db.upsert import insert
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import Tombstone
from fedispace.federation.vocab.interactions import AuthorizationType, RequestType
from fedispace.ids import Ids
from fedispace.threads.known import Post
from fedispace.threads.models import InteractionRequest, Status
from fedispace.threads.policies import Kind

REQUEST_TYPE: Final[Mapping[str, RequestType]] = {
    "quote": "QuoteRequest",
    "reply": "ReplyRequest",
    "favourite": "LikeRequest",
    "boost": "AnnounceRequest",
}
AUTHORIZATION_TYPE: Final[Mapping[str, AuthorizationType]] = {
    "quote": "QuoteAuthorization",
    "reply": "ReplyAuthorization",
    "favourite": "LikeAuthorization",
    "boost": "AnnounceAuthorization",
}
KIND_OF: Final[Mapping[str, Kind]] = {
    "QuoteRequest": "quote",
    "ReplyRequest": "reply",
    "LikeRequest": "favourite",
    "AnnounceRequest": "boost",
}
CAME_AS: Final = "came_as"
"""Where the bytes of a reply that waits are kept (`held_replies.py`)."""
PENDING_NOTICE: Final[Mapping[str, str]] = {
    "quote": "pending.quote",
    "reply": "pending.reply",
    "favourite": "pending.favourite",
    "boost": "pending.reblog",
}
"""GoToSocial's names of the notifications; Mastodon has no queue and so no word for them."""
_requests: Final = table_of(InteractionRequest)
_ENTRY: Final = select(_requests.c.id).where(
    _requests.c.kind == bindparam("kind", type_=String()),
    _requests.c.status_id == bindparam("post", type_=BigId),
    _requests.c.uri == bindparam("uri", type_=String()),
)
_WAITING: Final = select(_requests.c.id).where(
    _requests.c.uri == bindparam("uri", type_=String()),
    _requests.c.account_id == bindparam("by", type_=BigId),
    _requests.c.state == "pending",
)
_FORGETTING: Final = delete(_requests).where(
    _requests.c.uri == bindparam("uri", type_=String()),
    or_(_requests.c.state == "pending", _requests.c.state == "accepted"),
)


class Requests:
    """Writes the rows and tells the owners of posts that something waits."""

    def __init__(self, ids: Ids, clock: Clock, addresses: Addresses, notifier: Notifier) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._notifier = notifier

    async def enter(
        self,
        tx: Tx,
        kind: Kind,
        status: Post,
        by: Somebody,
        uri: str,
        *,
        request_uri: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> InteractionRequest:
        """Return the row for what `by` wants to do with `status`; a repeat finds the first one.

        `uri` is the id of what they made, `request_uri` that of the activity that asked. A request that
        comes after what it is about (both are sent) lends its id to the row.
        """
        row = {
            "id": self._ids.next(),
            "kind": kind,
            "owner_id": status.account_id,
            "status_id": status.id,
            "account_id": by.id,
            "uri": uri,
            "request_uri": request_uri,
            "authorization_uri": None,
            "state": "pending",
            "extra": dict(extra) if extra is not None else None,
            "created_at": self._clock.now(),
            "decided_at": None,
        }
        await tx.execute(insert(tx, InteractionRequest).values(row).on_conflict_do_nothing())
        found = await entry(tx, kind, status.id, uri)
        assert found is not None
        if request_uri is not None and found.request_uri is None:
            found.request_uri = request_uri
            await tx.flush()
        return found

    async def grant(self, tx: Tx, request: InteractionRequest, owner: Account) -> str:
        """Let somebody do what they asked for, and return the address of the authorization."""
        if request.state != "accepted" or request.authorization_uri is None:
            request.state = "accepted"
            request.decided_at = self._clock.now()
            request.authorization_uri = self._addresses.authorization(owner.username, self._ids.next())
            await tx.flush()
            await self._tell_no_more(tx, request)
        assert request.authorization_uri is not None
        return request.authorization_uri

    async def decide(self, tx: Tx, request: InteractionRequest, state: str) -> None:
        """Write that leave is refused, or was taken back."""
        request.state = state
        request.extra = without_bytes(request.extra)
        request.decided_at = self._clock.now()
        await tx.flush()
        await self._tell_no_more(tx, request)

    async def tell(self, tx: Tx, request: InteractionRequest, subject: int) -> None:
        """Tell the owner that somebody waits; `subject` is the post to show with it."""
        owner = await tx.get(Account, request.owner_id)
        if owner is not None:
            notice = PENDING_NOTICE[request.kind]
            await self._notifier.notify(tx, to=owner, type=notice, by_id=request.account_id, subject=subject)

    async def withdraw(self, tx: Tx, by_id: int, uri: str) -> bool:
        """Forget what `by_id` asked for and takes back; tell whether it waited."""
        await tx.flush()
        waiting = (await tx.core(_WAITING, {"uri": uri, "by": by_id})).scalars().all()
        for id_ in waiting:
            request = await tx.get(InteractionRequest, id_)
            assert request is not None
            await self._tell_no_more(tx, request)
            await tx.delete(request)
        await tx.flush()
        return bool(waiting)

    async def _tell_no_more(self, tx: Tx, request: InteractionRequest) -> None:
        posts = (await tx.scalars(select(Status.id).where(Status.uri == request.uri))).all()
        for subject in {request.status_id, *posts}:
            await self._notifier.withdraw(
                tx,
                to_id=request.owner_id,
                type=PENDING_NOTICE[request.kind],
                by_id=request.account_id,
                subject=subject,
            )


def without_bytes(extra: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what is kept with a request but for the words of a reply, which are needed no longer."""
    return {name: value for name, value in (extra or {}).items() if name != CAME_AS} or None


async def entry(tx: Tx, kind: str, status_id: int, uri: str) -> InteractionRequest | None:
    """Return the row about what `uri` is to do with a post."""
    await tx.flush()
    id_ = (await tx.core(_ENTRY, {"kind": kind, "post": status_id, "uri": uri})).scalar()
    return None if id_ is None else await tx.get(InteractionRequest, id_)


async def asked_as(tx: Tx, uri: str) -> InteractionRequest | None:
    """Return the row that an answer to `uri` is about: a request's id, or that of what it asks for."""
    rows = await tx.scalars(
        select(InteractionRequest)
        .where(or_(InteractionRequest.request_uri == uri, InteractionRequest.uri == uri))
        .order_by(InteractionRequest.id)
        .limit(1)
    )
    return rows.one_or_none()


async def forget(tx: Tx, clock: Clock, uri: str) -> None:
    """Forget the leave of something that is no more; that it was refused stays known."""
    await _bury(tx, clock, InteractionRequest.uri == uri)
    await tx.flush()
    await tx.core(_FORGETTING, {"uri": uri})


async def forget_target(tx: Tx, clock: Clock, status_id: int) -> None:
    """Let the authorizations about a post that is deleted be gone; the rows go with the post."""
    await _bury(tx, clock, InteractionRequest.status_id == status_id)


async def _bury(tx: Tx, clock: Clock, about: ColumnElement[bool]) -> None:
    """Have the authorizations of ours answer 410: others hold them for proofs, and 404 tells them nothing.

    Not those about posts that strangers were never to know of.
    """
    former_type = case(AUTHORIZATION_TYPE, value=InteractionRequest.kind)
    gone = (
        select(InteractionRequest.authorization_uri, former_type, literal(clock.now(), UtcDateTime()))
        .join(Account, Account.id == InteractionRequest.owner_id)
        .join(Status, Status.id == InteractionRequest.status_id)
        .where(
            about,
            InteractionRequest.authorization_uri.is_not(None),
            Account.domain == "",
            Status.visibility.in_(("public", "unlisted")),
        )
    )
    columns = ["uri", "former_type", "deleted_at"]
    await tx.execute(insert(tx, Tombstone).from_select(columns, gone).on_conflict_do_nothing())
