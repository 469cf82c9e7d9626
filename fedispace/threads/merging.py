"""Two conversations that turn out to be one: a reply was known before what it answers."""

from sqlalchemy import update

from fedispace.db.engine import Tx
from fedispace.threads import missing
from fedispace.threads.models import ConversationState, Status


async def merge(tx: Tx, conversation_id: int, into: int) -> None:
    """Make the posts of one conversation, and what is known about it, part of another."""
    await tx.execute(
        update(Status)
        .where(Status.conversation_id == conversation_id)
        .values(conversation_id=into)
        .execution_options(synchronize_session="fetch")
    )
    await missing.move(tx, conversation_id, into)
    state = await tx.get(ConversationState, conversation_id)
    if state is None:
        return
    other = await tx.get(ConversationState, into)
    if other is None:
        tx.add(
            ConversationState(
                id=into,
                history_uri=state.history_uri,
                claimed=state.claimed,
                looks=state.looks,
                looked_at=state.looked_at,
                look_again_at=state.look_again_at,
                requests=state.requests,
            )
        )
    else:
        other.history_uri = other.history_uri or state.history_uri
        other.looks = max(other.looks, state.looks)
        times = [at for at in (other.look_again_at, state.look_again_at) if at is not None]
        other.look_again_at = max(times, default=None)
    await tx.delete(state)
    await tx.flush()
