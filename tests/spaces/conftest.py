"""What the tests of Spaces may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fedispace.clock import ManualClock
from tests.spaces.town import Town


@pytest.fixture
def clock() -> ManualClock:
    """Thursday, 12 November 2026, 19:00 UTC, until a test moves it."""
    return ManualClock()


@pytest.fixture
async def town(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Town]:
    """An instance at https://a.example; nothing listens there."""
    opened = await Town.open(tmp_path, clock, "https://a.example")
    yield opened
    await opened.close()
