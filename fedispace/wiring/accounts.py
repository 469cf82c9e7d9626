"""People: their relations, profiles and sign-in, moving and leaving, and complaints about them."""

from fedispace.accounts.blocking import Blocking
from fedispace.accounts.emoji_shelf import EmojiPlace, EmojiShelf
from fedispace.accounts.following import Following
from fedispace.accounts.follows import Follows
from fedispace.accounts.link_checks import LinkChecks
from fedispace.accounts.lookup import Lookup
from fedispace.accounts.move_inbox import MoveInbox
from fedispace.accounts.moves import Moves
from fedispace.accounts.moving import Moving
from fedispace.accounts.muting import Muting
from fedispace.accounts.news import ProfileNews
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.oauth import OAuth
from fedispace.accounts.password_change import PasswordChange
from fedispace.accounts.passwords import Passwords
from fedispace.accounts.people import People
from fedispace.accounts.private_notes import PrivateNotes
from fedispace.accounts.profile import Profiles
from fedispace.accounts.refreshing import Refreshing
from fedispace.accounts.registration import Registration
from fedispace.accounts.rotation import KeyRotation
from fedispace.accounts.shunning import Shunning
from fedispace.accounts.signin import SignIn
from fedispace.accounts.suspending import Suspending
from fedispace.accounts.synchronization import FollowSynchronization
from fedispace.moderation import silence
from fedispace.moderation.evidence import EvidenceDrawer
from fedispace.moderation.reports import Reporting
from fedispace.spaces.sound.exits import Exits
from fedispace.threads.bio import BioMarkup
from fedispace.threads.hearing import heard, private_mention
from fedispace.threads.sanitize import safe_html
from fedispace.wiring.base import Base
from fedispace.wiring.federation import Federation


class Accounts:
    """People and what they do with their accounts. What posts mean to them comes in from `threads/`."""

    def __init__(self, base: Base, federation: Federation) -> None:
        db, ids, clock, jobs, addresses = base.db, base.ids, base.clock, base.jobs, base.addresses
        config = base.config
        actors, outbox, resolver = federation.actors, federation.outbox, federation.resolver

        self.people = people = People(ids, clock, addresses, safe_html, silence.mark)
        self.notifier = Notifier(ids, clock, base.bus, heard(), private_mention())
        self.lookup = Lookup(db, resolver, people, addresses)
        self.refreshing = Refreshing(db, clock, jobs, resolver, people)

        self.follows = Follows(outbox, self.notifier)
        self.following = Following(db, ids, clock, addresses, outbox, people, self.follows, self.notifier)
        self.synchronization = FollowSynchronization(
            db, ids, clock, addresses, jobs, federation.requests, self.follows, outbox
        )
        self.blocking = Blocking(db, ids, clock, addresses, outbox, people, self.follows)
        self.muting = Muting(db, ids, clock, people)
        self.shunning = Shunning(db, ids, clock, jobs, people, self.following)
        self.private_notes = PrivateNotes(db, clock, people)
        self.evidence = EvidenceDrawer(db, ids, clock, addresses)
        self.reporting = Reporting(db, ids, clock, addresses, actors, outbox, people, self.evidence)

        self.passwords = Passwords()
        self.registration = Registration(db, ids, clock, addresses, actors, self.passwords)
        self.exits = Exits(clock, base.bus)
        self.sign_in = SignIn(db, clock, ids, self.passwords, self.exits.sign_out)
        self.password_change = PasswordChange(db, self.passwords, self.exits.revoke)
        self.oauth = OAuth(db, clock, ids, self.exits.sign_out)

        self.news = ProfileNews(ids, clock, addresses, outbox, actors)
        self.link_checks = LinkChecks(db, clock, base.net, jobs, plain_http=config.federation.allow_http)
        self.profiles = Profiles(db, BioMarkup(people, addresses), self.news, self.link_checks)
        self.key_rotation = KeyRotation(db, people, actors, self.news)
        self.emoji_place = EmojiPlace.of(config.media.directory, config.media.url, config.origin)
        self.emoji_shelf = EmojiShelf(db, ids, clock, self.emoji_place)

        self.moves = Moves(db, ids, clock, jobs, self.following, self.blocking)
        self.move_inbox = MoveInbox(db, clock, addresses, people, resolver, jobs, self.moves)
        self.moving = Moving(
            db=db,
            ids=ids,
            addresses=addresses,
            outbox=outbox,
            people=people,
            lookup=self.lookup,
            resolver=resolver,
            news=self.news,
            moves=self.moves,
        )
        self.suspending = Suspending(
            db=db,
            ids=ids,
            clock=clock,
            addresses=addresses,
            outbox=outbox,
            people=people,
            follows=self.follows,
            news=self.news,
        )
