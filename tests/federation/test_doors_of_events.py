"""An Event says where to listen and to speak: browsers are sent to its own server, or nowhere.

Whatever such an Event becomes here, a Space or a post, no page, no answer of the API and no request of
ours leads to the address it names on somebody else's server.
"""

from html.parser import HTMLParser
from typing import Any

import aiohttp
import pytest

from tests.api.site import Client
from tests.federation.fediverse import Fediverse
from tests.federation.peer import PUBLIC

SPACES = "/api/fedispace/v1/spaces"
ELSEWHERE = (
    "http://evil.test/door",
    "http://c.test:444/door",
    "https://c.test/door",
    "http://c.test@evil.test/door",
    "//evil.test/door",
    "javascript:door()",
    "wss://evil.test/door",
)


class Places(HTMLParser):
    """Collects the values of all attributes: links, embeds, forms, and what scripts are given."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for _, value in attrs if value]


async def hear_of(fediverse: Fediverse, alice: Client, *doors: dict[str, str]) -> list[str]:
    """Let somebody whom alice follows open Spaces with these doors; return their ids."""
    peer, inbox = fediverse.peer, fediverse.alpha.inbox
    carol = peer.actor()
    (found,) = (await alice.get("/api/v2/search", q=carol, resolve="true", type="accounts"))["accounts"]
    await alice.post(f"/api/v1/accounts/{found['id']}/follow")
    await fediverse.settle()
    (asked,) = [each.activity for each in peer.received if each.activity["type"] == "Follow"]
    await peer.post(inbox, peer.activity("Accept", carol, asked))
    peer.received.clear()
    ids = []
    for number, wrong in enumerate(doors):
        id_ = f"http://c.test/spaces/{number}"
        event = {
            "id": id_,
            "type": "Event",
            "attributedTo": carol,
            "to": [PUBLIC],
            "cc": [f"{carol}/followers"],
            "name": "An evening",
            "content": "<p>Tea</p>",
            "url": f"http://c.test/@carol/spaces/{number}",
            "published": "2026-11-12T18:00:00Z",
            "startTime": "2026-11-12T18:00:00Z",
            "liveState": "live",
            "space": {
                "type": "fs:AudioSpace",
                "joinEndpoint": f"{id_}/join",
                "listen": f"{id_}/whep",
                "publish": f"{id_}/whip",
                **wrong,
            },
        }
        await peer.post(inbox, peer.activity("Create", carol, event, number))
        ids.append(id_)
    await fediverse.settle()
    return ids


async def became(alice: Client) -> tuple[list[Any], list[Any]]:
    """Return the Spaces and the posts that alice's instance made of it."""
    posts = await alice.get("/api/v1/timelines/home")
    return list(await alice.get(SPACES)), [
        each for each in posts if each["uri"].startswith("http://c.test/spaces")
    ]


async def places(alice: Client) -> str:
    """Return every place to which pages, headers and answers about it lead."""
    spaces, posts = await became(alice)
    found = [str(spaces), str(posts)]
    pages = ["/", "/public", "/spaces", "/@carol@c.test"]
    pages += [f"/@carol@c.test/spaces/{each['id']}" for each in spaces]
    pages += [f"/@carol@c.test/spaces/{each['id']}/now" for each in spaces]
    pages += [f"/@carol@c.test/{each['id']}" for each in posts]
    pages += [f"/@carol@c.test/{each['id']}/read" for each in posts]
    async with aiohttp.ClientSession() as browser:
        for page in pages:
            async with browser.get(alice.origin + page, allow_redirects=False) as answer:
                assert answer.status < 500
                seen = Places()
                seen.feed(await answer.text())
                found += [*seen.found, *answer.headers.values()]
    for space in spaces:
        for role in ("listener", "speaker"):
            _, body, headers = await alice.call("POST", f"{SPACES}/{space['id']}/join", json={"role": role})
            found += [str(body), *headers.values()]
    return "\n".join(found)


async def test_the_doors_of_an_event_lead_to_its_own_server(fediverse: Fediverse) -> None:
    """What the next test shows the absence of would be seen."""
    alice = await fediverse.alpha.person("alice")
    (id_,) = await hear_of(fediverse, alice, {})
    (space,), _ = await became(alice)
    assert space["uri"] == id_
    assert f"{id_}/whep" in await places(alice)
    assert f"{id_}/join" in {f"http://{each.host}{each.path}" for each in fediverse.peer.received}


@pytest.mark.parametrize("field", ["listen", "publish", "joinEndpoint", "signal"])
async def test_no_page_no_answer_and_no_request_leads_to_a_door_elsewhere(
    fediverse: Fediverse, field: str
) -> None:
    alice = await fediverse.alpha.person("alice")
    ids = await hear_of(fediverse, alice, *({field: address} for address in ELSEWHERE))
    spaces, posts = await became(alice)
    assert {each["uri"] for each in (*spaces, *posts)} == set(ids), "they are shown, without that door"
    shown = await places(alice)
    assert all(id_ in shown for id_ in ids)
    for trace in ("evil.test", "/door", "door()", "c.test:444"):
        assert trace not in shown
        assert not any(trace in asked for asked in fediverse.peer.asked)
        assert not any(trace in f"{each.host}{each.path}" for each in fediverse.peer.received)
    assert {each.host for each in fediverse.peer.received} <= {"c.test"}
