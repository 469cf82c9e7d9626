"""Replies that wait to be let in and are to be passed on when they are.

A reply that proves itself is passed on to the followers of whom it answers as soon as it is let in
(`forwarding.py`). While it waits its bytes are kept with the request, because nothing else proves
anything, and no longer. Where a reply proves nothing, our followers' servers have the `Accept`, which
names the reply and its authorization, and fetch it.
"""

from typing import Final

from fedispace import strictjson
from fedispace.db.engine import Tx
from fedispace.federation import codec
from fedispace.federation.outbox import Outbox
from fedispace.federation.vocab.activities import Create, Update
from fedispace.threads.audience import is_distributable
from fedispace.threads.models import Status
from fedispace.threads.requests import CAME_AS, entry, without_bytes

MAX_KEPT: Final = 64 * 1024


async def remember(tx: Tx, parent_id: int, reply_uri: str, body: bytes) -> None:
    """Keep the bytes that brought a reply that waits, once it has proved itself."""
    known = await entry(tx, "reply", parent_id, reply_uri)
    if known is not None and known.state == "pending" and len(body) <= MAX_KEPT:
        known.extra = {**(known.extra or {}), CAME_AS: body.decode()}
        await tx.flush()


async def pass_on_reply(tx: Tx, outbox: Outbox, reply: Status) -> None:
    """Pass a reply that was just let in on to the followers of whom it answers."""
    parent = None if reply.in_reply_to_id is None else await tx.get(Status, reply.in_reply_to_id)
    known = None if parent is None else await entry(tx, "reply", parent.id, reply.uri)
    if parent is None or known is None or known.extra is None or CAME_AS not in known.extra:
        return
    body = str(known.extra[CAME_AS]).encode()
    known.extra = without_bytes(known.extra)
    await tx.flush()
    if not (parent.local and is_distributable(parent.visibility) and is_distributable(reply.visibility)):
        return
    activity = codec.read_activity(strictjson.loads(body))
    if isinstance(activity, Create | Update):
        await outbox.forward(tx, parent.account_id, activity, body)
