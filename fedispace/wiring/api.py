"""The door for programs: which parts each group of calls is given."""

from fedispace.accounts.markers import Markers
from fedispace.accounts.notification_policy import NotificationPolicies
from fedispace.api.accounts import AccountCalls
from fedispace.api.app import Api
from fedispace.api.attendance import AttendanceCalls
from fedispace.api.attention import ConversationFollowCalls, ConversationMuteCalls
from fedispace.api.conversations import ConversationCalls
from fedispace.api.direct import DirectCalls
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
from fedispace.api.oembed import OEmbedCalls
from fedispace.api.passes import PassCalls, PassPresenter
from fedispace.api.polls import PollCalls
from fedispace.api.posts import Posts
from fedispace.api.present.accounts import AccountPresenter, Pictures
from fedispace.api.present.instance import InstancePresenter
from fedispace.api.present.notifications import NotificationPresenter
from fedispace.api.present.rooms import RoomPresenter
from fedispace.api.present.spaces import SpacePresenter
from fedispace.api.present.statuses import StatusPresenter
from fedispace.api.profile import ProfileCalls
from fedispace.api.reactions import PleromaReactionCalls, ReactionCalls, Reactions
from fedispace.api.relations import RelationCalls
from fedispace.api.reports import ReportCalls
from fedispace.api.room_pins import RoomPinCalls
from fedispace.api.room_reactions import RoomReactionCalls
from fedispace.api.room_reports import RoomReportCalls
from fedispace.api.room_thread import RoomThreadCalls
from fedispace.api.rooms import RoomCalls
from fedispace.api.scheduled import ScheduledCalls
from fedispace.api.search import SearchCalls
from fedispace.api.seats import Seats
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
from fedispace.spaces.room import room_of
from fedispace.wiring.accounts import Accounts
from fedispace.wiring.base import Base
from fedispace.wiring.spaces import Spaces
from fedispace.wiring.threads import Threads


def api(base: Base, accounts: Accounts, threads: Threads, spaces: Spaces) -> Api:
    """Build the API; its groups stand in the order in which their addresses are tried."""
    config, db, clock, addresses = base.config, base.db, base.clock, base.addresses
    people = accounts.people
    rates = Rates()
    limiter, seats = Limiter(clock), Seats()
    origin = config.origin
    pictures = Pictures.at(origin)
    people_shown = AccountPresenter(addresses, pictures)
    posts_shown = StatusPresenter(addresses, people_shown, clock)
    posts = Posts(db, posts_shown)
    reactions = Reactions(db, clock, people_shown)
    door = Door(
        origin=origin, oauth=accounts.oauth, passes=spaces.passes, limiter=limiter, rates=rates, clock=clock
    )
    spaces_shown = SpacePresenter(people_shown)

    room_shown = RoomPresenter(spaces_shown, people_shown, config.spaces, spaces.speaking)

    async def room_state(space_id: int, viewer_id: int | None) -> object:
        async with db.reading() as tx:
            return room_shown.room(await room_of(tx, space_id, viewer_id, clock.now()))

    return Api(
        door=door,
        whip=WhipCalls(rooms=spaces.rooms, door=door, origin=origin, limiter=limiter, rates=rates),
        streams=StreamCalls(
            streaming=spaces.rooms.streaming,
            door=door,
            origin=origin,
            limiter=limiter,
            rates=rates,
            seats=seats,
        ),
        signal=SignalCalls(
            db=db,
            hub=spaces.hub,
            speaking=spaces.speaking,
            passes=spaces.passes,
            room_state=room_state,
            oauth=accounts.oauth,
            door=door,
            origin=origin,
            limiter=limiter,
            rates=rates,
            clock=clock,
            seats=seats,
        ),
        origin=origin,
        title=config.instance.title,
        calls=(
            InstanceCalls(db=db, clock=clock, presenter=InstancePresenter(config, pictures)),
            AppCalls(oauth=accounts.oauth, limiter=limiter, rates=rates),
            TokenCalls(oauth=accounts.oauth, origin=origin, presenter=people_shown),
            StartCalls(),
            AccountCalls(
                db=db,
                people=people,
                following=accounts.following,
                lookup=accounts.lookup,
                refreshing=accounts.refreshing,
                posts=posts,
                presenter=people_shown,
                featured=threads.featured,
            ),
            ProfileCalls(db=db, profiles=accounts.profiles, presenter=people_shown),
            DirectoryCalls(db=db, presenter=people_shown),
            RelationCalls(
                db=db,
                people=people,
                following=accounts.following,
                blocking=accounts.blocking,
                presenter=people_shown,
            ),
            MuteCalls(
                db=db,
                muting=accounts.muting,
                shunning=accounts.shunning,
                private_notes=accounts.private_notes,
                presenter=people_shown,
            ),
            MarkerCalls(db=db, markers=Markers(db, clock)),
            TagCalls(db=db, addresses=addresses, followed=threads.followed_tags),
            ConversationMuteCalls(posts=posts, attention=threads.attention),
            ConversationFollowCalls(posts=posts, attention=threads.attention),
            DirectCalls(
                db=db, people=people, posts=posts, presenter=people_shown, conversations=threads.direct
            ),
            StatusCalls(
                db=db,
                posts=posts,
                publishing=threads.publishing,
                deletion=threads.deletion,
                boosting=threads.boosting,
                favouriting=threads.favouriting,
                drafts=threads.drafts,
                poll_news=threads.poll_news,
                looking=threads.looking,
            ),
            KeepingCalls(
                db=db,
                clock=clock,
                posts=posts,
                bookmarking=threads.bookmarking,
                pinning=threads.pinning,
                presenter=people_shown,
            ),
            PleromaReactionCalls(posts=posts, reacting=threads.reacting, reactions=reactions),
            ReactionCalls(reacting=threads.reacting, reactions=reactions),
            EditCalls(db=db, people=people, posts=posts, presenter=posts_shown, editing=threads.editing),
            PollCalls(db=db, posts=posts, voting=threads.voting, news=threads.poll_news),
            EmojiCalls(db=db),
            TimelineCalls(db=db, posts=posts),
            NotificationPolicyCalls(
                db=db,
                people=people,
                posts=posts,
                accounts=people_shown,
                policies=NotificationPolicies(db),
            ),
            NotificationCalls(
                db=db,
                people=people,
                posts=posts,
                presenter=NotificationPresenter(people_shown),
                accounts=people_shown,
            ),
            SearchCalls(
                db=db,
                addresses=addresses,
                people=people,
                accounts=accounts.lookup,
                statuses=threads.lookup,
                posts=posts,
                presenter=people_shown,
            ),
            DraftCalls(db=db, drafts=threads.drafts, posts=posts),
            ScheduledCalls(db=db, drafts=threads.drafts),
            ReportCalls(db=db, people=people, reporting=accounts.reporting, presenter=people_shown),
            QuoteCalls(db=db, posts=posts, approvals=threads.approvals),
            RequestCalls(
                db=db,
                people=people,
                posts=posts,
                presenter=people_shown,
                approvals=threads.approvals,
            ),
            PolicyCalls(db=db, approvals=threads.approvals),
            ThreadCalls(db=db, posts=posts, publishing=threads.publishing, deletion=threads.deletion),
            ConversationCalls(db=db, posts=posts, looking=threads.looking),
            OEmbedCalls(
                db=db,
                people=people,
                addresses=addresses,
                lookup=spaces.lookup,
                strangers_listen=config.spaces.anonymous_listening,
            ),
            AttendanceCalls(
                db=db,
                attending=spaces.attending,
                guesting=spaces.guesting,
                inviting=spaces.verbs.inviting,
            ),
            RoomReportCalls(spaces.reporting),
            SpaceCalls(
                db=db,
                clock=clock,
                hosting=spaces.hosting,
                changing=spaces.verbs.changing,
                entering=spaces.entering,
                lookup=spaces.lookup,
                presenter=spaces_shown,
            ),
            RoomReactionCalls(reactions=spaces.reactions),
            StreamKeyCalls(keys=spaces.stream_keys, addresses=addresses),
            RoomCalls(
                db=db,
                clock=clock,
                hands=spaces.verbs.hands,
                inviting=spaces.verbs.inviting,
                ordering=spaces.verbs.ordering,
                pausing=spaces.verbs.pausing,
                removing=spaces.verbs.removing,
                handing=spaces.verbs.handing,
                hosting=spaces.hosting,
                presenter=room_shown,
                accounts=people_shown,
                limiter=limiter,
            ),
            RoomThreadCalls(db=db, posts=posts),
            RoomPinCalls(db=db, pinning=spaces.verbs.pinning),
            PassCalls(db=db, passes=spaces.passes, presenter=PassPresenter(addresses, people_shown, people)),
        ),
    )
