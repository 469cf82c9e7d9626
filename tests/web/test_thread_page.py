"""The page of a conversation, read without scripts."""

import re

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.threads.models import ConversationState, MissingPost, Status
from fedispace.threads.written import Draft
from tests.web.house import House, Seen, Visitor


async def post(house: House, author: str, *texts: str, to: Status | None = None, spoiler: str = "") -> Status:
    async with house.app.db.reading() as tx:
        account = (await tx.scalars(select(Account).where(Account.username == author))).one()
    drafts = [Draft(text=text, spoiler=spoiler) for text in texts]
    house.clock.advance(seconds=1)
    return (await house.app.publishing.publish(account, drafts, in_reply_to_id=to.id if to else None))[0]


def order_of(page: Seen, *texts: str) -> list[str]:
    return sorted(texts, key=page.text.index)


async def test_replies_are_nested_to_a_depth_and_go_on_elsewhere(
    house: House, alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    root = await post(house, "alice", "the root")
    above = root
    for number in range(1, 8):
        above = await post(house, "bob" if number % 2 else "alice", f"level {number}", to=above)
    page = await stranger.get(f"/@alice/{root.id}")
    assert "7 replies" in page.words
    assert all(f"level {number}" in page.words for number in range(1, 5))
    assert "level 5" not in page.words
    (onward,) = re.findall(r'class="onward" href="([^"]+)"', page.text)
    assert "Continue here: 3 more replies" in page.words
    further = await stranger.get(onward)
    assert "level 5" in further.words
    assert "level 7" in further.words
    assert page.text.count('<details class="below" open>') == 3
    assert page.text.count('class="mark">author<') == 2


async def test_the_authors_own_line_comes_first_and_is_numbered(
    house: House, alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    root = await post(house, "alice", "part one", "part two", "part three")
    await post(house, "bob", "an answer", to=root)
    await post(house, "bob", "a later answer", to=root)
    page = await stranger.get(f"/@alice/{root.id}")
    texts = ("part one", "part two", "part three", "an answer", "a later answer")
    assert order_of(page, *texts) == list(texts)
    assert [number in page.words for number in ("1/3", "2/3", "3/3")] == [True] * 3
    newest = await stranger.get(f"/@alice/{root.id}?sort=newest")
    assert order_of(newest, *texts) == [*texts[:3], "a later answer", "an answer"]
    front = await stranger.get("/")
    assert "3 posts · read on" in front.words
    assert "part two" not in front.words


async def test_a_deleted_post_keeps_its_place_while_replies_hang_there(
    house: House, alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    root = await post(house, "alice", "the root")
    middle = await post(house, "bob", "regretted", to=root)
    await post(house, "alice", "below it", to=middle)
    await post(house, "alice", "a warning hides me", to=middle, spoiler="spiders")
    async with house.app.db.reading() as tx:
        by = (await tx.scalars(select(Account).where(Account.username == "bob"))).one()
    await house.app.deletion.delete(by, middle.id)
    page = await stranger.get(f"/@alice/{root.id}")
    assert "regretted" not in page.text
    assert order_of(page, "the root", "[deleted]", "below it") == ["the root", "[deleted]", "below it"]
    assert re.search(
        r'<details class="fold"><summary>.*?spiders.*?</summary>.*?hides me', page.text, re.DOTALL
    )


async def test_a_post_that_is_not_for_the_reader_leaves_no_trace_nor_what_answers_it(
    house: House, alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    root = await post(house, "alice", "the root")
    async with house.app.db.reading() as tx:
        by = (await tx.scalars(select(Account).where(Account.username == "bob"))).one()
    (hidden,) = await house.app.publishing.publish(
        by, [Draft(text="between us")], in_reply_to_id=root.id, visibility="direct"
    )
    await post(house, "alice", "an answer to it", to=hidden)
    page = await stranger.get(f"/@alice/{root.id}")
    assert "between us" not in page.text
    assert "an answer to it" not in page.text
    assert "[deleted]" not in page.text
    assert "No replies yet" in page.words
    assert "between us" in (await alice.get(f"/@alice/{root.id}")).words


async def test_the_page_says_how_complete_the_conversation_is(
    house: House, alice: Visitor, stranger: Visitor
) -> None:
    root = await post(house, "alice", "the root")
    for number in range(37):
        await post(house, "alice", f"reply {number}", to=root)
    async with house.app.db.transaction() as tx:
        tx.add(ConversationState(id=root.conversation_id, claimed=40, looks=1, requests=1))
        for number in range(2):
            tx.add(
                MissingPost(
                    uri=f"https://b.example/secret-{number}",
                    conversation_id=root.conversation_id,
                    reason="peer_unauthorized",
                    tried_at=house.clock.now(),
                )
            )
    page = await stranger.get(f"/@alice/{root.id}")
    assert "38 of 40, 2 unavailable" in page.words
    assert "secret-" not in page.text


async def test_a_thread_is_read_as_one_article(
    house: House, alice: Visitor, bob: Visitor, stranger: Visitor
) -> None:
    root = await post(house, "alice", "part one", "part two", "part three")
    await post(house, "bob", "an answer", to=root)
    page = await stranger.get(f"/@alice/{root.id}/read")
    assert page.status == 200
    assert order_of(page, "part one", "part two", "part three") == ["part one", "part two", "part three"]
    assert "an answer" not in page.text
    article = page.text.partition('<article class="reading"')[2].partition("</article>")[0]
    assert article.count("Alice Moreau") == 1
    assert page.text.count("<article") == 1
    assert (await stranger.get(f"/@bob/{root.id}/read")).status == 404
    assert (await stranger.get(f"/@alice/{root.id + 1}/read")).status == 404
