"""Editing oneself over the API, and how others see it. Refusals first."""

from typing import Any

import aiohttp
import pytest

from tests.api.site import Client, Site

PATH = "/api/v1/accounts/update_credentials"
PROFILE = "/api/v1/profile"


async def edit(client: Client, expect: int = 200, **arguments: Any) -> Any:
    status, body, _ = await client.call("PATCH", PATH, **arguments)
    assert status == expect, f"{status} {body!r:.400}"
    return body


async def change(client: Client, expect: int = 200, **arguments: Any) -> Any:
    status, body, _ = await client.call("PATCH", PROFILE, **arguments)
    assert status == expect, f"{status} {body!r:.400}"
    return body


async def test_a_stranger_edits_nobody(site: Site, alice: Client) -> None:
    await edit(site.anyone, expect=401, json={"display_name": "Owned"})
    reader = await site.with_scopes(alice.account, "read")
    await edit(reader, expect=403, json={"display_name": "Owned"})
    assert (await alice.get(f"/api/v1/accounts/{alice.id}"))["display_name"] == ""


@pytest.mark.parametrize(
    "given",
    [
        {"display_name": "x" * 101},
        {"note": "x" * 2001},
        {"fields_attributes": [{"name": str(n), "value": "v"} for n in range(7)]},
        {"fields_attributes": [{"name": "", "value": "v"}]},
        {"fields_attributes": [{"name": "n", "value": "v" * 256}]},
        {"source": {"privacy": "everybody"}},
        {"source": {"language": "; drop"}},
        {"source": {"quote_policy": "me"}},
        {"locked": "perhaps"},
    ],
)
async def test_what_a_profile_cannot_say_is_refused_whole(alice: Client, given: dict[str, Any]) -> None:
    body = await edit(alice, expect=422, json={"bot": True, **given})
    assert body["error"]
    assert (await alice.get(f"/api/v1/accounts/{alice.id}"))["bot"] is False


@pytest.mark.parametrize("picture", ["avatar", "header"])
async def test_a_picture_is_refused_in_words(alice: Client, picture: str) -> None:
    form = aiohttp.FormData({"display_name": "Alice"})
    form.add_field(picture, b"\x89PNG", filename="me.png", content_type="image/png")
    body = await edit(alice, expect=422, data=form)
    assert "pictures" in body["error"]


async def test_the_profile_as_one_edits_it_is_what_was_typed_and_names_no_picture(
    site: Site, alice: Client
) -> None:
    shown = await change(alice, json={"display_name": "Alice", "note": "<b>hi</b>", "locked": True})
    assert set(shown) == {
        "id", "display_name", "note", "fields", "avatar", "avatar_static", "avatar_description", "header",
        "header_static", "header_description", "locked", "bot", "hide_collections", "discoverable",
        "indexable", "show_media", "show_media_replies", "show_featured", "attribution_domains",
        "featured_tags",
    }  # fmt: skip
    assert (shown["display_name"], shown["note"], shown["locked"]) == ("Alice", "<b>hi</b>", True)
    assert shown["avatar"] is shown["avatar_static"] is shown["header"] is shown["header_static"] is None
    shown = await change(alice, json={"fields_attributes": [{"name": "site", "value": "https://e.example"}]})
    assert shown["fields"] == [{"name": "site", "value": "https://e.example", "verified_at": None}]
    assert shown["note"] == "<b>hi</b>"
    for scopes in ("profile", "read:accounts"):
        assert await (await site.with_scopes(alice.account, scopes)).get(PROFILE) == shown


async def test_a_stranger_and_a_reader_change_no_profile(site: Site, alice: Client) -> None:
    await change(site.anyone, expect=401, json={"display_name": "Owned"})
    await change(await site.with_scopes(alice.account, "read"), expect=403, json={"display_name": "Owned"})
    await change(await site.with_scopes(alice.account, "profile"), expect=403, json={"bot": True})
    assert (await alice.get(PROFILE))["display_name"] == ""


@pytest.mark.parametrize(
    "given", [{"show_media": False}, {"show_featured": False}, {"avatar_description": "me"}, {"avatar": "x"}]
)
async def test_a_setting_that_is_not_there_is_refused_whole(alice: Client, given: dict[str, Any]) -> None:
    await change(alice, expect=422, json={"bot": True, **given})
    assert (await alice.get(PROFILE))["bot"] is False


async def test_markup_in_a_bio_is_text(alice: Client) -> None:
    body = await edit(alice, json={"note": "<script>alert(1)</script> <b>hi</b>"})
    assert "<script" not in body["note"]
    assert "&lt;script&gt;" in body["note"]
    assert body["source"]["note"] == "<script>alert(1)</script> <b>hi</b>"


async def test_a_bio_has_links_names_and_hashtags(site: Site, alice: Client, bob: Client) -> None:
    body = await edit(
        alice, json={"note": "With @bob about #rust\n\nhttps://alice.example/", "display_name": " Al\nice "}
    )
    assert f'href="{site.origin}/@bob"' in body["note"]
    assert 'class="mention hashtag"' in body["note"]
    assert 'href="https://alice.example/"' in body["note"]
    assert body["display_name"] == "Al ice"


@pytest.mark.parametrize("encoding", ["json list", "json map", "form"])
async def test_fields_come_in_every_encoding_clients_use(alice: Client, encoding: str) -> None:
    pairs = [{"name": "Site", "value": "https://alice.example"}, {"name": "Pronouns", "value": "she"}]
    if encoding == "json list":
        body = await edit(alice, json={"fields_attributes": pairs})
    elif encoding == "json map":
        body = await edit(alice, json={"fields_attributes": {"0": pairs[0], "1": pairs[1]}})
    else:
        flat = {f"fields_attributes[{n}][{k}]": v for n, pair in enumerate(pairs) for k, v in pair.items()}
        body = await edit(
            alice, data={**flat, "fields_attributes[2][name]": "", "fields_attributes[2][value]": ""}
        )
    assert [field["name"] for field in body["fields"]] == ["Site", "Pronouns"]
    assert 'href="https://alice.example"' in body["fields"][0]["value"]
    assert body["source"]["fields"][0] == {**pairs[0], "verified_at": None}
    assert (await edit(alice, json={"note": "hi"}))["source"]["fields"][0]["name"] == "Site"
    assert (await edit(alice, json={"fields_attributes": []}))["fields"] == []


async def test_the_choices_are_kept_and_told(site: Site, alice: Client) -> None:
    chosen = {
        "locked": True,
        "bot": True,
        "discoverable": False,
        "indexable": True,
        "hide_collections": True,
        "attribution_domains": ["blog.example"],
        "source": {"privacy": "unlisted", "sensitive": True, "language": "de", "quote_policy": "followers"},
    }
    await edit(alice, json=chosen)
    own = await alice.get("/api/v1/accounts/verify_credentials")
    shown = await site.anyone.get(f"/api/v1/accounts/{alice.id}")
    for body in (own, shown):
        assert (body["locked"], body["bot"], body["discoverable"]) == (True, True, False)
        assert (body["indexable"], body["noindex"], body["hide_collections"]) == (True, False, True)
    source = own["source"]
    assert (source["privacy"], source["sensitive"], source["language"]) == ("unlisted", True, "de")
    assert source["quote_policy"] == "followers"
    preferences = await alice.get("/api/v1/preferences")
    assert preferences["posting:default:visibility"] == "unlisted"
    assert preferences["posting:default:sensitive"] is True
    assert preferences["posting:default:language"] == "de"
    assert preferences["posting:default:quote_policy"] == "followers"
    post = await alice.post("/api/v1/statuses", {"status": "Guten Tag"})
    assert (post["visibility"], post["language"]) == ("unlisted", "de")


async def test_unlocking_leaves_who_asked_waiting(site: Site, bob: Client) -> None:
    carol = await site.person("carol", locked=True)
    await bob.post(f"/api/v1/accounts/{carol.id}/follow")
    await edit(carol, json={"locked": False})
    assert (await bob.get("/api/v1/accounts/relationships", **{"id[]": carol.id}))[0]["requested"] is True
    assert [who["id"] for who in await carol.get("/api/v1/follow_requests")] == [bob.id]


@pytest.mark.privacy("P-07")
async def test_who_does_not_want_to_be_found_is_in_no_list(site: Site, alice: Client, bob: Client) -> None:
    await edit(bob, json={"discoverable": False})
    for order in ("active", "new"):
        shown = await site.anyone.get("/api/v1/directory", order=order, local="true")
        assert [person["id"] for person in shown] == [alice.id]
    assert await alice.get("/api/v1/accounts/search", q="bo") == []
    assert (await alice.get("/api/v2/search", q="bo"))["accounts"] == []
    assert [who["id"] for who in await alice.get("/api/v1/accounts/search", q="bob")] == [bob.id]
    assert await site.anyone.get("/api/v1/directory", offset="1") == []
    status, _, _ = await site.anyone.call("GET", "/api/v1/directory?order=random")
    assert status == 422
