"""What the tests of sound over HTTP may ask for: an instance with sound, and a Space that is live."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.site import Client, Site
from tests.api.sound.doors import AT
from tests.api.sounding import site_of
from tests.media.studio import Studio


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    async with Studio(tmp_path) as opened:
        yield opened


@pytest.fixture
async def site(tmp_path: Path, studio: Studio) -> AsyncIterator[Site]:
    async with site_of(studio, tmp_path) as opened:
        yield opened


@pytest.fixture
async def space(alice: Client) -> dict[str, Any]:
    """A Space of alice's that is live."""
    made = await alice.post(AT, {"title": "An open floor"}, expect=201)
    opened = await alice.post(f"{AT}/{made['id']}/open")
    assert isinstance(opened, dict)
    return opened
