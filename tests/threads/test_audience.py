"""Who may see a post: the rule, the same rule in SQL, and how it is written for peers."""

import itertools

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.errors import Invalid, NotFound
from fedispace.federation.vocab.uri import PUBLIC, Uri
from fedispace.threads.audience import (
    VISIBILITIES,
    StatusFacts,
    Viewer,
    Visibility,
    addressees,
    can_view,
    narrower,
    parse_visibility,
    visibility_from,
)
from fedispace.threads.models import Mention, Status
from fedispace.threads.visibility import may_see, require_visible, visible
from tests.threads.conftest import Threads

AUTHOR, READER = 1, 2
FOLLOWERS = Uri("https://a.example/users/alice/followers")
BOB = Uri("https://b.example/users/bob")


def sees(visibility: Visibility, *, author_id: int = AUTHOR, **viewer: bool | int) -> bool:
    facts = StatusFacts(author_id=author_id, visibility=visibility)
    return can_view(Viewer(**{"account_id": READER, **viewer}), facts)  # type: ignore[arg-type]


def test_a_stranger_sees_what_is_public_or_unlisted_and_nothing_else() -> None:
    seen = {
        visibility: can_view(Viewer(), StatusFacts(author_id=AUTHOR, visibility=visibility))
        for visibility in VISIBILITIES
    }
    assert seen == {"public": True, "unlisted": True, "private": False, "direct": False}


def test_a_follower_sees_posts_for_followers_and_others_do_not() -> None:
    assert sees("private", follows_author=True)
    assert not sees("private")


def test_a_direct_post_is_for_those_it_names_and_not_for_followers() -> None:
    assert sees("direct", is_mentioned=True)
    assert not sees("direct", follows_author=True)


def test_whom_the_author_blocks_sees_nothing_of_theirs() -> None:
    for visibility in VISIBILITIES:
        assert not sees(visibility, is_blocked_by_author=True, is_mentioned=True, follows_author=True)


def test_the_author_sees_everything_and_a_suspended_author_is_not_seen() -> None:
    for visibility in VISIBILITIES:
        assert sees(visibility, account_id=AUTHOR)
        gone = StatusFacts(author_id=AUTHOR, visibility=visibility, is_author_suspended=True)
        assert not can_view(Viewer(account_id=AUTHOR), gone)


def test_a_reply_that_waits_is_seen_by_its_author_and_by_whom_it_answers() -> None:
    for visibility in VISIBILITIES:
        waits = StatusFacts(author_id=AUTHOR, visibility=visibility, unapproved=True, answers_id=3)
        assert not can_view(Viewer(), waits)
        assert not can_view(Viewer(account_id=READER, follows_author=True, is_mentioned=True), waits)
        assert can_view(Viewer(account_id=AUTHOR), waits)
        assert can_view(Viewer(account_id=3, is_mentioned=True), waits)
        assert not can_view(Viewer(account_id=3, is_mentioned=True, is_blocked_by_author=True), waits)


@pytest.mark.parametrize("waits", [None, "for-nobody-here", "for-the-viewer"])
async def test_the_rule_in_sql_says_the_same_for_every_combination_of_facts(
    threads: Threads, waits: str | None
) -> None:
    """Every author and viewer relation there can be, each with posts of every visibility.

    `waits`: the posts are replies that have yet to be let in, by the viewer or by somebody else.
    """
    viewer = await threads.home.person("viewer")
    for number, (follows, asks, blocked, mentioned, suspended) in enumerate(
        itertools.product((False, True), repeat=5)
    ):
        author = await threads.home.person(f"author{number}")
        if follows or asks:
            await threads.follow(viewer, author, accepted=follows)
        if blocked:
            await threads.block(author, viewer)
        for visibility in VISIBILITIES:
            (post,) = await threads.post(author, "hi", visibility=visibility)
            async with threads.home.db.transaction() as tx:
                row = await tx.get(Status, post.id)
                assert row is not None
                row.pending_approval = waits is not None
                row.in_reply_to_account_id = viewer.id if waits == "for-the-viewer" else None
                if mentioned:
                    tx.add(Mention(status_id=post.id, account_id=viewer.id, silent=False))
                else:
                    tx.add(Mention(status_id=post.id, account_id=viewer.id, silent=True))
        if suspended:
            async with threads.home.db.transaction() as tx:
                account = await tx.get(Account, author.id)
                assert account is not None
                account.suspended_at = threads.home.clock.now()
        async with threads.home.db.reading() as tx:
            for who in (viewer.id, author.id, None):
                listed = set(
                    await tx.scalars(select(Status.id).where(Status.account_id == author.id, visible(who)))
                )
                posts = await tx.scalars(select(Status).where(Status.account_id == author.id))
                for post in posts.all():
                    expected = can_view(
                        Viewer(
                            account_id=who,
                            follows_author=follows and who == viewer.id,
                            is_mentioned=mentioned and who == viewer.id,
                            is_blocked_by_author=blocked and who == viewer.id,
                        ),
                        StatusFacts(
                            author_id=author.id,
                            visibility=parse_visibility(post.visibility),
                            is_author_suspended=suspended,
                            unapproved=waits is not None,
                            answers_id=viewer.id if waits == "for-the-viewer" else None,
                        ),
                    )
                    assert (post.id in listed) is expected
                    assert await may_see(tx, who, post) is expected


async def test_what_may_not_be_seen_is_refused_in_the_words_of_what_does_not_exist(
    threads: Threads, alice: Account, carol: Account
) -> None:
    (post,) = await threads.post(alice, "secret", visibility="private")
    async with threads.home.db.reading() as tx:
        with pytest.raises(NotFound) as hidden:
            await require_visible(tx, carol.id, post.id)
        with pytest.raises(NotFound) as missing:
            await require_visible(tx, carol.id, 12345)
    assert hidden.value.detail == missing.value.detail


async def test_a_boost_is_not_seen_by_whom_the_author_of_the_post_blocks(
    threads: Threads, alice: Account, carol: Account
) -> None:
    viewer = await threads.home.person("viewer")
    (post,) = await threads.post(alice, "hello")
    passed_on = await threads.boosting.boost(carol, post.id)
    await threads.block(alice, viewer)
    async with threads.home.db.reading() as tx:
        assert not await may_see(tx, viewer.id, passed_on)
        assert passed_on.id not in set(await tx.scalars(select(Status.id).where(visible(viewer.id))))


@pytest.mark.parametrize("visibility", VISIBILITIES)
def test_what_is_written_for_peers_reads_back_as_the_same_visibility(visibility: Visibility) -> None:
    told = addressees(visibility, FOLLOWERS, [BOB])
    assert visibility_from(told.to, told.cc, FOLLOWERS) == visibility
    assert BOB in (*told.to, *told.cc)
    assert (PUBLIC in (*told.to, *told.cc)) is (visibility in ("public", "unlisted"))


def test_only_the_authors_own_followers_make_a_post_one_for_followers() -> None:
    theirs = "https://evil.example/users/mallory/followers"
    assert visibility_from([theirs], [], FOLLOWERS) == "direct"
    assert visibility_from([], [FOLLOWERS], FOLLOWERS) == "private"
    assert visibility_from([], [], None) == "direct"


def test_the_narrower_of_two_visibilities_is_that_of_fewer_readers() -> None:
    assert narrower("public", "private") == "private"
    assert narrower("direct", "unlisted") == "direct"


def test_a_visibility_nobody_knows_is_refused() -> None:
    with pytest.raises(Invalid):
        parse_visibility("limited")
