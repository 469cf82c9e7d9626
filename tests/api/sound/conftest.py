"""What the tests of sound over HTTP may ask for: an instance with sound."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.site import Site
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
