"""How other servers read an Event, as far as it matters to what their people see.

Each reader does what the code of that software is documented to do with an incoming Event, with its
weak points: where the real one raises an error or drops the event, `Trapped` is raised here.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

PUBLIC: Final = "https://www.w3.org/ns/activitystreams#Public"
Json = dict[str, Any]
Shown = dict[str, Any]


class Trapped(Exception):
    """That software would have failed on this document, or dropped it."""


def mastodon(activity: Json) -> Shown:
    """A post: title, summary and link. The content is not shown; a medium would take the card's place."""
    event = activity["object"]
    _need(event.get("type") == "Event", "CONVERTED_TYPES is matched with the type as a string")
    _need(isinstance(event.get("name"), str) and event["name"], "a converted object is told by its name")
    summary = event.get("summary")
    _need(summary is None or ("<" not in summary and "\n" not in summary), "summary is put in as it is")
    _need(_is_newer(event), "an Update that is not strictly newer is no edit")
    attached = _list(event.get("attachment"))
    media = [
        one for one in attached if str(one.get("mediaType")).split("/")[0] in ("image", "audio", "video")
    ]
    text = f"<h2>{event['name']}</h2>" + (f"<p>{summary}</p>" if summary else "")
    return {
        "text": text,
        "link": event.get("url") or event["id"],
        "visibility": _visibility(event),
        "hashtags": _hashtags(event),
        "media": len(media),
        "card": None if media else next((one["href"] for one in attached if one.get("type") == "Link"), None),
        "in_reply_to": event.get("inReplyTo"),
    }


_CATEGORIES: Final = {"MEETING", "ARTS", "MUSIC", "SCIENCE_TECH", "LANGUAGE", "LEARNING", "GAMES"}
_JOIN_MODES: Final = {"free", "restricted", "invite", "external"}
_MOBILIZON_STATUSES: Final = {"CONFIRMED", "TENTATIVE", "CANCELLED"}


def mobilizon(activity: Json) -> Shown:
    """An event. Its converter has one clause for each shape it expects, and none for the others."""
    event = activity["object"]
    _need(event.get("type") == "Event", "pattern match on the string")
    _need(isinstance(event.get("attributedTo"), str), "a list of authors is no actor")
    _need(activity["actor"] == event["attributedTo"], "the actor is to be the organizer")
    _need(isinstance(event.get("attachment"), list), "Enum.filter on null")
    _need(isinstance(event.get("tag"), list), "Enum.map on null")
    location = event.get("location")
    _need(location is None or (isinstance(location, dict) and bool(location.get("id"))), "one address, by id")
    _need(isinstance(event.get("content"), str), "content is concatenated")
    _need(event.get("status") in _MOBILIZON_STATUSES, "an Ecto enumeration")
    _need(event.get("joinMode", "free") in _JOIN_MODES, "an Ecto enumeration")
    _need(event.get("category", "MEETING") in _CATEGORIES, "an Ecto enumeration")
    begins, ends = _time(event.get("startTime")), _time(event.get("endTime"))
    _need(begins < ends, "an event ends after it begins")
    _need(isinstance(event.get("to"), list), "the audience is searched")
    websites = [one for one in event["attachment"] if one.get("type") == "Link" and one["name"] == "Website"]
    return {
        "title": event["name"],
        "description": event["content"],
        "begins_on": begins.isoformat(),
        "ends_on": ends.isoformat(),
        "status": event["status"],
        "join_options": event.get("joinMode", "free"),
        "visibility": "public" if PUBLIC in event["to"] else "private",
        "online_address": websites[0]["href"] if websites else None,
        "tags": [tag["name"].removeprefix("#") for tag in event["tag"] if tag["type"] == "Hashtag"],
        "comments": event.get("repliesModerationOption", "allow_all"),
    }


def gancio(activity: Json) -> Shown:
    """An event; every tag is cut at its first letter, every attachment asked for its media type."""
    event = activity["object"]
    for field in ("name", "startTime", "id"):
        _need(bool(event.get(field)), f"{field} is required")
    for one in event.get("attachment", []):
        _need(isinstance(one.get("mediaType"), str), "mediaType.includes of undefined")
    tags = []
    for tag in event.get("tag", []):
        _need(isinstance(tag.get("name"), str), "name.substr of undefined")
        tags.append(tag["name"][1:])
    location = event.get("location")
    _need(location is None or isinstance(location, dict), "the parser takes one place")
    return {
        "title": event["name"],
        "description": event.get("content") or event.get("summary"),
        "start_datetime": int(_time(event["startTime"]).timestamp()),
        "end_datetime": int(_time(event["endTime"]).timestamp()),
        "tags": tags,
        "place": location["name"] if location else "online",
        "online_locations": [location["url"]] if location and location["type"] == "VirtualLocation" else [],
    }


def gotosocial(activity: Json) -> Shown:
    """A post whose content warning is the summary, or else the name."""
    event = activity["object"]
    _need(event.get("type") == "Event", "IsStatusable")
    _need(event.get("attributedTo") == activity["actor"], "attributedTo is the author")
    _need(isinstance(event.get("url"), str), "the link is one IRI")
    for one in event.get("attachment", []):
        _need(one.get("type") in _ATTACHABLE, "an attachment of no known type")
    return {
        "content_warning": event.get("summary") or event["name"],
        "content": event["content"],
        "visibility": _visibility(event),
        "hashtags": _hashtags(event),
        "language": next(iter(event.get("contentMap", {})), None),
    }


def misskey(activity: Json) -> Shown:
    """A note of content alone, behind its summary. Its title is lost, and so is every Update."""
    event = activity["object"]
    _need(event.get("type") == "Event", "validPost")
    _need(event.get("attributedTo") == activity["actor"], "compared as strings with the actor's uri")
    _need(isinstance(event.get("content"), str), "content is turned into MFM")
    _need(isinstance(event.get("to"), list), "the visibility is searched for")
    files = [
        one["url"]
        for one in event.get("attachment", [])
        if one.get("type") == "Document" and str(one.get("url")).startswith("https://")
    ]
    if activity["type"] == "Update":
        return {"ignored": True}
    return {
        "cw": event.get("summary"),
        "text": re.sub(r"</p>\s*<p>", "\n\n", event["content"]).removeprefix("<p>").removesuffix("</p>"),
        "visibility": _visibility(event),
        "tags": _hashtags(event),
        "files": files,
        "url": event.get("url"),
    }


_ATTACHABLE: Final = {"Link", "Document", "Audio", "Image", "Video"}


def pleroma(activity: Json) -> Shown:
    """A post: the title as a link, then the content; the summary is its subject."""
    event = activity["object"]
    _need(event.get("type") == "Event", "EventValidator")
    _need(isinstance(event.get("content"), str), "content is required")
    _need(event.get("attributedTo") == activity["actor"], "the actor is the author")
    for one in event.get("attachment", []):
        _need(one.get("type") in _ATTACHABLE, "AttachmentValidator: type")
        _need(isinstance(one.get("mediaType"), str), "AttachmentValidator: mediaType")
        _need(isinstance(one.get("href") or one.get("url"), str), "AttachmentValidator: url")
    for field in ("to", "cc"):
        _need(isinstance(event.get(field), list), "recipients are lists")
    link = event.get("url") or event["id"]
    return {
        "subject": event.get("summary"),
        "content": f'<p><a href="{link}">{event["name"]}</a></p>{event["content"]}',
        "visibility": _visibility(event),
        "hashtags": _hashtags(event),
    }


READERS: Final[dict[str, Callable[[Json], Shown]]] = {
    "mastodon": mastodon,
    "mobilizon": mobilizon,
    "gancio": gancio,
    "gotosocial": gotosocial,
    "misskey": misskey,
    "pleroma": pleroma,
}


def _need(holds: bool, why: str) -> None:
    if not holds:
        raise Trapped(why)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise Trapped("a time is expected")
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise Trapped("a time is expected") from None
    _need(found.tzinfo is not None, "a time without a zone")
    return found


def _is_newer(event: Json) -> bool:
    updated = event.get("updated")
    return updated is None or _time(updated) > _time(event["published"])


def _visibility(event: Json) -> str:
    if PUBLIC in event["to"]:
        return "public"
    if PUBLIC in event["cc"]:
        return "unlisted"
    return "private" if any(one.endswith("/followers") for one in event["to"]) else "direct"


def _hashtags(event: Json) -> list[str]:
    return [tag["name"] for tag in event.get("tag", []) if tag.get("type") == "Hashtag"]
