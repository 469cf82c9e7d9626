"""What a Mastodon server gets that shows a link to a Space; and the calendar files."""

import re
from typing import Any

import pytest

from tests.api.site import Client, Site


async def space_of(host: Client, **more: Any) -> dict[str, Any]:
    body = {"title": 'Tea & "talk" <b>', **more}
    made: dict[str, Any] = await host.post("/api/fedispace/v1/spaces", body, expect=201)
    return made


async def asked(site: Site, url: str, path: str = "/oembed", **more: str) -> tuple[int, Any, Any]:
    return await site.anyone.call("GET", path, params={"url": url, **more})


@pytest.mark.parametrize("path", ["/oembed", "/api/oembed"])
async def test_a_player_is_given_in_the_form_that_mastodon_keeps(
    site: Site, alice: Client, path: str
) -> None:
    space = await space_of(alice)
    status, body, headers = await asked(site, space["url"], path)
    assert status == 200
    assert (body["version"], body["type"]) == ("1.0", "video"), "of type rich it drops the HTML"
    assert body["title"] == 'Tea & "talk" <b>'
    assert re.fullmatch(
        r'<iframe src="[^"<>]+" width="400" height="200" title="[^"<>]*" [a-z="0 ]+></iframe>', body["html"]
    )
    assert f"{site.origin}/embed/spaces/{space['id']}" in body["html"]
    assert (body["author_name"], body["author_url"]) == ("alice", f"{site.origin}/@alice")
    assert (body["width"], body["height"]) == (400, 200)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Cache-Control"].startswith("public, max-age=")


async def test_it_is_no_larger_than_it_was_asked_for_and_never_too_small_to_use(
    site: Site, alice: Client
) -> None:
    space = await space_of(alice)
    for width, height, shown in (
        ("300", "150", (300, 150)),
        ("9999", "9999", (400, 200)),
        ("1", "-5", (120, 120)),
    ):
        _, body, _ = await asked(site, space["uri"], maxwidth=width, maxheight=height)
        assert (body["width"], body["height"]) == shown


@pytest.mark.attack(94)
@pytest.mark.privacy("P-01")
@pytest.mark.parametrize("access", ["followers", "invited"])
async def test_nothing_is_said_of_a_space_that_is_not_open_to_all(
    site: Site, alice: Client, access: str
) -> None:
    hidden = await space_of(alice, access=access)
    never_was = f"{site.origin}/spaces/1"
    answers = [await asked(site, url) for url in (hidden["url"], hidden["uri"], never_was)]
    assert {status for status, _, _ in answers} == {404}
    assert answers[0][1] == answers[1][1] == answers[2][1]
    assert len({frozenset((k, v) for k, v in h.items() if k.startswith("Cache")) for _, _, h in answers}) == 1
    status, body, _ = await site.anyone.call("GET", f"/spaces/{hidden['id']}.ics")
    assert status == 404
    assert "Tea" not in body


@pytest.mark.parametrize("url", ["", "nonsense", "https://elsewhere.example/spaces/1", "javascript:alert(1)"])
async def test_of_anything_else_nothing_is_said(site: Site, url: str) -> None:
    assert (await asked(site, url))[0] == 404


async def test_xml_is_not_given(site: Site, alice: Client) -> None:
    space = await space_of(alice)
    assert (await asked(site, space["url"], format="xml"))[0] == 404


async def test_a_space_and_a_hosts_spaces_are_files_for_calendars(site: Site, alice: Client) -> None:
    space = await space_of(alice, starts_at="2026-11-14T19:00:00Z")
    hidden = await space_of(alice, title="Ours alone", access="followers")
    status, text, headers = await site.anyone.call("GET", f"/spaces/{space['id']}.ics")
    assert status == 200
    assert headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "attachment" in headers["Content-Disposition"]
    assert f"UID:{space['uri']}\r\n" in text.replace("\r\n ", "")
    status, feed, _ = await site.anyone.call("GET", "/@alice/spaces.ics")
    assert status == 200
    assert feed.count("BEGIN:VEVENT") == 1
    assert "Ours alone" not in feed
    assert "NAME:Spaces of alice\r\n" in feed
    status, _, _ = await alice.call("GET", f"/spaces/{hidden['id']}.ics")
    assert status == 404, "a calendar program has no session, and a page reads no token"
    await alice.post(f"/api/fedispace/v1/spaces/{space['id']}/cancel")
    _, text, _ = await site.anyone.call("GET", f"/spaces/{space['id']}.ics")
    assert "STATUS:CANCELLED\r\n" in text
    for path in ("/@nobody/spaces.ics", "/spaces/abc.ics", "/spaces/1.ics"):
        assert (await site.anyone.call("GET", path))[0] == 404
