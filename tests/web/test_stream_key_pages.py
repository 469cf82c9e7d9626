"""The page from which a host copies what OBS needs."""

import re

from tests.web.house import House, Seen, Visitor

_KEY = re.compile(r"fsk_[A-Za-z0-9_-]{43}")


async def _space(alice: Visitor) -> str:
    page = await alice.get("/start-a-space")
    stage = await alice.submit(
        page, "/start-a-space", ("title", "On air"), ("access", "public"), ("when", "now")
    )
    return stage.path.split("?")[0].rpartition("/")[2]


async def _made(alice: Visitor, number: str, label: str = "OBS") -> Seen:
    path = f"/stage/{number}/stream_keys"
    return await alice.submit(await alice.get(path), path, ("label", label), follow=False)


async def test_a_host_is_shown_address_and_key_once_and_revokes_it(house: House, alice: Visitor) -> None:
    number = await _space(alice)
    made = await _made(alice, number, "OBS <at> home")
    assert made.status == 201
    assert made.headers["Cache-Control"] == "private, no-store"
    assert f"{house.origin}/spaces/{number}/whip" in made.text
    assert len(set(_KEY.findall(made.text))) == 1

    again = await alice.get(f"/stage/{number}/stream_keys")
    assert _KEY.search(again.text) is None
    assert "OBS <at> home" in again.words
    revoke = re.search(rf'action="(/stage/{number}/stream_keys/\d+/revoke)"', again.text)
    assert revoke is not None
    gone = await alice.submit(again, revoke[1])
    assert "OBS <at> home" not in gone.words


async def test_a_listener_has_no_such_page(house: House, alice: Visitor, bob: Visitor) -> None:
    number = await _space(alice)
    assert (await bob.get(f"/stage/{number}/stream_keys")).status == 403
    assert (await house.stranger().get(f"/stage/{number}/stream_keys", follow=False)).status == 303


async def test_a_form_without_its_token_makes_no_key(alice: Visitor) -> None:
    number = await _space(alice)
    assert (await alice.post(f"/stage/{number}/stream_keys", {"label": "x"})).status == 403


async def test_one_key_too_many_is_told_on_the_page(alice: Visitor) -> None:
    number = await _space(alice)
    for label in "abcde":
        assert (await _made(alice, number, label)).status == 201
    refused = await _made(alice, number)
    assert refused.status == 409
    assert "revoke one first" in refused.words
