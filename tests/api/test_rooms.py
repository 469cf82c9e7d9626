"""A room by HTTP: what is seen of it, commands by pass and by token, and refusals as problems."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from fedispace.spaces import declined
from fedispace.spaces.models import Declined
from tests.api.site import Client, Site

AT = "/api/fedispace/v1/spaces"


class Guest:
    """Somebody with a pass and nothing else, as a person of another server is."""

    def __init__(self, site: Site, space_id: str, held: str, id_: str) -> None:
        self._site, self._at, self._held, self.id = site, f"{AT}/{space_id}/room", held, id_

    async def call(self, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
        status, answer, _ = await self._site.anyone.call(
            method, self._at + path, json=body, headers={"Authorization": f"Bearer {self._held}"}
        )
        return status, answer

    async def post(self, path: str, body: Any = None) -> Any:
        status, answer = await self.call("POST", path, body or {})
        assert status == 200, answer
        return answer


@pytest.fixture
async def room(alice: Client) -> str:
    body = {"title": "An open floor", "topics": ["rust"], "language": "en"}
    space = await alice.post(AT, body, expect=201)
    assert (space["topics"], space["language"], space["speak_policy"]) == (["rust"], "en", "request")
    await alice.post(f"{AT}/{space['id']}/open", {})
    return str(space["id"])


async def guest(site: Site, who: Client, room: str) -> Guest:
    held = await who.post(f"{AT}/{room}/pass", {}, expect=201)
    return Guest(site, room, held["pass"], who.id)


async def test_a_guest_asks_is_let_on_stage_is_made_cohost_and_keeps_order(
    site: Site, alice: Client, bob: Client, room: str
) -> None:
    carol = await site.person("carol")
    bobs, carols = await guest(site, bob, room), await guest(site, carol, room)
    state = await bobs.post("/hand", {"up": True})
    assert (state["you"]["hand_position"], state["hands"]) == (1, {"count": 1, "queue": []})
    status, problem = await bobs.call("POST", f"/hands/{bob.id}/approve")
    assert (status, problem["detail"]) == (403, "Only the host or a co-host can do this.")

    state = await alice.post(f"{AT}/{room}/room/hands/{bob.id}/approve", {})
    assert [seat["account"]["id"] for seat in state["stage"]] == [alice.id, bob.id]
    state = await alice.post(f"{AT}/{room}/room/people/{bob.id}/cohost", {})
    assert [seat["role"] for seat in state["stage"]] == ["host", "cohost"]

    await carols.post("/hand")
    state = await bobs.post(f"/hands/{carol.id}/approve")
    assert "approve" in state["you"]["may"]
    state = await bobs.post(f"/people/{carol.id}/mute", {"hard": True})
    assert [seat["is_muted"] for seat in state["stage"]] == [False, False, True]
    status, problem = await carols.call("POST", "/microphone", {"on": True})
    assert (status, problem["detail"]) == (403, "A host muted you, and must let you go first.")
    status, _ = await bobs.call("POST", "/end")
    assert status == 403

    await bobs.post("/pause")
    assert (await site.anyone.get(f"{AT}/{room}/room"))["is_paused"]
    await bobs.post("/resume")
    await bobs.post(f"/people/{carol.id}/remove")
    status, _ = await carols.call("GET")
    assert status == 401  # the pass is void
    status, problem, _ = await carol.call("POST", f"{AT}/{room}/pass")
    assert (status, problem["detail"]) == (403, "You were sent out of this Space.")
    removed = await alice.get(f"{AT}/{room}/room/removed")
    assert [(one["account"]["id"], one["is_banned"]) for one in removed] == [(carol.id, False)]
    await bobs.post(f"/people/{carol.id}/readmit")

    await alice.post(f"{AT}/{room}/room/hand_over", {"account_id": bob.id})
    state = await bobs.post("/end")
    assert state["space"]["state"] == "ended"


async def test_an_invitation_by_handle_and_its_answer(
    site: Site, alice: Client, bob: Client, room: str
) -> None:
    body = {"handle": f"@{bob.account.username}", "role": "speaker"}
    await alice.post(f"{AT}/{room}/room/invite", body)
    bobs = await guest(site, bob, room)
    _, state = await bobs.call("GET")
    assert state["you"]["invited_as"] == "speaker"
    state = await bobs.post("/invitation", {"accept": True})
    assert (state["you"]["role"], state["you"]["has_mic_on"]) == ("speaker", False)
    status, _, _ = await alice.call("POST", f"{AT}/{room}/room/invite", json={"role": "speaker"})
    assert status == 422


@pytest.mark.parametrize("path", ["room/invitation", "invitation"])
async def test_who_declines_what_alone_let_them_see_the_space_is_answered_and_sees_it_no_more(
    site: Site, alice: Client, bob: Client, path: str
) -> None:
    made = await alice.post(AT, {"title": "Among friends", "access": "invited"}, expect=201)
    at = f"{AT}/{made['id']}"
    await alice.post(f"{at}/open", {})
    await alice.post(f"{at}/room/invite", {"handle": "@bob", "role": "listener"})
    status, answer, _ = await bob.call("POST", f"{at}/{path}", json={"accept": False})
    assert status == 200, answer
    if path == "invitation":
        assert answer == {"space_id": made["id"], "role": "listener", "offered": None}
    else:
        you = answer["you"]
        assert (answer["space"]["id"], you["account"], you["invited_as"], you["may"]) == (
            made["id"], None, None, [],
        )  # fmt: skip
        assert (answer["stage"], answer["space"]["speakers"]) == ([], [])
    for unseen in (at, f"{at}/room"):
        assert (await bob.call("GET", unseen))[0] == 404
    status, again, _ = await bob.call("POST", f"{at}/{path}", json={"accept": False})
    assert (status, again) == (200, answer), "the first answer may have been lost on the way"
    assert (await bob.call("POST", f"{at}/{path}", json={"accept": True}))[0] == 404
    carol = await site.person("carol")
    assert (await carol.call("POST", f"{at}/{path}", json={"accept": False}))[0] == 404
    assert await alice.get(f"{at}/room/invitations") == []


@pytest.mark.parametrize("path", ["room/invitation", "invitation"])
async def test_a_no_is_a_no_again_only_to_who_declined_and_is_kept_out_by_nothing_else(
    site: Site, alice: Client, bob: Client, path: str
) -> None:
    made = await alice.post(AT, {"title": "Among friends", "access": "invited"}, expect=201)
    at = f"{AT}/{made['id']}"
    await alice.post(f"{at}/open", {})

    async def declines() -> int:
        status: int = (await bob.call("POST", f"{at}/{path}", json={"accept": False}))[0]
        return status

    await alice.post(f"{at}/room/invite", {"handle": "@bob", "role": "listener"})
    assert await declines() == 200
    await alice.post(f"{at}/room/invite", {"handle": "@bob", "role": "listener"})
    assert (await bob.get(f"{at}/invitation"))["offered"] == "listener", "he may be asked again"
    assert [await declines(), await declines()] == [200, 200]
    assert await alice.get(f"{at}/room/invitations") == [], "the second offer was declined as well"
    await alice.post(f"/api/v1/accounts/{bob.id}/block", {})
    assert await declines() == 404
    await alice.post(f"/api/v1/accounts/{bob.id}/unblock", {})
    assert await declines() == 200
    async with site.app.db.transaction() as tx:
        await tx.execute(update(Declined).values(declined_at=site.app.clock.now() - timedelta(days=1)))
    await declined.prune(site.app.db, site.app.clock)
    assert await declines() == 404, "after a day it is forgotten"


async def test_an_invitation_is_listed_for_hosts_and_withdrawn(
    site: Site, alice: Client, bob: Client, room: str
) -> None:
    carol, dan = await site.person("carol"), await site.person("dan")
    at = f"{AT}/{room}/room"
    await alice.post(f"{at}/invite", {"handle": "@carol", "role": "cohost"})
    carols = await guest(site, carol, room)
    await carols.post("/invitation", {"accept": True})
    await alice.post(f"{at}/invite", {"handle": "@bob", "role": "cohost"})
    await carols.post("/invite", {"handle": "@dan", "role": "speaker"})
    for host in (alice, carol):
        asked = await host.get(f"{at}/invitations")
        assert [(one["account"]["id"], one["role"]) for one in asked] == [
            (bob.id, "cohost"), (dan.id, "speaker"),
        ]  # fmt: skip
    assert (await bob.call("GET", f"{at}/invitations"))[0] == 403
    for who, whom in ((bob, dan.id), (carol, bob.id)):
        status, _, _ = await who.call("DELETE", f"{at}/invitations/{whom}")
        assert status == 403, "only the host calls a co-host"
    notices = "/api/v1/notifications"
    asked_for = {"types[]": "fedispace:space_invitation"}
    assert len(await dan.get(notices, **asked_for)) == 1
    await alice.delete(f"{at}/invitations/{dan.id}")
    await alice.delete(f"{at}/invitations/{dan.id}")
    await alice.delete(f"{at}/invitations/{bob.id}")
    await alice.delete(f"{at}/invitations/1")
    assert await alice.get(f"{at}/invitations") == []
    assert await dan.get(notices, **asked_for) == [], "whoever of the hosts had asked"
    bobs = await guest(site, bob, room)
    assert (await bobs.call("POST", "/invitation", {"accept": True}))[0] == 409


async def test_a_stranger_sees_the_stage_and_may_do_nothing(site: Site, alice: Client, room: str) -> None:
    state = await site.anyone.get(f"{AT}/{room}/room")
    assert set(state) == {
        "space", "you", "stage", "stage_limit", "hands", "listeners", "pins", "is_paused", "elapsed",
        "warnings",
    }  # fmt: skip
    assert state["you"] == {
        "account": None,
        "role": "listener",
        "hand_position": None,
        "invited_as": None,
        "is_muted": False,
        "may_unmute": True,
        "has_mic_on": False,
        "is_shown": False,
        "may": [],
    }
    assert (state["stage_limit"], state["listeners"]) == (13, {"count": 0, "shown": [], "private": 0})
    status, _, headers = await site.anyone.call("POST", f"{AT}/{room}/room/hand")
    assert (status, headers["Access-Control-Allow-Origin"]) == (401, "*")


async def test_the_pass_of_one_room_is_none_in_another(
    site: Site, alice: Client, bob: Client, room: str
) -> None:
    other = await alice.post(AT, {"title": "Another"}, expect=201)
    await alice.post(f"{AT}/{other['id']}/open", {})
    held = await bob.post(f"{AT}/{room}/pass", {}, expect=201)
    for path, expected in ((f"{AT}/{room}/room/hand", 200), (f"{AT}/{other['id']}/room/hand", 401)):
        status, _, _ = await site.anyone.call(
            "POST", path, json={"up": True}, headers={"Authorization": f"Bearer {held['pass']}"}
        )
        assert status == expected


async def test_the_host_edits_and_only_what_is_named(
    site: Site, alice: Client, bob: Client, room: str
) -> None:
    status, space, _ = await alice.call("PATCH", f"{AT}/{room}", json={"title": "A floor", "topics": []})
    assert (status, space["title"], space["topics"], space["language"]) == (200, "A floor", [], "en")
    status, _, _ = await bob.call("PATCH", f"{AT}/{room}", json={"title": "Mine"})
    assert status == 403


@pytest.mark.attack(105)
async def test_a_flood_of_hands_is_dammed_and_others_are_served(
    site: Site, alice: Client, bob: Client, room: str
) -> None:
    bobs = await guest(site, bob, room)
    answers = [(await bobs.call("POST", "/hand", {"up": n % 2 == 0}))[0] for n in range(40)]
    assert answers.count(429) >= 10
    assert set(answers) == {200, 429}
    await alice.post(f"{AT}/{room}/room/microphone", {"on": True})
    status, _ = await bobs.call("POST", "/hand", {"up": "<b>" * 100_000})
    assert status in (413, 422, 429)
