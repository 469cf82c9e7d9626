"""What the tests of the API may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.site import Client, Site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An instance with this API, and nobody on it."""
    async with Site(tmp_path) as opened:
        yield opened


@pytest.fixture
async def alice(site: Site) -> Client:
    return await site.person("alice")


@pytest.fixture
async def bob(site: Site) -> Client:
    return await site.person("bob")


@pytest.fixture
async def space(alice: Client) -> dict[str, Any]:
    """A Space of alice's that is live."""
    at = "/api/fedispace/v1/spaces"
    made = await alice.post(at, {"title": "An open floor"}, expect=201)
    opened = await alice.post(f"{at}/{made['id']}/open")
    assert isinstance(opened, dict)
    return opened
