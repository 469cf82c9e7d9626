"""A conversation scattered over servers stands whole on one that saw a single post of it."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.threads import gathering, looking
from fedispace.threads.models import ConversationState, MissingPost, Status
from tests.api.site import Client
from tests.federation.fediverse import Fediverse, Server, open_fediverse

POSTS = 40
HOSTS = ("a.test", "b.test", "g.test", "h.test")


class Debate:
    """Forty posts by three people on three servers, whom nobody on the fourth has heard of."""

    def __init__(self, fediverse: Fediverse, people: list[Client], reader: Client) -> None:
        self.fediverse = fediverse
        self.people = people
        self.reader = reader
        self.uris: list[str] = []

    @property
    def last(self) -> Server:
        return self.fediverse.servers[-1]

    async def hold(self) -> None:
        """Publish the posts, each in answer to an earlier one."""
        servers = self.fediverse.servers[:3]
        for number in range(POSTS):
            server, person = servers[number % 3], self.people[number % 3]
            body: dict[str, Any] = {"status": f"post {number}", "visibility": "public"}
            if number:
                answered = self.uris[max(0, number - 1 - number % 5)]
                body["in_reply_to_id"] = str(await id_of(server, answered))
            self.uris.append((await person.post("/api/v1/statuses", body))["uri"])
            await self.fediverse.settle()
            self.fediverse.clock.advance(seconds=1)
        # What arrived makes the three look for the rest of it within a minute of theirs.
        self.fediverse.clock.advance(seconds=looking.SPREAD)
        await self.fediverse.settle()
        for server in servers:
            server.asked.clear()

    def home_of(self, uri: str) -> Server:
        return next(server for server in self.fediverse.servers if uri.startswith(server.origin))

    def path_of(self, uri: str) -> str:
        return uri.removeprefix(self.home_of(uri).origin)

    async def open_from_its_middle(self) -> str:
        """Let the reader paste the address of one post and open it; return its id there."""
        found = await self.reader.get("/api/v2/search", q=self.uris[20], resolve="true", type="statuses")
        (post,) = found["statuses"]
        await self.reader.get(f"/api/v1/statuses/{post['id']}/context")
        await self.fediverse.settle()
        return str(post["id"])

    async def seen(self, id_: str) -> Any:
        return await self.reader.get(f"/api/fedispace/v1/statuses/{id_}/conversation")

    def asked(self) -> Counter[str]:
        """Count the requests the fourth server made, by address."""
        servers = self.fediverse.servers[:3]
        return Counter(server.origin + path for server in servers for path in server.asked)


@pytest.fixture
async def debate(tmp_path: Path) -> AsyncIterator[Debate]:
    async with open_fediverse(tmp_path, hosts=HOSTS) as fediverse:
        people = [await server.person(f"person{n}") for n, server in enumerate(fediverse.servers[:3])]
        reader = await fediverse.servers[3].person("reader")
        for person in people:
            for other, host in enumerate(HOSTS[:3]):
                if people[other] is not person:
                    handle = f"@person{other}@{host}"
                    (found,) = (
                        await person.get("/api/v2/search", q=handle, resolve="true", type="accounts")
                    )["accounts"]
                    await person.post(f"/api/v1/accounts/{found['id']}/follow")
        await fediverse.settle()
        held = Debate(fediverse, people, reader)
        await held.hold()
        yield held


async def id_of(server: Server, uri: str) -> int:
    async with server.app.db.reading() as tx:
        return (await tx.scalars(select(Status.id).where(Status.uri == uri))).one()


async def state_of(server: Server) -> ConversationState:
    async with server.app.db.reading() as tx:
        return (await tx.scalars(select(ConversationState))).one()


@pytest.mark.row(88, 97)
async def test_one_post_from_its_middle_brings_the_whole_conversation_in_order(debate: Debate) -> None:
    started = debate.fediverse.clock.now()
    id_ = await debate.open_from_its_middle()
    assert (debate.fediverse.clock.now() - started).total_seconds() <= 30
    seen = await debate.seen(id_)
    assert (seen["known"], seen["claimed"], seen["unavailable"]) == (POSTS, POSTS, 0)
    assert (seen["complete"], seen["fetching"]) == (True, False)

    at_home = debate.people[0]
    first = await id_of(debate.fediverse.alpha, debate.uris[0])
    there = await at_home.get(f"/api/fedispace/v1/statuses/{first}/conversation")
    assert [post["uri"] for post in seen["posts"]] == [post["uri"] for post in there["posts"]]
    here = {post["id"]: post["uri"] for post in seen["posts"]}
    origin = {post["id"]: post["uri"] for post in there["posts"]}
    for mine, theirs in zip(seen["posts"], there["posts"], strict=True):
        assert here.get(mine["in_reply_to_id"]) == origin.get(theirs["in_reply_to_id"])
    context = await debate.reader.get(f"/api/v1/statuses/{seen['posts'][0]['id']}/context")
    assert len(context["descendants"]) == POSTS - 1

    asked = debate.asked()
    assert {uri for uri, times in asked.items() if times > 1} == set()
    assert asked.total() <= POSTS + 3 + 3  # the posts, their authors, the collection and its pages
    state = await state_of(debate.last)
    assert state.requests <= gathering.MAX_REQUESTS


@pytest.mark.row(87, 97)
async def test_without_a_collection_of_the_conversation_its_replies_bring_it(debate: Debate) -> None:
    context = f"/contexts/{await id_of(debate.fediverse.alpha, debate.uris[0])}"
    debate.fediverse.alpha.failing.add(context)
    seen = await debate.seen(await debate.open_from_its_middle())
    assert (seen["known"], seen["complete"]) == (POSTS, True)
    asked = debate.asked()
    assert {uri for uri, times in asked.items() if times > 1} == set()
    assert asked.total() <= gathering.MAX_REQUESTS
    assert max(Counter(uri.split("/")[2] for uri in asked).values()) <= gathering.MAX_PER_HOST


async def test_what_cannot_be_had_is_counted_and_not_named_and_had_when_it_can_be(debate: Debate) -> None:
    away = [debate.uris[7], debate.uris[30]]
    for uri in away:
        debate.home_of(uri).failing.add(debate.path_of(uri))
    id_ = await debate.open_from_its_middle()
    seen = await debate.seen(id_)
    assert (seen["known"], seen["claimed"], seen["unavailable"]) == (POSTS - 2, POSTS, 2)
    assert seen["complete"] is False
    assert not any(uri in str(seen) for uri in away)
    async with debate.last.app.db.reading() as tx:
        missing = {row.uri: row.reason for row in await tx.scalars(select(MissingPost))}
    assert missing == dict.fromkeys(away, "unavailable")

    for server in debate.fediverse.servers:
        server.failing.clear()
        server.asked.clear()
    await debate.seen(id_)
    await debate.fediverse.settle()
    assert debate.asked().total() == 0, "the conversation rests"
    debate.fediverse.clock.advance(minutes=20)
    await debate.seen(id_)
    await debate.fediverse.settle()
    seen = await debate.seen(id_)
    assert (seen["known"], seen["unavailable"], seen["complete"]) == (POSTS, 0, True)
    assert set(away) <= set(debate.asked())
    assert await debate.last.count(MissingPost) == 0


async def test_a_stranger_starts_nothing(debate: Debate) -> None:
    found = await debate.reader.get("/api/v2/search", q=debate.uris[0], resolve="true", type="statuses")
    id_ = found["statuses"][0]["id"]
    await debate.fediverse.settle()
    before = debate.asked().total()
    nobody = Client(debate.reader.origin, None)
    await nobody.get(f"/api/v1/statuses/{id_}/context")
    seen = await nobody.get(f"/api/fedispace/v1/statuses/{id_}/conversation")
    await nobody.session.close()
    await debate.fediverse.settle()
    assert (seen["known"], seen["fetching"]) == (1, False)
    assert debate.asked().total() == before


@pytest.mark.privacy("P-01")
async def test_a_post_for_others_is_neither_listed_nor_counted(debate: Debate) -> None:
    person, alpha = debate.people[1], debate.fediverse.beta
    secret = await person.post(
        "/api/v1/statuses",
        {
            "status": "@person0@a.test psst",
            "visibility": "direct",
            "in_reply_to_id": str(await id_of(alpha, debate.uris[0])),
        },
    )
    await debate.fediverse.settle()
    seen = await debate.seen(await debate.open_from_its_middle())
    assert secret["uri"] not in str(seen)
    assert (seen["known"], seen["claimed"]) == (POSTS, POSTS)
    async with debate.last.app.db.reading() as tx:
        known = set(await tx.scalars(select(Account.domain)))
    assert known <= {"", "a.test", "b.test", "g.test"}
