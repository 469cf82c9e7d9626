"""Pages that keep a parser busy: they cost no more than others of their length."""

import time

import pytest

from fedispace.accounts.link_checks import MAX_PAGE, me_links
from fedispace.federation.host_meta import MAX_HOST_META, lrdd_address
from fedispace.spaces.description import to_text
from fedispace.start_tags import start_tags

UNFINISHED = (
    *("<", "<a ", "<a =", "<a/", "</a ", '<a href="', "<a x='", '<a rel="', "<a rel='\" ", "<link rel= "),
    *("<!--", "<!", "<?", "<![CDATA[", "<!a", "<script>", "&", "<div>", "<a><div>", "<a><b>", "<p></b>"),
    *("<a rel=me rel=", "<a rel", "rel=", "<a " + "rel='me\" " * 200),
)


@pytest.mark.parametrize("piece", UNFINISHED)
def test_a_page_of_unfinished_tags_costs_no_more_than_its_length(piece: str) -> None:
    page = (piece * (MAX_PAGE // len(piece) + 1))[:MAX_PAGE]
    began = time.process_time()
    me_links(page)
    assert time.process_time() - began < 1
    began = time.process_time()
    lrdd_address(page[:MAX_HOST_META].encode(), "acct:a@b.example")
    assert time.process_time() - began < 0.5
    began = time.process_time()
    to_text(page)
    assert time.process_time() - began < 0.5


def test_tags_are_found_with_what_they_say() -> None:
    page = """<html><LINK rel='me nofollow' href="https://a.example/?x=1&amp;y=2">
    <!-- <a rel="me" href="https://hidden.example"> --> <a class=x rel=me href=https://b.example/>b</a>
    <a href="https://c.example">c</a><abbr rel="me" href="https://no.example">"""
    assert me_links(page) == {"https://a.example/?x=1&y=2", "https://b.example/"}
    assert [tag.get("href") for tag in start_tags(page, "a")][-1] == "https://c.example"


def test_a_link_is_not_made_of_what_another_attribute_says() -> None:
    assert me_links("""<a title="rel='me' href='https://evil.example'" href="https://b.example">""") == set()
