"""Spaces: hosting and entering them, and the rooms where their sound is."""

from fedispace.media.live.client import SfuClient
from fedispace.sfu_place import SfuPlace
from fedispace.spaces.entry.bearers import Bearers
from fedispace.spaces.entry.entering import Entering
from fedispace.spaces.entry.passes import Passes
from fedispace.spaces.entry.raised_hands import CallUp, RaisedHands
from fedispace.spaces.entry.stream_keys import StreamKeys
from fedispace.spaces.entry.tickets import Tickets
from fedispace.spaces.events.hub import Hub
from fedispace.spaces.events.reactions import Reactions
from fedispace.spaces.events.replies import RoomThread
from fedispace.spaces.fediverse.announced import Announced
from fedispace.spaces.fediverse.arrival import Arrivals
from fedispace.spaces.fediverse.farewell import Farewell
from fedispace.spaces.fediverse.guest_answers import GuestAnswers
from fedispace.spaces.fediverse.instance_notes import InstanceNotes
from fedispace.spaces.fediverse.invitation_post import InvitationPost
from fedispace.spaces.fediverse.lookup import SpaceLookup
from fedispace.spaces.fediverse.our_events import OurEvents
from fedispace.spaces.fediverse.pauses import PauseNews
from fedispace.spaces.fediverse.tidings import Tidings
from fedispace.spaces.guesting import Guesting
from fedispace.spaces.oversight import Oversight
from fedispace.spaces.reminders import Reminders
from fedispace.spaces.reporting import RoomReporting
from fedispace.spaces.rsvp import Attending
from fedispace.spaces.sound.cascade import Cascade
from fedispace.spaces.sound.fleet import Fleet
from fedispace.spaces.sound.live import LiveRooms
from fedispace.spaces.sound.obedience import Obedience
from fedispace.spaces.sound.placement import Placement
from fedispace.spaces.sound.speaking import Speaking
from fedispace.spaces.sound.watch import RoomWatch
from fedispace.spaces.verbs.absence import Absence
from fedispace.spaces.verbs.herald import Herald
from fedispace.spaces.verbs.hosting import Hosting
from fedispace.wiring.accounts import Accounts
from fedispace.wiring.base import Base
from fedispace.wiring.federation import Federation
from fedispace.wiring.rooms import RoomVerbs
from fedispace.wiring.threads import Threads
from fedispace.wiring.ways import Ways


class Spaces:
    """The room as a social fact, and this process's end of the sound."""

    def __init__(
        self, base: Base, federation: Federation, accounts: Accounts, threads: Threads, place: SfuPlace
    ) -> None:
        db, ids, clock, addresses = base.db, base.ids, base.clock, base.addresses
        people, resolver = accounts.people, federation.resolver

        tickets = Tickets(ids, clock, place.secret)
        self.passes = Passes(db=db, ids=ids, clock=clock, tickets=tickets)
        self.sfu = SfuClient(place.control, place.secret) if place.control else None
        self.fleet = fleet = Fleet(base.bus, clock, lambda control: SfuClient(control, place.secret))
        if self.sfu is not None:
            fleet.include(place.name, self.sfu)
        placement = Placement(fleet, clock, base.config.rtc.max_listeners_per_room)
        self.hub = Hub(db=db, bus=base.bus, clock=clock, thread=RoomThread(db))
        self.speaking = Speaking(self.hub.tell)
        self.reactions = Reactions(db=db, bus=base.bus, clock=clock, ids=ids)
        self.rooms = LiveRooms(
            db=db,
            ids=ids,
            clock=clock,
            speaking=self.speaking,
            bus=base.bus,
            fleet=fleet,
            placement=placement,
            cascade=Cascade(
                db=db, ids=ids, clock=clock, fleet=fleet, placement=placement, secret=place.secret
            ),
            secret=place.secret,
            bearers=Bearers(clock=clock, tickets=tickets, passes=self.passes, oauth=accounts.oauth),
            strangers_listen=base.config.spaces.anonymous_listening,
        )
        self.obedience = Obedience(db=db, fleet=fleet)
        self.stream_keys = StreamKeys(db=db, clock=clock, ids=ids, bus=base.bus, fleet=fleet)
        self.ways = Ways(base, federation, accounts)
        self.events = OurEvents(addresses, strangers_listen=base.config.spaces.anonymous_listening)
        self.tidings = Tidings(ids, clock, base.bus, addresses, federation.outbox, self.events)
        self.invitation_post = InvitationPost(
            ids, addresses, federation.outbox, accounts.notifier, self.events
        )
        call_up = CallUp(clock, self.ways.entry_links) if base.config.spaces.fediverse_sign_in else None
        self.herald = Herald(clock, self.tidings, self.invitation_post, call_up)
        self.verbs = RoomVerbs(
            db=db,
            ids=ids,
            clock=clock,
            addresses=addresses,
            bus=base.bus,
            limits=base.config.spaces,
            orders=self.obedience,
            herald=self.herald,
            lookup=accounts.lookup,
            exits=accounts.exits,
            jobs=base.jobs,
            tidings=self.tidings,
        )
        self.raised_hands = RaisedHands(db, self.verbs.hands)
        self.notes = InstanceNotes(ids, clock, addresses, federation.outbox)
        self.reminders = Reminders(db, clock, accounts.notifier, self.notes)
        self.attending = Attending(
            db=db,
            ids=ids,
            clock=clock,
            addresses=addresses,
            people=people,
            outbox=federation.outbox,
            jobs=base.jobs,
        )
        self.guesting = Guesting(
            db=db, ids=ids, clock=clock, addresses=addresses, people=people, outbox=federation.outbox
        )
        self.pause_news = PauseNews(db, clock, base.jobs, self.tidings)
        self.guest_answers = GuestAnswers(db, people, self.verbs.inviting, self.invitation_post)
        self.farewell = Farewell(db, people, threads.editing)
        self.hosting = Hosting(
            db=db,
            ids=ids,
            clock=clock,
            jobs=base.jobs,
            addresses=addresses,
            tidings=self.tidings,
            publishing=threads.publishing,
            rooms=self.rooms,
            limits=base.config.spaces,
        )
        self.reporting = RoomReporting(
            db=db,
            clock=clock,
            fleet=fleet,
            reporting=accounts.reporting,
            safety_seconds=base.config.spaces.safety_buffer_seconds,
        )
        self.oversight = Oversight(db, clock, self.hosting)
        self.absence = Absence(
            db=db,
            clock=clock,
            acting=self.verbs.acting,
            hosting=self.hosting,
            limits=base.config.spaces,
            hears=self.hub.hears,
        )
        self.watch = RoomWatch(
            db=db,
            clock=clock,
            bus=base.bus,
            fleet=fleet,
            exits=accounts.exits,
            rooms=self.rooms,
            hosting=self.hosting,
            verdict=federation.policy.verdict,
        )
        self.entering = Entering(
            db=db,
            ids=ids,
            clock=clock,
            addresses=addresses,
            people=people,
            requests=federation.requests,
            tickets=tickets,
            strangers_listen=base.config.spaces.anonymous_listening,
        )
        self.arrivals = Arrivals(ids, clock, base.jobs)
        self.lookup = SpaceLookup(db, resolver, people, addresses, self.arrivals)
        self.announced = Announced(db, resolver, people, self.arrivals)
