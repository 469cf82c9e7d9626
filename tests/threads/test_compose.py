"""From typed text to a post."""

import time

import pytest

from fedispace.errors import Invalid
from fedispace.federation.addresses import Addresses
from fedispace.threads.compose import (
    MAX_CHARACTERS,
    Named,
    checked,
    find_mentions,
    find_tags,
    length,
    render,
)

ADDRESSES = Addresses("https://a.example", "a.example")
ALICE = {("alice", ""): Named(username="alice", url="https://a.example/@alice")}


def rendered(text: str) -> str:
    return render(text, ALICE, ADDRESSES)


def test_paragraphs_and_line_breaks_are_kept() -> None:
    assert rendered("one\ntwo\n\n\nthree") == "<p>one<br>two</p><p>three</p>"


def test_typed_markup_is_shown_as_it_was_typed() -> None:
    assert rendered("<b>1 & 2</b>") == "<p>&lt;b&gt;1 &amp; 2&lt;/b&gt;</p>"


def test_an_address_becomes_a_link_without_the_punctuation_around_it() -> None:
    for text, link in (
        ("see https://c.example/x.", "https://c.example/x"),
        ("(https://c.example/a_(b))", "https://c.example/a_(b)"),
        ("https://c.example/?a=1&b=2!", "https://c.example/?a=1&amp;b=2"),
        ("“https://c.example/@bob/1”…", "https://c.example/@bob/1”"),
    ):
        assert f'href="{link}"' in rendered(text), text


def test_a_mention_of_somebody_who_exists_is_a_link_and_of_nobody_is_text() -> None:
    assert 'href="https://a.example/@alice"' in rendered("hi @Alice!")
    assert rendered("hi @nobody") == "<p>hi @nobody</p>"


def test_an_at_sign_in_an_address_or_a_mail_address_is_no_mention() -> None:
    assert find_mentions("https://c.example/@bob and me@c.example and @dave@d.example.") == [
        ("dave", "d.example")
    ]


def test_mentions_are_found_once_whatever_their_case() -> None:
    assert find_mentions("@Bob@B.example @bob@b.example @carol @bob@b.example:8443") == [
        ("bob", "b.example"),
        ("carol", ""),
        ("bob", "b.example:8443"),
    ]


def test_hashtags_have_a_letter_and_are_found_once() -> None:
    assert find_tags("#Rust #rust #über #2024 #a1 a#b &#39; https://c.example/#frag ＃日本") == [
        "Rust",
        "über",
        "a1",
        "日本",
    ]


def test_length_counts_what_a_reader_sees() -> None:
    assert length("https://c.example/" + "x" * 100) == 23
    assert length("@bob@b.example hi") == len("@bob hi")
    assert length("e\u0301") == 1
    assert length("👨‍👩‍👧") == 1
    assert length("👍🏽") == 1
    assert length("🇫🇷🇩🇪") == 2


def test_a_text_that_is_empty_or_too_long_is_refused() -> None:
    assert checked("x" * MAX_CHARACTERS)
    for text in ("", " \n\t ", "\0", "x" * (MAX_CHARACTERS + 1), "https://c.example/" + "x" * 70_000):
        with pytest.raises(Invalid):
            checked(text)


def test_text_is_stored_composed_and_without_control_characters() -> None:
    assert checked("e\u0301\r\nx\0\x07\ud800 ") == "é\nx"


def test_hostile_text_is_read_in_linear_time() -> None:
    for bomb in ("@" * 60_000, "https://" + ")" * 60_000, "@a." * 20_000, "#·" * 30_000, "http://" * 9_000):
        began = time.process_time()
        length(bomb)
        rendered(bomb)
        assert time.process_time() - began < 0.5
