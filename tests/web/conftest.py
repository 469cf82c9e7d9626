"""What the tests of the pages may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.house import House, Visitor


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """An instance, and nobody in it."""
    async with House(tmp_path) as opened:
        yield opened


@pytest.fixture
async def alice(house: House) -> Visitor:
    return await house.person("alice", display_name="Alice Moreau")


@pytest.fixture
async def bob(house: House) -> Visitor:
    return await house.person("bob")


@pytest.fixture
async def stranger(house: House) -> Visitor:
    return house.stranger()
