"""The JSON loader for strangers: what is ambiguous is refused, and nothing else is ever raised."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedispace import strictjson
from fedispace.errors import Invalid


def refusal(raw: bytes) -> str:
    with pytest.raises(Invalid) as error:
        strictjson.loads(raw)
    return error.value.detail


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":1,"id":2}',
        b'{"a":{"id":1,"id":2}}',
        b'{"id":1,"\\u0069d":2}',
    ],
)
def test_a_repeated_key_is_refused(raw: bytes) -> None:
    assert "repeated" in refusal(raw)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"])
def test_a_number_that_is_none_is_refused(number: bytes) -> None:
    refusal(b'{"a":' + number + b"}")


def test_an_integer_beyond_64_bits_is_refused() -> None:
    assert strictjson.loads(b'{"a":9223372036854775807}') == {"a": 2**63 - 1}
    assert strictjson.loads(b'{"a":-9223372036854775808}') == {"a": -(2**63)}
    assert "64 bits" in refusal(b'{"a":9223372036854775808}')
    assert "64 bits" in refusal(b'{"a":' + b"9" * 5000 + b"}")


@pytest.mark.parametrize("text", [b"\\ud800", b"\\uDFFF", b"\\udc00\\ud800", b"\\ud83d x"])
def test_half_a_surrogate_pair_is_refused(text: bytes) -> None:
    assert "surrogate" in refusal(b'{"a":"' + text + b'"}')
    assert "surrogate" in refusal(b'{"' + text + b'":1}')
    assert "surrogate" in refusal(b'{"a":[{"b":["' + text + b'"]}]}')


def test_nul_is_refused_in_a_value_and_in_a_key() -> None:
    assert "NUL" in refusal(b'{"a":"x\\u0000"}')
    assert "NUL" in refusal(b'{"\\u0000":1}')


def test_what_only_looks_like_a_forbidden_escape_is_taken() -> None:
    assert strictjson.loads(b'{"a":"\\\\u0000 \\\\ud800"}') == {"a": "\\u0000 \\ud800"}
    assert strictjson.loads(b'{"a":"\\ud83d\\ude00 \\u003cp\\u003e"}') == {"a": "\U0001f600 <p>"}


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff", b'\xef\xbb\xbf{"a":1}', '{"a":1}'.encode("utf-16"), b'{"a":"\xed\xa0\x80"}', b'{"a":1} x'],
)
def test_what_is_not_json_in_utf8_is_refused(raw: bytes) -> None:
    refusal(raw)


@pytest.mark.parametrize("raw", [b"[]", b'"a"', b"1", b"null"])
def test_what_is_not_an_object_is_refused(raw: bytes) -> None:
    assert "object" in refusal(raw)


def test_depth_is_bounded() -> None:
    assert strictjson.loads(nested(32))
    assert "deep" in refusal(nested(33))
    assert "deep" in refusal(b'{"a":' + b"[" * 32 + b"]" * 32 + b"}")
    assert "deep" in refusal(nested(100_000))
    assert "deep" in refusal(b'{"a":' + b"[" * 200_000)


def test_many_shallow_lists_are_not_deep() -> None:
    assert len(strictjson.loads(b'{"a":[' + b",".join([b"[]"] * 1000) + b"]}")["a"]) == 1000


def test_the_number_of_values_is_bounded() -> None:
    assert strictjson.loads(b'{"a":[' + b"1," * 19_000 + b"1]}")
    assert "too many" in refusal(b'{"a":[' + b"1," * 20_000 + b"1]}")
    many = ",".join(f'"{number}":1' for number in range(20_001))
    assert "too many" in refusal(b"{" + many.encode() + b"}")


def test_the_length_of_a_string_is_bounded() -> None:
    assert strictjson.loads(b'{"a":"' + b"x" * 256 * 1024 + b'"}')
    assert "too long" in refusal(b'{"a":"' + b"x" * (256 * 1024 + 1) + b'"}')
    assert "too long" in refusal(b'{"' + b"x" * (256 * 1024 + 1) + b'":1}')


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=5
        )
    ),
    max_leaves=30,
)


@settings(max_examples=200, deadline=None, database=None)
@given(document=st.dictionaries(st.text("abc"), JSON, max_size=5), ascii_only=st.booleans())
def test_what_is_sound_comes_through_unchanged(document: dict[str, Any], ascii_only: bool) -> None:
    raw = json.dumps(document, ensure_ascii=ascii_only).encode()
    assert strictjson.loads(raw) == document


FRAGMENTS = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b":",
        b",",
        b"\\u",
        b"d800",
        b"0000",
        b"1e9",
        b"NaN",
        b'"a"',
        b"\xff",
        b"-",
    ]
)


@settings(max_examples=500, deadline=None, database=None)
@given(raw=st.binary(max_size=64) | st.lists(FRAGMENTS, max_size=40).map(b"".join))
def test_no_bytes_make_the_loader_fail(raw: bytes) -> None:
    with contextlib.suppress(Invalid):
        strictjson.loads(raw)
