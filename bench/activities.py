"""The activities that the benchmarks send, as Mastodon writes them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bench.world import Remote

PUBLIC: Final = "https://www.w3.org/ns/activitystreams#Public"
_WRITTEN: Final = "2026-11-12T19:00:00Z"
_EDITED: Final = "2026-11-12T20:00:00Z"
_CONTEXT: Final = [
    "https://www.w3.org/ns/activitystreams",
    {
        "ostatus": "http://ostatus.org#",
        "atomUri": "ostatus:atomUri",
        "inReplyToAtomUri": "ostatus:inReplyToAtomUri",
        "conversation": "ostatus:conversation",
        "sensitive": "as:sensitive",
        "toot": "http://joinmastodon.org/ns#",
        "votersCount": "toot:votersCount",
    },
]

Made = tuple[str, bytes]
"""The id of an activity and its bytes."""


def note(remote: Remote, number: str) -> bytes:
    """Return a Create{Note}, about 2.5 kB."""
    return create(remote, number)[1]


def create(remote: Remote, number: str) -> Made:
    object_ = _note(remote, number)
    return _made(remote, f"{object_['id']}/activity", "Create", object_)


def reply(remote: Remote, number: str, to: str, author: str) -> Made:
    """Return a Create{Note} that answers a post and names its author."""
    object_ = _note(remote, number)
    object_ |= {
        "inReplyTo": to,
        "cc": [*object_["cc"], author],
        "tag": [{"type": "Mention", "href": author, "name": "@alice"}],
    }
    return _made(remote, f"{object_['id']}/activity", "Create", object_, cc=object_["cc"])


def tagged(remote: Remote, number: str) -> Made:
    """Return a Create{Note} with three hashtags."""
    object_ = _note(remote, number)
    object_["tag"] = [
        {"type": "Hashtag", "href": f"https://{name}.example/tags/{name}", "name": f"#{name}"}
        for name in ("fediverse", "benchmark", "words")
    ]
    return _made(remote, f"{object_['id']}/activity", "Create", object_)


def update(remote: Remote, number: str) -> Made:
    """Return an Update of what `create` made: other words."""
    object_ = _note(remote, number)
    object_ |= {
        "updated": _EDITED,
        "content": "<p>Other words.</p>",
        "contentMap": {"en": "<p>Other words.</p>"},
    }
    return _made(remote, f"{object_['id']}#updates/1", "Update", object_)


def delete(remote: Remote, number: str) -> Made:
    """Return a Delete of what `create` made."""
    uri = _uri(remote, number)
    return _made(remote, f"{uri}#delete", "Delete", {"id": uri, "type": "Tombstone", "atomUri": uri})


def like(remote: Remote, number: str, post: str) -> Made:
    return _made(remote, f"{remote.uri}#likes/{number}", "Like", post, to=[])


def unlike(remote: Remote, number: str, post: str) -> Made:
    inner = {"id": f"{remote.uri}#likes/{number}", "type": "Like", "actor": remote.uri, "object": post}
    return _made(remote, f"{remote.uri}#likes/{number}/undo", "Undo", inner, to=[])


def announce(remote: Remote, number: str, post: str) -> Made:
    uri = f"{_uri(remote, number)}/boost"
    return _made(remote, uri, "Announce", post)


def unannounce(remote: Remote, number: str, post: str) -> Made:
    uri = f"{_uri(remote, number)}/boost"
    inner = {"id": uri, "type": "Announce", "actor": remote.uri, "object": post, "to": [PUBLIC]}
    return _made(remote, f"{uri}/undo", "Undo", inner)


def _uri(remote: Remote, number: str) -> str:
    return f"{remote.uri}/statuses/{number}"


def _made(
    remote: Remote,
    id_: str,
    type_: str,
    object_: Any,
    *,
    to: Sequence[str] = (PUBLIC,),
    cc: Sequence[str] | None = None,
) -> Made:
    body = {
        "@context": _CONTEXT,
        "id": id_,
        "type": type_,
        "actor": remote.uri,
        "published": _WRITTEN,
        "to": list(to),
        "cc": list(cc if cc is not None else [f"{remote.uri}/followers"] if to else []),
        "object": object_,
    }
    return id_, msgspec.json.encode(body)


def _note(remote: Remote, number: str) -> dict[str, Any]:
    uri = _uri(remote, number)
    text = "<p>" + "Some ordinary words about an ordinary day, at some length. " * 12 + "</p>"
    return {
        "id": uri,
        "type": "Note",
        "summary": None,
        "inReplyTo": None,
        "published": _WRITTEN,
        "url": f"{uri}/page",
        "attributedTo": remote.uri,
        "to": [PUBLIC],
        "cc": [f"{remote.uri}/followers"],
        "sensitive": False,
        "atomUri": uri,
        "conversation": f"tag:peer.example,2026-11-12:objectId={number}:objectType=Conversation",
        "content": text,
        "contentMap": {"en": text},
        "attachment": [],
        "tag": [],
        "replies": {"id": f"{uri}/replies", "type": "Collection"},
    }


KINDS: Final[Mapping[str, Callable[[Remote, str, str, str], Made]]] = {
    "note": lambda by, number, post, author: create(by, number),
    "note_with_hashtags": lambda by, number, post, author: tagged(by, f"t{number}"),
    "reply_that_mentions": lambda by, number, post, author: reply(by, f"r{number}", post, author),
    "update": lambda by, number, post, author: update(by, number),
    "like": lambda by, number, post, author: like(by, number, post),
    "undo_like": lambda by, number, post, author: unlike(by, number, post),
    "announce": lambda by, number, post, author: announce(by, number, post),
    "undo_announce": lambda by, number, post, author: unannounce(by, number, post),
    "delete": lambda by, number, post, author: delete(by, number),
}
"""Each kind, made by somebody, with a number, about a post and its author."""
