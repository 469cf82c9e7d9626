"""How people are shown: never as somebody else, never over their neighbours."""

from datetime import timedelta

import pytest

from fedispace.web.faces import calm, hue_of, initials_of
from fedispace.web.templates import figure
from fedispace.web.times import ago, ahead, length
from tests.web.gallery import NOW


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Alice Moreau", "AM"),
        ("alice", "A"),
        ("داليا عبد الرحمن", "دا"),
        ("渡辺 健二", "渡健"),
        ("✨ Star ✨", "S"),
        ("✨", ""),
        ("", ""),
        ("straße", "S"),
    ],
)
def test_initials_are_those_of_the_first_and_last_word(name: str, initials: str) -> None:
    assert initials_of(name) == initials


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ali\u202ece", "Alice"),
        ("a\u0300\u0301\u0302\u0303\u0304\u0305b", "a\u0300\u0301b"),
        ("two\nlines\tand more", "twolinesand more"),
        ("  spaces   everywhere ", "spaces everywhere"),
        ("x" * 500, "x" * 80),
    ],
)
def test_a_name_cannot_break_the_line_it_stands_in(name: str, shown: str) -> None:
    assert calm(name) == shown


def test_a_handle_has_one_colour_whatever_its_case() -> None:
    assert hue_of("@Alice@a.example") == hue_of("@alice@A.example")


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (1000, "1k"), (1288, "1.3k"), (23_400, "23k"), (1_200_000, "1.2m")],
)
def test_counts_take_little_room(number: int, shown: str) -> None:
    assert figure(number) == shown


def test_times_are_said_in_few_words() -> None:
    assert ago(NOW - timedelta(seconds=20), NOW) == "now"
    assert ago(NOW - timedelta(minutes=59), NOW) == "59 min"
    assert ago(NOW - timedelta(days=3), NOW) == "3 d"
    assert ago(NOW - timedelta(days=400), NOW) == "8 Oct 2025"
    assert ahead(NOW + timedelta(minutes=20), NOW) == "in 20 min"
    assert ahead(NOW + timedelta(hours=3), NOW) == "today 22:24 UTC"
    assert ahead(NOW + timedelta(days=1), NOW) == "tomorrow 19:24 UTC"
    assert ahead(NOW - timedelta(minutes=5), NOW) == "any minute now"
    assert ahead(NOW - timedelta(days=1), NOW) == "waiting for its host"
    assert length(NOW, NOW + timedelta(minutes=130)) == "2 h 10 min"
