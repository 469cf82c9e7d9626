"""What one instance's API does at another: find people and posts there, and enter a Space."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.site import Client, Site

AT = "/api/fedispace/v1/spaces"


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Site]:
    """Another instance."""
    (tmp_path / "far").mkdir()
    async with Site(tmp_path / "far") as opened:
        yield opened


@pytest.fixture
async def dora(far: Site) -> Client:
    return await far.person("dora")


def address_of(site: Site, name: str) -> str:
    return f"@{name}@{site.home.addresses.account_domain}"


async def test_somebody_of_another_server_is_found_by_address_and_by_page(
    site: Site, far: Site, alice: Client, dora: Client
) -> None:
    (found,) = (await alice.get("/api/v2/search", q=address_of(far, "dora"), resolve="true"))["accounts"]
    assert found["uri"] == f"{far.origin}/users/dora"
    assert found["acct"] == address_of(far, "dora").removeprefix("@")
    (again,) = (await alice.get("/api/v2/search", q=f"{far.origin}/users/dora", resolve="true"))["accounts"]
    assert again["id"] == found["id"]
    made = await alice.post(f"/api/v1/accounts/{found['id']}/follow")
    assert (made["following"], made["requested"]) == (False, True)


async def test_nobody_is_asked_without_resolve_or_without_a_person(
    site: Site, far: Site, alice: Client, dora: Client
) -> None:
    asked = {"q": address_of(far, "dora"), "resolve": "true"}
    assert (await alice.get("/api/v2/search", q=address_of(far, "dora")))["accounts"] == []
    assert (await site.anyone.call("GET", "/api/v2/search", params=asked))[0] == 401
    assert (await alice.call("GET", "/api/v1/accounts/lookup", params={"acct": asked["q"]}))[0] == 404


async def test_a_post_of_another_server_is_found_by_its_uri_and_answered(
    site: Site, far: Site, alice: Client, dora: Client
) -> None:
    post = await dora.post("/api/v1/statuses", {"status": "Hello from afar"})
    (found,) = (await alice.get("/api/v2/search", q=post["uri"], resolve="true"))["statuses"]
    assert (found["uri"], found["content"]) == (post["uri"], "<p>Hello from afar</p>")
    assert found["account"]["acct"] == address_of(far, "dora").removeprefix("@")
    answer = await alice.post("/api/v1/statuses", {"status": "Hello", "in_reply_to_id": found["id"]})
    assert answer["in_reply_to_account_id"] == found["account"]["id"]
    assert (await alice.post(f"/api/v1/statuses/{found['id']}/favourite"))["favourited"]


async def test_a_private_post_of_another_server_is_not_found(
    site: Site, far: Site, alice: Client, dora: Client
) -> None:
    post = await dora.post("/api/v1/statuses", {"status": "For me", "visibility": "direct"})
    assert (await alice.get("/api/v2/search", q=post["uri"], resolve="true"))["statuses"] == []


async def test_a_space_of_another_server_is_resolved_and_entered(
    site: Site, far: Site, alice: Client, dora: Client
) -> None:
    made = await dora.post(AT, {"title": "Far away"}, expect=201)
    await dora.post(f"{AT}/{made['id']}/open")
    space = await alice.get(f"{AT}/resolve", uri=made["uri"])
    assert (space["title"], space["state"], space["uri"]) == ("Far away", "live", made["uri"])
    assert space["host"]["acct"] == address_of(far, "dora").removeprefix("@")
    assert (await site.anyone.get(f"{AT}/{space['id']}"))["id"] == space["id"]
    admission = await alice.post(f"{AT}/{space['id']}/join", {"role": "listener"})
    assert admission["whep_url"] == f"{far.origin}/spaces/{made['id']}/whep"
    assert len(admission["ticket"]) >= 43
    status, problem, _ = await alice.call("POST", f"{AT}/{space['id']}/join", json={"role": "speaker"})
    assert (status, problem["status"]) == (403, 403)


async def test_a_strangers_space_cannot_be_opened_from_here(
    site: Site, far: Site, alice: Client, dora: Client
) -> None:
    made = await dora.post(AT, {"title": "Far away"}, expect=201)
    space = await alice.get(f"{AT}/resolve", uri=made["uri"])
    assert (await alice.call("POST", f"{AT}/{space['id']}/open"))[0] == 403
