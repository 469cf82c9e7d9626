"""The events of a room in the OpenAPI document: what is neither a call nor JSON, described by hand."""

from typing import Any, Final

from fedispace.spaces.events.room_events import KINDS

Json = dict[str, Any]

_SPACE: Final[Json] = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
_LAST: Final[Json] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
}
_WHO: Final[list[Json]] = [{}, {"pass": []}, {"token": ["read:statuses"]}]
_SIGNAL: Final = (
    'The first message is `{"pass": ...}`, a pass or an OAuth token, or `{"pass": null}` where the Space is '
    'open to all; a newer pass may follow, and `{"ping": true}` is answered by `pong`. Each text message '
    "that comes is one event, the first one `hello` with the state of the room. "
    "Close codes: 4400 malformed, 4401 the pass is missing or has ended, "
    "4403 not allowed, 4404 no such Space, 4409 opened elsewhere, 4410 the Space is over, 4429 too much, "
    "1001 and 1013 come back later."
)
_STREAM: Final = (
    "The same messages, `data` being the JSON of one; with `Last-Event-ID`, `hello` says `resync`. The last "
    "one is `bye`, whose `code` is as on the WebSocket."
)


def event_paths(problem: Json) -> dict[str, Json]:
    """Return the two doors of a room's events."""
    refused = {"description": "Refused.", "content": {"application/problem+json": {"schema": problem}}}
    names = ("hello", "resync", "renewed", "pong", "bye", *KINDS)
    told: Json = {
        "type": "object",
        "required": ["event"],
        "properties": {"event": {"type": "string", "enum": list(names)}},
    }
    followed = {"description": "Events follow.", "content": {"application/json": {"schema": told}}}
    stream = {"description": "Events.", "content": {"text/event-stream": {"schema": told}}}
    return {
        "/spaces/{id}/signal": {
            "get": {
                "operationId": "signal",
                "summary": "Hear what happens in a room, as a WebSocket (RFC 6455).",
                "description": _SIGNAL,
                "tags": ["Rooms"],
                "security": _WHO,
                "parameters": [_SPACE],
                "responses": {
                    "101": followed,
                    "426": {"description": "This is a WebSocket."},
                    "4XX": refused,
                },
            }
        },
        "/api/fedispace/v1/spaces/{id}/events": {
            "get": {
                "operationId": "events",
                "summary": "Hear what happens in a room, as server-sent events.",
                "description": _STREAM,
                "tags": ["Rooms"],
                "security": _WHO,
                "parameters": [_SPACE, _LAST],
                "responses": {"200": stream, "4XX": refused},
            }
        },
    }
