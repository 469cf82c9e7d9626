"""Spaces as calendars read them: iCalendar (RFC 5545, with `CONFERENCE` of RFC 7986).

An event keeps its `UID` from the plan to the end, and every change has a later `LAST-MODIFIED` and a
greater `SEQUENCE`: so a calendar that took the file once moves it, or strikes it out, when it takes it
again. Times are in UTC, which needs no description of a time zone.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fedispace.spaces.lifecycle import Phase

_PRODUCT: Final = "-//fedispace//Spaces//EN"
_LONGEST: Final = 75
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_STATUSES: Final = {Phase.CANCELLED: "CANCELLED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One Space on a calendar. `uri` is its ActivityPub id, the same on every server that shows it."""

    uri: str
    url: str
    title: str
    description: str
    host_name: str
    host_uri: str
    phase: Phase
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    updated_at: datetime
    topics: Sequence[str] = ()
    language: str = ""


def calendar(entries: Iterable[Entry], *, name: str | None = None) -> str:
    """Return a whole iCalendar object; `name` is what a subscribed calendar is called."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{_PRODUCT}", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    if name is not None:
        lines += [f"NAME:{text(name)}", f"X-WR-CALNAME:{text(name)}", "REFRESH-INTERVAL;VALUE=DURATION:PT1H"]
    for entry in entries:
        lines += _event(entry)
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in folded(line))


def _event(entry: Entry) -> Iterator[str]:
    language = f";LANGUAGE={entry.language}" if entry.language else ""
    said = f"{entry.description}\n\n{entry.url}" if entry.description else entry.url
    sequence = int((entry.updated_at - entry.created_at).total_seconds())
    yield "BEGIN:VEVENT"
    yield f"UID:{text(entry.uri)}"
    yield f"DTSTAMP:{moment(entry.updated_at)}"
    yield f"CREATED:{moment(entry.created_at)}"
    yield f"LAST-MODIFIED:{moment(entry.updated_at)}"
    yield f"SEQUENCE:{max(0, sequence)}"
    yield f"DTSTART:{moment(entry.starts_at)}"
    yield f"DTEND:{moment(entry.ends_at)}"
    yield f"STATUS:{_STATUSES.get(entry.phase, 'CONFIRMED')}"
    yield f"SUMMARY{language}:{text(entry.title)}"
    yield f"DESCRIPTION{language}:{text(said)}"
    yield f"URL:{address(entry.url)}"
    yield f"LOCATION:{text(entry.url)}"
    yield f"CONFERENCE;VALUE=URI;FEATURE=AUDIO;LABEL={quoted('Listen')}:{address(entry.url)}"
    yield f"ORGANIZER;CN={quoted(entry.host_name)}:{address(entry.host_uri)}"
    if entry.topics:
        yield f"CATEGORIES:{','.join(text(topic) for topic in entry.topics)}"
    yield "END:VEVENT"


def text(value: str) -> str:
    """Return a TEXT value (section 3.3.11); what no reader can show is left out.

    >>> text("a;b, c\\nd")
    'a\\\\;b\\\\, c\\\\nd'
    """
    plain = _UNSEEN.sub("", value.replace("\r\n", "\n").replace("\r", "\n")).replace("\t", " ")
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def quoted(value: str) -> str:
    """Return a parameter value (section 3.2), with the escapes of RFC 6868.

    >>> quoted('Ann "A" ^ B')
    "\\"Ann ^'A^' ^^ B\\""
    """
    plain = _UNSEEN.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
    return '"' + plain.replace("^", "^^").replace("\n", "^n").replace('"', "^'") + '"'


def address(value: str) -> str:
    """Return a URI value; it has no escapes, so nothing may be in it that ends a line."""
    return "".join(letter for letter in value if letter > " " and letter != "\x7f")


def moment(value: datetime) -> str:
    """Return a time in UTC (section 3.3.5, form 2).

    >>> moment(datetime(2026, 11, 12, 19, 0, tzinfo=UTC))
    '20261112T190000Z'
    """
    return f"{value.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def folded(line: str) -> Iterator[str]:
    """Return a line in parts of at most 75 octets (section 3.1); no letter is cut in two."""
    part, size = "", 0
    for letter in line:
        more = len(letter.encode())
        if size + more > _LONGEST:
            yield part
            part, size = " ", 1
        part, size = part + letter, size + more
    yield part
