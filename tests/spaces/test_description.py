"""Plain text with us, HTML on the wire."""

import pytest

from fedispace.spaces import description


def test_text_becomes_paragraphs_and_nothing_in_it_becomes_markup() -> None:
    html = description.to_html('Come <b>ask</b> & "listen"\nanything.\n\nBring tea.')
    assert html == "<p>Come &lt;b&gt;ask&lt;/b&gt; &amp; &quot;listen&quot;<br>anything.</p><p>Bring tea.</p>"


def test_what_one_of_us_writes_another_reads_back() -> None:
    text = "First line\nsecond line\n\nAnother <paragraph> & more."
    assert description.to_text(description.to_html(text)) == text


def test_the_invitation_to_listen_is_left_out() -> None:
    page = "https://a.example/@alice/spaces/1"
    html = f'<p>Come ask.</p><p><a href="{page}">Listen</a></p><p><a href="https://c.example/">Notes</a></p>'
    assert description.to_text(html, without_links_to={page}) == "Come ask.\n\nNotes"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<script>alert(1)</script>Hello", "Hello"),
        ("<style>p{}</style><p onclick=x()>Hello", "Hello"),
        ("<img src=x onerror=alert(1)>Hello", "Hello"),
        ("<p>a</p\x3e<div>b<p>c", "a\n\nb\n\nc"),
        ("<![CDATA[<b>]]>", "]]>"),
        ("<", "<"),
        ("&lt;script&gt;", "<script>"),
        ("", ""),
    ],
)
def test_of_foreign_markup_only_its_text_is_kept(html: str, text: str) -> None:
    assert description.to_text(html) == text


def test_a_book_is_cut() -> None:
    assert len(description.to_text("word " * 100_000)) <= description.MAX_DESCRIPTION
