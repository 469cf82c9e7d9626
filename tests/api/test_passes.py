"""A pass by HTTP: from a ticket or a token, and a caller of this one room."""

from tests.api.site import Client, Site

AT = "/api/fedispace/v1/spaces"


async def test_a_token_or_a_ticket_is_exchanged_for_a_pass(site: Site, alice: Client, bob: Client) -> None:
    space = await alice.post(AT, {"title": "An open floor"}, expect=201)
    await alice.post(f"{AT}/{space['id']}/open", {})
    mine = await bob.post(f"{AT}/{space['id']}/pass", {}, expect=201)
    assert mine["pass"].startswith("fsp_")
    assert mine["account"]["id"] == bob.id
    assert mine["signal_url"] == f"ws{site.origin.removeprefix('http')}/spaces/{space['id']}/signal"
    again = await bob.post(f"{AT}/{space['id']}/pass", {"renews": mine["pass"]}, expect=201)
    assert again["pass"] == mine["pass"]

    ticket = (await bob.post(f"{AT}/{space['id']}/join", {}))["ticket"]
    shown = {"Authorization": f"Bearer {ticket}"}
    for expected in (201, 401):
        status, body, _ = await site.anyone.call("POST", f"{AT}/{space['id']}/pass", headers=shown)
        assert status == expected, body


async def test_without_anything_there_is_no_pass(site: Site, alice: Client) -> None:
    space = await alice.post(AT, {"title": "An open floor"}, expect=201)
    await alice.post(f"{AT}/{space['id']}/open", {})
    status, _, headers = await site.anyone.call("POST", f"{AT}/{space['id']}/pass")
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="fedispace"')


async def test_a_pass_is_no_token_elsewhere(site: Site, alice: Client) -> None:
    space = await alice.post(AT, {"title": "An open floor"}, expect=201)
    held = (await alice.post(f"{AT}/{space['id']}/pass", {}, expect=201))["pass"]
    for method, path in (
        ("GET", "/api/v1/timelines/home"),
        ("GET", f"{AT}/{space['id']}"),
        ("POST", f"{AT}/{space['id']}/open"),
        ("POST", f"{AT}/{space['id']}/pass"),
    ):
        status, _, _ = await site.anyone.call(method, path, headers={"Authorization": f"Bearer {held}"})
        assert status == 401, path
