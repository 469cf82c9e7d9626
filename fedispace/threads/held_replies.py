"""Replies that wait to be let in and are to be passed on when they are.

A reply that proves itself is passed on to the followers of whom it answers as soon as it is let in
(`forwarding.py`). When that is later, it is sent to the byte as it was received; for a week, since what
came in is forgotten then. After that, and where a reply proves nothing, our followers' servers have the
`Accept`, which names the reply and its authorization, and fetch it.
"""

from typing import Final

from fedispace import strictjson
from fedispace.db.engine import Tx
from fedispace.federation import codec
from fedispace.federation.outbox import Outbox
from fedispace.federation.received import body_of
from fedispace.federation.vocab.activities import Create, Update
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import Status
from fedispace.threads.requests import entry

_CAME_AS: Final = "came_as"


async def remember(tx: Tx, parent_id: int, reply_uri: str, activity_id: str) -> None:
    """Remember which activity brought a reply that waits, once it has proved itself."""
    known = await entry(tx, "reply", parent_id, reply_uri)
    if known is not None and known.state == "pending":
        known.extra = {**(known.extra or {}), _CAME_AS: activity_id}
        await tx.flush()


async def pass_on_reply(tx: Tx, outbox: Outbox, reply: Status) -> None:
    """Pass a reply that was just let in on to the followers of whom it answers."""
    parent = None if reply.in_reply_to_id is None else await tx.get(Status, reply.in_reply_to_id)
    if parent is None or not parent.local:
        return
    if not (is_distributable(parent.visibility) and is_distributable(reply.visibility)):
        return
    known = await entry(tx, "reply", parent.id, reply.uri)
    came_as = None if known is None or known.extra is None else known.extra.get(_CAME_AS)
    body = None if came_as is None else await body_of(tx, str(came_as))
    if body is None:
        return
    activity = codec.read_activity(strictjson.loads(body))
    if isinstance(activity, Create | Update):
        await outbox.forward(tx, parent.account_id, activity, body)
