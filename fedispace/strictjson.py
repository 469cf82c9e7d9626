"""The one JSON loader for what strangers send (RFC 8259 made unambiguous, as RFC 7493 asks).

The standard library's decoder keeps the last of two equal keys, takes `NaN`, makes lone surrogates
that no encoder accepts and `\\u0000` that PostgreSQL refuses, and recurses as deep as it is told. Two
readers that disagree about a document are an attack, so everything ambiguous is refused here.

The ordinary note pays for almost none of it: most limits cannot be reached by a short text, and the
rare escapes are looked for in the text before any string is looked at.
"""

import json
import math
import re
from typing import Any, NoReturn

from fedispace.errors import Invalid

MAX_DEPTH = 32
MAX_NODES = 20_000
MAX_STRING = 256 * 1024

_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def loads(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`; raises `Invalid`, and nothing else, for any bytes."""
    document = loads_any(raw)
    if type(document) is not dict:
        raise Invalid("JSON: an object is expected")
    return document


def loads_any(raw: bytes) -> Any:
    """Return the JSON value in `raw` under the same rules."""
    try:
        text = raw.decode("utf-8")
        document = _DECODER.decode(text)
    except UnicodeDecodeError:
        raise Invalid("JSON: not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Invalid(f"JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise Invalid("JSON: nested too deeply") from None
    _check(document, text)
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Invalid("JSON: a key is repeated")
    return members


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= (number := int(digits)) < 2**63:
        raise Invalid("JSON: a number exceeds 64 bits")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Invalid("JSON: a number is out of range")
    return number


def _constant(_: str) -> NoReturn:
    raise Invalid("JSON: not a number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _check(document: Any, text: str) -> None:
    """Apply the limits that the decoder has no hook for.

    A value takes at least two characters of text (itself and a separator), so a short text cannot
    hold too many; a text with few opening brackets cannot be deep.
    """
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _check_depth(document)
    if len(text) > MAX_NODES or ("\\u" in text and _SUSPECT.search(text)):
        _check_values(document)


def _check_values(document: Any) -> None:
    nodes = 0
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if type(value) is str:
            _check_string(value)
        elif type(value) is list:
            waiting.extend(value)
        elif type(value) is dict:
            waiting.extend(value.keys())
            waiting.extend(value.values())
            nodes -= len(value)
        nodes += 1
        if nodes + len(waiting) > 2 * MAX_NODES:
            break
    if nodes > MAX_NODES or waiting:
        raise Invalid("JSON: too many values")


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            member
            for container in level
            for member in (container.values() if type(container) is dict else container)
            if type(member) is dict or type(member) is list
        ]
        if not level:
            return
    raise Invalid("JSON: nested too deeply")


def _check_string(text: str) -> None:
    if len(text) > MAX_STRING:
        raise Invalid("JSON: a string is too long")
    if "\0" in text:
        raise Invalid("JSON: a string holds NUL")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Invalid("JSON: a string holds half a surrogate pair") from None
