"""Who may make which call: every row of the table against every kind of caller."""

import re
from typing import Any

import pytest

from fedispace.accounts.models import Account
from fedispace.accounts.scopes import covers
from fedispace.api.app import table
from fedispace.api.routing import Route, Who
from tests.api.site import Client, Site

EVERY_SCOPE = ("read", "write", "follow", "push", "profile")
GUARDED = [route for route in table() if route.who is not Who.ANYONE]
SCOPED = [route for route in table() if route.scope is not None]


def path_of(route: Route, id_: int = 1) -> str:
    path = route.path.replace("{group_key}", "ungrouped-1").replace("{emoji}", "blob")
    path = re.sub(r"{(\w+_)?id}", str(id_), path)
    for name in ("hashtag", "name"):
        path = path.replace("{" + name + "}", "tea")
    return path


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


async def test_without_a_token_only_the_public_calls_answer(site: Site) -> None:
    answered = set()
    for route in GUARDED:
        status, body, headers = await site.anyone.call(route.method, path_of(route))
        assert status == 401, name_of(route)
        assert "WWW-Authenticate" in headers
        assert set(body) >= {"error"} or set(body) >= {"title", "status", "detail"}
        answered.add(name_of(route))
    assert len(answered) >= 50


async def test_a_token_without_the_scope_opens_nothing(site: Site, alice: Client) -> None:
    for route in SCOPED:
        assert route.scope is not None
        lacking = " ".join(scope for scope in EVERY_SCOPE if not covers(frozenset({scope}), route.scope))
        weak = await site.with_scopes(alice.account, lacking)
        status, _, _ = await weak.call(route.method, path_of(route))
        assert status == 403, name_of(route)


async def test_a_read_only_token_changes_nothing(site: Site, alice: Client) -> None:
    reader = await site.with_scopes(alice.account, "read")
    for route in table():
        if route.method != "GET" and not route.path.startswith(("/oauth/", "/api/v1/apps")):
            status, _, _ = await reader.call(route.method, path_of(route))
            assert status == 403, name_of(route)


async def test_a_suspended_persons_token_is_no_token(site: Site, alice: Client) -> None:
    async with site.home.db.transaction() as tx:
        account = await tx.get(Account, alice.account.id)
        assert account is not None
        account.suspended_at = site.home.clock.now()
    for route in table():
        status, _, _ = await alice.call(route.method, path_of(route))
        assert status == 401, name_of(route)


@pytest.mark.parametrize(
    "spoil",
    [lambda t: t[:-1], lambda t: t + "x", lambda t: t.swapcase(), lambda t: "", lambda t: "x" * 600],
)
async def test_a_token_that_is_not_exactly_right_is_refused(site: Site, alice: Client, spoil: Any) -> None:
    assert alice.token is not None
    stranger = site.holder(spoil(alice.token) or " ")
    status, body, _ = await stranger.call("GET", "/api/v1/instance/rules")
    assert (status, body) == (401, {"error": "The access token is invalid"})


async def test_a_token_in_the_address_is_refused_even_if_it_is_good(site: Site, alice: Client) -> None:
    assert alice.token is not None
    path = f"/api/v1/accounts/verify_credentials?access_token={alice.token}"
    assert (await site.anyone.call("GET", path))[0] == 401
    assert (await alice.call("GET", path))[0] == 401


async def test_a_revoked_token_is_refused(site: Site) -> None:
    app = await site.anyone.post(
        "/api/v1/apps", {"client_name": "Tester", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob"}
    )
    known = {name: app[name] for name in ("client_id", "client_secret")}
    token = (await site.anyone.post("/oauth/token", {"grant_type": "client_credentials", **known}))[
        "access_token"
    ]
    program = site.holder(token)
    assert (await program.get("/api/v1/apps/verify_credentials"))["name"] == "Tester"
    await site.anyone.post("/oauth/revoke", {"token": token, **known})
    assert (await program.call("GET", "/api/v1/apps/verify_credentials"))[0] == 401


async def test_a_programs_own_token_is_not_a_person(site: Site) -> None:
    app = await site.anyone.post(
        "/api/v1/apps",
        {"client_name": "Tester", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob", "scopes": "read write"},
    )
    asked = {"grant_type": "client_credentials", "scope": "read write"}
    known = {name: app[name] for name in ("client_id", "client_secret")}
    program = site.holder((await site.anyone.post("/oauth/token", {**asked, **known}))["access_token"])
    status, body, _ = await program.call("POST", "/api/v1/statuses", json={"status": "Hello"})
    assert (status, body) == (422, {"error": "This method requires an authenticated user"})


@pytest.mark.privacy("P-04")
async def test_what_one_may_not_see_and_what_is_not_there_are_the_same_bytes(
    site: Site, alice: Client, bob: Client
) -> None:
    secret = await alice.post("/api/v1/statuses", {"status": "For me", "visibility": "direct"})
    for method, tail in [
        ("GET", ""), ("GET", "/context"), ("GET", "/source"), ("DELETE", ""),
        ("POST", "/favourite"), ("POST", "/reblog"),
    ]:  # fmt: skip
        answers = []
        for status_id in (secret["id"], str(int(secret["id"]) + 1)):
            path = f"{site.origin}/api/v1/statuses/{status_id}{tail}"
            async with bob.session.request(method, path) as response:
                kept = {
                    name: value
                    for name, value in response.headers.items()
                    if name != "Date" and not name.startswith("X-RateLimit")
                }
                answers.append((response.status, await response.read(), kept))
        assert answers[0] == answers[1], (method, tail)
        assert answers[0][0] == 404
        assert answers[0][1] == b'{"error":"Record not found"}'


async def test_one_persons_notification_is_not_there_for_another(
    site: Site, alice: Client, bob: Client
) -> None:
    await bob.post(f"/api/v1/accounts/{alice.account.id}/follow")
    (found,) = await alice.get("/api/v1/notifications")
    assert (await alice.get(f"/api/v1/notifications/{found['id']}"))["id"] == found["id"]
    assert (await bob.call("GET", f"/api/v1/notifications/{found['id']}"))[0] == 404
    await bob.post(f"/api/v1/notifications/{found['id']}/dismiss")
    assert len(await alice.get("/api/v1/notifications")) == 1


async def test_only_the_author_deletes_a_post(alice: Client, bob: Client) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Mine"})
    assert (await bob.call("DELETE", f"/api/v1/statuses/{status['id']}"))[0] in (403, 404)
    assert (await alice.get(f"/api/v1/statuses/{status['id']}"))["id"] == status["id"]


async def test_only_the_host_opens_and_closes_a_space(alice: Client, bob: Client) -> None:
    space = await alice.post("/api/fedispace/v1/spaces", {"title": "Mine"}, expect=201)
    for step in ("open", "close", "cancel"):
        status, problem, _ = await bob.call("POST", f"/api/fedispace/v1/spaces/{space['id']}/{step}")
        assert (status, problem["status"]) == (403, 403)
