"""A live Space with its people, for tests of what they do in it."""

from dataclasses import dataclass
from typing import Any

import pytest

from fedispace.accounts.models import Account
from fedispace.spaces import members, presence
from fedispace.spaces.models import LiveSession, Member, Space
from fedispace.spaces.roles import MemberRole
from fedispace.spaces.room import RoomView, room_of
from tests.spaces.town import Town

HOST, COHOST, SPEAKER, LISTENER = MemberRole


@dataclass
class Floor:
    """A live Space of alice's and those in it, by name."""

    town: Town
    space: Space
    people: dict[str, Account]

    def __getattr__(self, name: str) -> int:
        return self.people[name].id

    @property
    def id(self) -> int:
        return self.space.id

    async def come(self, name: str, role: MemberRole = LISTENER) -> int:
        account = self.people[name] = await self.town.resident(name)
        if role is not LISTENER:
            async with self.town.db.transaction() as tx:
                tx.add(members.born(self.id, account.id, role, self.town.clock.now()))
        return account.id

    async def role(self, name: str) -> MemberRole:
        async with self.town.db.reading() as tx:
            return await members.role_of(tx, self.id, self.people[name].id)

    async def row(self, name: str) -> Member:
        async with self.town.db.reading() as tx:
            row = await members.member(tx, self.id, self.people[name].id)
            assert row is not None
            return row

    async def seen_by(self, name: str | None) -> RoomView:
        viewer = None if name is None else self.people[name].id
        async with self.town.db.reading() as tx:
            return await room_of(tx, self.id, viewer, self.town.clock.now())

    async def connect(self, name: str, role: str) -> str:
        """Write a session of somebody, as if an audio server had it."""
        key = f"{name}-{role}-{len(self.town.orders.hung_up)}"
        now = self.town.clock.now()
        async with self.town.db.transaction() as tx:
            tx.add(
                LiveSession(
                    resource=key,
                    engine_session=key,
                    space_id=self.id,
                    account_id=self.people[name].id,
                    role=role,
                    created_at=now,
                    connected_at=now,
                    sfu="studio",
                )
            )
        return key


@pytest.fixture
async def floor(town: Town) -> Floor:
    alice = await town.resident("alice")
    made = Floor(town, await town.live_space(alice), {"alice": alice})
    for name, role in (("carol", COHOST), ("sam", SPEAKER), ("bob", LISTENER)):
        await made.come(name, role)
    return made


class Heard:
    """What the room's topic was told while this was open."""

    def __init__(self, town: Town, space_id: int) -> None:
        self._bus, self._topic = town.bus, presence.topic(space_id)

    async def __aenter__(self) -> "Heard":
        self._open = self._bus.subscribe(self._topic)
        self._subscription = await self._open.__aenter__()
        return self

    async def __aexit__(self, *failure: Any) -> None:
        await self._open.__aexit__(*failure)

    def __call__(self) -> list[dict[str, Any]]:
        messages = []
        while not self._subscription._messages.empty():
            messages.append(self._subscription._messages.get_nowait()[1])
        return messages
