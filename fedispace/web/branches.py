"""The replies below a post as a page draws them: nested so deep, and a way on from there."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fedispace.threads.tree import Fate, Node
from fedispace.web.cards import PostCard

MAX_DEPTH: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A reply, or the place of one that is gone (`card` is none), and what answers it.

    `further` is how many posts more there are below, on the page at `path`.
    """

    fate: Fate
    card: PostCard | None = None
    by_author: bool = False
    replies: tuple["Branch", ...] = ()
    further: int = 0
    path: str = ""

    @property
    def size(self) -> int:
        """How many posts there are below, those on other pages too."""
        return self.further + sum(reply.size + (1 if reply.card is not None else 0) for reply in self.replies)


def below(nodes: Iterable[Node], line: Collection[int], *, is_top: bool) -> list[Node]:
    """Return what hangs below the posts of a thread and is not part of it.

    At the top of a conversation also what hangs nowhere: replies to posts that could not be had.
    """
    found: list[Node] = []
    for top in nodes:
        if is_top and top.status is None:
            found.append(top)
        for node in top.walk():
            if node.status is not None and node.status.id in line:
                found += [
                    reply for reply in node.replies if reply.status is None or reply.status.id not in line
                ]
    return found


def branch(node: Node, cards: Mapping[int, PostCard], author_id: int, depth: int = 1) -> Branch:
    """Return a node with what hangs below it, down to the depth a page shows."""
    status = node.status
    if depth < MAX_DEPTH or status is None or not node.replies:
        replies, further = node.replies, 0
    else:
        replies, further = [], node.size()
    card = None if status is None else cards[status.id]
    return Branch(
        fate=node.fate,
        card=card,
        by_author=status is not None and status.account_id == author_id,
        replies=tuple(branch(reply, cards, author_id, min(depth + 1, MAX_DEPTH)) for reply in replies),
        further=further,
        path=card.path if card is not None and further else "",
    )
