"""Questions, in the shapes peers send them (row 52 of the notes, FEP-9967)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedispace.federation import codec
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.polls import Poll, PollOption
from fedispace.federation.vocab.uri import Uri

AUTHOR = "https://m.example/users/ada"
END = datetime(2026, 11, 13, 19, 40, tzinfo=UTC)

pytestmark = pytest.mark.row(52)


def question(**fields: Any) -> Note:
    document = {"id": f"{AUTHOR}/1", "type": "Question", "attributedTo": AUTHOR, "content": "<p>Rye?</p>"}
    found = codec.read({**document, **fields})
    assert isinstance(found, Note)
    return found


def option(name: str, votes: int | None = None, **more: Any) -> dict[str, Any]:
    replies = {"type": "Collection", **({} if votes is None else {"totalItems": votes})}
    return {"type": "Note", "name": name, "replies": replies, **more}


def test_one_of_and_any_of_say_how_many_may_be_chosen() -> None:
    options = [option("yes", 2), option("no", 0)]
    one, many = question(oneOf=options).poll, question(anyOf=options).poll
    assert one is not None
    assert many is not None
    assert (one.multiple, many.multiple) == (False, True)
    assert one.options == (PollOption(name="yes", votes=2), PollOption(name="no", votes=0))


def test_an_option_may_have_its_words_in_content_or_in_a_map() -> None:
    named = question(
        oneOf=[{"type": "Note", "content": "yes"}, {"type": "Note", "nameMap": {"en": "no"}}]
    ).poll
    assert named is not None
    assert [each.name for each in named.options] == ["yes", "no"]


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        (True, (None, True)),
        (False, (None, False)),
        ("2026-11-13T19:40:00Z", (END, False)),
        (7, (None, False)),
    ],
)
def test_closed_is_a_date_or_just_true(closed: object, expected: tuple[datetime | None, bool]) -> None:
    poll = question(oneOf=[option("yes"), option("no")], closed=closed).poll
    assert poll is not None
    assert (poll.closed, poll.is_closed) == expected


def test_the_end_and_the_number_of_voters_are_read() -> None:
    poll = question(
        oneOf=[option("yes", 1), option("no", 1)], endTime="2026-11-13T19:40:00Z", votersCount=2
    ).poll
    assert poll is not None
    assert (poll.end_time, poll.voters_count) == (END, 2)


def test_votes_that_are_not_told_are_unknown_and_not_none() -> None:
    poll = question(oneOf=[option("yes"), {"type": "Note", "name": "no"}]).poll
    assert poll is not None
    assert [each.votes for each in poll.options] == [None, None]


def test_five_hundred_options_are_read_and_no_more_each_of_them_once() -> None:
    poll = question(oneOf=[option(f"number {number}") for number in range(600)]).poll
    assert poll is not None
    assert len(poll.options) == 500
    twice = question(oneOf=[option("yes", 1), option("yes", 9), option("no")]).poll
    assert twice is not None
    assert [each.name for each in twice.options] == ["yes", "no"]


@pytest.mark.parametrize(
    "options",
    [None, [], "yes", 7, [option("only one")], [1, 2], [{"type": "Note"}], [option(" "), option("")]],
)
def test_a_question_without_a_choice_is_a_post_without_a_poll(options: object) -> None:
    assert question(oneOf=options).poll is None


def test_a_note_has_no_poll_whatever_it_says() -> None:
    assert question(type="Note", oneOf=[option("yes"), option("no")]).poll is None


def test_a_poll_is_written_as_peers_read_it() -> None:
    poll = Poll(
        options=(PollOption(name="yes", votes=3), PollOption(name="no", votes=0)),
        end_time=END,
        closed=END,
        voters_count=3,
    )
    written = codec.write(
        Note(id=Uri(f"{AUTHOR}/1"), attributed_to=Uri(AUTHOR), type="Question", content="<p>?</p>", poll=poll)
    )
    assert written["oneOf"] == [
        {"type": "Note", "name": "yes", "replies": {"type": "Collection", "totalItems": 3}},
        {"type": "Note", "name": "no", "replies": {"type": "Collection", "totalItems": 0}},
    ]
    assert "anyOf" not in written
    assert written["endTime"] == written["closed"] == "2026-11-13T19:40:00Z"
    assert written["votersCount"] == 3
    assert {"votersCount": "toot:votersCount"}.items() <= written["@context"][1].items()


def test_a_number_that_is_kept_back_is_not_written() -> None:
    poll = Poll(options=(PollOption(name="yes"), PollOption(name="no")), multiple=True)
    written = codec.write(Note(id=Uri(f"{AUTHOR}/1"), attributed_to=Uri(AUTHOR), type="Question", poll=poll))
    assert [each["replies"] for each in written["anyOf"]] == [{"type": "Collection"}] * 2


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, JSON, JSON, JSON)
def test_whatever_stands_there_a_question_is_read(one: Any, many: Any, closed: Any, voters: Any) -> None:
    found = question(oneOf=one, anyOf=many, closed=closed, endTime=closed, votersCount=voters)
    assert found.poll is None or len(found.poll.options) >= 2
