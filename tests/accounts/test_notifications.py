"""What people are told, and how lists are paged. Refusals first."""

import asyncio

import pytest

from fedispace.accounts.blocking import Blocking
from fedispace.accounts.models import Account, Notification
from fedispace.accounts.notifications import count_newer, dismiss, notifications, topic
from fedispace.accounts.paging import Page
from fedispace.errors import Conflict
from tests.factories import Home


async def told(home: Home, account: Account, page: Page | None = None) -> list[Notification]:
    async with home.db.reading() as tx:
        return await notifications(tx, account.id, page or Page(), home.clock.now())


async def test_nobody_is_told_of_what_they_did_and_no_remote_account_at_all(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    async with home.db.transaction() as tx:
        await home.notifier.notify(tx, to=alice, type="favourite", by_id=alice.id, subject=1)
        await home.notifier.notify(tx, to=bob, type="follow", by_id=alice.id)
    assert await told(home, alice) == []
    assert await told(home, bob) == []


async def test_nobody_is_told_of_what_somebody_they_block_did(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    blocking = Blocking(home.db, home.ids, home.clock, home.addresses, home.outbox, home.people, home.follows)
    await blocking.block(alice, bob.id)
    async with home.db.transaction() as tx:
        await home.notifier.notify(tx, to=alice, type="favourite", by_id=bob.id, subject=1)
    assert await told(home, alice) == []


async def fail_after_telling(home: Home, to: Account, by: Account) -> None:
    async with home.db.transaction() as tx:
        await home.notifier.notify(tx, to=to, type="follow", by_id=by.id)
        raise Conflict("Something else could not be done.")


async def test_a_transaction_that_fails_tells_nobody(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    async with home.bus.subscribe(topic(alice.id)) as screen:
        with pytest.raises(Conflict):
            await fail_after_telling(home, alice, bob)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(screen.next(), 0.01)
    assert await told(home, alice) == []


async def test_a_repeat_is_told_once_and_screens_hear_of_it_after_commit(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    async with home.bus.subscribe(topic(alice.id)) as screen:
        for _ in range(2):
            async with home.db.transaction() as tx:
                await home.notifier.notify(tx, to=alice, type="favourite", by_id=bob.id, subject=7)
        (row,) = await told(home, alice)
        assert (row.type, row.from_id, row.subject) == ("favourite", bob.id, 7)
        heard = await asyncio.wait_for(screen.next(), 1)
        assert heard == (topic(alice.id), {"event": "notification", "id": str(row.id)})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(screen.next(), 0.01)


async def test_what_is_undone_is_no_longer_told(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    async with home.db.transaction() as tx:
        await home.notifier.notify(tx, to=alice, type="favourite", by_id=bob.id, subject=7)
        await home.notifier.notify(tx, to=alice, type="favourite", by_id=bob.id, subject=8)
        await home.notifier.withdraw(tx, to_id=alice.id, type="favourite", by_id=bob.id, subject=7)
    assert [row.subject for row in await told(home, alice)] == [8]


async def test_notifications_are_chosen_by_type_counted_and_dismissed(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    async with home.db.transaction() as tx:
        for type_ in ("follow", "favourite", "mention"):
            await home.notifier.notify(tx, to=alice, type=type_, by_id=bob.id, subject=1)
    async with home.db.transaction() as tx:
        only = await notifications(tx, alice.id, Page(), home.clock.now(), types=["mention"])
        rest = await notifications(tx, alice.id, Page(), home.clock.now(), exclude_types=["mention"])
        assert [row.type for row in only] == ["mention"]
        assert [row.type for row in rest] == ["favourite", "follow"]
        assert await count_newer(tx, alice.id, 0, home.clock.now()) == 3
        assert await count_newer(tx, alice.id, only[0].id, home.clock.now()) == 0
        await dismiss(tx, bob.id, only[0].id)
        assert await count_newer(tx, alice.id, 0, home.clock.now()) == 3
        await dismiss(tx, alice.id, only[0].id)
        assert await count_newer(tx, alice.id, 0, home.clock.now()) == 2
        await dismiss(tx, alice.id)
        assert await count_newer(tx, alice.id, 0, home.clock.now()) == 0


async def test_the_three_cursors_page_as_mastodon_does(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    async with home.db.transaction() as tx:
        for subject in range(10):
            await home.notifier.notify(tx, to=alice, type="favourite", by_id=bob.id, subject=subject)
    everything = await told(home, alice)
    assert [row.subject for row in everything] == list(range(9, -1, -1))
    middle = everything[5].id

    async def subjects(page: Page) -> list[int]:
        return [row.subject for row in await told(home, alice, page)]

    assert await subjects(Page(max_id=middle, limit=2)) == [3, 2]
    assert await subjects(Page(since_id=middle, limit=2)) == [9, 8]
    assert await subjects(Page(min_id=middle, limit=2)) == [6, 5]
    assert await subjects(Page(min_id=middle, max_id=everything[0].id, limit=9)) == [8, 7, 6, 5]


@pytest.mark.parametrize(
    "page",
    [
        Page(limit=10**9),
        Page(limit=-1),
        Page(limit=0),
        Page(max_id=2**70),
        Page(min_id=-(2**70)),
        Page(since_id=2**64, min_id=5),
    ],
)
async def test_absurd_cursors_are_clamped(home: Home, page: Page) -> None:
    alice, bob = await home.person(), await home.stranger()
    async with home.db.transaction() as tx:
        for subject in range(100):
            await home.notifier.notify(tx, to=alice, type="favourite", by_id=bob.id, subject=subject)
    assert len(await told(home, alice, page)) <= 80
