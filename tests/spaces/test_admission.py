"""Another server's answer to our Join: taken only when it is exactly that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fedispace.errors import Conflict, FedispaceError, Forbidden, NotFound, RateLimited, Unavailable
from fedispace.federation.vocab.activities import Join
from fedispace.federation.vocab.uri import Uri
from fedispace.spaces.entry.admission import Admission, read_answer
from fedispace.spaces.models import Space

NOW = datetime(2026, 11, 12, 19, 0, tzinfo=UTC)
HOST = "https://b.example/users/bob"
SPACE = Space(
    uri="https://b.example/spaces/5",
    whep_endpoint="https://b.example/spaces/5/whep",
    whip_endpoint="https://b.example/spaces/5/whip",
)
JOIN = Join(
    id=Uri("https://a.example/activities/1"),
    actor=Uri("https://a.example/users/alice"),
    object=Uri(SPACE.uri),
    role="listener",
)
MISSING = "left out"


def accept(**changes: Any) -> dict[str, Any]:
    result = {
        "type": "fs:Ticket",
        "fs:role": "listener",
        "fs:ticket": "t" * 43,
        "fs:listen": "https://b.example/spaces/5/whep",
        "expires": "2026-11-12T19:01:00Z",
    }
    document: dict[str, Any] = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": "https://b.example/spaces/5#accepts/1",
        "type": "Accept",
        "actor": HOST,
        "object": JOIN.id,
        "result": result,
    }
    for name, value in changes.items():
        target = document if name in document else result
        key = name if name in document or name == "expires" else f"fs:{name}"
        if value is MISSING:
            del target[key]
        else:
            target[key] = value
    return document


def read(document: dict[str, Any] | None, status: int = 200) -> Admission:
    return read_answer(status, document, join=JOIN, space=SPACE, host=HOST, now=NOW)


def test_a_proper_accept_is_taken() -> None:
    assert read(accept()) == Admission(
        role="listener",
        ticket="t" * 43,
        whep_url=Uri("https://b.example/spaces/5/whep"),
        whip_url=Uri("https://b.example/spaces/5/whip"),
        expires_at=NOW + timedelta(minutes=1),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "https://b.example/users/eve"},
        {"object": "https://a.example/activities/2"},
        {"type": "Reject"},
        {"type": "Note"},
        {"id": MISSING},
        {"result": MISSING},
        {"result": "a ticket"},
        {"ticket": MISSING},
        {"ticket": "two words"},
        {"ticket": "t\r\nX-Evil: 1"},
        {"ticket": "t" * 3000},
        {"role": "speaker"},
        {"expires": MISSING},
        {"expires": "2026-11-12T18:59:59Z"},
        {"expires": "2026-11-12T20:00:00Z"},
        {"listen": "https://evil.example/whep"},
        {"listen": "http://b.example/spaces/5/whep"},
        {"listen": "https://b.example:8443/whep"},
        {"listen": "https://b.example@evil.example/whep"},
        {"publish": "https://evil.example/whip"},
    ],
    ids=lambda changes: " ".join(f"{name}={str(value)[:30]}" for name, value in changes.items()),
)
def test_anything_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unavailable):
        read(accept(**changes))


@pytest.mark.parametrize("document", [None, {}, {"type": "Accept"}])
def test_an_answer_without_sense_is_refused(document: dict[str, Any] | None) -> None:
    with pytest.raises(Unavailable):
        read(document)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (202, Unavailable),
        (301, Unavailable),
        (401, Unavailable),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, NotFound),
        (429, RateLimited),
        (500, Unavailable),
    ],
)
def test_only_200_is_a_yes(status: int, error: type[FedispaceError]) -> None:
    with pytest.raises(error):
        read(accept(), status)
