"""Our own API: what somebody asked the moderators to look at in a room."""

from fedispace.api.entities.shape import Entity


class RoomReport(Entity, frozen=True, kw_only=True):
    """A report as its reporter sees it. `moment` is in seconds after the beginning of the Space.

    `sound_seconds` of what everybody heard came with it; `forwarded` says that another server's moderators
    were told, without the name of the reporter.
    """

    id: str
    category: str
    comment: str
    moment: int | None
    sound_seconds: int
    forwarded: bool
    created_at: str
