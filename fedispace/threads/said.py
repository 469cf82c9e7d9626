"""What a Note of another server says, as columns of ours: cleaned and capped. Pure."""

import html
from typing import Any, Final

from fedispace.accounts import emojis
from fedispace.federation.vocab.links import Hashtag, LinkTag
from fedispace.federation.vocab.objects import Note
from fedispace.threads.sanitize import clean, plain

MAX_SPOILER: Final = 2048
MAX_TITLE: Final = 2048
MAX_TAG: Final = 100
_SPOKEN: Final = frozenset({"Note", "Question"})
_TEXT_TYPES: Final = frozenset({"Article"})


def columns_of(note: Note) -> dict[str, Any]:
    """Return the columns that hold what the note says."""
    title = plain(note.name or "")[:MAX_TITLE] or None
    spoiler = plain(note.summary or "")[:MAX_SPOILER] if note.type in _SPOKEN else ""
    return {
        "url": note.url or note.id,
        "type": note.type,
        "title": title,
        "content": clean(_content(note, title)),
        "spoiler": spoiler,
        "sensitive": note.sensitive or bool(spoiler),
        "language": note.content_language,
        "tags": _tags(note),
        "emojis": emojis.pictured(note.tags),
        "attachments": [
            {
                "type": file.type,
                "url": file.url,
                "media_type": file.media_type,
                "name": plain(file.name or ""),
                "width": file.width,
                "height": file.height,
                "blurhash": file.blurhash,
                "focal": list(file.focal) if file.focal else None,
                "duration": file.duration,
            }
            for file in note.attachments
        ],
    }


def _content(note: Note, title: str | None) -> str:
    """Return all there is to read: other kinds of post have their title before and their address after it."""
    if note.type in _SPOKEN:
        return note.content
    pieces = [f"<p><strong>{html.escape(title)}</strong></p>"] if title else []
    if note.type == "Event":
        pieces.append(f"<p>{html.escape(plain(note.summary or ''))}</p>{note.content}")
    else:
        pieces.append(note.content or (note.summary or ""))
    if note.type not in _TEXT_TYPES:
        link = html.escape(note.url or note.id)
        pieces.append(f'<p><a href="{link}">{link}</a></p>')
    return "".join(pieces)


def _tags(note: Note) -> list[dict[str, str]]:
    tags: dict[str, dict[str, str]] = {}
    for tag in note.tags:
        if isinstance(tag, Hashtag) and (name := plain(tag.name)[:MAX_TAG]):
            tags.setdefault(f"#{name.casefold()}", {"type": "Hashtag", "name": name})
    return list(tags.values())


def subject_of(note: Note) -> str | None:
    """Return the object a note is about: what a Link tag names as an ActivityPub object (FEP-e232)."""
    for tag in note.tags:
        if isinstance(tag, LinkTag) and tag.href != note.quote and "json" in tag.media_type:
            return tag.href
    return None


def claims_of(note: Note) -> dict[str, int]:
    """Return how many like and pass on a post, as far as its server says; nothing of it can be checked."""
    said = {"likes_claimed": note.likes_claimed, "shares_claimed": note.shares_claimed}
    return {name: number for name, number in said.items() if number is not None}
