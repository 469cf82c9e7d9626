"""What scopes include. Pure."""

import pytest

from fedispace.accounts.scopes import covers, may_ask, parse, text_of
from fedispace.errors import Invalid


@pytest.mark.parametrize("text", ["rule", "read:everything", "READ", "read,write", "x " * 2000])
def test_an_unknown_scope_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse(text)


@pytest.mark.parametrize(
    ("granted", "required"),
    [
        ("read", "write:statuses"),
        ("read:statuses", "read:accounts"),
        ("read:statuses", "read"),
        ("profile", "read:accounts"),
        ("follow", "write:statuses"),
        ("write", "push"),
        ("push", "read"),
    ],
)
def test_a_scope_does_not_give_what_it_does_not_name(granted: str, required: str) -> None:
    assert not covers(parse(granted), required)


@pytest.mark.parametrize(
    ("granted", "required"),
    [
        ("read", "read:statuses"),
        ("write", "write:statuses"),
        ("follow", "write:follows"),
        ("follow", "read:mutes"),
        ("read", "profile"),
        ("read:accounts", "profile"),
        ("read write push", "push"),
    ],
)
def test_a_scope_gives_its_parts(granted: str, required: str) -> None:
    assert covers(parse(granted), required)


def test_none_asked_means_read() -> None:
    assert parse(None) == parse("") == {"read"}


def test_scopes_are_written_in_one_order() -> None:
    assert text_of(parse("write read follow")) == "follow read write"


def test_a_client_may_ask_for_less_but_not_for_more() -> None:
    assert may_ask(parse("read write"), parse("read:statuses write"))
    assert not may_ask(parse("read:statuses"), parse("read"))
