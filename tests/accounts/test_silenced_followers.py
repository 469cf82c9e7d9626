"""Who comes from a silenced server has to ask before they follow."""

import pytest

from fedispace.accounts.relationships import relationship
from fedispace.federation.vocab.activities import Follow
from fedispace.federation.vocab.uri import Uri
from fedispace.moderation import rules
from tests.factories import Home


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_follow_from_a_silenced_server_waits_for_approval(home: Home, is_known: bool) -> None:
    alice = await home.person()
    if is_known:
        await home.stranger()
    async with home.db.transaction() as tx:
        await rules.set_rule(tx, home.clock, "b.example", "silence")
    bob = await home.stranger()
    asked = Follow(id=Uri(f"{bob.uri}/follows/1"), actor=Uri(bob.uri), object=Uri(alice.uri))
    assert await home.receive(asked) == "done"
    async with home.db.reading() as tx:
        stands = await relationship(tx, alice.id, bob.id, home.clock.now())
    assert (stands.requested_by, stands.followed_by) == (True, False)


async def test_a_rule_taken_back_lets_them_follow_at_once(home: Home) -> None:
    alice, bob = await home.person(), await home.stranger()
    async with home.db.transaction() as tx:
        await rules.set_rule(tx, home.clock, "b.example", "silence")
    async with home.db.transaction() as tx:
        await rules.remove_rule(tx, "b.example")
    asked = Follow(id=Uri(f"{bob.uri}/follows/1"), actor=Uri(bob.uri), object=Uri(alice.uri))
    assert await home.receive(asked) == "done"
    async with home.db.reading() as tx:
        assert (await relationship(tx, alice.id, bob.id, home.clock.now())).followed_by
