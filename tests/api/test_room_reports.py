"""Reporting somebody for what they said in a room, by pass and by token. Refusals first."""

from typing import Any

import pytest
from sqlalchemy import select

from fedispace.moderation.models import Report
from tests.api.site import Client, Site
from tests.api.test_rooms import AT, Guest, guest, room  # noqa: F401


async def _reports(site: Site) -> list[Report]:
    async with site.home.db.reading() as tx:
        return list(await tx.scalars(select(Report).order_by(Report.id)))


async def test_who_is_nobody_reports_nothing(site: Site, room: str) -> None:  # noqa: F811
    status, _, _ = await site.anyone.call("POST", f"{AT}/{room}/room/report", json={"comment": "x"})
    assert status == 401


@pytest.mark.attack(94)
async def test_a_room_one_may_not_see_cannot_be_reported(site: Site, alice: Client, bob: Client) -> None:
    made = await alice.post(AT, {"title": "Ours", "access": "followers"}, expect=201)
    await alice.post(f"{AT}/{made['id']}/open", {})
    for number in (made["id"], "1"):
        status, problem, _ = await bob.call("POST", f"{AT}/{number}/room/report", json={"comment": "x"})
        assert (status, problem["detail"]) == (404, "There is no such Space.")
    assert await _reports(site) == []


@pytest.mark.parametrize(
    "body",
    [{"moment": -1}, {"moment": 10**12}, {"moment": "soon"}, {"category": "ugly"}, {"comment": "x" * 6000}],
)
async def test_what_makes_no_report_is_refused(
    site: Site,
    bob: Client,
    room: str,  # noqa: F811
    body: dict[str, Any],
) -> None:
    status, _, _ = await bob.call("POST", f"{AT}/{room}/room/report", json=body)
    assert status == 422
    assert await _reports(site) == []


async def test_a_guest_reports_the_host_and_a_person_with_room_and_second(
    site: Site,
    alice: Client,
    bob: Client,
    room: str,  # noqa: F811
) -> None:
    carol = await site.person("carol")
    theirs: Guest = await guest(site, bob, room)
    about_host = await theirs.post("/report", {"comment": "threats", "moment": 754, "with_sound": True})
    about_carol = await theirs.post("/report", {"account_id": carol.id, "category": "spam"})
    assert about_host == {
        "id": about_host["id"],
        "category": "other",
        "comment": "threats",
        "moment": 754,
        "sound_seconds": 0,
        "forwarded": False,
        "created_at": about_host["created_at"],
    }
    first, second = await _reports(site)
    assert (first.target_id, first.space_id, first.moment) == (alice.account.id, int(room), 754)
    assert (second.target_id, second.category, second.moment) == (carol.account.id, "spam", 0)
    assert about_carol["id"] == str(second.id)
    assert await alice.get("/api/v1/notifications") == []  # whoever is reported is not told


async def test_a_room_tells_that_it_has_a_safety_buffer(site: Site, room: str) -> None:  # noqa: F811
    state = await site.anyone.get(f"{AT}/{room}/room")
    assert state["warnings"] == {"blocked_on_stage": 0, "safety_buffer_seconds": 60}
