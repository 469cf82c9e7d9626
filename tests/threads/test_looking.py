"""When the rest of a conversation is looked for, and what a tree of it looks like: pure rules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedispace.errors import Gone, Invalid, NotFound, Refused, Unavailable
from fedispace.threads.looking import pause_after, spread
from fedispace.threads.missing import GONE, LONGEST_WAIT, MAX_TRIES, is_due, reason_of
from fedispace.threads.models import MissingPost, Status
from fedispace.threads.tree import grow

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_conversation_rests_longer_and_longer() -> None:
    pauses = [pause_after(looks) for looks in range(1, 12)]
    assert pauses[:4] == [timedelta(minutes=minutes) for minutes in (5, 15, 45, 135)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == pause_after(10_000) == timedelta(days=1)


def test_two_servers_wait_different_whiles_of_less_than_a_minute() -> None:
    uris = [f"https://b.example/notes/{number}" for number in range(100)]
    waits = {
        origin: [spread(origin, uri) for uri in uris] for origin in ("https://a.example", "https://c.example")
    }
    assert all(timedelta(0) <= wait < timedelta(minutes=1) for some in waits.values() for wait in some)
    assert waits["https://a.example"] != waits["https://c.example"]
    assert len(set(waits["https://a.example"])) > 90


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Gone(""), GONE),
        (NotFound(""), "not_found"),
        (Refused("peer_unauthorized"), "peer_unauthorized"),
        (Invalid(""), "unreadable"),
        (Unavailable(""), "unavailable"),
    ],
)
def test_each_failure_has_a_reason(error: Gone, reason: str) -> None:
    assert reason_of(error) == reason


def test_a_missing_post_is_asked_for_after_longer_and_longer_and_not_for_ever() -> None:
    def post(tries: int, reason: str = "unavailable") -> MissingPost:
        return MissingPost(uri="https://b.example/1", reason=reason, tries=tries, tried_at=NOW)

    assert not is_due(post(1), NOW + timedelta(minutes=14))
    assert is_due(post(1), NOW + timedelta(minutes=15))
    assert not is_due(post(2), NOW + timedelta(minutes=59))
    assert is_due(post(2), NOW + timedelta(hours=1))
    assert is_due(post(MAX_TRIES - 1), NOW + LONGEST_WAIT)
    assert not is_due(post(MAX_TRIES), NOW + timedelta(days=365))
    assert not is_due(post(1, GONE), NOW + timedelta(days=365))


def a_post(id_: int, answers: int | None = None, uri: str | None = None, author: int = 1) -> Status:
    return Status(
        id=id_, uri=f"u{id_}", account_id=author, in_reply_to_id=answers, in_reply_to_uri=uri or (
            f"u{answers}" if answers else None
        ),
    )  # fmt: skip


def gone(uri: str, below: str | None = None, reason: str = "deleted") -> MissingPost:
    return MissingPost(uri=uri, in_reply_to_uri=below, reason=reason)


def drawn(posts: list[Status], missing: list[MissingPost] | None = None, **how: str) -> list[str]:
    return [node.uri for top in grow(posts, missing or [], **how) for node in top.walk()]  # type: ignore[arg-type]


def test_the_authors_own_answers_come_first_and_the_others_by_age() -> None:
    posts = [a_post(1), a_post(2, 1, author=2), a_post(3, 1, author=3), a_post(4, 1), a_post(5, 2, author=3)]
    assert drawn(posts) == ["u1", "u4", "u2", "u5", "u3"]
    assert drawn(posts, order="newest") == ["u1", "u4", "u3", "u2", "u5"]


def test_an_empty_place_stands_where_a_post_was_deleted_and_only_while_something_hangs_there() -> None:
    posts = [a_post(1), a_post(3, uri="u2"), a_post(4, 1)]
    assert drawn(posts, [gone("u2", "u1"), gone("u9", "u1")]) == ["u1", "u4", "u2", "u3"]
    (top,) = grow(posts, [gone("u2", "u1")])
    assert [node.fate for node in top.walk()] == ["here", "here", "deleted", "here"]
    assert drawn(posts, [gone("u2", None, "unavailable")]) == ["u1", "u4", "u2", "u3"]


def test_below_what_is_hidden_nothing_is_shown() -> None:
    assert drawn([a_post(1), a_post(3, 2), a_post(4, 3)]) == ["u1"]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=12),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=6),
)
def test_whatever_posts_claim_the_tree_ends_and_shows_none_twice(
    answers: list[tuple[int, bool]], places: list[tuple[int, int]]
) -> None:
    posts = [
        a_post(id_, above or None) if known else a_post(id_, None, f"u{above}")
        for id_, (above, known) in enumerate(answers, 1)
    ]
    seen = drawn(posts, [gone(f"u{uri}", f"u{below}") for uri, below in places])
    assert len(seen) == len(set(seen))
