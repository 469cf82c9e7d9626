"""An instance with sound: the site of the API's tests, and a real audio server behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from fedispace.sfu_place import SfuPlace
from tests.api.site import Site
from tests.media.studio import Studio


@asynccontextmanager
async def site_of(studio: Studio, directory: Path) -> AsyncIterator[Site]:
    """Open an instance whose rooms are at `studio`. Its clock shows today, for the SFU's shows it too."""
    place = SfuPlace(control=Path(studio.settings.control), secret=studio.secret)
    async with Site(directory, place=place) as opened:
        late = datetime.now(UTC) - opened.home.clock.now()
        opened.home.clock.advance(seconds=late.total_seconds())
        yield opened
