"""iCalendar, by the rules that calendar programs hold one to (RFC 5545)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedispace.spaces import calendar
from fedispace.spaces.calendar import Entry
from fedispace.spaces.lifecycle import Phase

NOON = datetime(2026, 11, 12, 12, 0, tzinfo=UTC)


def entry(**more: Any) -> Entry:
    fields: dict[str, Any] = {
        "uri": "https://a.example/spaces/99",
        "url": "https://a.example/@alice/spaces/99",
        "title": "Tea",
        "description": "",
        "host_name": "Alice",
        "host_uri": "https://a.example/users/alice",
        "phase": Phase.SCHEDULED,
        "starts_at": NOON,
        "ends_at": NOON + timedelta(hours=2),
        "created_at": NOON - timedelta(days=2),
        "updated_at": NOON - timedelta(days=2),
    }
    return Entry(**{**fields, **more})


def read(text: str) -> list[tuple[str, str]]:
    """Read it as a program does: unfold, then name and value of each line (parameters stay on the name)."""
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", ""), "every line ends with CRLF"
    unfolded = text.replace("\r\n ", "")
    lines = unfolded.split("\r\n")[:-1]
    found = []
    for line in lines:
        match = re.fullmatch(r'([A-Z-]+)((?:;[A-Z-]+=(?:"[^"]*"|[^";:,]*))*):(.*)', line)
        assert match, line
        found.append((match[1], match[3]))
    return found


def value(text: str, name: str) -> str:
    [found] = [value for key, value in read(text) if key == name]
    return found


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] in "nN" else match[1], text)


def test_the_whole_file_is_this() -> None:
    text = calendar.calendar([entry(topics=["rust", "tea"], language="en", description="Bring cups.")])
    assert [line for line in text.replace("\r\n ", "").split("\r\n") if line] == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//fedispace//Spaces//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        "UID:https://a.example/spaces/99",
        "DTSTAMP:20261110T120000Z",
        "CREATED:20261110T120000Z",
        "LAST-MODIFIED:20261110T120000Z",
        "SEQUENCE:0",
        "DTSTART:20261112T120000Z",
        "DTEND:20261112T140000Z",
        "STATUS:CONFIRMED",
        "SUMMARY;LANGUAGE=en:Tea",
        "DESCRIPTION;LANGUAGE=en:Bring cups.\\n\\nhttps://a.example/@alice/spaces/99",
        "URL:https://a.example/@alice/spaces/99",
        "LOCATION:https://a.example/@alice/spaces/99",
        'CONFERENCE;VALUE=URI;FEATURE=AUDIO;LABEL="Listen":https://a.example/@alice/spaces/99',
        'ORGANIZER;CN="Alice":https://a.example/users/alice',
        "CATEGORIES:rust,tea",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(title=TEXTS, description=TEXTS, name=TEXTS)
def test_no_text_breaks_out_of_its_line(title: str, description: str, name: str) -> None:
    text = calendar.calendar([entry(title=title, description=description, host_name=name)], name=name)
    lines = text.split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines), "folded at 75 octets"
    found = read(text)
    assert [key for key, _ in found].count("BEGIN") == 2
    seen = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", title.replace("\r\n", "\n").replace("\r", "\n"))
    assert unescaped(value(text, "SUMMARY")) == seen.replace("\t", " ")


def test_a_title_cannot_end_the_event_and_begin_another() -> None:
    hostile = "x\r\nEND:VEVENT\r\nBEGIN:VALARM\r\nATTACH:file:///etc/passwd"
    text = calendar.calendar([entry(title=hostile, host_name=hostile, topics=[hostile])])
    names = [key for key, _ in read(text)]
    assert "ATTACH" not in names
    assert names.count("END") == 2


def test_times_are_in_utc_whatever_zone_they_were_given_in() -> None:
    paris = NOON.astimezone(timezone(timedelta(hours=1)))
    assert value(calendar.calendar([entry(starts_at=paris)]), "DTSTART") == "20261112T120000Z"


def test_a_change_is_newer_and_a_cancellation_is_one() -> None:
    moved = entry(updated_at=NOON - timedelta(days=1), starts_at=NOON + timedelta(hours=3))
    text = calendar.calendar([moved])
    assert int(value(text, "SEQUENCE")) > 0
    assert value(text, "DTSTART") == "20261112T150000Z"
    called_off = calendar.calendar([entry(phase=Phase.CANCELLED, updated_at=NOON)])
    assert value(called_off, "STATUS") == "CANCELLED"
    assert int(value(called_off, "SEQUENCE")) > int(value(text, "SEQUENCE"))
    assert value(called_off, "UID") == value(text, "UID")


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_a_status_that_programs_know(phase: Phase) -> None:
    assert value(calendar.calendar([entry(phase=phase)]), "STATUS") in ("CONFIRMED", "CANCELLED")
