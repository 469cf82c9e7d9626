"""The door for people: which parts each group of pages is given."""

from datetime import timedelta

from fedispace import __version__
from fedispace.accounts.attempts import Attempts
from fedispace.accounts.leaving import Leaving
from fedispace.web.app import Web
from fedispace.web.assets import Assets
from fedispace.web.attending import AttendingPages
from fedispace.web.calendars import CalendarPages
from fedispace.web.composing import Composer
from fedispace.web.consent import ConsentPages
from fedispace.web.departing import DepartingPages
from fedispace.web.door import Door
from fedispace.web.drafts import DraftPages
from fedispace.web.editing import EditingPages
from fedispace.web.embedding import EmbeddingPages
from fedispace.web.emojis import EmojiPictures
from fedispace.web.frame import Frame
from fedispace.web.fresh_cards import FreshCardPages
from fedispace.web.history import HistoryPages
from fedispace.web.interactions import RequestPages
from fedispace.web.keeping import KeepingPages
from fedispace.web.leading import Leading
from fedispace.web.messages import MessagePages
from fedispace.web.notices import NoticePages
from fedispace.web.people import PeoplePages
from fedispace.web.posts import PostPages
from fedispace.web.present import Presenter
from fedispace.web.reacting import ReactingPages
from fedispace.web.reading import ReadingPages
from fedispace.web.relating import RelatingPages
from fedispace.web.reporting import ReportPages
from fedispace.web.rooms import RoomReader
from fedispace.web.search import SearchPages
from fedispace.web.settings import SettingsPages
from fedispace.web.sharing import SharingPages
from fedispace.web.signing import SigningPages
from fedispace.web.stage import StagePages
from fedispace.web.starting import StartingPages
from fedispace.web.stream_keys import StreamKeyPages
from fedispace.web.tags import TagPages
from fedispace.web.templates import Templates
from fedispace.web.visiting import NoVisitPages, VisitPages
from fedispace.web.voting import VotingPages
from fedispace.web.writing import WritingPages
from fedispace.wiring.accounts import Accounts
from fedispace.wiring.base import Base
from fedispace.wiring.spaces import Spaces
from fedispace.wiring.threads import Threads


def pages(base: Base, accounts: Accounts, threads: Threads, spaces: Spaces, leaving: Leaving) -> Web:
    """Build the pages; their groups stand in the order in which their addresses are tried."""
    config, db, ids, clock, addresses = base.config, base.db, base.ids, base.clock, base.addresses
    people = accounts.people
    assets = Assets()
    templates = Templates(
        assets,
        instance=config.instance.title,
        account_domain=config.account_domain,
        version=__version__,
        takes_visitors=config.spaces.fediverse_sign_in,
    )
    secure = config.origin.startswith("https://")
    presenter = Presenter(addresses, people, strangers_listen=config.spaces.anonymous_listening)
    frame = Frame(db=db, clock=clock, templates=templates, presenter=presenter, secure=secure)
    rooms = RoomReader(addresses, people, presenter, config.spaces)
    composer = Composer(db=db, presenter=presenter, frame=frame)
    visits = spaces.ways.visits if config.spaces.fediverse_sign_in else None
    door = Door(
        origin=config.origin,
        sign_in=accounts.sign_in,
        visits=visits,
        leading=Leading(db, people, presenter),
        frame=frame,
        clock=clock,
    )
    return Web(
        door=door,
        assets=assets,
        emoji_pictures=EmojiPictures(accounts.emoji_place),
        groups=(
            ReadingPages(
                db=db, ids=ids, presenter=presenter, frame=frame, description=config.instance.description
            ),
            WritingPages(
                db=db,
                ids=ids,
                publishing=threads.publishing,
                deletion=threads.deletion,
                boosting=threads.boosting,
                favouriting=threads.favouriting,
                drafts=threads.drafts,
                composer=composer,
                presenter=presenter,
                frame=frame,
            ),
            KeepingPages(
                db=db,
                clock=clock,
                bookmarking=threads.bookmarking,
                pinning=threads.pinning,
                presenter=presenter,
                frame=frame,
            ),
            DraftPages(db=db, ids=ids, drafts=threads.drafts, composer=composer, frame=frame),
            ReactingPages(db=db, reacting=threads.reacting, presenter=presenter, frame=frame),
            SigningPages(sign_in=accounts.sign_in, frame=frame, cookie=door.cookie, secure=secure),
            ConsentPages(oauth=accounts.oauth, frame=frame),
            SettingsPages(profiles=accounts.profiles, frame=frame),
            DepartingPages(
                db=db,
                moving=accounts.moving,
                leaving=leaving,
                passwords=accounts.passwords,
                attempts=Attempts(clock, limit=5, window=timedelta(minutes=10)),
                presenter=presenter,
                frame=frame,
                cookie=door.cookie,
            ),
            RelatingPages(
                db=db,
                lookup=accounts.lookup,
                blocking=accounts.blocking,
                muting=accounts.muting,
                presenter=presenter,
                frame=frame,
            ),
            SearchPages(
                db=db,
                accounts=accounts.lookup,
                statuses=threads.lookup,
                spaces=spaces.lookup,
                presenter=presenter,
                frame=frame,
            ),
            RequestPages(db=db, people=people, approvals=threads.approvals, presenter=presenter, frame=frame),
            NoticePages(db=db, people=people, presenter=presenter, frame=frame),
            MessagePages(
                db=db, people=people, conversations=threads.direct, presenter=presenter, frame=frame
            ),
            VisitPages(
                db=db,
                ids=ids,
                homes=spaces.ways.home_sign_in,
                links=spaces.ways.entry_links,
                visits=visits,
                presenter=presenter,
                frame=frame,
                cookie=door.cookie,
                secure=secure,
            )
            if visits
            else NoVisitPages(),
            CalendarPages(db=db, people=people, lookup=accounts.lookup),
            StagePages(
                db=db,
                ids=ids,
                addresses=addresses,
                entering=spaces.entering,
                passes=spaces.passes,
                presenter=presenter,
                rooms=rooms,
                frame=frame,
            ),
            StartingPages(
                db=db,
                hosting=spaces.hosting,
                changing=spaces.verbs.changing,
                attending=spaces.attending,
                presenter=presenter,
                frame=frame,
                limits=config.spaces,
            ),
            SharingPages(
                db=db,
                ids=ids,
                addresses=addresses,
                lookup=accounts.lookup,
                publishing=threads.publishing,
                presenter=presenter,
                rooms=rooms,
                frame=frame,
            ),
            FreshCardPages(db=db, presenter=presenter, frame=frame),
            EmbeddingPages(db=db, addresses=addresses, presenter=presenter, rooms=rooms, frame=frame),
            StreamKeyPages(
                db=db, keys=spaces.stream_keys, addresses=addresses, presenter=presenter, frame=frame
            ),
            TagPages(db=db, addresses=addresses, presenter=presenter, frame=frame),
            PostPages(
                db=db,
                ids=ids,
                addresses=addresses,
                people=people,
                looking=threads.looking,
                presenter=presenter,
                frame=frame,
                poll_news=threads.poll_news,
            ),
            EditingPages(db=db, editing=threads.editing, presenter=presenter, frame=frame),
            ReportPages(db=db, people=people, reporting=accounts.reporting, presenter=presenter, frame=frame),
            AttendingPages(
                db=db,
                people=people,
                attention=threads.attention,
                followed_tags=threads.followed_tags,
                shunning=accounts.shunning,
                frame=frame,
            ),
            HistoryPages(db=db, people=people, presenter=presenter, frame=frame),
            VotingPages(voting=threads.voting),
            PeoplePages(
                db=db,
                addresses=addresses,
                lookup=accounts.lookup,
                following=accounts.following,
                featured=threads.featured,
                refreshing=accounts.refreshing,
                presenter=presenter,
                frame=frame,
            ),
        ),
    )
