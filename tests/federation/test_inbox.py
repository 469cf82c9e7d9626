"""What came in is applied once, in its sender's order, whatever breaks; nobody waits for anybody else."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from fedispace.accounts.models import Follow as FollowRow
from fedispace.accounts.models import Notification
from fedispace.clock import ManualClock
from fedispace.db.engine import Tx, open_database
from fedispace.errors import Refused, Unavailable
from fedispace.federation.inbox import DEATHS, LEASE, REMEMBER, TRIES, WAITING, WAKE_INBOX, Inbox, InboxPump
from fedispace.federation.models import InboxItem
from fedispace.federation.peers import Peers
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.vocab.activities import Create, Like
from fedispace.federation.vocab.uri import Uri
from fedispace.threads.models import Favourite, Status
from tests.factories import Home, make_database_url, open_home, remote_actor
from tests.federation.fediverse import Fediverse, Server
from tests.federation.peer import Peer


class Feature:
    """Writes down what it is given; breaks, refuses or needs a fetch when the object says so."""

    routes = InboxRoutes()

    def __init__(self) -> None:
        self.applied: list[str] = []
        self.broken = True
        self.at_work = asyncio.Event()

    @routes.on(Like)
    async def liked(self, tx: Tx, verified: Verified[Like], found: Found) -> None:
        activity = verified.activity
        if "killer" in activity.object:
            self.at_work.set()
            await asyncio.Event().wait()
        if "poison" in activity.object and self.broken:
            raise RuntimeError("nobody thought of this")
        if "refused" in activity.object:
            raise Refused("not_visible", "There is no such post.")
        if "later" in activity.object and self.broken:
            raise Unavailable("Something is away.")
        self.applied.append(activity.id.rpartition("#")[2])

    @routes.on(Create, needs=lambda activity: (activity.object,))
    async def created(self, tx: Tx, verified: Verified[Create], found: Found) -> None:
        self.applied.append(verified.activity.id.rpartition("#")[2])


class Post:
    """An inbox with that feature; `arrive` puts something in, `run` applies what is due."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.feature = Feature()
        home.inbox_table.mount(Feature.routes, self.feature)
        self.inbox = Inbox(home.db, home.ids, home.clock, home.bus)
        self.pump = self.new_pump()

    def new_pump(self) -> InboxPump:
        home = self.home
        return InboxPump(home.db, home.clock, home.bus, home.inbox_table, home.resolver, Peers(home.clock))

    async def arrive(self, sender: str, name: str, object_: str = "http://a.test/1") -> None:
        actor = Uri(f"http://c.test/users/{sender}")
        like = Like(id=Uri(f"{actor}#{name}"), actor=actor, object=Uri(object_))
        await self._arrive(like, "Like")

    async def arrive_needing(self, sender: str, name: str, needed: str) -> None:
        actor = Uri(f"http://c.test/users/{sender}")
        create = Create(id=Uri(f"{actor}#{name}"), actor=actor, object=Uri(needed))
        await self._arrive(create, "Create")

    async def _arrive(self, activity: Like | Create, type_: str) -> None:
        document = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "type": type_,
            "id": activity.id,
            "actor": activity.actor,
            "object": activity.object,
        }
        await self.inbox.accept(Verified(activity, activity.actor), json.dumps(document).encode())

    async def run(self, pump: InboxPump | None = None) -> None:
        pump = pump or self.pump
        taken = 1
        while taken:
            await pump.idle()
            taken = await pump.pump()

    async def words(self) -> dict[str, bool]:
        """Return of which activities the bytes are still kept."""
        async with self.home.db.reading() as tx:
            rows = await tx.execute(select(InboxItem.activity_id, InboxItem.body))
            return {activity.rpartition("#")[2]: bool(body) for activity, body in rows}

    async def states(self) -> dict[str, str]:
        async with self.home.db.reading() as tx:
            rows = await tx.execute(select(InboxItem.activity_id, InboxItem.state).order_by(InboxItem.id))
            return {activity.rpartition("#")[2]: state for activity, state in rows}


@pytest.fixture
async def slow() -> AsyncIterator[Peer]:
    started = Peer(ManualClock())
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def home(tmp_path: Path, slow: Peer) -> AsyncIterator[Home]:
    async with open_home(tmp_path, origin="http://a.test", net=slow.net("c.test", "d.test")) as opened:
        await opened.stranger(remote_actor("carol", "c.test", scheme="http"))
        yield opened


@pytest.fixture
def post(home: Home) -> Post:
    return Post(home)


async def test_what_a_sender_sent_is_applied_in_order(post: Post) -> None:
    for number in range(10):
        await post.arrive("carol", str(number))
    await post.run()
    assert post.feature.applied == [str(number) for number in range(10)]


async def test_what_arrives_at_once_is_applied_in_the_order_in_which_it_came(post: Post) -> None:
    names = [str(number) for number in range(20, 0, -1)]
    await asyncio.gather(*(post.arrive("carol", name) for name in names))
    await post.run()
    assert post.feature.applied == names


@pytest.mark.attack(22)
async def test_one_poisoned_activity_stops_nothing_for_long_and_is_kept_for_the_operator(
    home: Home, post: Post
) -> None:
    await post.arrive("carol", "before")
    await post.arrive("carol", "bad", "http://a.test/poison")
    await post.arrive("carol", "after")
    for number in range(5):
        await post.arrive("dora", f"other-{number}")
    await post.run()
    assert sorted(post.feature.applied) == ["before", *(f"other-{number}" for number in range(5))]
    for _ in range(TRIES):
        home.clock.advance(minutes=2)
        await post.run()
    assert post.feature.applied[-1] == "after"
    states = await post.states()
    assert states.pop("bad") == "failed"
    assert set(states.values()) == {"done"}


async def test_what_fails_for_now_is_tried_again(home: Home, post: Post) -> None:
    await post.arrive("carol", "one", "http://a.test/later")
    await post.run()
    assert await post.states() == {"one": "pending"}
    post.feature.broken = False
    home.clock.advance(minutes=1)
    await post.run()
    assert await post.states() == {"one": "done"}


async def test_what_is_refused_is_dropped_and_not_tried_again(home: Home, post: Post) -> None:
    await post.arrive("carol", "one", "http://a.test/refused")
    await post.arrive("carol", "two")
    await post.run()
    assert await post.states() == {"one": "dropped", "two": "done"}


async def test_the_words_of_what_is_over_are_not_kept_and_those_of_what_failed_are(
    home: Home, post: Post
) -> None:
    await post.arrive("carol", "one", "http://a.test/refused")
    await post.arrive("dora", "two")
    await post.arrive("erin", "bad", "http://a.test/poison")
    await post.run()
    assert await post.words() == {"one": False, "two": False, "bad": True}
    for _ in range(TRIES):
        home.clock.advance(minutes=2)
        await post.run()
    assert (await post.states())["bad"] == "failed"
    assert (await post.words())["bad"] is True


async def claimed_by_a_process_that_died(home: Home, times: int = 1) -> None:
    async with home.db.transaction() as tx:
        await tx.execute(
            update(InboxItem).values(
                leased_until=home.clock.now() + LEASE, attempts=InboxItem.attempts + times
            )
        )


async def test_what_a_dead_process_held_is_applied_when_its_lease_is_over(home: Home, post: Post) -> None:
    for number in range(3):
        await post.arrive("carol", str(number))
    await claimed_by_a_process_that_died(home)
    await post.run()
    assert post.feature.applied == []
    home.clock.advance(seconds=LEASE.total_seconds() + 1)
    await post.run()
    assert post.feature.applied == ["0", "1", "2"]


async def test_an_activity_that_kills_the_process_each_time_is_set_aside_alone(
    home: Home, post: Post
) -> None:
    await post.arrive("carol", "killer")
    await claimed_by_a_process_that_died(home, DEATHS)
    await post.arrive("carol", "next")
    home.clock.advance(seconds=LEASE.total_seconds() + 1)
    await post.run()
    assert await post.states() == {"killer": "failed", "next": "done"}
    assert post.feature.applied == ["next"]


async def test_those_behind_a_suspect_are_not_counted_with_it(home: Home, post: Post) -> None:
    """What kills the process must not take the rest of its lane along when it is set aside."""
    await post.arrive("carol", "suspect", "http://a.test/killer")
    await post.arrive("carol", "innocent")
    await claimed_by_a_process_that_died(home)
    home.clock.advance(seconds=LEASE.total_seconds() + 1)
    await post.pump.pump()
    await post.feature.at_work.wait()
    dying = asyncio.create_task(post.pump.idle())
    await asyncio.sleep(0)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    async with home.db.reading() as tx:
        suspect, innocent = list(await tx.scalars(select(InboxItem.attempts).order_by(InboxItem.id)))
    assert (suspect, innocent) == (2, 1)


async def test_a_holder_that_was_too_slow_and_the_next_one_apply_it_once(
    home: Home, post: Post, slow: Peer
) -> None:
    needed = "http://d.test/notes/1"
    slow.hanging.add(needed)
    slow.statuses[needed] = 404
    await post.arrive_needing("carol", "one", needed)
    holder, other = post.new_pump(), post.new_pump()
    assert await holder.pump() == 1
    assert await other.pump() == 0
    home.clock.advance(seconds=LEASE.total_seconds() + 1)
    assert await other.pump() == 1
    while not slow.asked:
        await asyncio.sleep(0)
    slow.let_go.set()
    await asyncio.gather(holder.idle(), other.idle())
    assert post.feature.applied == ["one"]


async def test_a_fetch_that_hangs_holds_up_its_own_sender_and_nobody_else(post: Post, slow: Peer) -> None:
    needed = "http://d.test/notes/1"
    slow.hanging.add(needed)
    await post.arrive_needing("carol", "waits", needed)
    await post.arrive("carol", "behind")
    await post.pump.pump()
    for number in range(5):
        await post.arrive("dora", f"other-{number}")
    await post.pump.pump()

    async def applied() -> None:
        while len(post.feature.applied) < 5:
            await asyncio.sleep(0)

    await asyncio.wait_for(applied(), 10)
    assert post.feature.applied == [f"other-{number}" for number in range(5)]
    slow.statuses[needed] = 404
    slow.let_go.set()
    await post.run()
    assert post.feature.applied[5:] == ["waits", "behind"]


async def test_a_lane_that_waited_for_a_fetch_wakes_the_pump(home: Home, post: Post, slow: Peer) -> None:
    needed = "http://d.test/notes/1"
    slow.hanging.add(needed)
    slow.statuses[needed] = 404
    await post.arrive_needing("carol", "waits", needed)
    await post.arrive("carol", "behind")
    await post.pump.pump()
    while not slow.asked:
        await asyncio.sleep(0)
    async with home.bus.subscribe(WAKE_INBOX) as wake_ups:
        slow.let_go.set()
        await post.pump.idle()
        await asyncio.wait_for(wake_ups.next(), 10)
    await post.run()
    assert post.feature.applied == ["waits", "behind"]


@pytest.mark.row(81)
async def test_an_activity_nobody_understands_is_ignored_and_counted(home: Home, post: Post) -> None:
    actor = "http://c.test/users/carol"
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "type": "Listen",
        "id": f"{actor}#1",
        "actor": actor,
        "object": "http://a.test/x",
    }
    like = Like(id=Uri(f"{actor}#1"), actor=Uri(actor), object=Uri("http://a.test/x"))
    await post.inbox.accept(Verified(like, like.actor), json.dumps(document).encode())
    await post.run()
    assert await post.states() == {"1": "ignored"}


@pytest.mark.privacy("P-14")
async def test_what_is_done_is_remembered_for_a_week_and_what_waits_is_never_forgotten(
    home: Home, post: Post
) -> None:
    await post.arrive("carol", "done")
    await post.run()
    await post.arrive("carol", "later", "http://a.test/later")
    await post.run()
    home.clock.advance(seconds=REMEMBER.total_seconds() - 60)
    await post.pump.prune()
    assert set(await post.states()) == {"done", "later"}
    home.clock.advance(minutes=2)
    await post.pump.prune()
    assert set(await post.states()) == {"later"}


async def test_more_than_fits_is_sent_away_to_come_back(home: Home, post: Post) -> None:
    arrivals = [post.arrive("carol", str(number)) for number in range(WAITING + 10)]
    outcomes = await asyncio.gather(*arrivals, return_exceptions=True)
    refused = [each for each in outcomes if isinstance(each, Unavailable)]
    assert len(refused) == 10
    assert len(await post.states()) == WAITING


async def test_two_workers_apply_everything_once_and_in_order(tmp_path: Path, slow: Peer) -> None:
    url = await make_database_url(tmp_path)
    homes = [Home(open_database(url), origin="http://a.test") for _ in range(2)]
    posts = [Post(home) for home in homes]
    posts[1].feature.applied = posts[0].feature.applied
    for number in range(30):
        for sender in ("carol", "dora", "eve"):
            await posts[0].arrive(sender, f"{sender}-{number}")
    while "pending" in (await posts[0].states()).values():
        await asyncio.gather(*(each.run() for each in posts))
    applied = posts[0].feature.applied
    for sender in ("carol", "dora", "eve"):
        assert [each for each in applied if each.startswith(sender)] == [
            f"{sender}-{number}" for number in range(30)
        ]
    for home in homes:
        await home.net.close()
        await home.db.close()


# With the whole instance, over HTTP.


@pytest.mark.attack(13)
@pytest.mark.row(93)
async def test_one_activity_twenty_times_at_once_and_on_two_ways_has_one_effect(
    fediverse: Fediverse, alpha: Server, peer: Peer
) -> None:
    alice = await alpha.person("alice")
    follow = peer.activity("Follow", peer.actor(), alice.account.uri)
    personal = f"{alice.account.uri}/inbox"
    answers = await asyncio.gather(
        *(peer.post(alpha.inbox if number % 2 else personal, follow) for number in range(20))
    )
    assert {answer.status for answer in answers} == {202}
    await fediverse.settle()
    assert (await peer.post(alpha.inbox, follow)).status == 202
    await fediverse.settle()
    assert await alpha.count(FollowRow) == await alpha.count(Notification) == 1
    assert (await alice.get(f"/api/v1/accounts/{alice.id}"))["followers_count"] == 1
    assert [each.activity["type"] for each in peer.received] == ["Accept"]


async def test_a_like_that_is_sent_again_under_another_id_counts_once(
    fediverse: Fediverse, alpha: Server, peer: Peer
) -> None:
    alice = await alpha.person("alice")
    status = await alice.post("/api/v1/statuses", {"status": "hello"})
    for number in range(3):
        await peer.post(alpha.inbox, peer.activity("Like", peer.actor(), status["uri"], number))
    await fediverse.settle()
    assert await alpha.count(Favourite) == 1
    assert (await alice.get(f"/api/v1/statuses/{status['id']}"))["favourites_count"] == 1


@pytest.mark.attack(21)
async def test_type_confusion_is_refused_or_dropped_and_never_breaks_anything(
    fediverse: Fediverse, alpha: Server, peer: Peer
) -> None:
    await alpha.person("alice")
    carol = peer.actor()
    good = peer.activity("Like", carol, f"{alpha.origin}/users/alice/statuses/1")
    shapes: list[dict[str, Any]] = [
        {**good, "object": None},
        {**good, "object": 7},
        {**good, "object": [[[]]]},
        {**good, "object": {}},
        {**good, "type": ["Create", "Delete"]},
        {**good, "type": 5},
        {**good, "id": ["a", "b"]},
        {**good, "id": None},
        {**good, "to": {"a": {"b": {"c": {}}}}},
        {**good, "@context": None},
        peer.activity("Create", carol, {"type": "Note", "id": f"{carol}/n/1", "content": {"a": 1}}),
        peer.activity("Create", carol, {**peer.note(carol, 2), "published": "9999-99-99"}),
        peer.activity("Create", carol, {**peer.note(carol, 3), "attributedTo": [{}]}),
        peer.activity("Undo", carol, {"type": "Follow"}),
        peer.activity("Accept", carol, {"type": "Follow", "id": 3}),
    ]
    for number, shape in enumerate(shapes):
        if isinstance(shape["id"], str):
            shape = {**shape, "id": f"{carol}/activities/{number}"}
        answer = await peer.post(alpha.inbox, shape, by=carol)
        assert answer.status in (202, 400, 403), (shape, answer)
    for raw in (b"", b"[]", b"null", b'{"a":1,"a":2}', b"\xff", b"[" * 100_000, b'{"a":NaN}'):
        answer = await peer.post(alpha.inbox, raw, by=carol)
        assert answer.status == 400, (raw[:20], answer)
    await fediverse.settle()
    states = {fate.partition(" ")[0] for fate in (await alpha.fates()).values()}
    assert states <= {"dropped", "done", "ignored"}
    assert await alpha.count(Status) == 0


async def test_when_the_database_is_away_a_peer_is_told_to_come_back(alpha: Server, peer: Peer) -> None:
    await alpha.person("alice")
    carol = peer.actor()
    follow = peer.activity("Follow", carol, f"{alpha.origin}/users/alice")
    assert (await peer.post(alpha.inbox, follow)).status == 202
    async with alpha.app.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE inbox_items RENAME TO away"))
    for number in (2, 3):
        answer = await peer.post(alpha.inbox, {**follow, "id": f"{carol}#{number}"})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    async with alpha.app.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE away RENAME TO inbox_items"))
    assert (await peer.post(alpha.inbox, {**follow, "id": f"{carol}#2"})).status == 202
    async with alpha.app.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE actor_keys RENAME TO away"))
    stranger = peer.activity("Follow", peer.actor("new"), f"{alpha.origin}/users/alice")
    answer = await peer.post(alpha.inbox, stranger)
    assert (answer.status, answer.problem) == (503, "unavailable")
