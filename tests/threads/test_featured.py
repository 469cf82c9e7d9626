"""Pins of people elsewhere: told of by Add and Remove, or read from their collection. Refusals first."""

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.federation.vocab.activities import Add, Remove
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.objects import Collection
from fedispace.federation.vocab.uri import Uri
from fedispace.queue.jobs import JobPump, Jobs
from fedispace.threads.featured import LOOK_AGAIN_AFTER, Featured, FeaturedInbox
from fedispace.threads.models import Pin, Status
from fedispace.threads.pins import MAX_THEIRS
from tests.factories import remote_actor
from tests.threads.conftest import Elsewhere, Threads, a_note, creating

pytestmark = pytest.mark.row(65)


class Pins:
    """What is pinned here of people elsewhere, and the jobs that find out."""

    def __init__(self, threads: Threads) -> None:
        home = threads.home
        jobs = Jobs(home.ids, home.clock, home.bus)
        self.threads = threads
        self.featured = Featured(
            home.db, home.ids, home.clock, home.resolver, home.people, threads.ingest, jobs
        )
        self._pump = JobPump(home.db, home.clock, self.featured.tasks())
        home.inbox_table.mount(FeaturedInbox.routes, FeaturedInbox(home.ids, home.clock, home.people, jobs))

    async def of(self, account: Account) -> list[str]:
        async with self.threads.home.db.reading() as tx:
            rows = await tx.scalars(
                select(Status.uri)
                .join(Pin, Pin.status_id == Status.id)
                .where(Pin.account_id == account.id)
                .order_by(Pin.id.desc())
            )
            return list(rows)

    async def look_at(self, account: Account) -> None:
        await self.featured.looked_at(account)
        await self.settle()

    async def settle(self) -> None:
        while await self._pump.pump():
            await self._pump.idle()


def with_featured(actor: Actor, featured: str = "") -> Actor:
    fields = {name: getattr(actor, name) for name in Actor.__slots__}
    return Actor(**{**fields, "featured": Uri(featured or f"{actor.id}/featured")})


def adding(by: Account, object_: str, target: str = "", number: int = 1) -> Add:
    uri = by.uri
    return Add(
        id=Uri(f"{uri}/adds/{number}"),
        actor=Uri(uri),
        object=Uri(object_),
        target=Uri(target or f"{uri}/featured"),
    )


def removing(by: Account, object_: str, number: int = 1) -> Remove:
    uri = by.uri
    return Remove(
        id=Uri(f"{uri}/removes/{number}"),
        actor=Uri(uri),
        object=Uri(object_),
        target=Uri(f"{uri}/featured"),
    )


@pytest.fixture
def pins(threads: Threads) -> Pins:
    return Pins(threads)


@pytest.fixture
async def bob(threads: Threads, alice: Account) -> Account:
    """bob@b.example, whom alice follows."""
    bob = await threads.home.stranger(with_featured(remote_actor()))
    await threads.follow(alice, bob)
    return bob


@pytest.fixture
async def dan(threads: Threads, elsewhere: Elsewhere, alice: Account) -> Account:
    """dan@d.example, whom alice follows, and whose server can be asked."""
    actor = with_featured(remote_actor("dan", elsewhere.host, scheme="http"))
    elsewhere.show(actor)
    dan = await threads.home.stranger(actor)
    await threads.follow(alice, dan)
    return dan


async def test_nobody_pins_for_somebody_else(threads: Threads, pins: Pins, bob: Account) -> None:
    eve = await threads.home.stranger(with_featured(remote_actor("eve", "b.example")))
    await threads.home.receive(creating(a_note()))
    uri = a_note().id
    for number, target in enumerate((f"{bob.uri}/featured", f"{eve.uri}/featured")):
        outcome = await threads.home.receive(adding(eve, uri, target, number))
        assert outcome.startswith("dropped not_owner"), target
    assert await pins.of(bob) == await pins.of(eve) == []


async def test_only_what_stands_in_featured_is_pinned(threads: Threads, pins: Pins, bob: Account) -> None:
    await threads.home.receive(creating(a_note()))
    outcome = await threads.home.receive(adding(bob, a_note().id, f"{bob.uri}/collections/tags"))
    assert outcome.startswith("dropped not_owner")
    assert await pins.of(bob) == []


async def test_a_post_elsewhere_is_not_pinned_and_not_fetched(
    threads: Threads, pins: Pins, bob: Account, elsewhere: Elsewhere
) -> None:
    outcome = await threads.home.receive(adding(bob, "http://d.example/users/dora/notes/1"))
    assert outcome.startswith("dropped not_owner")
    await pins.settle()
    assert elsewhere.asked == []


async def test_add_pins_and_remove_unpins_however_often(threads: Threads, pins: Pins, bob: Account) -> None:
    await threads.home.receive(creating(a_note()))
    for number in (1, 2):
        assert await threads.home.receive(adding(bob, a_note().id, number=number)) == "done"
    assert await pins.of(bob) == [a_note().id]
    for number in (1, 2):
        assert await threads.home.receive(removing(bob, a_note().id, number)) == "done"
    assert await pins.of(bob) == []


async def test_a_pinned_post_that_is_not_known_is_fetched(
    threads: Threads, pins: Pins, dan: Account, elsewhere: Elsewhere
) -> None:
    elsewhere.show(a_note(dan.uri, 7))
    assert await threads.home.receive(adding(dan, f"{dan.uri}/notes/7")) == "done"
    await pins.settle()
    assert await pins.of(dan) == [f"{dan.uri}/notes/7"]


async def test_a_remove_that_overtakes_the_fetch_wins(
    threads: Threads, pins: Pins, dan: Account, elsewhere: Elsewhere
) -> None:
    elsewhere.show(a_note(dan.uri, 7))
    await threads.home.receive(adding(dan, f"{dan.uri}/notes/7"))
    await threads.home.receive(removing(dan, f"{dan.uri}/notes/7"))
    await pins.settle()
    assert await pins.of(dan) == []


async def test_the_collection_is_read_when_a_profile_is_looked_at_and_not_again_at_once(
    threads: Threads, pins: Pins, dan: Account, elsewhere: Elsewhere
) -> None:
    items = tuple(Uri(f"{dan.uri}/notes/{number}") for number in (2, 1, 3))
    for number in (1, 2):
        elsewhere.show(a_note(dan.uri, number))
    elsewhere.show(Collection(id=Uri(f"{dan.uri}/featured"), items=items))
    for _ in range(3):
        await pins.look_at(dan)
    assert await pins.of(dan) == [items[0], items[1]]
    assert elsewhere.asked.count("/users/dan/featured") == 1
    threads.home.clock.advance(seconds=LOOK_AGAIN_AFTER.total_seconds() + 1)
    elsewhere.show(Collection(id=Uri(f"{dan.uri}/featured"), items=items[1:2]))
    await pins.look_at(dan)
    assert await pins.of(dan) == [items[1]]


async def test_a_collection_that_cannot_be_had_changes_nothing(
    threads: Threads, pins: Pins, dan: Account, elsewhere: Elsewhere
) -> None:
    note = a_note(dan.uri)
    await threads.home.receive(creating(note))
    await threads.home.receive(adding(dan, note.id))
    await pins.look_at(dan)
    assert elsewhere.asked.count("/users/dan/featured") == 1
    assert await pins.of(dan) == [note.id]


async def test_a_collection_cannot_make_us_fetch_from_others_or_more_than_twenty(
    threads: Threads, pins: Pins, dan: Account, elsewhere: Elsewhere
) -> None:
    theirs = [Uri(f"{dan.uri}/notes/{number}") for number in range(100)]
    others = [Uri(f"https://victim.example/notes/{number}") for number in range(20)]
    elsewhere.show(Collection(id=Uri(f"{dan.uri}/featured"), items=(*others, *theirs)))
    await pins.look_at(dan)
    assert sum("/notes/" in path for path in elsewhere.asked) == MAX_THEIRS


async def test_a_post_of_a_neighbour_in_the_collection_is_left_out(
    threads: Threads, pins: Pins, dan: Account, elsewhere: Elsewhere
) -> None:
    neighbour = remote_actor("nina", elsewhere.host, scheme="http")
    elsewhere.show(neighbour)
    elsewhere.show(a_note(neighbour.id))
    elsewhere.show(Collection(id=Uri(f"{dan.uri}/featured"), items=(Uri(f"{neighbour.id}/notes/1"),)))
    await pins.look_at(dan)
    assert await pins.of(dan) == []
