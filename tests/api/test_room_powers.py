"""What only hosts may do, tried by everybody else at the public door: refused, and nothing is changed."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from fedispace.spaces import members
from fedispace.spaces.models import HostBan, Member, Space
from fedispace.spaces.roles import MemberRole
from tests.api.site import Client, Site
from tests.api.test_rooms import AT, room  # noqa: F401

_ABOUT_ONE = ("mute", "unmute", "move", "remove", "ban", "readmit", "cohost", "demote")


def _host_calls(room: str, target: str) -> list[tuple[str, str, dict[str, Any]]]:  # noqa: F811
    at = f"{AT}/{room}/room"
    return [
        *(("POST", f"{at}/people/{target}/{verb}", {}) for verb in _ABOUT_ONE),
        ("POST", f"{at}/hands/{target}/approve", {}),
        ("POST", f"{at}/hands/{target}/decline", {}),
        ("POST", f"{at}/invite", {"account_id": target, "role": "speaker"}),
        ("POST", f"{at}/mute_all", {}),
        ("POST", f"{at}/pause", {}),
        ("POST", f"{at}/resume", {}),
        ("POST", f"{at}/hand_over", {"account_id": target}),
        ("POST", f"{at}/end", {}),
        ("GET", f"{at}/removed", {}),
        ("POST", f"{AT}/{room}/close", {}),
    ]


async def _sits(site: Site, room: str, who: Client, role: MemberRole, **facts: Any) -> None:  # noqa: F811
    async with site.home.db.transaction() as tx:
        row = await members.ensured(tx, int(room), who.account.id, site.home.clock.now())
        row.role = role
        for name, value in facts.items():
            setattr(row, name, value)


async def _state(site: Site, room: str) -> list[Any]:  # noqa: F811
    async with site.home.db.reading() as tx:
        rows = await tx.execute(
            select(
                Member.account_id,
                Member.role,
                Member.invited_as,
                Member.hand_at,
                Member.muted_at,
                Member.removed_at,
            )
            .where(Member.space_id == int(room))
            .order_by(Member.account_id)
        )
        space = await tx.get(Space, int(room))
        assert space is not None
        bans = list(await tx.scalars(select(HostBan.account_id)))
        return [*map(tuple, rows), space.state, space.paused_at, bans]


@pytest.mark.attack(103)
async def test_what_hosts_do_is_refused_to_everybody_else_and_nothing_changes(
    site: Site,
    alice: Client,
    room: str,  # noqa: F811
) -> None:
    speaker, listener, target = [await site.person(name) for name in ("sam", "lea", "tom")]
    former, blocked = await site.person("fred"), await site.person("bad")
    await _sits(site, room, speaker, MemberRole.SPEAKER)
    await _sits(site, room, former, MemberRole.COHOST)
    await alice.post(f"{AT}/{room}/room/people/{former.id}/demote")
    await _sits(site, room, target, MemberRole.LISTENER, hand_at=site.home.clock.now())
    await alice.post(f"/api/v1/accounts/{blocked.id}/block")
    before = await _state(site, room)

    for who in (speaker, listener, former, blocked, site.anyone):
        for method, path, body in _host_calls(room, target.id):
            status, _, _ = await who.call(method, path, **({"json": body} if method == "POST" else {}))
            assert status in (401, 403, 404), (who.token, method, path, status)

    assert await _state(site, room) == before


@pytest.mark.attack(103)
async def test_of_twenty_who_are_let_on_stage_at_once_no_more_get_there_than_there_are_places(
    site: Site,
    alice: Client,
    room: str,  # noqa: F811
) -> None:
    people = [await site.person(f"p{number}") for number in range(20)]
    for person in people:
        await _sits(site, room, person, MemberRole.LISTENER, hand_at=site.home.clock.now())

    answers = await asyncio.gather(
        *(alice.call("POST", f"{AT}/{room}/room/hands/{person.id}/approve", json={}) for person in people)
    )

    assert sorted({status for status, _, _ in answers}) == [200, 409]
    async with site.home.db.reading() as tx:
        assert await members.count_on_stage(tx, int(room)) == 13


@pytest.mark.attack(103)
async def test_a_seat_that_is_given_and_taken_twenty_times_at_once_is_one_or_the_other(
    site: Site,
    alice: Client,
    bob: Client,
    room: str,  # noqa: F811
) -> None:
    await _sits(site, room, bob, MemberRole.SPEAKER)
    at = f"{AT}/{room}/room/people/{bob.id}"
    answers = await asyncio.gather(
        *(alice.call("POST", f"{at}/{verb}", json={}) for verb in ("cohost", "demote", "move", "remove") * 5)
    )

    assert {status for status, _, _ in answers} <= {200, 403, 409}
    async with site.home.db.reading() as tx:
        row = await members.member(tx, int(room), bob.account.id)
        assert row is not None
        assert row.removed_at is not None
        assert row.role == MemberRole.LISTENER
        assert await members.count_on_stage(tx, int(room)) == 1
