"""Moments in words. The page says `5 min`; the exact time is in the element's title."""

from datetime import UTC, datetime, timedelta

from fedispace.clock import wire_time
from fedispace.errors import Invalid

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago `moment` was, in the fewest words that are still true."""
    seconds = int((now - moment).total_seconds())
    if seconds < 45:
        return "now"
    if seconds < 3600:
        return f"{max(1, seconds // 60)} min"
    if seconds < 86_400:
        return f"{seconds // 3600} h"
    if seconds < 7 * 86_400:
        return f"{seconds // 86_400} d"
    return day(moment, now)


def day(moment: datetime, now: datetime) -> str:
    """Return `12 Nov`, with the year when it is not this one."""
    plain = f"{moment.day} {_MONTHS[moment.month - 1]}"
    return plain if moment.year == now.year else f"{plain} {moment.year}"


def exact(moment: datetime) -> str:
    """Return `12 Nov 2026, 19:00 UTC`."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {_MONTHS[utc.month - 1]} {utc.year}, {utc:%H:%M} UTC"


def ahead(moment: datetime, now: datetime) -> str:
    """Return when something will be: `in 20 min`, `today 19:00 UTC`, `14 Nov, 19:00 UTC`."""
    utc = moment.astimezone(UTC)
    seconds = (moment - now).total_seconds()
    if seconds < -3600:
        return "waiting for its host"
    if seconds <= 0:
        return "any minute now"
    if seconds < 5400:
        return f"in {max(1, round(seconds / 60))} min"
    if utc.date() == now.astimezone(UTC).date():
        return f"today {utc:%H:%M} UTC"
    if utc.date() == (now.astimezone(UTC) + timedelta(days=1)).date():
        return f"tomorrow {utc:%H:%M} UTC"
    return f"{day(utc, now)}, {utc:%H:%M} UTC"


def length(start: datetime, end: datetime) -> str:
    """Return how long something lasted: `24 min`, `1 h 10 min`."""
    minutes = max(1, round((end - start).total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def since(began: datetime | None, ended: datetime | None, moment: datetime) -> str:
    """Return how far into something `moment` was: `12:04`, `1:02:33`, or `after the Space`."""
    if began is None:
        return ""
    if ended is not None and moment > ended:
        return "after the Space"
    seconds = max(0, int((moment - began).total_seconds()))
    hours, rest = divmod(seconds, 3600)
    short = f"{rest // 60:02}:{rest % 60:02}"
    return f"{hours}:{short}" if hours else short


def stamp(moment: datetime) -> str:
    """Return the machine's form, for `<time datetime>`."""
    return wire_time(moment)


def typed(text: str, offset: str) -> datetime:
    """Read the time of a form; `offset` is what the browser's clock lacks to UTC, in minutes."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(minutes=int(offset or "0"))
    except (ValueError, OverflowError):
        raise Invalid("Choose a day and a time.", field="time") from None
