"""The stage of the stories: alpha (a.test) and beta (b.test), and whoever comes."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import expect

from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.stories.cast import Cast

# How long something may take is for benchmarks to say; a story waits until it is so.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def alpha(ground: Ground) -> Instance:
    """Where the rooms are."""
    return ground.instance("a.test")


@pytest.fixture(scope="session")
def beta(ground: Ground) -> Instance:
    """The server next door."""
    return ground.instance("b.test")


@pytest.fixture
async def cast(ground: Ground) -> AsyncIterator[Cast]:
    async with Cast(ground) as found:
        yield found


@pytest.fixture(autouse=True)
def _every_server_still_runs(ground: Ground) -> Iterator[None]:
    """Fail the test during which a server died, not the next one."""
    yield
    for instance in ground.instances:
        assert instance.is_running(), f"{instance.name} ended:\n{instance.tail()}"
