"""What clients ask for when they start, and of which there is nothing here: valid and empty.

A 404 in its place stops several apps at their first screen. Each row says only what is true: there
are no filters, no lists, no emojis of our own.
"""

from typing import Any, Final

from fedispace.api.entities.oauth import Nothing
from fedispace.api.entities.shape import ById, NoParameters
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.errors import NotFound

_EMPTY_LISTS: Final = (
    ("/api/v1/announcements", Who.ANYONE, None),
    ("/api/v1/endorsements", Who.PERSON, "read:accounts"),
    ("/api/v1/featured_tags", Who.PERSON, "read:accounts"),
    ("/api/v1/filters", Who.PERSON, "read:filters"),
    ("/api/v1/lists", Who.PERSON, "read:lists"),
    ("/api/v1/suggestions", Who.PERSON, "read:accounts"),
    ("/api/v1/trends", Who.ANYONE, None),
    ("/api/v1/trends/links", Who.ANYONE, None),
    ("/api/v1/trends/statuses", Who.ANYONE, None),
    ("/api/v1/trends/tags", Who.ANYONE, None),
    ("/api/v2/filters", Who.PERSON, "read:filters"),
    ("/api/v2/suggestions", Who.PERSON, "read:accounts"),
)
_EMPTY_LISTS_OF_AN_ACCOUNT: Final = (
    ("/api/v1/accounts/{id}/endorsements", Who.ANYONE, "read:accounts"),
    ("/api/v1/accounts/{id}/featured_tags", Who.ANYONE, "read:accounts"),
    ("/api/v1/accounts/{id}/lists", Who.PERSON, "read:lists"),
)


async def no_rows(_self: object, call: Call[NoParameters]) -> list[dict[str, Any]]:
    """Return an empty list: there is nothing of this kind here."""
    return []


async def no_rows_of(_self: object, call: Call[ById]) -> list[dict[str, Any]]:
    """Return an empty list: this account has nothing of this kind."""
    return []


class StartCalls(Calls):
    """The empty documents."""

    routes = Routes()

    for _path, _who, _scope in _EMPTY_LISTS:
        routes.get(_path, who=_who, scope=_scope)(no_rows)
    for _path, _who, _scope in _EMPTY_LISTS_OF_AN_ACCOUNT:
        routes.get(_path, who=_who, scope=_scope)(no_rows_of)

    @routes.get("/api/v1/push/subscription", who=Who.PERSON, scope="push")
    async def push_subscription(self, call: Call[NoParameters]) -> Nothing:
        """Tell that there is no subscription."""
        raise NotFound("There is no subscription.")
