"""A conversation as a tree: pure, from the posts a reader may see and the places of those that are gone.

A post whose parent the reader may not see is left out with all below it. One whose parent was deleted,
or could not be fetched, hangs below an empty place. Whatever posts claim of each other, the tree ends:
two that answer each other are cut apart.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from fedispace.threads.missing import DELETED, GONE
from fedispace.threads.models import MissingPost, Status

Order = Literal["oldest", "newest"]
Fate = Literal["here", "deleted", "unavailable"]


@dataclass(slots=True)
class Node:
    """A post, or the place of one that is not here, with what answers it."""

    uri: str
    status: Status | None
    fate: Fate = "here"
    replies: list["Node"] = field(default_factory=list)

    def walk(self) -> Iterator["Node"]:
        """Go through this and everything below it, each post before its replies."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.replies))

    def size(self) -> int:
        """Count the posts below."""
        return sum(1 for node in self.walk() if node.status is not None and node is not self)


def grow(posts: Sequence[Status], missing: Iterable[MissingPost] = (), order: Order = "oldest") -> list[Node]:
    """Return the tops of a conversation. Below each post its author's own answers come first."""
    nodes = {post.uri: Node(uri=post.uri, status=post) for post in posts}
    gone = {miss.uri: miss for miss in missing if miss.uri not in nodes}
    above = _parents(posts, gone)
    for uri in above:
        if uri not in nodes:
            fate: Fate = "deleted" if gone[uri].reason in (DELETED, GONE) else "unavailable"
            nodes[uri] = Node(uri=uri, status=None, fate=fate)
    tops: list[Node] = []
    for uri, node in nodes.items():
        parent = above[uri] if not _is_in_circle(uri, above) else _TOP
        if parent == _TOP:
            above[uri] = _TOP
            tops.append(node)
        elif parent in nodes:
            nodes[parent].replies.append(node)
    for node in nodes.values():
        _sort(node.replies, node.status, order)
    _sort(tops, None, "oldest")
    return tops


_TOP: Final = ""
_HIDDEN: Final = "hidden"


def _parents(posts: Sequence[Status], gone: Mapping[str, MissingPost]) -> dict[str, str]:
    """Return what each post, and each place of a missing one that is needed, hangs below."""
    by_id = {post.id: post.uri for post in posts}
    known = set(by_id.values())
    above: dict[str, str] = {}
    for post in posts:
        if post.in_reply_to_id is not None:
            above[post.uri] = by_id.get(post.in_reply_to_id, _HIDDEN)
        else:
            answered = post.in_reply_to_uri
            above[post.uri] = answered if answered is not None and answered in gone else _TOP
    waiting = [uri for uri in above.values() if uri in gone]
    while waiting:
        uri = waiting.pop()
        if uri not in above:
            parent = gone[uri].in_reply_to_uri
            above[uri] = parent if parent is not None and (parent in known or parent in gone) else _TOP
            if above[uri] in gone:
                waiting.append(above[uri])
    return above


def _is_in_circle(uri: str, above: Mapping[str, str]) -> bool:
    """Tell whether going up from a post leads back to it."""
    at, seen = above.get(uri), {uri}
    while at is not None and at not in seen:
        seen.add(at)
        at = above.get(at)
    return at == uri


def _sort(replies: list[Node], above: Status | None, order: Order) -> None:
    sign = -1 if order == "newest" else 1
    author = above.account_id if above is not None else None
    replies.sort(
        key=lambda node: (
            node.status is None or node.status.account_id != author,
            sign * _age(node),
        )
    )


def _age(node: Node) -> int:
    """Return what a post is sorted by; an empty place is as old as the first answer to it."""
    if node.status is not None:
        return node.status.id
    return min((reply.status.id for reply in node.replies if reply.status is not None), default=0)
