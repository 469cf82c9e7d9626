"""Posts: written here, arrived from elsewhere, completed, and who may do what with them."""

from fedispace.spaces.entry.raised_hands import HandsInReplies
from fedispace.spaces.events.voices import require_voice
from fedispace.threads.approvals import Approvals
from fedispace.threads.attention import Attention
from fedispace.threads.backfill import Backfill
from fedispace.threads.bookmarks import Bookmarking
from fedispace.threads.boost import Boosting
from fedispace.threads.deletion import Deletion
from fedispace.threads.direct import DirectConversations
from fedispace.threads.drafts import Drafts
from fedispace.threads.edits import Editing
from fedispace.threads.effects import Effects
from fedispace.threads.erasing import Erasing
from fedispace.threads.favourite import Favouriting
from fedispace.threads.featured import Featured
from fedispace.threads.fetching import Fetching
from fedispace.threads.followed_tags import FollowedTags
from fedispace.threads.gathering import Gathering
from fedispace.threads.groups import GroupNews
from fedispace.threads.ingest import Ingest
from fedispace.threads.looking import Looking
from fedispace.threads.lookup import StatusLookup
from fedispace.threads.pins import Pinning
from fedispace.threads.poll_news import PollNews
from fedispace.threads.polls import Polls
from fedispace.threads.publish import Publishing
from fedispace.threads.reactions import Reacting
from fedispace.threads.rumours import RumouredPosts
from fedispace.threads.telling import Telling
from fedispace.threads.updates import Updates
from fedispace.threads.verification import Verification
from fedispace.threads.votes import Voting
from fedispace.wiring.accounts import Accounts
from fedispace.wiring.base import Base
from fedispace.wiring.federation import Federation


class Threads:
    """Posts and the conversations they stand in."""

    def __init__(self, base: Base, federation: Federation, accounts: Accounts) -> None:
        db, ids, clock, jobs, addresses = base.db, base.ids, base.clock, base.jobs, base.addresses
        outbox, resolver = federation.outbox, federation.resolver
        people, notifier, lookup = accounts.people, accounts.notifier, accounts.lookup

        polls = Polls(clock, jobs)
        updates = Updates(ids, clock, addresses, outbox)
        self.talk = HandsInReplies(jobs) if base.config.spaces.fediverse_sign_in else None
        self.publishing = Publishing(
            db, ids, clock, addresses, outbox, notifier, people, lookup, polls, jobs, self.talk, require_voice
        )
        self.editing = Editing(db, ids, clock, addresses, notifier, people, lookup, polls, updates)
        self.drafts = Drafts(db, ids, clock, jobs, self.publishing, people)
        self.boosting = Boosting(db, ids, clock, addresses, outbox, notifier, people)
        self.favouriting = Favouriting(db, ids, clock, addresses, outbox, notifier, people)
        self.reacting = Reacting(db, ids, clock, addresses, outbox, notifier, people, federation.software)
        self.bookmarking = Bookmarking(db, ids, clock)
        self.pinning = Pinning(db, ids, clock, addresses, outbox)
        self.deletion = Deletion(db, ids, clock, addresses, outbox, people, self.boosting, self.talk)
        self.erasing = Erasing(clock, notifier, jobs)
        self.attention = Attention(db, clock)
        self.direct = DirectConversations(db, clock)
        self.followed_tags = FollowedTags(db, ids, clock)
        self.telling = Telling(db, people, notifier)

        self.ingest = ingest = Ingest(ids, clock, addresses, people, notifier, jobs, polls, self.talk)
        self.voting = Voting(db, ids, clock, addresses, outbox, people, jobs, polls)
        self.poll_news = PollNews(db, clock, resolver, people, notifier, jobs, ingest, updates)
        self.featured = Featured(db, ids, clock, resolver, people, ingest, jobs)
        self.lookup = StatusLookup(db, resolver, people, ingest, addresses)

        leave = (ids, clock, addresses, outbox, notifier, people, jobs)
        self.effects = Effects(*leave)
        self.approvals = Approvals(db, *leave)
        self.verification = Verification(db, *leave, resolver, ingest)

        fetching = Fetching(db, clock, addresses, resolver, ingest)
        self.backfill = Backfill(db, ids, clock, people, notifier, fetching)
        self.group_news = GroupNews(db, ids, clock, addresses, resolver, people, notifier, fetching)
        self.gathering = Gathering(db, clock, addresses, resolver, jobs, fetching)
        self.looking = Looking(db=db, clock=clock, jobs=jobs, addresses=addresses)
        self.rumoured = RumouredPosts(db, clock, addresses, resolver, ingest, self.effects)
