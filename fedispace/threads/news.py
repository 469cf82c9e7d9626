"""What happens in a conversation, told after the commit to whoever follows it live (a room, say).

Told are answers, wherever they come from: written here, delivered, fetched, let in, or found to belong
here. A conversation of one post is nobody's to follow, so most posts cost nothing. It may be lost, and says
only which post; who may read that is asked when it is read.
"""

from fedispace.db.engine import Tx
from fedispace.threads.known import Post


def topic(conversation_id: int) -> str:
    """Return the bus topic of what happens in a conversation."""
    return f"conversation.{conversation_id}"


def came(tx: Tx, status_id: int, conversation_id: int) -> None:
    """Tell that a post stands in a conversation now."""
    if status_id != conversation_id:
        tx.tell(topic(conversation_id), {"came": status_id})


def changed(tx: Tx, status: Post) -> None:
    """Tell that a post says something else now."""
    if status.id != status.conversation_id:
        tx.tell(topic(status.conversation_id), {"changed": status.id})


def gone(tx: Tx, status: Post) -> None:
    """Tell that a post was deleted."""
    if status.id != status.conversation_id and status.boost_of_id is None:
        tx.tell(topic(status.conversation_id), {"gone": status.id})
