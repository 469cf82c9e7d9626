"""What other servers send us, and what they may read: the inbox, its handlers, the documents."""

from fedispace.accounts.activities import AccountInbox
from fedispace.accounts.blocked_askers import BlockedAskers
from fedispace.accounts.discovery import Discovery
from fedispace.accounts.documents import AccountDocuments
from fedispace.accounts.emoji_documents import EmojiDocuments
from fedispace.accounts.move_inbox import MoveInbox
from fedispace.federation.archive import Archive
from fedispace.federation.http import FederationDoor
from fedispace.federation.inbox import Inbox, InboxPump, InboxTable
from fedispace.federation.rumours import Rumours
from fedispace.moderation.reports import ReportInbox
from fedispace.spaces.entry.doors import SpaceDoor
from fedispace.spaces.fediverse.activities import SpaceInbox
from fedispace.spaces.fediverse.documents import SpaceDocuments
from fedispace.spaces.fediverse.invitation_inbox import InvitationInbox
from fedispace.spaces.fediverse.rsvp_inbox import RsvpInbox
from fedispace.spaces.queries import room_named
from fedispace.threads.activities import ThreadInbox
from fedispace.threads.collections import ThreadCollections
from fedispace.threads.documents import ThreadDocuments
from fedispace.threads.featured import FeaturedDocuments, FeaturedInbox
from fedispace.threads.forwarding import Forwarding
from fedispace.threads.groups import GroupInbox
from fedispace.threads.interaction_documents import InteractionDocuments
from fedispace.threads.interaction_inbox import InteractionInbox
from fedispace.threads.requests import Requests
from fedispace.wiring.accounts import Accounts
from fedispace.wiring.base import Base
from fedispace.wiring.federation import Federation
from fedispace.wiring.spaces import Spaces
from fedispace.wiring.threads import Threads


class Incoming:
    """The door for servers, and the pump that applies what came through it."""

    def __init__(
        self, base: Base, federation: Federation, accounts: Accounts, threads: Threads, spaces: Spaces
    ) -> None:
        self.inbox = Inbox(base.db, base.ids, base.clock, base.bus)
        self.door = FederationDoor(
            inbox=self.inbox,
            verifier=federation.verifier,
            rumours=Rumours(base.db, base.clock, base.addresses, base.jobs),
            synchronization=accounts.synchronization,
            blocked=BlockedAskers(base.db),
            addresses=base.addresses,
            discovery=Discovery(base.db, base.clock, base.addresses, base.config.instance),
            join_door=SpaceDoor(base.db, accounts.people, spaces.entering),
            authorized_fetch=base.config.federation.authorized_fetch,
        )
        _mount_documents(self.door, base, federation, accounts, spaces)
        self.pump = InboxPump(
            base.db,
            base.clock,
            base.bus,
            _table(base, federation, accounts, threads, spaces),
            federation.resolver,
            federation.peers,
            Forwarding(federation.verifier, federation.outbox, base.addresses, base.clock),
            heard_of=accounts.refreshing.notice,
            outcomes=base.arrivals,
        )


def _table(
    base: Base, federation: Federation, accounts: Accounts, threads: Threads, spaces: Spaces
) -> InboxTable:
    """Join each feature's inbox to its routes."""
    ids, clock, jobs, addresses = base.ids, base.clock, base.jobs, base.addresses
    actors, outbox, relays = federation.actors, federation.outbox, federation.relays
    people, notifier, follows = accounts.people, accounts.notifier, accounts.follows
    ingest = threads.ingest

    table = InboxTable()
    table.mount(
        AccountInbox.routes,
        AccountInbox(ids, clock, addresses, outbox, actors, people, follows, notifier, relays),
    )
    table.mount(ReportInbox.routes, ReportInbox(ids, clock, addresses, people, room_named))
    table.mount(MoveInbox.routes, accounts.move_inbox)
    table.mount(GroupInbox.routes, GroupInbox(clock, addresses, jobs))
    table.mount(FeaturedInbox.routes, FeaturedInbox(ids, clock, people, jobs))
    table.mount(
        ThreadInbox.routes,
        ThreadInbox(
            ids, clock, addresses, people, notifier, jobs, ingest, threads.voting, relays, threads.talk
        ),
    )
    requests = Requests(ids, clock, addresses, notifier)
    table.mount(
        InteractionInbox.routes,
        InteractionInbox(clock, addresses, people, ingest, requests, threads.approvals, threads.effects),
    )
    table.mount(
        SpaceInbox.routes,
        SpaceInbox(clock=clock, addresses=addresses, people=people, arrivals=spaces.arrivals, jobs=jobs),
    )
    table.mount(
        RsvpInbox.routes,
        RsvpInbox(
            ids=ids,
            clock=clock,
            addresses=addresses,
            people=people,
            outbox=outbox,
            takes_rsvps=base.config.spaces.rsvp,
        ),
    )
    table.mount(
        InvitationInbox.routes,
        InvitationInbox(
            clock=clock,
            addresses=addresses,
            people=people,
            arrivals=spaces.arrivals,
            notifier=notifier,
            jobs=jobs,
        ),
    )
    return table


def _mount_documents(
    door: FederationDoor, base: Base, federation: Federation, accounts: Accounts, spaces: Spaces
) -> None:
    """Join the documents that other servers may read to their addresses."""
    db, clock, addresses, people = base.db, base.clock, base.addresses, accounts.people
    door.mount(Archive.routes, Archive(db, addresses))
    door.mount(AccountDocuments.routes, AccountDocuments(db, addresses, people, federation.actors))
    door.mount(EmojiDocuments.routes, EmojiDocuments(db, addresses))
    door.mount(FeaturedDocuments.routes, FeaturedDocuments(db, addresses, people))
    door.mount(ThreadDocuments.routes, ThreadDocuments(db, clock, addresses, people))
    door.mount(ThreadCollections.routes, ThreadCollections(db, addresses, people))
    door.mount(InteractionDocuments.routes, InteractionDocuments(db, addresses))
    door.mount(SpaceDocuments.routes, SpaceDocuments(db, people, addresses, spaces.events))
