"""Relays of both kinds (FEP-ae0c): joining, leaving, sending through them, and not believing them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from fedispace.errors import Conflict, Invalid, NotFound
from fedispace.federation.relays import all_relays
from fedispace.threads.models import Status
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, open_fediverse
from tests.federation.peer import PUBLIC, Received

RELAY = "http://e.test/actor"


@pytest.fixture
async def fediverse(tmp_path: Path) -> AsyncIterator[Fediverse]:
    async with open_fediverse(tmp_path) as opened:
        show_relay(opened)
        yield opened


def show_relay(fediverse: Fediverse) -> None:
    uri = fediverse.peer.actor("relay", "e.test")
    document = dict(fediverse.peer.documents.pop(uri))
    key = {**document["publicKey"], "id": f"{RELAY}#main-key", "owner": RELAY}
    fediverse.peer.documents[RELAY] = {
        **document,
        "id": RELAY,
        "type": "Application",
        "inbox": "http://e.test/inbox",
        "endpoints": {"sharedInbox": "http://e.test/inbox"},
        "publicKey": key,
    }


def taken(fediverse: Fediverse, type_: str) -> list[Received]:
    """Return what the relay was sent of one type."""
    return [
        each for each in fediverse.peer.received if each.host == "e.test" and each.activity["type"] == type_
    ]


async def states(fediverse: Fediverse) -> list[str]:
    async with fediverse.alpha.app.db.reading() as tx:
        return [state for _, _, state in await all_relays(tx)]


async def uris(fediverse: Fediverse) -> list[str]:
    async with fediverse.alpha.app.db.reading() as tx:
        return list(await tx.scalars(select(Status.uri).where(Status.local.is_(False))))


async def join(fediverse: Fediverse, style: str = "mastodon", *, answer: str = "Accept") -> dict[str, object]:
    """Subscribe alpha to the relay, which answers; return the Follow it was sent."""
    await fediverse.alpha.app.relaying.subscribe(RELAY, style)  # type: ignore[arg-type]
    await fediverse.settle()
    (follow,) = taken(fediverse, "Follow")
    reply = fediverse.peer.activity(answer, RELAY, follow.activity)
    await fediverse.peer.post(fediverse.alpha.inbox, reply)
    await fediverse.settle()
    return dict(follow.activity)


@pytest.mark.row(63)
async def test_a_mastodon_relay_is_asked_by_a_follow_of_public(fediverse: Fediverse) -> None:
    follow = await join(fediverse)
    assert follow["object"] == PUBLIC
    assert follow["actor"] == "http://a.test/actor"
    assert await states(fediverse) == ["accepted"]


@pytest.mark.row(63)
async def test_it_is_found_beside_its_inbox(fediverse: Fediverse) -> None:
    assert await fediverse.alpha.app.relaying.subscribe("http://e.test/inbox") == RELAY


@pytest.mark.row(63)
async def test_public_posts_and_their_deletion_go_through_it(fediverse: Fediverse, alice: Client) -> None:
    await join(fediverse)
    post = await alice.post("/api/v1/statuses", {"status": "For everybody"})
    await alice.post("/api/v1/statuses", {"status": "Quietly", "visibility": "unlisted"})
    await alice.post("/api/v1/statuses", {"status": "For followers", "visibility": "private"})
    await fediverse.settle()
    (sent,) = taken(fediverse, "Create")
    assert sent.activity["object"]["id"] == post["uri"]
    await alice.delete(f"/api/v1/statuses/{post['id']}")
    await fediverse.settle()
    assert len(taken(fediverse, "Delete")) == 1


@pytest.mark.row(63)
async def test_a_litepub_relay_is_followed_and_told_by_the_instance(
    fediverse: Fediverse, alice: Client
) -> None:
    follow = await join(fediverse, "litepub")
    assert follow["object"] == RELAY
    post = await alice.post("/api/v1/statuses", {"status": "For everybody"})
    await fediverse.settle()
    assert taken(fediverse, "Create") == []
    (announce,) = taken(fediverse, "Announce")
    assert announce.activity["object"] == post["uri"]
    assert announce.activity["actor"] == "http://a.test/actor"
    assert announce.activity["published"]


@pytest.mark.row(63)
async def test_what_it_announces_is_fetched_and_is_no_boost(fediverse: Fediverse) -> None:
    await join(fediverse)
    carol = fediverse.peer.actor()
    note = fediverse.peer.note(carol, 1)
    await fediverse.peer.post(fediverse.alpha.inbox, fediverse.peer.activity("Announce", RELAY, note["id"]))
    await fediverse.settle()
    assert await uris(fediverse) == [note["id"]]
    assert fediverse.peer.asked.count(note["id"]) == 1


@pytest.mark.row(63)
async def test_what_it_passes_on_is_asked_for_where_it_lives(fediverse: Fediverse) -> None:
    await join(fediverse)
    carol = fediverse.peer.actor()
    note = fediverse.peer.note(carol, 1)
    forged = {**note, "content": "<p>Forged</p>"}
    create = fediverse.peer.activity("Create", carol, forged)
    assert (await fediverse.peer.post(fediverse.alpha.inbox, create, by=RELAY)).status == 202
    await fediverse.settle()
    async with fediverse.alpha.app.db.reading() as tx:
        kept = (await tx.scalars(select(Status).where(Status.uri == note["id"]))).one()
    assert kept.content == "<p>Note 1</p>"


async def test_what_is_not_for_everybody_is_not_kept_from_it(fediverse: Fediverse) -> None:
    await join(fediverse)
    carol = fediverse.peer.actor()
    note = fediverse.peer.note(carol, 1, to=[f"{carol}/followers"], cc=[])
    await fediverse.peer.post(fediverse.alpha.inbox, fediverse.peer.activity("Announce", RELAY, note["id"]))
    await fediverse.settle()
    assert await uris(fediverse) == []


@pytest.mark.parametrize("answer", ["none", "Reject"])
async def test_before_it_accepts_nothing_is_sent_or_taken(
    fediverse: Fediverse, alice: Client, answer: str
) -> None:
    if answer == "none":
        await fediverse.alpha.app.relaying.subscribe(RELAY)
    else:
        await join(fediverse, answer=answer)
    carol = fediverse.peer.actor()
    note = fediverse.peer.note(carol, 1)
    create = fediverse.peer.activity("Create", carol, note)
    assert (await fediverse.peer.post(fediverse.alpha.inbox, create, by=RELAY)).status == 403
    await alice.post("/api/v1/statuses", {"status": "For everybody"})
    await fediverse.settle()
    assert taken(fediverse, "Create") == []
    assert await uris(fediverse) == []


async def test_somebody_else_cannot_answer_for_it(fediverse: Fediverse) -> None:
    await fediverse.alpha.app.relaying.subscribe(RELAY)
    await fediverse.settle()
    (follow,) = taken(fediverse, "Follow")
    mallory = fediverse.peer.actor("mallory", "evil.test")
    await fediverse.peer.post(
        fediverse.alpha.inbox, fediverse.peer.activity("Accept", mallory, follow.activity)
    )
    await fediverse.settle()
    assert await states(fediverse) == ["pending"]


async def test_leaving_takes_the_follow_back(fediverse: Fediverse, alice: Client) -> None:
    follow = await join(fediverse)
    await fediverse.alpha.app.relaying.unsubscribe(RELAY)
    await alice.post("/api/v1/statuses", {"status": "For everybody"})
    await fediverse.settle()
    (undo,) = taken(fediverse, "Undo")
    assert undo.activity["object"]["id"] == follow["id"]
    assert undo.activity["object"]["object"] == PUBLIC
    assert taken(fediverse, "Create") == []
    assert await states(fediverse) == []


async def test_what_cannot_be_a_relay(fediverse: Fediverse) -> None:
    relaying = fediverse.alpha.app.relaying
    with pytest.raises(Invalid):
        await relaying.subscribe("http://a.test/actor")
    with pytest.raises(Invalid):
        await relaying.subscribe("relay.example")
    with pytest.raises(NotFound):
        await relaying.unsubscribe(RELAY)
    await relaying.subscribe(RELAY)
    with pytest.raises(Conflict):
        await relaying.subscribe(RELAY)
