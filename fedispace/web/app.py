"""The pages as a whole: every group of them, the static files, and what is answered elsewhere."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from aiohttp import web

from fedispace import __version__
from fedispace.accounts.attempts import Attempts
from fedispace.accounts.blocking import Blocking
from fedispace.accounts.emoji_shelf import EmojiPlace
from fedispace.accounts.following import Following
from fedispace.accounts.leaving import Leaving
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.moving import Moving
from fedispace.accounts.muting import Muting
from fedispace.accounts.oauth import OAuth
from fedispace.accounts.passwords import Passwords
from fedispace.accounts.people import People
from fedispace.accounts.profile import Profiles
from fedispace.accounts.refreshing import Refreshing
from fedispace.accounts.shunning import Shunning
from fedispace.accounts.signin import SignIn
from fedispace.clock import Clock
from fedispace.config import Config
from fedispace.db.engine import Database
from fedispace.federation.addresses import Addresses
from fedispace.ids import Ids
from fedispace.moderation.reports import Reporting
from fedispace.spaces.entering import Entering
from fedispace.spaces.hosting import Hosting
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
from fedispace.web.assets import PREFIX, Assets
from fedispace.web.attending import AttendingPages
from fedispace.web.composing import Composer
from fedispace.web.consent import ConsentPages
from fedispace.web.departing import DepartingPages
from fedispace.web.door import Door
from fedispace.web.drafts import DraftPages
from fedispace.web.editing import EditingPages
from fedispace.web.emojis import EmojiPictures
from fedispace.web.frame import Frame
from fedispace.web.history import HistoryPages
from fedispace.web.interactions import RequestPages
from fedispace.web.keeping import KeepingPages
from fedispace.web.notices import NoticePages
from fedispace.web.people import PeoplePages
from fedispace.web.posts import PostPages
from fedispace.web.present import Presenter
from fedispace.web.reacting import ReactingPages
from fedispace.web.reading import ReadingPages
from fedispace.web.relating import RelatingPages
from fedispace.web.reporting import ReportPages
from fedispace.web.routing import Pages
from fedispace.web.search import SearchPages
from fedispace.web.settings import SettingsPages
from fedispace.web.signing import SigningPages
from fedispace.web.stage import StagePages
from fedispace.web.tags import TagPages
from fedispace.web.templates import Templates
from fedispace.web.voting import VotingPages
from fedispace.web.writing import WritingPages

_PRIVATE = ("/auth/", "/oauth/", "/search", "/compose", "/settings/")
_ROBOTS = "User-agent: *\n" + "".join(f"Disallow: {path}\n" for path in _PRIVATE)


class Group(Protocol):
    """A group of pages."""

    @property
    def pages(self) -> Pages: ...


class Web:
    """Everything this door serves."""

    def __init__(
        self,
        *,
        config: Config,
        clock: Clock,
        ids: Ids,
        db: Database,
        addresses: Addresses,
        sign_in: SignIn,
        oauth: OAuth,
        people: People,
        profiles: Profiles,
        refreshing: Refreshing,
        moving: Moving,
        leaving: Leaving,
        passwords: Passwords,
        blocking: Blocking,
        muting: Muting,
        following: Following,
        account_lookup: Lookup,
        shunning: Shunning,
        attention: Attention,
        followed_tags: FollowedTags,
        editing: Editing,
        reporting: Reporting,
        status_lookup: StatusLookup,
        space_lookup: SpaceLookup,
        publishing: Publishing,
        approvals: Approvals,
        drafts: Drafts,
        deletion: Deletion,
        boosting: Boosting,
        favouriting: Favouriting,
        bookmarking: Bookmarking,
        pinning: Pinning,
        featured: Featured,
        reacting: Reacting,
        voting: Voting,
        poll_news: PollNews,
        looking: Looking,
        hosting: Hosting,
        entering: Entering,
    ) -> None:
        self._assets = Assets()
        templates = Templates(
            self._assets,
            instance=config.instance.title,
            account_domain=config.account_domain,
            version=__version__,
        )
        self._emoji_pictures = EmojiPictures(
            EmojiPlace.of(config.media.directory, config.media.url, config.origin)
        )
        secure = config.origin.startswith("https://")
        presenter = Presenter(addresses, people)
        frame = Frame(db=db, clock=clock, templates=templates, presenter=presenter, secure=secure)
        composer = Composer(db=db, presenter=presenter, frame=frame)
        self._door = Door(origin=config.origin, sign_in=sign_in, frame=frame, clock=clock)
        self._groups: Sequence[Group] = (
            ReadingPages(
                db=db, ids=ids, presenter=presenter, frame=frame, description=config.instance.description
            ),
            WritingPages(
                db=db,
                ids=ids,
                publishing=publishing,
                deletion=deletion,
                boosting=boosting,
                favouriting=favouriting,
                drafts=drafts,
                composer=composer,
                presenter=presenter,
                frame=frame,
            ),
            KeepingPages(
                db=db,
                clock=clock,
                bookmarking=bookmarking,
                pinning=pinning,
                presenter=presenter,
                frame=frame,
            ),
            DraftPages(db=db, ids=ids, drafts=drafts, composer=composer, frame=frame),
            ReactingPages(db=db, reacting=reacting, presenter=presenter, frame=frame),
            SigningPages(sign_in=sign_in, frame=frame, cookie=self._door.cookie, secure=secure),
            ConsentPages(oauth=oauth, frame=frame),
            SettingsPages(profiles=profiles, frame=frame),
            DepartingPages(
                db=db,
                moving=moving,
                leaving=leaving,
                passwords=passwords,
                attempts=Attempts(clock, limit=5, window=timedelta(minutes=10)),
                presenter=presenter,
                frame=frame,
                cookie=self._door.cookie,
            ),
            RelatingPages(
                db=db,
                lookup=account_lookup,
                blocking=blocking,
                muting=muting,
                presenter=presenter,
                frame=frame,
            ),
            SearchPages(
                db=db,
                accounts=account_lookup,
                statuses=status_lookup,
                spaces=space_lookup,
                presenter=presenter,
                frame=frame,
            ),
            RequestPages(db=db, people=people, approvals=approvals, presenter=presenter, frame=frame),
            NoticePages(db=db, people=people, presenter=presenter, frame=frame),
            StagePages(
                db=db,
                ids=ids,
                addresses=addresses,
                hosting=hosting,
                entering=entering,
                presenter=presenter,
                frame=frame,
                limits=config.spaces,
            ),
            TagPages(db=db, addresses=addresses, presenter=presenter, frame=frame),
            PostPages(
                db=db,
                ids=ids,
                addresses=addresses,
                people=people,
                looking=looking,
                presenter=presenter,
                frame=frame,
                poll_news=poll_news,
            ),
            EditingPages(db=db, editing=editing, presenter=presenter, frame=frame),
            ReportPages(db=db, people=people, reporting=reporting, presenter=presenter, frame=frame),
            AttendingPages(
                db=db,
                people=people,
                attention=attention,
                followed_tags=followed_tags,
                shunning=shunning,
                frame=frame,
            ),
            HistoryPages(db=db, people=people, presenter=presenter, frame=frame),
            VotingPages(voting=voting),
            PeoplePages(
                db=db,
                addresses=addresses,
                lookup=account_lookup,
                following=following,
                featured=featured,
                refreshing=refreshing,
                presenter=presenter,
                frame=frame,
            ),
        )

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for the application. The last one takes every GET nobody else took."""
        found = [
            web.route(row.method, row.path, self._door.opened(row, group))
            for group in self._groups
            for row in group.pages.rows
        ]
        return [
            *found,
            web.get(PREFIX + "{name}", self._assets.serve),
            web.get("/media/emojis/{name}", self._emoji_pictures.serve),
            web.get("/favicon.ico", self._favicon),
            web.get("/robots.txt", _robots),
            web.get("/{rest:.*}", self._door.nothing),
        ]

    async def _favicon(self, _request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": self._assets.url("favicon.svg")})


async def _robots(_request: web.Request) -> web.Response:
    return web.Response(text=_ROBOTS)
