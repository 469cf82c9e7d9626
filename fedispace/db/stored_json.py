"""Reading the JSON of a column: a page of a timeline has sixty of them, and most are an empty list.

msgspec takes a tenth of the time of the standard library (0.2 against 2 us each). It refuses what
`json.dumps` may have written all the same, such as half of a surrogate pair: that is read as it was written.
"""

import json
from typing import Any

import msgspec


def from_json(stored: str | bytes) -> Any:
    """Return what a column holds."""
    try:
        return msgspec.json.decode(stored)
    except ValueError:
        return json.loads(stored)
