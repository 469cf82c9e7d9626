"""What holds for every call: JSON, CORS, rate limits, slashes, sizes."""

import io
from datetime import timedelta

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from fedispace.api.app import table
from fedispace.api.door import Door
from fedispace.api.entities.oauth import Nothing
from fedispace.api.entities.shape import NoParameters
from fedispace.api.limits import Limiter, Rate, Rates
from fedispace.api.routing import Call, Calls, Routes, Who
from tests.api.site import Client, Site


async def test_what_does_not_exist_is_told_in_json(site: Site) -> None:
    status, body, headers = await site.anyone.call("GET", "/api/v1/no_such_thing")
    assert (status, body) == (404, {"error": "Record not found"})
    assert headers["Content-Type"] == "application/json; charset=utf-8"


async def test_our_own_part_tells_problems(site: Site) -> None:
    status, body, headers = await site.anyone.call("GET", "/api/fedispace/v1/no_such_thing")
    assert status == 404
    assert headers["Content-Type"] == "application/problem+json"
    assert body == {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "detail": "There is no such call.",
    }


async def test_a_wrong_method_is_told_in_json_too(site: Site, alice: Client) -> None:
    assert (await alice.call("PUT", "/api/v1/timelines/home"))[1] == {"error": "Record not found"}


async def test_a_slash_at_the_end_makes_no_difference(site: Site) -> None:
    assert await site.anyone.get("/api/v2/instance/") == await site.anyone.get("/api/v2/instance")


async def test_scripts_of_any_origin_may_call_and_read_the_headers(site: Site) -> None:
    origin = {"Origin": "https://elk.example"}
    _, _, headers = await site.anyone.call("GET", "/api/v2/instance", headers=origin)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers
    assert "Link" in headers["Access-Control-Expose-Headers"]
    assert "X-RateLimit-Remaining" in headers["Access-Control-Expose-Headers"]


async def test_a_browser_is_told_beforehand_that_it_may_call(site: Site) -> None:
    asked = {
        "Origin": "https://elk.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    for path in sorted({route.path for route in table()}):
        at = path.replace("{id}", "1").replace("{group_key}", "x")
        status, _, headers = await site.anyone.call("OPTIONS", at, headers=asked)
        assert status == 204, path
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Access-Control-Allow-Headers"] == "authorization,content-type,idempotency-key"
        assert "DELETE" in headers["Access-Control-Allow-Methods"]


async def test_a_refusal_may_be_read_by_scripts_too(site: Site) -> None:
    status, _, headers = await site.anyone.call("GET", "/api/v1/timelines/home")
    assert (status, headers["Access-Control-Allow-Origin"]) == (401, "*")


class Echo(Calls):
    """One call, behind a door of its own."""

    routes = Routes()

    @routes.get("/echo", who=Who.PERSON, scope="read:accounts")
    async def echo(self, call: Call[NoParameters]) -> Nothing:
        """Say nothing."""
        return Nothing()


async def test_a_person_sees_how_much_is_left_and_is_stopped_at_the_end(
    site: Site, alice: Client, bob: Client, aiohttp_client: AiohttpClient
) -> None:
    door = Door(
        origin=site.origin,
        oauth=site.app.oauth,
        passes=site.app.passes,
        limiter=Limiter(site.home.clock),
        rates=Rates(per_account=Rate(amount=3, period=timedelta(minutes=5))),
        clock=site.home.clock,
    )
    app = web.Application()
    app.router.add_get("/echo", door.opened(Echo.routes.rows[0], Echo()))
    hers = await aiohttp_client(app, headers={"Authorization": f"Bearer {alice.token}"})
    for left in ("2", "1", "0"):
        answer = await hers.get("/echo")
        assert (answer.status, answer.headers["X-RateLimit-Limit"]) == (200, "3")
        assert answer.headers["X-RateLimit-Remaining"] == left
    answer = await hers.get("/echo?x=1")
    assert (answer.status, await answer.json()) == (429, {"error": "Too many requests"})
    assert int(answer.headers["Retry-After"]) > 0
    his = {"Authorization": f"Bearer {bob.token}"}
    assert (await hers.get("/echo", headers=his)).status == 200


async def test_a_persons_answers_are_kept_by_no_cache(alice: Client) -> None:
    _, _, headers = await alice.call("GET", "/api/v1/timelines/home")
    assert headers["Cache-Control"] == "private, no-store"


async def test_a_body_that_is_too_large_is_refused_in_json(alice: Client) -> None:
    status, body, _ = await alice.call(
        "POST",
        "/api/v1/statuses",
        data=io.BytesIO(b'{"status": "' + b"a" * 2_000_000 + b'"}'),
        headers={"Content-Type": "application/json"},
    )
    assert status == 413
    assert set(body) == {"error"}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b'"text"'),
        ("application/json", b'{"status": "a", "status": "b"}'),
        ("application/json", b'{"status": NaN}'),
        ("application/json", b'{"status": "\\ud800"}'),
        ("application/json", b'{"status": "\\u0000"}'),
        ("application/json", b"[" * 5000),
        ("application/json", b'{"status": {"a": 1}}'),
        ("application/json", b'{"in_reply_to_id": 1e999}'),
        ("application/json", b'{"media_ids": {"' + b"9" * 5000 + b'": "1"}}'),
        ("application/x-www-form-urlencoded; charset=nonsense", b"status=a"),
        ("application/x-www-form-urlencoded; charset=utf-16", b"status"),
        ("application/x-www-form-urlencoded", b"status=a%00b"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n"),
        ("text/plain", b"status=hello"),
    ],
)
async def test_no_bad_body_is_our_fault(alice: Client, content_type: str, body: bytes) -> None:
    status, answer, _ = await alice.call(
        "POST", "/api/v1/statuses", data=body, headers={"Content-Type": content_type}
    )
    assert 400 <= status < 500
    assert set(answer) == {"error"}
    assert await alice.get("/api/v1/timelines/home") == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=1000000000", "limit=-5", "limit=x", "max_id=x", "max_id=1180591620717411303424",
        "max_id='%20OR%201=1", "max_id=%00", "since_id=9&min_id=1", "limit=" + "9" * 5000,
        "max_id[]=1&max_id[]=2", "limit[a]=1", "local=perhaps", "%ff=%ff", "max_id=%ff",
    ],
)  # fmt: skip
async def test_no_query_is_our_fault(site: Site, query: str) -> None:
    status, _, _ = await site.anyone.call("GET", f"/api/v1/timelines/public?{query}")
    assert status in (200, 422)


@pytest.mark.parametrize("id_", ["x", "0", "-1", "9" * 30, "%00", "1%2F2", "1.5", "%F0%9F%98%80"])
async def test_no_id_is_our_fault(site: Site, alice: Client, id_: str) -> None:
    for path in ("/api/v1/accounts/{}", "/api/v1/statuses/{}", "/api/fedispace/v1/spaces/{}"):
        assert (await alice.call("GET", path.format(id_)))[0] == 404


async def test_every_empty_document_is_there_for_clients_that_start(alice: Client) -> None:
    for path in (
        "/api/v1/announcements", "/api/v1/custom_emojis", "/api/v1/lists", "/api/v1/filters",
        "/api/v2/filters", "/api/v1/follow_requests", "/api/v1/followed_tags", "/api/v1/conversations",
        "/api/v1/mutes", "/api/v1/scheduled_statuses", "/api/v1/trends/tags", "/api/v1/trends/statuses",
        "/api/v1/trends/links", "/api/v2/suggestions", "/api/v1/notifications/requests",
        f"/api/v1/accounts/{alice.account.id}/lists", f"/api/v1/accounts/{alice.account.id}/featured_tags",
    ):  # fmt: skip
        assert await alice.get(path) == [], path
    assert await alice.get("/api/v1/markers", **{"timeline[]": "home"}) == {}
    assert (await alice.get("/api/v2/notifications/policy"))["for_not_following"] == "accept"
    assert (await alice.call("GET", "/api/v1/push/subscription"))[:2] == (404, {"error": "Record not found"})


async def test_a_head_is_answered_like_a_get_without_the_body(site: Site) -> None:
    status, body, headers = await site.anyone.call("HEAD", "/api/v2/instance")
    assert (status, not body) == (200, True)
    assert headers["Content-Type"] == "application/json; charset=utf-8"
