"""The API as a whole: every group of calls, and what is answered where there is none."""

import functools
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from fedispace.accounts.blocking import Blocking
from fedispace.accounts.following import Following
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.markers import Markers
from fedispace.accounts.muting import Muting
from fedispace.accounts.notification_policy import NotificationPolicies
from fedispace.accounts.oauth import OAuth
from fedispace.accounts.people import People
from fedispace.accounts.private_notes import PrivateNotes
from fedispace.accounts.profile import Profiles
from fedispace.accounts.refreshing import Refreshing
from fedispace.accounts.shunning import Shunning
from fedispace.api import openapi
from fedispace.api.accounts import AccountCalls
from fedispace.api.attention import ConversationFollowCalls, ConversationMuteCalls
from fedispace.api.conversations import ConversationCalls
from fedispace.api.cors import ANY_ORIGIN, preflight
from fedispace.api.dialects import json_response
from fedispace.api.directory import DirectoryCalls
from fedispace.api.door import Door
from fedispace.api.drafts import DraftCalls
from fedispace.api.edits import EditCalls
from fedispace.api.emojis import EmojiCalls
from fedispace.api.instance import InstanceCalls
from fedispace.api.interactions import PolicyCalls, QuoteCalls, RequestCalls
from fedispace.api.keeping import KeepingCalls
from fedispace.api.limits import Limiter, Rates
from fedispace.api.markers import MarkerCalls
from fedispace.api.muting import MuteCalls
from fedispace.api.notification_requests import NotificationPolicyCalls
from fedispace.api.notifications import NotificationCalls
from fedispace.api.oauth import AppCalls, TokenCalls
from fedispace.api.pictures import picture_routes
from fedispace.api.polls import PollCalls
from fedispace.api.posts import Posts
from fedispace.api.present.accounts import AccountPresenter, Pictures
from fedispace.api.present.instance import InstancePresenter
from fedispace.api.present.notifications import NotificationPresenter
from fedispace.api.present.spaces import SpacePresenter
from fedispace.api.present.statuses import StatusPresenter
from fedispace.api.profile import ProfileCalls
from fedispace.api.reactions import PleromaReactionCalls, ReactionCalls, Reactions
from fedispace.api.relations import RelationCalls
from fedispace.api.reports import ReportCalls
from fedispace.api.routing import Calls, Dialect, Endpoint, Route
from fedispace.api.scheduled import ScheduledCalls
from fedispace.api.search import SearchCalls
from fedispace.api.spaces import SpaceCalls
from fedispace.api.start import StartCalls
from fedispace.api.statuses import StatusCalls
from fedispace.api.tags import TagCalls
from fedispace.api.threads import ThreadCalls
from fedispace.api.timelines import TimelineCalls
from fedispace.api.whip import WhipCalls
from fedispace.clock import Clock
from fedispace.config import Config
from fedispace.db.engine import Database
from fedispace.errors import NotFound
from fedispace.federation.addresses import Addresses
from fedispace.moderation.reports import Reporting
from fedispace.spaces.entering import Entering
from fedispace.spaces.hosting import Hosting
from fedispace.spaces.live import LiveRooms
from fedispace.spaces.lookup import SpaceLookup
from fedispace.threads.approvals import Approvals
from fedispace.threads.attention import Attention
from fedispace.threads.bookmarks import Bookmarking
from fedispace.threads.boost import Boosting
from fedispace.threads.deletion import Deletion
from fedispace.threads.drafts import Drafts
from fedispace.threads.edits import Editing
from fedispace.threads.favourite import Favouriting
from fedispace.threads.featured import Featured
from fedispace.threads.followed_tags import FollowedTags
from fedispace.threads.looking import Looking
from fedispace.threads.lookup import StatusLookup
from fedispace.threads.pins import Pinning
from fedispace.threads.poll_news import PollNews
from fedispace.threads.publish import Publishing
from fedispace.threads.reactions import Reacting
from fedispace.threads.votes import Voting

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
    SpaceCalls,
)


def table() -> list[Route]:
    """Return every JSON call, once."""
    return openapi.unique(route for group in GROUPS for route in group.routes.rows)


class Api:
    """Everything this door serves."""

    def __init__(
        self,
        *,
        config: Config,
        clock: Clock,
        db: Database,
        addresses: Addresses,
        oauth: OAuth,
        people: People,
        following: Following,
        blocking: Blocking,
        muting: Muting,
        shunning: Shunning,
        private_notes: PrivateNotes,
        attention: Attention,
        followed_tags: FollowedTags,
        account_lookup: Lookup,
        profiles: Profiles,
        refreshing: Refreshing,
        status_lookup: StatusLookup,
        space_lookup: SpaceLookup,
        publishing: Publishing,
        drafts: Drafts,
        deletion: Deletion,
        boosting: Boosting,
        favouriting: Favouriting,
        bookmarking: Bookmarking,
        pinning: Pinning,
        featured: Featured,
        reporting: Reporting,
        reacting: Reacting,
        editing: Editing,
        approvals: Approvals,
        voting: Voting,
        poll_news: PollNews,
        looking: Looking,
        hosting: Hosting,
        entering: Entering,
        rooms: LiveRooms,
        rates: Rates | None = None,
    ) -> None:
        rates = rates or Rates()
        limiter = Limiter(clock)
        origin = config.origin
        pictures = Pictures.at(origin)
        accounts = AccountPresenter(addresses, pictures)
        reactions = Reactions(db, clock, accounts)
        statuses = StatusPresenter(addresses, accounts, clock)
        posts = Posts(db, statuses)
        self._title = config.instance.title
        self._origin = origin
        self._door = Door(origin=origin, oauth=oauth, limiter=limiter, rates=rates, clock=clock)
        self._whip = WhipCalls(rooms=rooms, door=self._door, origin=origin, limiter=limiter, rates=rates)
        self._calls: Sequence[Calls] = (
            InstanceCalls(db=db, clock=clock, presenter=InstancePresenter(config, pictures)),
            AppCalls(oauth=oauth, limiter=limiter, rates=rates),
            TokenCalls(oauth=oauth, origin=origin, presenter=accounts),
            StartCalls(),
            AccountCalls(
                db=db,
                people=people,
                following=following,
                lookup=account_lookup,
                refreshing=refreshing,
                posts=posts,
                presenter=accounts,
                featured=featured,
            ),
            ProfileCalls(db=db, profiles=profiles, presenter=accounts),
            DirectoryCalls(db=db, presenter=accounts),
            RelationCalls(db=db, people=people, following=following, blocking=blocking, presenter=accounts),
            MuteCalls(
                db=db,
                muting=muting,
                shunning=shunning,
                private_notes=private_notes,
                presenter=accounts,
            ),
            MarkerCalls(db=db, markers=Markers(db, clock)),
            TagCalls(db=db, addresses=addresses, followed=followed_tags),
            ConversationMuteCalls(posts=posts, attention=attention),
            ConversationFollowCalls(posts=posts, attention=attention),
            StatusCalls(
                db=db,
                posts=posts,
                publishing=publishing,
                deletion=deletion,
                boosting=boosting,
                favouriting=favouriting,
                drafts=drafts,
                poll_news=poll_news,
                looking=looking,
            ),
            KeepingCalls(
                db=db,
                clock=clock,
                posts=posts,
                bookmarking=bookmarking,
                pinning=pinning,
                presenter=accounts,
            ),
            PleromaReactionCalls(posts=posts, reacting=reacting, reactions=reactions),
            ReactionCalls(reacting=reacting, reactions=reactions),
            EditCalls(db=db, people=people, posts=posts, presenter=statuses, editing=editing),
            PollCalls(db=db, posts=posts, voting=voting, news=poll_news),
            EmojiCalls(db=db),
            TimelineCalls(db=db, posts=posts),
            NotificationPolicyCalls(
                db=db,
                people=people,
                posts=posts,
                accounts=accounts,
                policies=NotificationPolicies(db),
            ),
            NotificationCalls(
                db=db,
                people=people,
                posts=posts,
                presenter=NotificationPresenter(accounts),
                accounts=accounts,
            ),
            SearchCalls(
                db=db,
                addresses=addresses,
                people=people,
                accounts=account_lookup,
                statuses=status_lookup,
                posts=posts,
                presenter=accounts,
            ),
            DraftCalls(db=db, drafts=drafts, posts=posts),
            ScheduledCalls(db=db, drafts=drafts),
            ReportCalls(db=db, people=people, reporting=reporting, presenter=accounts),
            QuoteCalls(db=db, posts=posts, approvals=approvals),
            RequestCalls(db=db, people=people, posts=posts, presenter=accounts, approvals=approvals),
            PolicyCalls(db=db, approvals=approvals),
            ThreadCalls(db=db, posts=posts, publishing=publishing, deletion=deletion),
            ConversationCalls(db=db, posts=posts, looking=looking),
            SpaceCalls(
                db=db,
                hosting=hosting,
                entering=entering,
                lookup=space_lookup,
                presenter=SpacePresenter(accounts),
            ),
        )

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
