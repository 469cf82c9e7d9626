"""Client programs and tokens: the refusals of the token endpoint."""

import base64
import hashlib
from typing import Any

import pytest

from tests.api.site import Client, Site

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


async def registered(site: Site, **more: Any) -> dict[str, Any]:
    body = {"client_name": "Tester", "redirect_uris": OUT_OF_BAND, "scopes": "read write", **more}
    app = await site.anyone.post("/api/v1/apps", body)
    assert isinstance(app, dict)
    return app


async def code_for(site: Site, who: Client, app: dict[str, Any], challenge: str | None = CHALLENGE) -> str:
    row = await site.app.oauth.app(app["client_id"])
    bearer = await site.app.oauth.bearer(who.token or "")
    assert row is not None
    assert bearer is not None
    assert bearer.user is not None
    return await site.app.oauth.authorize(row, bearer.user, OUT_OF_BAND, frozenset({"read"}), challenge)


def exchange(app: dict[str, Any], code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "code": code,
        "redirect_uri": OUT_OF_BAND,
        "code_verifier": VERIFIER,
    }


async def test_an_app_registers_and_sees_its_secret_once(site: Site) -> None:
    app = await registered(site, website="https://tester.example", redirect_uris=["app://a", "app://b"])
    assert app["redirect_uris"] == ["app://a", "app://b"]
    assert app["redirect_uri"] == "app://a\napp://b"
    assert app["scopes"] == ["read", "write"]
    assert (app["name"], app["website"]) == ("Tester", "https://tester.example")
    assert {"id", "vapid_key", "client_id", "client_secret", "client_secret_expires_at"} <= app.keys()


async def test_several_redirect_uris_may_stand_on_lines(site: Site) -> None:
    app = await registered(site, redirect_uris="app://a\napp://b")
    assert app["redirect_uris"] == ["app://a", "app://b"]


@pytest.mark.parametrize(
    "more",
    [
        {"redirect_uris": "javascript:alert(1)"},
        {"redirect_uris": "data:text/html,x"},
        {"redirect_uris": "http://evil.example/cb"},
        {"redirect_uris": []},
        {"redirect_uris": ["https://a.example/cb#x"]},
        {"client_name": ""},
        {"client_name": "x" * 1_000_000},
        {"scopes": "read everything"},
        {"website": "javascript:alert(1)"},
        {"client_name": ["a"]},
    ],
)
async def test_an_app_that_could_do_harm_is_not_registered(site: Site, more: dict[str, Any]) -> None:
    body = {"client_name": "Tester", "redirect_uris": OUT_OF_BAND, **more}
    status, answer, _ = await site.anyone.call("POST", "/api/v1/apps", json=body)
    assert status == 422
    assert set(answer) == {"error"}


async def test_a_code_becomes_a_token_that_no_cache_keeps(site: Site, alice: Client) -> None:
    app = await registered(site)
    form = exchange(app, await code_for(site, alice, app))
    status, token, headers = await site.anyone.call("POST", "/oauth/token", data=form)
    assert (status, token["token_type"], token["scope"]) == (200, "Bearer", "read")
    assert isinstance(token["created_at"], int)
    assert headers["Cache-Control"] == "no-store"
    info = await site.holder(token["access_token"]).get("/oauth/userinfo")
    assert (info["sub"], info["preferred_username"]) == (f"{site.origin}/users/alice", "alice")


async def test_a_program_may_name_itself_by_basic(site: Site, alice: Client) -> None:
    app = await registered(site)
    form = exchange(app, await code_for(site, alice, app))
    basic = base64.b64encode(f"{form.pop('client_id')}:{form.pop('client_secret')}".encode()).decode()
    shown = {"Authorization": f"Basic {basic}"}
    assert (await site.anyone.call("POST", "/oauth/token", data=form, headers=shown))[0] == 200


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"code": "x" * 43}, 400, "invalid_grant"),
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_grant"),
        ({"redirect_uri": "app://other"}, 400, "invalid_grant"),
        ({"client_secret": "y" * 43}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "unsupported_grant_type"),
    ],
)
async def test_what_does_not_fit_the_code_gets_no_token(
    site: Site, alice: Client, change: dict[str, str], status: int, error: str
) -> None:
    app = await registered(site)
    form = {**exchange(app, await code_for(site, alice, app)), **change}
    answered, body, _ = await site.anyone.call("POST", "/oauth/token", data=form)
    assert (answered, body["error"]) == (status, error)
    assert body["error_description"]


@pytest.mark.parametrize("basic", ["", "!!!", "YQ==", "/w==", "AGE6Yg==", "Og=="])
async def test_credentials_that_cannot_be_read_are_no_credentials(site: Site, basic: str) -> None:
    status, body, _ = await site.anyone.call(
        "POST",
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {basic}"},
    )
    assert (status, body["error"]) == (401, "invalid_client")


async def test_a_code_of_one_program_is_none_for_another(site: Site, alice: Client) -> None:
    mine, other = await registered(site), await registered(site)
    form = exchange(other, await code_for(site, alice, mine))
    assert (await site.anyone.call("POST", "/oauth/token", data=form))[1]["error"] == "invalid_grant"


async def test_a_code_that_is_a_minute_old_is_no_code(site: Site, alice: Client) -> None:
    app = await registered(site)
    form = exchange(app, await code_for(site, alice, app))
    site.home.clock.advance(seconds=61)
    assert (await site.anyone.call("POST", "/oauth/token", data=form))[1]["error"] == "invalid_grant"


async def test_a_code_used_twice_takes_the_first_token_back(site: Site, alice: Client) -> None:
    app = await registered(site)
    form = exchange(app, await code_for(site, alice, app))
    first = site.holder((await site.anyone.call("POST", "/oauth/token", data=form))[1]["access_token"])
    assert (await first.call("GET", "/oauth/userinfo"))[0] == 200
    assert (await site.anyone.call("POST", "/oauth/token", data=form))[1]["error"] == "invalid_grant"
    assert (await first.call("GET", "/oauth/userinfo"))[0] == 401


async def test_a_program_gets_no_wider_scope_than_it_registered_for(site: Site) -> None:
    app = await registered(site, scopes="read")
    form = {
        "grant_type": "client_credentials",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "scope": "read write",
    }
    status, body, _ = await site.anyone.call("POST", "/oauth/token", data=form)
    assert (status, body["error"]) == (400, "invalid_scope")


async def test_the_metadata_names_every_endpoint_at_our_origin(site: Site) -> None:
    found = await site.anyone.get("/.well-known/oauth-authorization-server")
    assert found["token_endpoint"] == f"{site.origin}/oauth/token"
    assert found["authorization_endpoint"] == f"{site.origin}/oauth/authorize"
    assert found["app_registration_endpoint"] == f"{site.origin}/api/v1/apps"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert set(found["scopes_supported"]) >= {"read", "write", "follow", "push", "profile"}
