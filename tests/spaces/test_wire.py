"""The Event we send, against what each peer is known to trip over (FEDERATION.md)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fedispace.accounts.models import Account
from fedispace.federation import codec
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.objects import Event
from fedispace.spaces.access import Access
from fedispace.spaces.fediverse import wire
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Space

ADDRESSES = Addresses("https://a.example", "a.example")
HOST = Account(
    id=7,
    uri="https://a.example/users/alice",
    username="alice",
    name_key="alice",
    domain="",
    display_name="Alice",
    url="https://a.example/@alice",
)


def space(phase: Phase = Phase.LIVE, access: Access = "public", **more: Any) -> Space:
    row: dict[str, Any] = {
        "id": 99,
        "uri": "https://a.example/spaces/99",
        "url": "https://a.example/@alice/spaces/99",
        "local": True,
        "host_id": 7,
        "title": "Rust in the browser, open floor",
        "description": "Come ask <anything>.",
        "access": access,
        "state": phase,
        "starts_at": datetime(2026, 11, 12, 19, 0, tzinfo=UTC),
        "ends_at": datetime(2026, 11, 12, 21, 0, tzinfo=UTC),
        "started_at": datetime(2026, 11, 12, 19, 0, 5, tzinfo=UTC) if phase is Phase.LIVE else None,
        "ended_at": None,
        "created_at": datetime(2026, 11, 1, 10, 0, tzinfo=UTC),
        "updated_at": datetime(2026, 11, 12, 19, 0, 7, tzinfo=UTC),
        "listener_count": 84,
        "topics": ["Rust", "wasm"],
        "language": "en",
        "speak_policy": "request",
    }
    return Space(**{**row, **more})


def written(of: Space) -> dict[str, Any]:
    return codec.write(wire.event_of(of, HOST, ADDRESSES, attendances=3))


def test_the_whole_event_is_this_and_nothing_else() -> None:
    document = written(space())
    del document["@context"]
    page = "https://a.example/@alice/spaces/99"
    content = f'<p>Come ask &lt;anything&gt;.</p><p><a href="{page}">Listen, no account needed</a></p>'
    assert document == {
        "id": "https://a.example/spaces/99",
        "type": "Event",
        "attributedTo": "https://a.example/users/alice",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "cc": ["https://a.example/users/alice/followers"],
        "name": "Rust in the browser, open floor",
        "summary": "LIVE now - Thu 12 Nov 2026, 19:00 UTC - hosted by @alice@a.example",
        "content": content,
        "contentMap": {"en": content},
        "url": page,
        "published": "2026-11-01T10:00:00Z",
        "updated": "2026-11-12T19:00:07Z",
        "startTime": "2026-11-12T19:00:00Z",
        "endTime": "2026-11-12T21:00:00Z",
        "displayEndTime": False,
        "timezone": "Etc/UTC",
        "eventStatus": "EventScheduled",
        "status": "CONFIRMED",
        "joinMode": "free",
        "isOnline": True,
        "category": "MEETING",
        "repliesModerationOption": "allow_all",
        "organizers": {
            "type": "OrderedCollection",
            "id": "https://a.example/spaces/99/organizers",
            "totalItems": 1,
        },
        "attendees": {
            "type": "OrderedCollection",
            "id": "https://a.example/spaces/99/attendees",
            "totalItems": 3,
        },
        "speakers": "https://a.example/spaces/99/speakers",
        "context": "https://a.example/contexts/99",
        "replies": "https://a.example/spaces/99/replies",
        "location": {
            "id": page,
            "type": "VirtualLocation",
            "name": "Audio Space on a.example",
            "url": page,
        },
        "tag": [
            {"type": "Hashtag", "name": "#Rust", "href": "https://a.example/tags/rust"},
            {"type": "Hashtag", "name": "#wasm", "href": "https://a.example/tags/wasm"},
        ],
        "attachment": [{"type": "Link", "name": "Website", "mediaType": "text/html", "href": page}],
        "liveState": "live",
        "startedAt": "2026-11-12T19:00:05Z",
        "listenerCount": 84,
        "recordingPolicy": "none",
        "space": {
            "type": "fs:AudioSpace",
            "joinEndpoint": "https://a.example/spaces/99/join",
            "listen": "https://a.example/spaces/99/whep",
            "publish": "https://a.example/spaces/99/whip",
            "signal": "wss://a.example/spaces/99/signal",
            "speakPolicy": "request",
            "anonymousListeners": True,
            "codecs": ["audio/opus"],
        },
    }


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("access", ["public", "unlisted", "followers", "invited"])
def test_no_state_of_a_space_springs_a_peers_trap(phase: Phase, access: Access) -> None:
    document = written(space(phase, access))
    assert document["type"] == "Event", "Mobilizon and Gancio match the string"
    assert isinstance(document["attributedTo"], str), "Misskey compares it with the actor"
    assert isinstance(document["location"], dict), "Mobilizon has no clause for a list"
    assert document["location"]["id"], "Mobilizon stores it by id"
    assert isinstance(document["content"], str), "Mobilizon needs content when there are pictures"
    assert isinstance(document["attachment"], list)
    assert all(one["mediaType"] for one in document["attachment"]), "Gancio and Pleroma read it"
    assert document["status"] in ("CONFIRMED", "TENTATIVE", "CANCELLED"), "Mobilizon's enumeration"
    assert document["joinMode"] in ("free", "restricted", "invite", "external"), "Mobilizon's enumeration"
    assert document["endTime"] > document["startTime"], "FEP-8a8e"
    assert document["name"]
    assert "<" not in document["summary"], "Mastodon shows it as text"
    assert all("name" in tag for tag in document["tag"]), "Gancio takes its second character"


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("access", ["public", "unlisted", "followers", "invited"])
def test_our_reader_reads_back_what_our_writer_wrote(phase: Phase, access: Access) -> None:
    event = wire.event_of(space(phase, access), HOST, ADDRESSES, attendances=3)
    again = codec.read(codec.write(event), require_context=True)
    assert isinstance(again, Event)
    assert again == event


@pytest.mark.parametrize(("listeners", "told"), [(0, None), (1, None), (4, None), (5, 5), (84, 84)])
def test_a_number_by_which_somebody_could_be_known_is_not_told(listeners: int, told: int | None) -> None:
    assert written(space(listener_count=listeners)).get("listenerCount") == told


def test_where_nobody_listens_without_an_account_the_event_says_so() -> None:
    event = codec.write(wire.event_of(space(), HOST, ADDRESSES, strangers_listen=False))
    assert event["space"]["anonymousListeners"] is False
    assert "no account" not in event["content"]
    assert "no account" not in wire.announcement_of(space(), HOST, strangers_listen=False)


def test_a_space_that_is_not_open_to_all_does_not_invite_everybody() -> None:
    document = written(space(access="followers"))
    assert "no account" not in document["content"]
    assert document["space"]["anonymousListeners"] is False
    assert document["joinMode"] == "restricted"
