"""What stands before and after a post."""

from fedispace.accounts.models import Account
from fedispace.threads import conversation
from fedispace.threads.models import Status
from tests.threads.conftest import Threads, a_note


async def around(threads: Threads, viewer: Account | None, status: Status) -> tuple[list[int], list[int]]:
    viewer_id = viewer.id if viewer else None
    async with threads.home.db.reading() as tx:
        before = await conversation.ancestors(tx, viewer_id, status)
        after = await conversation.descendants(tx, viewer_id, status, threads.home.clock.now())
    return [post.id for post in before], [post.id for post in after]


async def test_the_authors_own_line_comes_first_and_each_reply_brings_its_own_replies(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (root,) = await threads.post(alice, "root")
    (aside,) = await threads.post(carol, "aside", in_reply_to_id=root.id)
    (second,) = await threads.post(alice, "second", in_reply_to_id=root.id)
    (below,) = await threads.post(alice, "below", in_reply_to_id=aside.id)
    (third,) = await threads.post(alice, "third", in_reply_to_id=second.id)
    assert await around(threads, None, root) == ([], [second.id, third.id, aside.id, below.id])
    assert await around(threads, None, third) == ([root.id, second.id], [])


async def test_what_the_viewer_may_not_see_is_left_out_with_all_beyond_it(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (root,) = await threads.post(alice, "root")
    (hidden,) = await threads.post(carol, "hidden", in_reply_to_id=root.id, visibility="direct")
    (beyond,) = await threads.post(alice, "beyond", in_reply_to_id=hidden.id, visibility="public")
    assert await around(threads, None, root) == ([], [])
    assert await around(threads, None, beyond) == ([], [])
    assert await around(threads, alice, beyond) == ([root.id, hidden.id], [])


async def test_replies_of_people_one_blocks_are_left_out(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (root,) = await threads.post(alice, "root")
    (reply,) = await threads.post(carol, "reply", in_reply_to_id=root.id)
    assert (await around(threads, alice, root))[1] == [reply.id]
    await threads.block(alice, carol)
    assert (await around(threads, alice, root))[1] == []


async def test_two_posts_that_claim_to_answer_each_other_make_no_endless_walk(
    threads: Threads, bob: Account
) -> None:
    one, other = a_note(number=1), a_note(number=2)
    async with threads.home.db.transaction() as tx:
        first = await threads.ingest.store_note(tx, a_note(number=1, in_reply_to=other.id))
        second = await threads.ingest.store_note(tx, a_note(number=2, in_reply_to=one.id))
    before, after = await around(threads, None, first)
    assert set(before) | set(after) <= {first.id, second.id}


async def test_a_thread_is_shown_whole_and_in_order_from_any_of_its_posts(
    threads: Threads, alice: Account
) -> None:
    posts = await threads.post(alice, "one", "two", "three")
    async with threads.home.db.reading() as tx:
        for post in posts:
            shown = await conversation.thread_posts(tx, None, post)
            assert [one.id for one in shown] == [one.id for one in posts]
