"""What was written into a JSON column is read as it was, by either way."""

import json
from typing import Any

import pytest

from fedispace.db.stored_json import from_json


@pytest.mark.parametrize(
    "value", [[], None, {"a": [1, 2.5, "b", True]}, "\ud800 half a pair", 2**70, "\x00", -0.0, "é😀"]
)
def test_what_is_in_a_column_is_read_as_it_was_written(value: Any) -> None:
    written = json.dumps(value)
    assert from_json(written) == json.loads(written) == value
    assert type(from_json(written)) is type(value)
