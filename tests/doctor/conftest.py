"""What the doctor's tests may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.media.studio import Studio


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    """A live audio server of the test's own."""
    async with Studio(tmp_path) as opened:
        yield opened
