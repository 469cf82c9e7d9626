"""What calls are given, however clients write it."""

import contextlib
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedispace.api.entities.shape import Parameters, RowId
from fedispace.api.parameters import nested, shaped
from fedispace.errors import Invalid


class Post(Parameters, frozen=True, kw_only=True):
    text: str


class Everything(Parameters, frozen=True, kw_only=True):
    ids: list[RowId] = []
    words: list[str] = []
    flag: bool = False
    maybe: bool | None = None
    after: RowId | None = None
    text: str = ""
    name: str | None = None
    size: int | None = None
    kind: Literal["a", "b"] | None = None
    posts: Annotated[list[Post], msgspec.Meta(max_length=3)] = []


def read(**tree: object) -> Everything:
    return shaped(tree, Everything)


@pytest.mark.parametrize(
    "pairs",
    [
        [("ids", "7")],
        [("ids[]", "7")],
        [("ids[0]", "7")],
    ],
)
def test_a_list_of_one_may_be_written_in_every_way_clients_do(pairs: list[tuple[str, str]]) -> None:
    assert shaped(nested(pairs), Everything).ids == [7]


def test_repeated_brackets_make_a_list_in_their_order() -> None:
    assert shaped(nested([("ids[]", "2"), ("ids[]", "1")]), Everything).ids == [2, 1]


def test_numbered_brackets_make_a_list_of_structs() -> None:
    pairs = [("posts[1][text]", "second"), ("posts[0][text]", "first")]
    assert [post.text for post in shaped(nested(pairs), Everything).posts] == ["first", "second"]


def test_ids_come_as_strings_or_numbers() -> None:
    assert read(ids=["1", 2], after="3").ids == [1, 2]
    assert read(after=3).after == 3


@pytest.mark.parametrize("yes", ["true", "True", "1", "on", "t", "yes", True, 1])
def test_every_yes_of_a_form_is_true(yes: object) -> None:
    assert read(flag=yes).flag is True


@pytest.mark.parametrize("no", ["false", "0", "off", "f", "no", False, 0, "", None])
def test_every_no_of_a_form_is_false(no: object) -> None:
    assert read(flag=no).flag is False


def test_an_empty_value_is_no_value_except_for_text() -> None:
    found = read(after="", size="", maybe="", kind="", text="", name="")
    assert (found.after, found.size, found.maybe, found.kind) == (None, None, None, None)
    assert (found.text, found.name) == ("", "")


def test_what_is_not_asked_for_is_ignored() -> None:
    assert read(admin="true", role="admin") == Everything()


@pytest.mark.parametrize(
    "tree",
    [
        {"after": "seven"},
        {"after": str(2**70)},
        {"after": "-1"},
        {"after": "' OR 1=1 --"},
        {"flag": "perhaps"},
        {"kind": "c"},
        {"text": {"a": "b"}},
        {"text": "a\x00b"},
        {"ids": [["1"]]},
        {"posts": [{}]},
        {"posts": [{"text": "a"}] * 4},
        {"size": float("nan")},
    ],
)
def test_what_cannot_be_meant_is_refused(tree: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        shaped(tree, Everything)


def test_a_flood_of_parameters_is_refused() -> None:
    with pytest.raises(Invalid):
        nested((f"p{number}", "") for number in range(1001))


names = st.one_of(
    st.sampled_from([*Everything.__struct_fields__]),
    st.from_regex(r"[a-z]{0,5}(\[[a-z0-9]{0,5}\]){0,4}", fullmatch=True),
    st.text(max_size=12),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
)


@given(st.lists(st.tuples(names, st.text(max_size=20)), max_size=20))
def test_no_form_does_anything_but_be_read_or_be_refused(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(Invalid):
        shaped(nested(pairs), Everything)


@given(st.dictionaries(names, values, max_size=8))
def test_no_json_does_anything_but_be_read_or_be_refused(tree: dict[str, object]) -> None:
    with contextlib.suppress(Invalid):
        shaped(tree, Everything)
