"""What servers send, spoiled: whatever stands anywhere in it, it is read within bounds or refused."""

import copy
import dataclasses
import json
import random
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedispace.errors import Invalid
from fedispace.federation import codec
from fedispace.federation.codec_parts import MAX_ATTACHMENTS, MAX_FIELDS, MAX_KEYS, MAX_TAGS
from fedispace.federation.codec_polls import MAX_OPTIONS
from fedispace.federation.codec_shapes import MAX_AUDIENCE, MAX_CONTENT
from fedispace.federation.vocab.activities import Several
from fedispace.federation.vocab.uri import MAX_URI
from tests.federation.dialect import CORPUS, Dialect
from tests.federation.fediverse import Fediverse, Server

FILES = sorted(CORPUS.glob("*/*.json"))
CAPS = {
    "attachments": MAX_ATTACHMENTS,
    "fields": MAX_FIELDS,
    "options": MAX_OPTIONS,
    "public_keys": MAX_KEYS,
    "tags": MAX_TAGS,
    "to": MAX_AUDIENCE,
    "cc": MAX_AUDIENCE,
    "also_known_as": 256,
}
MAX_LIST = 256
MAX_READ = 0.2
"""Seconds of CPU for one document, however large (attack 20)."""

Place = tuple[str | int, ...]


def places(value: Any, at: Place = ()) -> list[Place]:
    """Return every place in a document where a value stands."""
    found = [at] if at else []
    entries: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for name, inner in entries:
        if name != "@context":
            found += places(inner, (*at, name))
    return found


def put(document: Any, at: Place, value: Any) -> dict[str, Any]:
    """Return the document with another value in one place."""
    spoiled = copy.deepcopy(document)
    inner = spoiled
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = value
    assert isinstance(spoiled, dict)
    return spoiled


def within_caps(value: Any, name: str = "") -> None:
    """Check that nothing in what was read is larger than it may be."""
    if isinstance(value, str):
        assert len(value) <= (MAX_CONTENT * 5 + 100 if name == "content" else MAX_CONTENT)
        if value.startswith("https://"):
            assert name in ("content", "summary", "name", "value", "conversation") or len(value) <= MAX_URI
    elif isinstance(value, tuple):
        assert len(value) <= CAPS.get(name, MAX_OPTIONS)
        for inner in value:
            within_caps(inner, "" if name == "fields" else name)
    elif isinstance(value, datetime):
        assert value.tzinfo is not None
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            within_caps(getattr(value, field.name), field.name)


def read(document: dict[str, Any]) -> None:
    """Read a document in both ways; it is `Invalid`, or what it says keeps the caps and can be written."""
    for reader in (codec.read, codec.read_activity):
        try:
            found = reader(document)
        except Invalid:
            continue
        within_caps(found)
        if isinstance(found, Several):
            for one in codec.apart(document):
                read(one)
        else:
            codec.write(found)


LEAVES = st.none() | st.booleans() | st.sampled_from([0, -1, 2**63, 1.5, "", " ", "x", "\u202e", "#", "::"])
LEAVES |= st.sampled_from(["Note", "Create", "Person", "Tombstone", "as:Public", "2026-11-12T19:00:00Z"])
LEAVES |= st.sampled_from(["https://a.example/users/alice", "https://[", "http://"])
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "type", "object", "href", "url", "name", "items", "first"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=600, database=None)
@given(data=st.data())
@pytest.mark.attack(21)
def test_any_value_in_any_place_of_any_document_is_read_within_the_caps_or_refused(
    data: st.DataObject,
) -> None:
    document = json.loads(data.draw(st.sampled_from(FILES)).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from(places(document)))
        document = put(document, at, data.draw(ANYTHING))
    read(document)


@pytest.mark.attack(20)
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_document_swollen_in_any_one_place_is_read_in_no_time(file: Path) -> None:
    """In its place stands a long text, a long list of itself, or an object with much in it."""
    document = json.loads(file.read_bytes())
    slowest = 0.0
    spots = places(document)
    for at in random.Random(file.name).sample(spots, min(len(spots), 12)):
        here: Any = document
        for name in at:
            here = here[name]
        for large in ("x" * 250_000, [here] * 20_000, {f"k{number}": here for number in range(5_000)}):
            spoiled = put(document, at, large)
            began = time.process_time()
            read(spoiled)
            slowest = max(slowest, (time.process_time() - began) / 4)
    assert slowest < MAX_READ, "each is read twice, written and looked over"


@pytest.mark.attack(21)
@pytest.mark.parametrize("software", ["mastodon", "lemmy"])
async def test_nothing_spoiled_breaks_the_inbox_or_what_works_it_off(
    fediverse: Fediverse, alpha: Server, software: str
) -> None:
    dialect = Dialect(fediverse, await alpha.person("alice"), software)
    await dialect.begin("group" if software == "lemmy" else "person")
    chance = random.Random(software)
    acts = ("announce", "create", "like", "undo", "update")
    told = [name for name in dialect.names() if name.startswith(acts)]
    values: list[Any] = [None, 7, "", "x" * 3000, [], {}, [[]], {"id": 3}, "http://d.test/none"]
    for number in range(60):
        document = dialect.read(chance.choice(told))
        at = chance.choice([place for place in places(document) if place != ("actor",)])
        spoiled = put(document, at, chance.choice(values))
        if at != ("id",):
            spoiled["id"] = f"{document['id']}?{number}"
        answer = await dialect.deliver(spoiled)
        assert answer.status in (202, 400, 401, 403), (at, answer)
    await fediverse.settle()
    ends = ("done", "dropped", "ignored")
    assert [fate for fate in (await alpha.fates()).values() if not fate.startswith(ends)] == []
