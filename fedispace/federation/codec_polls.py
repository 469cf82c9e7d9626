"""Reading and writing the poll of a `Question`, as Mastodon, Misskey, Pleroma and GoToSocial have it.

An option is a Note with a `name` (some peers put it into `content`) and a `replies` collection whose
size is the number of votes; the members of that collection are never shown. `closed` is a date, or
just `true`.
"""

from typing import Any, Final

from fedispace.clock import wire_time
from fedispace.federation import codec_shapes as shapes
from fedispace.federation.codec_shapes import Json
from fedispace.federation.vocab.polls import Poll, PollOption

MAX_OPTIONS: Final = 500
"""As many as Mastodon reads."""
MAX_OPTION: Final = 500


def poll(document: Json) -> Poll | None:
    """Return the poll of a Question; None when it has no two different answers."""
    options, multiple = _options(document.get("oneOf")), False
    if not options:
        options, multiple = _options(document.get("anyOf")), True
    if len(options) < 2:
        return None
    closed = document.get("closed")
    return Poll(
        options=options,
        multiple=multiple,
        end_time=shapes.moment(document.get("endTime")),
        closed=shapes.moment(closed),
        is_closed=closed is True,
        voters_count=_voters(document),
    )


def _voters(document: Json) -> int | None:
    for term in ("votersCount", "toot:votersCount"):
        if (found := shapes.count(document.get(term))) is not None:
            return found
    return None


def _options(value: Any) -> tuple[PollOption, ...]:
    """Return the options, each name once: a vote names its option, so two of one name are one."""
    found: dict[str, PollOption] = {}
    for raw in shapes.as_list(value)[:MAX_OPTIONS]:
        if type(raw) is not dict:
            continue
        name, _ = shapes.localized(raw, "name", MAX_OPTION)
        if name is None:
            name, _ = shapes.localized(raw, "content", MAX_OPTION)
        if name is not None and name.strip():
            found.setdefault(name, PollOption(name=name, votes=_votes(raw)))
    return tuple(found.values())


def _votes(option: Json) -> int | None:
    replies = option.get("replies")
    found = shapes.count(replies.get("totalItems")) if type(replies) is dict else None
    return shapes.count(option.get("_misskey_votes")) if found is None else found


def poll_fields(poll: Poll) -> dict[str, Any]:
    """Return what of a Question is its poll; an option whose votes are not told has an unsized collection."""
    fields: dict[str, Any] = {
        "anyOf" if poll.multiple else "oneOf": [
            {
                "type": "Note",
                "name": option.name,
                "replies": {
                    "type": "Collection",
                    **({} if option.votes is None else {"totalItems": option.votes}),
                },
            }
            for option in poll.options
        ]
    }
    if poll.end_time is not None:
        fields["endTime"] = wire_time(poll.end_time)
    if poll.closed is not None:
        fields["closed"] = wire_time(poll.closed)
    elif poll.is_closed:
        fields["closed"] = True
    if poll.voters_count is not None:
        fields["votersCount"] = poll.voters_count
    return fields
