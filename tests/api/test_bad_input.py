"""Every call with values no client means: refused in words, or taken, and never an error of ours."""

import json
import typing
from typing import Any

import msgspec
import pytest

from fedispace.api.app import table
from fedispace.api.routing import Route
from tests.api.site import Client, Site
from tests.api.test_access import name_of, path_of

STRANGE: tuple[Any, ...] = (
    *("", "a\x00b", "\ud800", "-1", "9" * 30, "1e999", "x" * 5_000, -1, 2**63, 10**40, 1.5, None),
    *([], {}, [[]], {"a": "b"}, ["\x00"], [2**63], ["x"] * 600, [{"name": "\x00"}]),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "https://[::1"),
)
LEFT_OUT = ("/api/v1/profile/", "/oauth/revoke")


def fields_of(route: Route) -> tuple[Any, ...]:
    return msgspec.structs.fields(route.takes)


def ordinary(kind: Any) -> Any:
    """Return a value of a kind, so that a call gets as far as it can."""
    if typing.get_origin(kind) is typing.Annotated:
        return ordinary(typing.get_args(kind)[0])
    return {int: 1, str: "tea", bool: True}.get(kind, msgspec.UNSET)


async def fate(client: Client, route: Route, body: dict[str, Any]) -> int:
    if route.method == "GET":
        query = {name: str(value) for name, value in body.items() if not isinstance(value, list | dict)}
        query = {name: value for name, value in query.items() if value.isprintable()}
        status, _, _ = await client.call("GET", path_of(route), params=query)
    else:
        raw = json.dumps(body)
        headers = {"Content-Type": "application/json"}
        status, _, _ = await client.call(route.method, path_of(route), data=raw, headers=headers)
    return status


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_no_parameter_breaks_a_call(site: Site, alice: Client, method: str) -> None:
    post = await alice.post("/api/v1/statuses", {"status": "tea?"})
    broken = []
    for route in table():
        if route.method != method or route.path.startswith(LEFT_OUT):
            continue
        fields = [each for each in fields_of(route) if "{" + each.encode_name + "}" not in route.path]
        usual = {each.encode_name: ordinary(each.type) for each in fields}
        usual = {name: value for name, value in usual.items() if value is not msgspec.UNSET}
        for each in fields:
            site.home.clock.advance(minutes=6)  # or the limits would answer in the calls' stead
            for value in STRANGE:
                status = await fate(alice, route, {**usual, each.encode_name: value})
                if status >= 500 and status != 503:
                    broken.append((name_of(route), each.encode_name, repr(value)[:40], status))
    assert broken == []
    site.home.clock.advance(minutes=6)
    assert (await alice.get(f"/api/v1/statuses/{post['id']}"))["content"]


async def test_no_id_breaks_a_call(site: Site, alice: Client, bob: Client) -> None:
    theirs = await bob.post("/api/v1/statuses", {"status": "mine", "visibility": "direct"})
    broken = []
    for route in table():
        if "{" not in route.path or route.path.startswith(LEFT_OUT):
            continue
        site.home.clock.advance(minutes=6)
        for id_ in (0, -1, 2**63 - 1, 2**63, 10**40, "x", "%00", "%F0%9F%8E%89", "1.5", theirs["id"]):
            status, _, _ = await alice.call(route.method, path_of(route, typing.cast(int, id_)), json={})
            if status >= 500:
                broken.append((name_of(route), id_, status))
    assert broken == []
