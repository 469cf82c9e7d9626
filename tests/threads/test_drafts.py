"""Drafts and scheduled threads: kept, changed, published once, and never lost on the way."""

import asyncio
from datetime import timedelta

import pytest

from fedispace.accounts.models import Account
from fedispace.accounts.paging import Page
from fedispace.errors import Conflict, Invalid, NotFound
from fedispace.federation.vocab.activities import Create
from fedispace.queue.jobs import JobPump, Jobs
from fedispace.threads.drafts import Drafts, drafts, own
from fedispace.threads.manuscript import Manuscript
from fedispace.threads.models import ThreadDraft
from fedispace.threads.written import Draft
from tests.threads.conftest import Threads


class Desk:
    """Drafts, and the worker that publishes them at their time."""

    def __init__(self, threads: Threads) -> None:
        home = threads.home
        self.threads = threads
        self.home = home
        jobs = Jobs(home.ids, home.clock, home.bus)
        self.drafts = Drafts(home.db, home.ids, home.clock, jobs, threads.publishing, home.people)
        self.pump = JobPump(home.db, home.clock, self.drafts.tasks())

    async def work(self) -> None:
        while await self.pump.pump():
            await self.pump.idle()

    async def listed(self, account: Account, *, scheduled: bool | None = None) -> list[ThreadDraft]:
        async with self.home.db.reading() as tx:
            return list(await drafts(tx, account.id, Page(), scheduled=scheduled))

    async def again(self, account: Account, draft: ThreadDraft) -> ThreadDraft:
        async with self.home.db.reading() as tx:
            return await own(tx, account.id, draft.id)

    async def texts(self) -> list[str | None]:
        return [status.source for status in await self.threads.all()]


@pytest.fixture
def desk(threads: Threads) -> Desk:
    return Desk(threads)


def of(*texts: str, **frame: object) -> Manuscript:
    return Manuscript(posts=tuple(Draft(text=text) for text in texts), **frame)  # type: ignore[arg-type]


async def test_a_draft_waits_for_its_author(desk: Desk, alice: Account, carol: Account) -> None:
    draft = await desk.drafts.create(alice, of("One", "Two"), name=" My  thread ")
    desk.home.clock.advance(days=400)
    await desk.work()
    assert await desk.texts() == []
    assert [row.name for row in await desk.listed(alice)] == ["My thread"]
    assert await desk.listed(carol) == []
    posts = await desk.drafts.publish(alice, draft.id)
    assert [post.source for post in posts] == ["One", "Two"]
    assert await desk.listed(alice) == []


async def test_a_scheduled_thread_is_published_as_one_unit_at_its_time(desk: Desk, alice: Account) -> None:
    at = desk.home.clock.now() + timedelta(hours=2)
    await desk.drafts.create(alice, of("One", "Two", "Three", visibility="unlisted"), scheduled_at=at)
    desk.home.clock.advance(hours=1, minutes=59)
    await desk.work()
    assert await desk.texts() == []
    desk.home.clock.advance(minutes=2)
    await desk.work()
    posts = await desk.threads.all()
    assert [(post.source, post.thread_position, post.visibility) for post in posts] == [
        ("One", 1, "unlisted"),
        ("Two", 2, "unlisted"),
        ("Three", 3, "unlisted"),
    ]
    assert len(await desk.threads.sent(Create)) == 3
    assert await desk.listed(alice) == []
    await desk.work()
    assert len(await desk.threads.all()) == 3


async def test_a_thread_whose_time_was_changed_is_published_at_the_new_one(
    desk: Desk, alice: Account
) -> None:
    now = desk.home.clock.now()
    draft = await desk.drafts.create(alice, of("One"), scheduled_at=now + timedelta(hours=1))
    await desk.drafts.schedule(alice, draft.id, now + timedelta(hours=5))
    desk.home.clock.advance(hours=2)
    await desk.work()
    assert await desk.texts() == []
    desk.home.clock.advance(hours=4)
    await desk.work()
    assert await desk.texts() == ["One"]


async def test_a_thread_taken_off_the_calendar_stays_a_draft(desk: Desk, alice: Account) -> None:
    at = desk.home.clock.now() + timedelta(hours=1)
    draft = await desk.drafts.create(alice, of("One"), scheduled_at=at)
    await desk.drafts.schedule(alice, draft.id, None)
    desk.home.clock.advance(hours=2)
    await desk.work()
    assert await desk.texts() == []
    assert len(await desk.listed(alice, scheduled=False)) == 1


async def test_what_cannot_be_published_becomes_a_draft_that_says_why(
    desk: Desk, alice: Account, carol: Account
) -> None:
    (asked,) = await desk.threads.publishing.publish(carol, [Draft(text="Ask me")])
    at = desk.home.clock.now() + timedelta(hours=1)
    draft = await desk.drafts.create(alice, of("A reply", in_reply_to_id=asked.id), scheduled_at=at)
    await desk.threads.deletion.delete(carol, asked.id)
    desk.home.clock.advance(hours=2)
    await desk.work()
    kept = await desk.again(alice, draft)
    assert kept.scheduled_at is None
    assert kept.failure == "There is no such post."


async def test_one_draft_published_from_two_devices_is_one_thread(desk: Desk, alice: Account) -> None:
    draft = await desk.drafts.create(alice, of("Once"))
    outcomes = await asyncio.gather(
        *(desk.drafts.publish(alice, draft.id) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
    assert all(isinstance(outcome, list | Conflict | NotFound) for outcome in outcomes)
    assert await desk.texts() == ["Once"]


async def test_what_another_device_wrote_is_not_overwritten(desk: Desk, alice: Account) -> None:
    draft = await desk.drafts.create(alice, of("First"))
    seen = draft.updated_at
    await desk.drafts.rewrite(alice, draft.id, of("From the phone"), seen_at=seen)
    with pytest.raises(Conflict):
        await desk.drafts.rewrite(alice, draft.id, of("From the desk"), seen_at=seen)
    kept = await desk.again(alice, draft)
    assert kept.thread["posts"][0]["text"] == "From the phone"


async def test_another_persons_draft_does_not_exist(desk: Desk, alice: Account, carol: Account) -> None:
    draft = await desk.drafts.create(alice, of("Secret"))
    for attempt in (
        desk.drafts.publish(carol, draft.id),
        desk.drafts.discard(carol, draft.id),
        desk.drafts.rewrite(carol, draft.id, of("Mine")),
        desk.drafts.schedule(carol, draft.id, None),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await desk.listed(alice)


async def test_a_request_repeated_keeps_one_draft(desk: Desk, alice: Account) -> None:
    first = await desk.drafts.create(alice, of("One"), request_key="k")
    second = await desk.drafts.create(alice, of("One"), request_key="k")
    assert first.id == second.id
    assert len(await desk.listed(alice)) == 1


@pytest.mark.parametrize("minutes", [-10, 0, 4, 60 * 24 * 400])
async def test_a_time_that_cannot_be_meant_is_refused(desk: Desk, alice: Account, minutes: int) -> None:
    at = desk.home.clock.now() + timedelta(minutes=minutes)
    with pytest.raises(Invalid, match="time"):
        await desk.drafts.create(alice, of("One"), scheduled_at=at)
    assert await desk.listed(alice) == []


async def test_what_could_not_be_published_is_not_scheduled(desk: Desk, alice: Account) -> None:
    at = desk.home.clock.now() + timedelta(hours=1)
    with pytest.raises(Invalid):
        await desk.drafts.create(alice, of("fine", "x" * 5001), scheduled_at=at)
    await desk.drafts.create(alice, of("fine", "x" * 5001))


async def test_nothing_is_no_draft(desk: Desk, alice: Account) -> None:
    with pytest.raises(Invalid):
        await desk.drafts.create(alice, of("  ", ""))


async def test_a_discarded_thread_is_not_published(desk: Desk, alice: Account) -> None:
    at = desk.home.clock.now() + timedelta(hours=1)
    draft = await desk.drafts.create(alice, of("One"), scheduled_at=at)
    await desk.drafts.discard(alice, draft.id)
    desk.home.clock.advance(hours=2)
    await desk.work()
    assert await desk.texts() == []
