"""A Space of ours as an `Event` (FEP-8a8e), in the one form that no peer trips over.

Followers on Mastodon see the title and `summary`, in Mobilizon and Gancio an event, in our own kind
a room to enter (`space`). What each reader breaks on is in FEDERATION.md; the rest of the rules are
the writer's (`federation/codec_write_objects.py`).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final

from fedispace.accounts.models import Account
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience
from fedispace.federation.vocab.activities import Announce
from fedispace.federation.vocab.links import Attachment, Hashtag, Location
from fedispace.federation.vocab.objects import AudioSpace, CollectionRef, Event
from fedispace.federation.vocab.uri import PUBLIC, Uri, parse_uri
from fedispace.spaces import description
from fedispace.spaces.access import OPEN_TO_ALL, Access, parse_access
from fedispace.spaces.endpoints import endpoints_of
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Space
from fedispace.threads.audience import Addressees, Visibility, addressees

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LEADS: Final = {Phase.LIVE: "LIVE now - ", Phase.ENDED: "Ended - ", Phase.CANCELLED: "Cancelled - "}
LEAST_TOLD: Final = 5
"""Other servers are told how many listen from so many on: in a small room a number is a name."""

_VISIBILITIES: Final[dict[Access, Visibility]] = {
    "public": "public",
    "unlisted": "unlisted",
    "followers": "private",
    "invited": "direct",
}
_JOIN_MODES: Final[dict[Access, str]] = {
    "public": "free",
    "unlisted": "free",
    "followers": "restricted",
    "invited": "invite",
}


def visibility_of(access: Access) -> Visibility:
    """Return how a post about a Space of this access is addressed."""
    return _VISIBILITIES[access]


def access_from(visibility: Visibility) -> Access:
    """Return the access that an event addressed so has."""
    return next(access for access, wide in _VISIBILITIES.items() if wide == visibility)


def addressees_of(space: Space, host: Account, addresses: Addresses) -> Addressees:
    """Return the `to` and `cc` of the event and of every activity about it."""
    followers = addresses.collection(host.uri, "followers")
    named = [Uri(host.uri)] if space.access == "invited" else []
    return addressees(visibility_of(parse_access(space.access)), followers, named)


def audience_of(space: Space, concerned: Iterable[int] = ()) -> Audience:
    """Return who is told of the event, and of its changes those whom it concerns: who comes, who is invited.

    They are told and not named: who is invited besides is nobody's business.
    """
    access = parse_access(space.access)
    return Audience(public=access in OPEN_TO_ALL, followers=access != "invited", actors=tuple(concerned))


def event_of(
    space: Space,
    host: Account,
    addresses: Addresses,
    *,
    attendances: int = 0,
    organizers: Sequence[Account] = (),
    strangers_listen: bool = True,
) -> Event:
    """Return a Space of ours as peers are shown it.

    `host` is who made it, and whose word it is; `organizers` are who hosts it now and the co-hosts, if
    others do. `strangers_listen` is whether this server lets anybody listen without an account.
    """
    access, phase = parse_access(space.access), Phase(space.state)
    hosts = [at_home(one, addresses) for one in organizers or (host,)]
    readers = addressees_of(space, host, addresses)
    id_, page, doors = addresses.space(space.id), parse_uri(space.url), endpoints_of(addresses, space.id)
    is_for_strangers = strangers_listen and access in OPEN_TO_ALL
    return Event(
        id=id_,
        attributed_to=Uri(host.uri),
        name=space.title,
        summary=summary_of(phase, _said_time(space), *hosts, moved=space.previous_starts_at is not None),
        content=_content_of(space, page, is_for_strangers=is_for_strangers),
        content_language=space.language or None,
        to=readers.to,
        cc=readers.cc,
        url=page,
        published=space.created_at,
        updated=space.updated_at if space.updated_at > space.created_at else None,
        start_time=space.starts_at,
        previous_start_time=space.previous_starts_at,
        end_time=space.ends_at,
        timezone="Etc/UTC",
        event_status=_event_status(space, phase),
        status="CANCELLED" if phase is Phase.CANCELLED else "CONFIRMED",
        join_mode=_JOIN_MODES[access],
        category="MEETING",
        live_state=phase.value,
        started_at=space.started_at,
        paused_at=space.paused_at if phase is Phase.LIVE else None,
        ended_at=space.ended_at,
        listener_count=_told_count(space.listener_count) if phase is Phase.LIVE else None,
        recording_policy="none",
        context=addresses.context(space.id),
        replies=parse_uri(f"{id_}/replies"),
        tags=tuple(Hashtag(name=topic, href=addresses.tag(topic.lower())) for topic in space.topics or ()),
        attachments=(Attachment(type="Link", name="Website", media_type="text/html", url=page),),
        location=Location(name=f"Audio Space on {addresses.account_domain}", url=page),
        organizers=CollectionRef(id=parse_uri(f"{id_}/organizers"), total_items=len(hosts)),
        attendees=CollectionRef(id=parse_uri(f"{id_}/attendees"), total_items=attendances),
        speakers=parse_uri(f"{id_}/speakers"),
        space=AudioSpace(
            join_endpoint=doors.join,
            listen=doors.whep,
            publish=doors.whip,
            signal=doors.signal,
            anonymous_listeners=is_for_strangers,
            speak_policy=space.speak_policy,
        ),
    )


def summary_of(phase: Phase, moment: datetime, *hosts: str, moved: bool = False) -> str:
    """Return the one line that Mastodon shows under the title: plain text, no markup.

    >>> summary_of(Phase.LIVE, datetime(2026, 11, 12, 19, 0, tzinfo=UTC), "@alice@a.example")
    'LIVE now - Thu 12 Nov 2026, 19:00 UTC - hosted by @alice@a.example'
    >>> summary_of(Phase.SCHEDULED, datetime(2026, 11, 12, 19, 0, tzinfo=UTC), "@a@a", "@b@b", moved=True)
    'New time - Thu 12 Nov 2026, 19:00 UTC - hosted by @a@a, @b@b'
    """
    lead = "New time - " if moved and phase is Phase.SCHEDULED else _LEADS.get(phase, "")
    return f"{lead}{said(moment)} - hosted by {', '.join(hosts)}"


def said(moment: datetime) -> str:
    """Return a time in words that do not depend on anybody's locale.

    >>> said(datetime(2026, 11, 12, 19, 0, tzinfo=UTC))
    'Thu 12 Nov 2026, 19:00 UTC'
    """
    at = moment.astimezone(UTC)
    return f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


def at_home(account: Account, addresses: Addresses) -> str:
    """Return somebody's address in the fediverse."""
    return f"@{account.username}@{account.domain or addresses.account_domain}"


def announcement_of(space: Space, host: Account, *, strangers_listen: bool = True) -> str:
    """Return the text of the post that tells followers the Space is live."""
    invitation = _invitation(strangers_listen and parse_access(space.access) in OPEN_TO_ALL)
    return f"{_name(host)} is live: {space.title}\n{invitation}: {space.url}"


def farewell_of(space: Space, host: Account) -> str:
    """Return what that post says when the Space is over."""
    lasted = (space.ended_at or space.ends_at) - (space.started_at or space.starts_at)
    return f"Ended: {space.title}\n{_name(host)} was live for {_minutes(lasted)}.\n{space.url}"


def _name(account: Account) -> str:
    return account.display_name or account.username


def _minutes(length: timedelta) -> str:
    minutes = max(1, round(length.total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return "a minute" if rest == 1 else f"{rest} minutes"
    return f"{hours} h {rest:02} min"


def _told_count(listeners: int) -> int | None:
    """Return how many listen, if they are enough that nobody is known by the number."""
    return listeners if listeners >= LEAST_TOLD else None


def _event_status(space: Space, phase: Phase) -> str:
    """Return FEP-8a8e's word; `status` says the same to those who read Mobilizon's."""
    if phase is Phase.CANCELLED:
        return "EventCancelled"
    return "EventScheduled" if space.previous_starts_at is None else "EventRescheduled"


def listing_of(space: Space, id_: Uri, addresses: Addresses) -> Announce:
    """Return the instance actor's Announce of a public Space, by which directories learn of it."""
    instance = addresses.instance_actor
    return Announce(
        id=id_,
        actor=instance,
        object=addresses.space(space.id),
        to=(PUBLIC,),
        cc=(addresses.collection(instance, "followers"),),
        published=space.created_at,
    )


def _said_time(space: Space) -> datetime:
    return space.started_at or space.starts_at


def _content_of(space: Space, page: Uri, *, is_for_strangers: bool) -> str:
    said, invitation = description.to_html(space.description), _invitation(is_for_strangers)
    return f'{said}<p><a href="{escape(page)}">{invitation}</a></p>'


def _invitation(is_for_strangers: bool) -> str:
    return "Listen, no account needed" if is_for_strangers else "Listen"
