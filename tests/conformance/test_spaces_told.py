"""What the documents say of Spaces on the wire is what is on the wire."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fedispace.federation import codec
from fedispace.federation.codec_context import EVENT_CONTEXT
from fedispace.federation.vocab.activities import Accept, Join, Update
from fedispace.federation.vocab.objects import Event
from fedispace.spaces.entry.client_keys import parse_client_key
from tests.spaces.test_golden import activity_of

ROOT = Path(__file__).parents[2]


def examples(name: str) -> list[dict[str, Any]]:
    """Return the JSON documents of a text, but for those that leave something out."""
    blocks = re.findall(r"^( *)```json\n(.*?)^ *```", (ROOT / name).read_text(), re.M | re.S)
    return [json.loads(block) for _, block in blocks if '"..."' not in block]


def test_the_proposal_defines_every_term_that_it_uses_as_we_do() -> None:
    [context] = [one["@context"][1] for one in examples("docs/fep-spaces.md") if set(one) == {"@context"}]
    ours = EVENT_CONTEXT[2]
    assert {term: ours.get(term) for term in context} == context
    written = activity_of("moved")["object"]
    told = set(context) | {
        "id",
        "type",
        "attributedTo",
        "to",
        "cc",
        "name",
        "content",
        "contentMap",
        "summary",
    }
    told |= {"url", "published", "updated", "startTime", "endTime", "context", "replies", "location", "tag"}
    told |= {"attachment", "category", "isOnline", "repliesModerationOption"}
    assert set(written) <= told


@pytest.mark.parametrize("name", ["FEDERATION.md", "docs/fep-spaces.md"])
def test_every_example_of_a_space_is_read(name: str) -> None:
    kinds = set()
    for document in examples(name):
        if document.get("type") in ("Join", "Accept", "Update"):
            read = codec.read_activity(document, require_context=True)
            kinds.add(type(read))
            if isinstance(read, Join) and read.client_key is not None:
                parse_client_key(read.client_key)
            if isinstance(read, Accept) and read.result is not None:
                assert read.result.signal is not None
            if isinstance(read, Update) and isinstance(read.object, Event):
                assert codec.write(read) == document, "what is shown whole is as it leaves"
    assert {Join, Accept} <= kinds
