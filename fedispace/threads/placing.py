"""Where a post stands: in its author's thread, and in the conversation around it."""

from dataclasses import dataclass
from typing import Protocol

from fedispace.federation.vocab.uri import Uri


class Parent(Protocol):
    """What of the post that is answered decides where the answer stands."""

    @property
    def account_id(self) -> int: ...
    @property
    def thread_id(self) -> int: ...
    @property
    def thread_position(self) -> int: ...
    @property
    def thread_length(self) -> int: ...
    @property
    def conversation_id(self) -> int: ...
    @property
    def context_uri(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    thread_id: int
    thread_position: int
    conversation_id: int
    context_uri: str | None


def place(
    post_id: int, author_id: int, parent: Parent | None, *, own_context: Uri | str | None = None
) -> Place:
    """Return the place of a new post.

    Only an answer to the last post of one's own thread continues it: a thread is a line, and a second
    answer to the same post is a new thread beside it. `own_context` is what the post itself says its
    conversation is called; it is believed where the parent says nothing.
    """
    if parent is None:
        return Place(
            thread_id=post_id, thread_position=1, conversation_id=post_id, context_uri=own_context or None
        )
    continues = parent.account_id == author_id and parent.thread_position == parent.thread_length
    return Place(
        thread_id=parent.thread_id if continues else post_id,
        thread_position=parent.thread_position + 1 if continues else 1,
        conversation_id=parent.conversation_id,
        context_uri=parent.context_uri or own_context or None,
    )


def next_in_thread(post: Parent) -> Place:
    """Return the place of the post that comes after `post` in the same thread."""
    return Place(
        thread_id=post.thread_id,
        thread_position=post.thread_position + 1,
        conversation_id=post.conversation_id,
        context_uri=post.context_uri,
    )
