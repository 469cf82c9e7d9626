"""Of which posts somebody is told: the part of the gate (`accounts/gate.py`) that knows of posts.

Nobody hears of a post they may not see, nor of anything in a conversation they muted. Of what the
people of a silenced server do with posts hears only who follows them.
"""

from sqlalchemy import ColumnElement, and_, exists, not_, or_

from fedispace.accounts.gate import BY, SUBJECT, TO, TYPE
from fedispace.accounts.models import Follow
from fedispace.moderation.silence import silenced
from fedispace.threads.models import ConversationMute, Status
from fedispace.threads.visibility import visible

_WITHOUT_A_POST = ("follow", "follow_request")


def heard() -> ColumnElement[bool]:
    """Return the condition under which `TO` may hear that `BY` did `TYPE` to the post `SUBJECT`."""
    unseen = exists().where(Status.id == SUBJECT, not_(visible(TO)))
    muted = exists().where(
        Status.id == SUBJECT,
        ConversationMute.conversation_id == Status.conversation_id,
        ConversationMute.account_id == TO,
    )
    follows = exists().where(Follow.account_id == TO, Follow.target_id == BY, Follow.accepted.is_(True))
    return and_(not_(unseen), not_(muted), or_(TYPE.in_(_WITHOUT_A_POST), not_(silenced(BY)), follows))
