"""Tickets bound to a browser's key: who reads one on the way enters nothing with it (row 104)."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from fedispace.accounts.models import Account
from fedispace.clock import ManualClock
from fedispace.errors import Forbidden, Invalid, NotFound, Unauthenticated
from fedispace.federation import codec, multibase
from fedispace.federation.routes import Verified
from fedispace.federation.vocab.activities import Join
from fedispace.federation.vocab.uri import Uri
from fedispace.spaces import members
from fedispace.spaces.entry.client_keys import is_proven, parse_client_key
from fedispace.spaces.models import HostBan, Pass, Space, Ticket
from fedispace.spaces.roles import MemberRole
from tests.spaces.town import Town


class Browser:
    """Something that made a key for this visit."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        raw = self._private.public_key().public_bytes_raw()
        self.key = multibase.encode(multibase.ED25519_PUB + raw)

    def proof(self, ticket: str) -> str:
        return multibase.encode(self._private.sign(ticket.encode()))


async def knock(town: Town, by: Account, space: Space, **more: Any) -> tuple[int, dict[str, Any]]:
    fields = {"id": Uri("https://b.example/activities/1"), "role": "listener", **more}
    join = Join(actor=Uri(by.uri), object=Uri(space.uri), **fields)
    status, answer = await town.door.answer(Verified(join, Uri(by.uri)))
    return status, codec.write(answer)


async def ticket(town: Town, by: Account, space: Space, **more: Any) -> str:
    status, answer = await knock(town, by, space, **more)
    assert status == 200
    return str(answer["result"]["fs:ticket"])


async def count(town: Town, table: type[Ticket] | type[Pass]) -> int:
    async with town.db.reading() as tx:
        return await tx.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.row(104)
@pytest.mark.attack(93)
async def test_a_ticket_is_of_no_use_without_the_key_it_is_bound_to(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    bobs, thief = Browser(), Browser()
    token = await ticket(town, bob, space, client_key=bobs.key)
    wrong = (
        None,
        "",
        "z",
        "u" + "A" * 86,
        token,
        thief.proof(token),
        bobs.proof("another ticket"),
        bobs.proof(token) + "1",
        "z" * 3000,
    )
    for proof in wrong:
        with pytest.raises(Unauthenticated):
            await town.passes.exchange(token, space.id, proof=proof)
        async with town.db.transaction() as tx:
            with pytest.raises(Unauthenticated):
                await town.tickets.redeem(tx, token, space_id=space.id, role="listener", proof=proof)
    assert await count(town, Pass) == 0
    issued = await town.passes.exchange(token, space.id, proof=bobs.proof(token))
    assert (await town.passes.holder(issued.token, space.id)).client_key == bobs.key
    with pytest.raises(Unauthenticated):
        await town.passes.exchange(token, space.id, proof=bobs.proof(token))


@pytest.mark.row(104)
@pytest.mark.attack(93)
async def test_a_ticket_is_for_one_person_space_role_and_minute(town: Town, clock: ManualClock) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space, other = await town.live_space(alice), await town.live_space(alice)
    browser = Browser()
    token = await ticket(town, bob, space, client_key=browser.key)
    proof = browser.proof(token)
    async with town.db.transaction() as tx:
        for wrong in ({"space_id": other.id, "role": "listener"}, {"space_id": space.id, "role": "speaker"}):
            with pytest.raises(Unauthenticated):
                await town.tickets.redeem(tx, token, proof=proof, **wrong)  # type: ignore[arg-type]
    clock.advance(seconds=61)
    with pytest.raises(Unauthenticated):
        await town.passes.exchange(token, space.id, proof=proof)


@pytest.mark.row(104)
async def test_a_join_that_is_replayed_gets_the_same_answer_and_no_second_session(town: Town) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    browser = Browser()
    first = await knock(town, bob, space, client_key=browser.key)
    assert await knock(town, bob, space, client_key=browser.key) == first
    token = first[1]["result"]["fs:ticket"]
    await town.passes.exchange(token, space.id, proof=browser.proof(token))
    assert await knock(town, bob, space, client_key=browser.key) == first
    with pytest.raises(Unauthenticated):
        await town.passes.exchange(token, space.id, proof=browser.proof(token))
    assert (await count(town, Ticket), await count(town, Pass)) == (1, 1)


@pytest.mark.row(104)
@pytest.mark.parametrize("key", [None, "another browser's"])
async def test_the_id_of_a_join_cannot_be_used_again_for_another_key(town: Town, key: str | None) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    await ticket(town, bob, space, client_key=Browser().key)
    status, answer = await knock(town, bob, space, client_key=None if key is None else Browser().key)
    assert (status, answer["type"]) == (403, "Reject")


async def test_a_pass_bound_to_a_key_is_renewed_only_with_that_key(town: Town, clock: ManualClock) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    bobs, thief = Browser(), Browser()
    token = await ticket(town, bob, space, client_key=bobs.key)
    first = await town.passes.exchange(token, space.id, proof=bobs.proof(token))
    clock.advance(minutes=10)
    for number, browser in enumerate((thief, bobs), 2):
        again = await ticket(
            town, bob, space, client_key=browser.key, id=Uri(f"https://b.example/activities/{number}")
        )
        renewed = await town.passes.exchange(again, space.id, proof=browser.proof(again), renews=first.token)
        assert (renewed.token == first.token) == (browser is bobs)


@pytest.mark.parametrize("named", ["", "z", "z6Mk", "x6Mk", "z" + "1" * 300, "z6Mk" + "é" * 40, "zQ3shok"])
async def test_what_is_no_ed25519_key_is_rejected(town: Town, named: str) -> None:
    with pytest.raises(Invalid):
        parse_client_key(named)
    assert not is_proven(named, "z1", "ticket")
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    status, answer = await knock(town, bob, space, client_key=named)
    assert (status, answer["type"]) == (403, "Reject")
    assert await count(town, Ticket) == 0


@pytest.mark.row(104)
@pytest.mark.attack(104)
@pytest.mark.parametrize("became", ["suspended", "suspended at home", "banned", "sent out", "blocked"])
async def test_who_is_not_welcome_any_more_gets_no_renewal(
    town: Town, clock: ManualClock, became: str
) -> None:
    alice, bob = await town.resident("alice"), await town.stranger("bob")
    space = await town.live_space(alice)
    browser = Browser()
    token = await ticket(town, bob, space, client_key=browser.key)
    held = await town.passes.exchange(token, space.id, proof=browser.proof(token))
    unspent = await ticket(town, bob, space, client_key=browser.key, id=Uri("https://b.example/activities/2"))
    clock.advance(seconds=30)
    if became == "blocked":
        await town.block(alice, bob)
    elif became == "suspended":
        await town.suspend(bob)
    else:
        async with town.db.transaction() as tx:
            if became == "suspended at home":
                account = await tx.get(Account, bob.id)
                assert account is not None
                account.suspended_at_home = True
            elif became == "banned":
                tx.add(HostBan(host_id=alice.id, account_id=bob.id, created_at=clock.now()))
            else:
                row = members.born(space.id, bob.id, MemberRole.LISTENER, clock.now())
                row.removed_at = clock.now()
                tx.add(row)
    try:
        status, answer = await knock(town, bob, space, client_key=browser.key, id=Uri("https://b.example/3"))
    except NotFound:
        assert became in ("blocked", "suspended", "suspended at home")
    else:
        assert (status, answer["type"]) == (403, "Reject")
        assert "result" not in answer
    with pytest.raises((Forbidden, NotFound)):
        await town.passes.exchange(unspent, space.id, proof=browser.proof(unspent), renews=held.token)
