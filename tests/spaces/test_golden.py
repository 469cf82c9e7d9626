"""What we send of a Space, to the byte, and what the people of six other kinds of server see of it.

`golden/event.*.json` is what leaves; `golden/<software>.json` what that software makes of each. To write
them anew after a change that is meant: FEDISPACE_WRITE_GOLDEN=1, and read the difference.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from fedispace.accounts.models import Account
from fedispace.federation import codec
from fedispace.federation.vocab.activities import Create, Update
from fedispace.federation.vocab.uri import Uri
from fedispace.spaces.fediverse import wire
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Space
from tests.spaces.reading_peers import READERS, Json, Trapped
from tests.spaces.test_wire import ADDRESSES, HOST, space

GOLDEN: Final = Path(__file__).parent / "golden"
CAROL: Final = Account(
    id=8,
    uri="https://b.example/users/carol",
    username="carol",
    name_key="carol",
    domain="b.example",
    url="https://b.example/@carol",
)
_AT: Final = datetime(2026, 11, 12, 19, 0, tzinfo=UTC)
_MADE: Final = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
SPACES: Final[dict[str, Space]] = {
    "scheduled": space(Phase.SCHEDULED, updated_at=_MADE),
    "moved": space(
        Phase.SCHEDULED,
        starts_at=_AT + timedelta(days=1),
        ends_at=_AT + timedelta(days=1, hours=2),
        previous_starts_at=_AT,
        updated_at=_MADE + timedelta(days=1),
    ),
    "live": space(Phase.LIVE),
    "paused": space(
        Phase.LIVE, paused_at=_AT + timedelta(minutes=10), updated_at=_AT + timedelta(minutes=10, seconds=5)
    ),
    "ended": space(
        Phase.ENDED,
        started_at=_AT,
        ends_at=_AT + timedelta(minutes=42),
        ended_at=_AT + timedelta(minutes=42),
        updated_at=_AT + timedelta(minutes=42),
    ),
    "cancelled": space(Phase.CANCELLED, updated_at=_MADE + timedelta(days=2)),
    "followers": space(Phase.SCHEDULED, "followers", updated_at=_MADE),
    "unlisted": space(Phase.SCHEDULED, "unlisted", updated_at=_MADE, topics=[], language=""),
    "invited": space(Phase.SCHEDULED, "invited", updated_at=_MADE, description=""),
}


def activity_of(name: str) -> Json:
    """Return the activity that tells of that Space."""
    of = SPACES[name]
    event = wire.event_of(of, HOST, ADDRESSES, attendances=3, organizers=[HOST, CAROL])
    kind: type[Create] | type[Update] = Create if of.updated_at == of.created_at else Update
    activity = kind(
        id=Uri("https://a.example/activities/1"),
        actor=event.attributed_to,
        object=event,
        to=event.to,
        cc=event.cc,
        published=of.updated_at,
    )
    return codec.write(activity)


def golden(name: str, document: Any) -> tuple[str, str]:
    """Return what is kept under that name, and the same of `document`."""
    path, text = GOLDEN / f"{name}.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("FEDISPACE_WRITE_GOLDEN"):
        path.write_text(text)
    return path.read_text(), text


@pytest.mark.row(99)
@pytest.mark.parametrize("name", SPACES)
def test_what_leaves_is_the_same_to_the_byte(name: str) -> None:
    kept, now = golden(f"event.{name}", activity_of(name))
    assert now == kept


@pytest.mark.row(99)
@pytest.mark.parametrize("software", READERS)
def test_what_the_people_of_that_software_see(software: str) -> None:
    kept, now = golden(software, {name: READERS[software](activity_of(name)) for name in SPACES})
    assert now == kept


@pytest.mark.row(99)
def test_a_live_space_keeps_the_place_of_its_player_on_mastodon() -> None:
    shown = READERS["mastodon"](activity_of("live"))
    assert shown["media"] == 0, "a medium would take the place of the card"
    assert shown["card"] == shown["link"] == SPACES["live"].url
    assert "LIVE now" in shown["text"]


@pytest.mark.row(99)
@pytest.mark.parametrize(
    ("earlier", "later"), [("scheduled", "moved"), ("moved", "live"), ("live", "paused"), ("paused", "ended")]
)
def test_every_state_is_strictly_newer_and_of_the_same_age(earlier: str, later: str) -> None:
    one, other = activity_of(earlier)["object"], activity_of(later)["object"]
    assert other["updated"] > one.get("updated", one["published"])
    assert other["published"] == one["published"]
    assert other["id"] == one["id"]


def test_a_moved_space_says_so_in_both_vocabularies() -> None:
    event = activity_of("moved")["object"]
    assert (event["eventStatus"], event["previousStartTime"]) == ("EventRescheduled", "2026-11-12T19:00:00Z")
    assert event["startTime"] == "2026-11-13T19:00:00Z"
    assert (event["status"], event["summary"][:8]) == ("CONFIRMED", "New time")


def test_an_ended_space_ended_when_it_did() -> None:
    event = activity_of("ended")["object"]
    assert event["endTime"] == event["endedAt"] == event["updated"] == "2026-11-12T19:42:00Z"


def _spoil(document: Json, path: str, value: Any) -> Json:
    spoiled: Json = json.loads(json.dumps(document))
    at: Any = spoiled["object"]
    *way, last = path.split(".")
    for step in way:
        at = at[int(step) if step.isdecimal() else step]
    if value is ...:
        at.pop(last)
    else:
        at[last] = value
    return spoiled


@pytest.mark.parametrize(
    ("software", "path", "value"),
    [
        ("mastodon", "type", ["Event"]),
        ("mastodon", "name", ...),
        ("mastodon", "summary", "<p>LIVE</p>"),
        ("mastodon", "updated", "2026-11-01T10:00:00Z"),
        ("mobilizon", "type", ["Event", "as:Event"]),
        ("mobilizon", "attributedTo", ["https://a.example/users/alice"]),
        ("mobilizon", "location", [{"type": "Place", "name": "x"}]),
        ("mobilizon", "attachment", None),
        ("mobilizon", "content", None),
        ("mobilizon", "status", "EventScheduled"),
        ("mobilizon", "joinMode", "none"),
        ("mobilizon", "endTime", ...),
        ("gancio", "tag", [{"type": "Link", "href": "https://a.example/spaces/99"}]),
        ("gancio", "attachment", [{"type": "Link", "href": "https://a.example"}]),
        ("gancio", "startTime", ...),
        ("gotosocial", "attributedTo", "https://a.example/users/eve"),
        ("misskey", "attributedTo", {"id": "https://a.example/users/alice"}),
        ("misskey", "content", None),
        ("pleroma", "attachment.0.mediaType", ...),
        ("pleroma", "content", None),
    ],
)
def test_the_readers_have_the_weak_points_of_what_they_stand_for(
    software: str, path: str, value: Any
) -> None:
    with pytest.raises(Trapped):
        READERS[software](_spoil(activity_of("live"), path, value))
