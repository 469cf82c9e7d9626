"""One reader for everything a call is given: path, query, form, multipart and JSON, in that trust.

Clients differ in how they write the same thing: `id=1`, `id[]=1`, `id[0]=1`, `{"id": ["1"]}`; `true`,
`1` and `on`; ids as strings and as numbers. Handlers see one struct.
"""

import math
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from fedispace import strictjson
from fedispace.errors import Invalid, NotFound

T = TypeVar("T")

MAX_PARAMETERS = 1000
_BRACKETS = re.compile(r"\[([^\[\]]{0,64})\]")
_INDEX = re.compile(r"[0-9]{1,4}")
_YES = frozenset({"1", "t", "true", "on", "yes"})
_NO = frozenset({"0", "f", "false", "off", "no"})

Tree = dict[str, Any]


async def read(request: web.Request, wanted: type[T]) -> T:
    """Return what `request` gives, as `wanted`; raises `Invalid`, or `NotFound` for a path no row has."""
    in_path = dict(request.match_info)
    try:
        known: object = msgspec.convert(in_path, _part_of(wanted, frozenset(in_path)), strict=False)
    except msgspec.ValidationError:
        raise NotFound("no such id") from None
    tree = nested(request.query.items())
    tree |= await _body(request)
    tree |= {name: getattr(known, name) for name in in_path}
    return shaped(tree, wanted)


def shaped(tree: Mapping[str, Any], wanted: type[T]) -> T:
    """Turn loosely written parameters into `wanted`; raises `Invalid` with the culprit's name."""
    try:
        return msgspec.convert(_loosened(tree, wanted), wanted, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(_plain(str(error))) from error


def nested(pairs: Iterable[tuple[str, Any]]) -> Tree:
    """Fold `a[]=1&a[]=2&b[c]=3` into `{"a": ["1", "2"], "b": {"c": "3"}}`; of a file its name is kept."""
    tree: Tree = {}
    for count, (key, value) in enumerate(pairs):
        if count >= MAX_PARAMETERS:
            raise Invalid("too many parameters")
        if not isinstance(value, str):
            if getattr(value, "filename", None):
                tree[key] = value.filename
            continue
        name, inner = _split(key)
        if not inner:
            tree[name] = value
        elif inner == ("",):
            many = tree.setdefault(name, [])
            if isinstance(many, list):
                many.append(value)
        else:
            _put(tree, (name, *inner), value)
    return tree


def _split(key: str) -> tuple[str, tuple[str, ...]]:
    head, bracket, _ = key.partition("[")
    if not bracket:
        return key, ()
    return head, tuple(_BRACKETS.findall(key[len(head) :]))[:3]


def _put(tree: Tree, path: tuple[str, ...], value: str) -> None:
    *branches, leaf = path
    for branch in branches:
        below = tree.setdefault(branch, {})
        if not isinstance(below, dict):
            return
        tree = below
    if leaf == "":
        leaf = str(len(tree))
    tree[leaf] = value


async def _body(request: web.Request) -> Tree:
    if not request.can_read_body:
        return {}
    if request.content_type == "application/json":
        raw = await request.read()
        return strictjson.loads(raw) if raw.strip() else {}
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        try:
            return nested((await request.post()).items())
        except (ValueError, LookupError, AssertionError, HttpProcessingError) as error:
            raise Invalid("the form cannot be read") from error
    return {}


def _part_of(wanted: type, names: frozenset[str]) -> type:
    """Return a struct of only those fields of `wanted` that stand in the path."""
    key = (wanted, names)
    if key not in _PARTS:
        fields = [(each.name, each.type) for each in msgspec.structs.fields(wanted) if each.name in names]
        _PARTS[key] = msgspec.defstruct(f"{wanted.__name__}Path", fields)
    return _PARTS[key]


_PARTS: dict[tuple[type, frozenset[str]], type] = {}


def _loosened(tree: Mapping[str, Any], wanted: type) -> Tree:
    out: Tree = {}
    for each in msgspec.structs.fields(wanted):
        if each.encode_name not in tree:
            continue
        value = _loose(tree[each.encode_name], each.type)
        if value is not _ABSENT:
            out[each.encode_name] = value
    return out


_ABSENT = object()


def _loose(value: Any, wanted: Any) -> Any:
    """Bend one value towards its type; what cannot be bent is left for the conversion to refuse."""
    kinds = _kinds(wanted)
    if value is None:
        return None if type(None) in kinds else _ABSENT
    if isinstance(value, str):
        if "\x00" in value:
            raise Invalid("a parameter contains a NUL character")
        if str in kinds:
            return value
        if value == "":
            return _ABSENT
        if bool in kinds:
            return True if value.lower() in _YES else False if value.lower() in _NO else value
    if list in kinds:
        return _many(value, wanted)
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid("a number is not finite")
    if isinstance(value, int) and not isinstance(value, bool) and int not in kinds and str in kinds:
        return str(value)
    struct = next((kind for kind in kinds if _is_struct(kind)), None)
    if struct is not None and isinstance(value, Mapping):
        return _loosened(value, struct)
    return value


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _many(value: Any, wanted: Any) -> list[Any]:
    """Read one value, a list, or `{"0": ..., "1": ...}` as a list."""
    items: list[Any]
    if isinstance(value, Mapping) and value and all(_INDEX.fullmatch(key) for key in value):
        items = [value[key] for key in sorted(value, key=int)]
    else:
        items = value if isinstance(value, list) else [value]
    (inner,) = next(typing.get_args(kind) for kind in _members(wanted) if typing.get_origin(kind) is list)
    return [bent for item in items if (bent := _loose(item, inner)) is not _ABSENT]


def _members(wanted: Any) -> tuple[Any, ...]:
    if typing.get_origin(wanted) is typing.Annotated:
        return _members(typing.get_args(wanted)[0])
    if typing.get_origin(wanted) in (typing.Union, types.UnionType):
        return tuple(member for each in typing.get_args(wanted) for member in _members(each))
    return (wanted,)


def _kinds(wanted: Any) -> tuple[Any, ...]:
    """Return the plain types a field takes: `int | None` is (int, NoneType).

    A Literal is not text: a form that sends it empty chose nothing.
    """
    return tuple(typing.get_origin(member) or member for member in _members(wanted))


def _plain(message: str) -> str:
    """Rewrite msgspec's sentence for a reader who knows no Python: ``Expected `int` - at `$.id` ``."""
    return message.replace(" - at `$.", " in `").replace("Object missing", "missing")
