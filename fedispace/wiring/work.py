"""What runs by itself: the worker with its pumps and jobs, and the housekeeping."""

import random
from functools import partial

from fedispace.accounts.leaving import Leaving
from fedispace.federation import dead_letters, tombstones
from fedispace.federation.delivery import DeliveryPump
from fedispace.federation.fanout import FanoutPump
from fedispace.queue.jobs import JobPump
from fedispace.queue.periodic import Periodic
from fedispace.queue.worker import Worker
from fedispace.spaces import declined, members, presence
from fedispace.spaces.entry import passes as space_passes
from fedispace.spaces.entry import tickets as space_tickets
from fedispace.threads import idempotency
from fedispace.wiring.accounts import Accounts
from fedispace.wiring.base import Base
from fedispace.wiring.federation import Federation
from fedispace.wiring.incoming import Incoming
from fedispace.wiring.spaces import Spaces
from fedispace.wiring.threads import Threads


def worker(
    base: Base,
    federation: Federation,
    accounts: Accounts,
    threads: Threads,
    spaces: Spaces,
    leaving: Leaving,
    incoming: Incoming,
) -> Worker:
    """Build the worker. What asks other servers has a pump apart, so that slow ones keep no draft waiting."""
    db, ids, clock, bus = base.db, base.ids, base.clock, base.bus
    own_work = {
        **threads.drafts.tasks(),
        **threads.poll_news.tasks(),
        **threads.telling.tasks(),
        **threads.approvals.tasks(),
        **accounts.shunning.tasks(),
        **accounts.moves.tasks(),
        **leaving.tasks(),
        **spaces.reminders.tasks(),
        **spaces.guest_answers.tasks(),
        **spaces.pause_news.tasks(),
        **spaces.farewell.tasks(),
        **spaces.raised_hands.tasks(),
    }
    questions = {
        **threads.backfill.tasks(),
        **threads.gathering.tasks(),
        **threads.featured.tasks(),
        **threads.group_news.tasks(),
        **federation.software.tasks(),
        **spaces.announced.tasks(),
        **accounts.link_checks.tasks(),
        **threads.rumoured.tasks(),
        **threads.verification.tasks(),
        **accounts.synchronization.tasks(),
        **accounts.refreshing.tasks(),
        **accounts.move_inbox.tasks(),
    }
    jitter = random.Random()  # noqa: S311 - spreads retries, hides nothing
    return Worker(
        [
            incoming.pump,
            JobPump(db, clock, own_work, others=questions),
            JobPump(db, clock, questions, others=own_work),
            FanoutPump(db, ids, clock, bus, federation.policy, federation.peers),
            DeliveryPump(db, ids, clock, bus, federation.requests, federation.peers, jitter, base.deliveries),
        ],
        bus,
    )


def housekeeping(
    base: Base,
    federation: Federation,
    accounts: Accounts,
    threads: Threads,
    spaces: Spaces,
    incoming: Incoming,
) -> Periodic:
    """Build what is done every so often: closing what is due, forgetting what is over."""
    db, clock = base.db, base.clock

    async def forget_silent_peers() -> None:
        async with db.transaction() as tx:
            await federation.peers.prune(tx)

    async def forget_former_keys() -> None:
        async with db.transaction() as tx:
            await federation.actors.prune(tx)

    async def forget_what_is_over() -> None:
        await dead_letters.give_up_the_old(db, clock)
        await dead_letters.prune(db, clock)
        await federation.outbox.prune(db)
        await tombstones.prune(db, clock, base.addresses)

    return Periodic(
        [
            spaces.hosting.reap,
            threads.poll_news.close_due,
            incoming.pump.prune,
            forget_silent_peers,
            forget_former_keys,
            forget_what_is_over,
            accounts.sign_in.prune,
            accounts.oauth.prune,
            accounts.muting.prune,
            accounts.evidence.prune,
            partial(idempotency.prune, db, clock),
            partial(space_tickets.prune, db, clock),
            spaces.ways.visits.prune,
            spaces.ways.entry_links.prune,
            spaces.ways.home_sign_in.prune,
            spaces.stream_keys.prune,
            partial(space_passes.prune, db, clock),
            partial(presence.prune, db, clock),
            partial(members.prune, db, clock),
            partial(declined.prune, db, clock),
        ]
    )
