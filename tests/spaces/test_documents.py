"""A Space as ActivityPub documents, to whom it may concern."""

from typing import Any

import pytest

from fedispace.accounts.models import Account
from fedispace.errors import Gone, NotFound
from fedispace.federation import tombstones
from fedispace.federation.routes import Asker
from fedispace.federation.vocab.uri import Uri
from fedispace.spaces import members
from fedispace.spaces.fediverse.documents import SpaceDocuments
from fedispace.spaces.models import LiveSession, Space
from fedispace.spaces.roles import MemberRole
from tests.spaces.town import Town

PATHS = [route.pattern for route in SpaceDocuments.routes.table]
EVENT = PATHS[0]


async def load(town: Town, pattern: str, id_: str, asker: Account | None = None) -> Any:
    route = next(route for route in SpaceDocuments.routes.table if route.pattern == pattern)
    who = Asker(None if asker is None else Uri(asker.uri))
    return await route.loader(town.documents, {"id": id_}, who)


@pytest.mark.parametrize("pattern", PATHS)
@pytest.mark.parametrize("id_", ["0", "abc", "-1", "1" * 40, "9" * 5000, "१२", "1e3", " 1"])
async def test_what_is_not_there_is_not_found(town: Town, pattern: str, id_: str) -> None:
    with pytest.raises(NotFound):
        await load(town, pattern, id_)


@pytest.mark.attack(94)
@pytest.mark.parametrize("pattern", PATHS)
async def test_a_followers_space_exists_for_followers_who_sign(town: Town, pattern: str) -> None:
    alice, fan, other = await town.resident("alice"), await town.stranger("fan"), await town.stranger("other")
    await town.follow(fan, alice)
    space = await town.live_space(alice, access="followers")
    for asker in (None, other):
        with pytest.raises(NotFound):
            await load(town, pattern, str(space.id), asker)
    document = await load(town, pattern, str(space.id), fan)
    assert document.id == "https://a.example" + pattern.replace(EVENT, "/spaces/{id}").replace(
        "{id}", str(space.id)
    )


@pytest.mark.attack(94)
@pytest.mark.parametrize("pattern", PATHS)
async def test_who_is_invited_may_read_the_event_and_nobody_else(town: Town, pattern: str) -> None:
    alice, guest, fan = await town.resident("alice"), await town.stranger("guest"), await town.stranger("fan")
    await town.follow(fan, alice)
    space = await town.live_space(alice, access="invited")
    async with town.db.transaction() as tx:
        tx.add(members.born(space.id, guest.id, MemberRole.LISTENER, town.clock.now()))
    for asker in (None, fan):
        with pytest.raises(NotFound):
            await load(town, pattern, str(space.id), asker)
    assert (await load(town, pattern, str(space.id), guest)).id.startswith(space.uri)
    event = await load(town, EVENT, str(space.id), guest)
    assert guest.uri not in (*event.to, *event.cc), "a guest is not named to the others"


async def test_a_space_of_another_server_is_not_served_as_ours(town: Town) -> None:
    alice = await town.resident("alice")
    space = await town.live_space(alice)
    async with town.db.transaction() as tx:
        found = await tx.get(Space, space.id)
        assert found is not None
        found.local = False
    with pytest.raises(NotFound):
        await load(town, EVENT, str(space.id))


async def test_a_deleted_space_is_gone(town: Town) -> None:
    async with town.db.transaction() as tx:
        await tombstones.bury(tx, town.clock, "https://a.example/spaces/77", "Event")
    with pytest.raises(Gone):
        await load(town, EVENT, "77")


async def test_who_listens_is_counted_and_never_named(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    async with town.db.transaction() as tx:
        for account, role in ((alice, "speaker"), (bob, "listener")):
            tx.add(
                LiveSession(
                    resource=f"r{account.id}",
                    engine_session=f"e{account.id}",
                    space_id=space.id,
                    account_id=account.id,
                    role=role,
                    created_at=town.clock.now(),
                    connected_at=town.clock.now(),
                )
            )
    assert (await load(town, "/spaces/{id}/speakers", str(space.id))).items == (alice.uri,)
    assert (await load(town, "/spaces/{id}/organizers", str(space.id))).items == (alice.uri,)
    attendees = await load(town, "/spaces/{id}/attendees", str(space.id))
    assert (attendees.items, attendees.total_items) == ((), 0)


async def test_the_announcement_is_the_first_reply(town: Town) -> None:
    alice = await town.resident("alice")
    space = await town.live_space(alice)
    replies = await load(town, "/spaces/{id}/replies", str(space.id))
    assert replies.items == (f"{alice.uri}/statuses/{space.announcement_id}",)
