"""How complete a conversation is, for one reader: "38 of 40, 2 unavailable"."""

from dataclasses import dataclass

from sqlalchemy import exists, func, select

from fedispace.db.engine import Tx
from fedispace.threads import looking
from fedispace.threads.missing import DELETED, GONE
from fedispace.threads.models import ConversationState, MissingPost, Status
from fedispace.threads.visibility import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """`known` posts the reader may see here, of `claimed`; so many are `unavailable`: their servers
    refuse them (posts for others among them), have lost them, or do not answer."""

    known: int
    claimed: int
    unavailable: int
    is_being_fetched: bool

    @property
    def is_complete(self) -> bool:
        return self.known >= self.claimed and not self.is_being_fetched


async def completeness(tx: Tx, viewer_id: int | None, conversation_id: int) -> Completeness:
    """Return how complete a conversation is; what is unavailable is counted and never named."""
    known = await tx.scalar(
        select(func.count())
        .select_from(Status)
        .where(Status.conversation_id == conversation_id, Status.boost_of_id.is_(None), visible(viewer_id))
    )
    unavailable = await tx.scalar(
        select(func.count())
        .select_from(MissingPost)
        .where(
            MissingPost.conversation_id == conversation_id,
            MissingPost.reason.not_in((DELETED, GONE)),
            ~exists().where(Status.uri == MissingPost.uri),
        )
    )
    state = await tx.get(ConversationState, conversation_id)
    known, unavailable = known or 0, unavailable or 0
    claimed = state.claimed if state is not None and state.claimed is not None else 0
    return Completeness(
        known=known,
        claimed=max(claimed, known + unavailable),
        unavailable=unavailable,
        is_being_fetched=await looking.is_under_way(tx, conversation_id),
    )
