"""What the tests of the API may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

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
