"""The API as a whole: every group of calls, and what is answered where there is none."""

import functools
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from fedispace.api import openapi
from fedispace.api.accounts import AccountCalls
from fedispace.api.attendance import AttendanceCalls
from fedispace.api.attention import ConversationFollowCalls, ConversationMuteCalls
from fedispace.api.conversations import ConversationCalls
from fedispace.api.cors import ANY_ORIGIN, preflight
from fedispace.api.dialects import json_response
from fedispace.api.direct import DirectCalls
from fedispace.api.directory import DirectoryCalls
from fedispace.api.door import Door
from fedispace.api.drafts import DraftCalls
from fedispace.api.edits import EditCalls
from fedispace.api.emojis import EmojiCalls
from fedispace.api.instance import InstanceCalls
from fedispace.api.interactions import PolicyCalls, QuoteCalls, RequestCalls
from fedispace.api.keeping import KeepingCalls
from fedispace.api.markers import MarkerCalls
from fedispace.api.muting import MuteCalls
from fedispace.api.notification_requests import NotificationPolicyCalls
from fedispace.api.notifications import NotificationCalls
from fedispace.api.oauth import AppCalls, TokenCalls
from fedispace.api.oembed import OEmbedCalls
from fedispace.api.passes import PassCalls
from fedispace.api.pictures import picture_routes
from fedispace.api.polls import PollCalls
from fedispace.api.profile import ProfileCalls
from fedispace.api.reactions import PleromaReactionCalls, ReactionCalls
from fedispace.api.relations import RelationCalls
from fedispace.api.reports import ReportCalls
from fedispace.api.room_pins import RoomPinCalls
from fedispace.api.room_reactions import RoomReactionCalls
from fedispace.api.room_reports import RoomReportCalls
from fedispace.api.room_thread import RoomThreadCalls
from fedispace.api.rooms import RoomCalls
from fedispace.api.routing import Calls, Dialect, Endpoint, Route
from fedispace.api.scheduled import ScheduledCalls
from fedispace.api.search import SearchCalls
from fedispace.api.signal import SignalCalls
from fedispace.api.spaces import SpaceCalls
from fedispace.api.start import StartCalls
from fedispace.api.statuses import StatusCalls
from fedispace.api.stream_keys import StreamKeyCalls
from fedispace.api.streams import StreamCalls
from fedispace.api.tags import TagCalls
from fedispace.api.threads import ThreadCalls
from fedispace.api.timelines import TimelineCalls
from fedispace.api.whip import WhipCalls
from fedispace.errors import NotFound

OPENAPI = "/api/fedispace/v1/openapi.json"


GROUPS: Final[tuple[type[Calls], ...]] = (
    InstanceCalls,
    AppCalls,
    TokenCalls,
    StartCalls,
    AccountCalls,
    ProfileCalls,
    DirectoryCalls,
    RelationCalls,
    MuteCalls,
    MarkerCalls,
    TagCalls,
    ConversationMuteCalls,
    ConversationFollowCalls,
    DirectCalls,
    StatusCalls,
    KeepingCalls,
    PleromaReactionCalls,
    ReactionCalls,
    EditCalls,
    PollCalls,
    EmojiCalls,
    TimelineCalls,
    NotificationPolicyCalls,
    NotificationCalls,
    SearchCalls,
    ThreadCalls,
    DraftCalls,
    ScheduledCalls,
    ReportCalls,
    QuoteCalls,
    RequestCalls,
    PolicyCalls,
    ConversationCalls,
    OEmbedCalls,
    AttendanceCalls,
    SpaceCalls,
    PassCalls,
    RoomReactionCalls,
    RoomReportCalls,
    StreamKeyCalls,
    RoomCalls,
    RoomThreadCalls,
    RoomPinCalls,
)


def table() -> list[Route]:
    """Return every JSON call, once."""
    return openapi.unique(route for group in GROUPS for route in group.routes.rows)


class Api:
    """Everything this door serves."""

    def __init__(
        self,
        *,
        door: Door,
        calls: Sequence[Calls],
        whip: WhipCalls,
        streams: StreamCalls,
        signal: SignalCalls,
        origin: str,
        title: str,
    ) -> None:
        self._door = door
        self._calls = calls
        self._whip = whip
        self._streams = streams
        self._signal = signal
        self._origin = origin
        self._title = title

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for the application; a slash at the end makes no difference."""
        found: list[web.RouteDef] = []
        for group in self._calls:
            for route in group.routes.rows:
                endpoint = self._door.opened(route, group)
                add = web.get if route.method == "GET" else functools.partial(web.route, route.method)
                found += [add(path, endpoint) for path in (route.path, f"{route.path}/")]
        found += [web.options(path, preflight) for path in sorted(_outside_of_api(table()))]
        return [
            *found,
            *self._whip.routes(),
            *self._streams.routes(),
            *self._signal.routes(),
            *picture_routes(),
            web.get(OPENAPI, self._openapi()),
            web.options("/api/fedispace/{rest:.*}", preflight),
            web.options("/api/{rest:.*}", preflight),
            web.route("*", "/api/fedispace/{rest:.*}", self._nothing(Dialect.NATIVE)),
            web.route("*", "/api/{rest:.*}", self._nothing(Dialect.MASTODON)),
        ]

    def _openapi(self) -> Endpoint:
        document = openapi.document(table(), origin=self._origin, title=self._title)

        async def describe(request: web.Request) -> web.StreamResponse:
            return json_response(document, headers=ANY_ORIGIN)

        return describe

    def _nothing(self, dialect: Dialect) -> Endpoint:
        """Return the answer to what is not in the table: JSON too, for apps parse every answer."""

        async def refuse(request: web.Request) -> web.StreamResponse:
            async def nothing() -> web.Response:
                raise NotFound("There is no such call.")

            return await self._door.guarded(dialect, request, nothing)

        return refuse


def _outside_of_api(table: list[Route]) -> set[str]:
    return {route.path for route in table if not route.path.startswith("/api/")}
