"""What the media tests may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ground.speech import speak
from tests.media.studio import Studio


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    """A live audio server of the test's own."""
    async with Studio(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some sentences, 48 kHz mono."""
    return speak(tmp_path_factory.mktemp("speech") / "said.wav")
