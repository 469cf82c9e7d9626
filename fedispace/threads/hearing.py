"""Of which posts somebody is told: the part of the gate (`accounts/gate.py`) that knows of posts.

Nobody hears of a post they may not see, nor of anything in a conversation they muted.
"""

from functools import cache

from sqlalchemy import ColumnElement, and_, exists, not_

from fedispace.accounts.gate import SUBJECT, TO, TYPE
from fedispace.threads.models import ConversationMute, Status
from fedispace.threads.visibility import visible


@cache
def heard() -> ColumnElement[bool]:
    """Return the condition under which `TO` may hear that `BY` did `TYPE` to the post `SUBJECT`."""
    unseen = exists().where(Status.id == SUBJECT, not_(visible(TO)))
    muted = exists().where(
        Status.id == SUBJECT,
        ConversationMute.conversation_id == Status.conversation_id,
        ConversationMute.account_id == TO,
    )
    return and_(not_(unseen), not_(muted))


@cache
def private_mention() -> ColumnElement[bool]:
    """Return the condition that `SUBJECT` is a direct post that names `TO` and answers nothing of theirs."""
    return exists().where(
        TYPE == "mention",
        Status.id == SUBJECT,
        Status.visibility == "direct",
        Status.in_reply_to_account_id.is_distinct_from(TO),
    )
