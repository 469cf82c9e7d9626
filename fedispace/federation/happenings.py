"""An event that is no Space, as a post.

Mobilizon, Gancio and WordPress tell of concerts and meetings. People here cannot take part in those by
us, but they follow who announces them: so they read title, time, place and text, as on Mastodon, and
answer, favourite and boost it like any post.
"""

from fedispace.federation.vocab.objects import Event, Note


def as_note(event: Event) -> Note:
    """Return the post that an event is to its readers; its summary says when and where it takes place."""
    return Note(
        id=event.id,
        type="Event",
        attributed_to=event.attributed_to,
        name=event.name,
        summary=event.summary or when_and_where(event) or None,
        content=event.content,
        content_language=event.content_language,
        to=event.to,
        cc=event.cc,
        url=event.url,
        published=event.published,
        updated=event.updated,
        context=event.context,
        replies=event.replies,
        tags=event.tags,
        attachments=event.attachments,
    )


def when_and_where(event: Event) -> str:
    """Return one line of text, empty when the event says neither; what is called off says so first.

    >>> when_and_where(Event(id="https://m.example/1", attributed_to="https://m.example/a", name="Jam"))
    ''
    """
    said = []
    if event.status == "CANCELLED" or (event.event_status or "").endswith("EventCancelled"):
        said.append("Cancelled")
    if event.start_time is not None:
        time = f"{event.start_time:%Y-%m-%d %H:%M}"
        if event.end_time is not None:
            is_same_day = event.end_time.date() == event.start_time.date()
            time += f" to {event.end_time:{'%H:%M' if is_same_day else '%Y-%m-%d %H:%M'}}"
        said.append(f"{time} UTC")
    if event.location is not None and event.location.name:
        said.append(event.location.name)
    return ", ".join(said)
