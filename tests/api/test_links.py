"""Pagination headers."""

from yarl import URL

from fedispace.api.entities.shape import Paged
from fedispace.api.links import link_header, page_of

ORIGIN = "https://a.example"


def test_the_next_page_is_older_and_the_previous_newer() -> None:
    link = link_header(ORIGIN, URL("/api/v1/timelines/home?limit=2"), [9, 7])
    assert link == (
        '<https://a.example/api/v1/timelines/home?limit=2&max_id=7>; rel="next", '
        '<https://a.example/api/v1/timelines/home?limit=2&min_id=9>; rel="prev"'
    )


def test_the_cursors_of_the_page_itself_are_not_carried_on() -> None:
    link = link_header(ORIGIN, URL("/x?max_id=1&since_id=2&min_id=3&types%5B%5D=follow"), [5])
    assert link is not None
    assert URL(link[1 : link.index(">")]).query_string == "types[]=follow&max_id=5"


def test_an_empty_page_has_no_next() -> None:
    assert link_header(ORIGIN, URL("/x"), []) is None


def test_the_address_is_ours_whatever_was_asked() -> None:
    link = link_header(ORIGIN, URL("//evil.example/x"), [5])
    assert link is not None
    assert link.startswith("<https://a.example/")


def test_a_limit_nobody_means_is_clamped() -> None:
    assert page_of(Paged(limit=10**9)).limit == 40
    assert page_of(Paged(limit=-3)).limit == 1
    assert page_of(Paged()).limit == 20
