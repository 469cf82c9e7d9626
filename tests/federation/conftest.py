"""What the tests of federation may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fedispace.clock import ManualClock
from tests.federation.fediverse import Client, Fediverse, Server, open_fediverse
from tests.federation.peer import Peer


@pytest.fixture
async def fediverse(tmp_path: Path) -> AsyncIterator[Fediverse]:
    """alpha, beta and a peer that is not ours."""
    async with open_fediverse(tmp_path) as opened:
        yield opened


@pytest.fixture
def alpha(fediverse: Fediverse) -> Server:
    return fediverse.alpha


@pytest.fixture
def beta(fediverse: Fediverse) -> Server:
    return fediverse.beta


@pytest.fixture
def peer(fediverse: Fediverse) -> Peer:
    return fediverse.peer


@pytest.fixture
def clock(fediverse: Fediverse) -> ManualClock:
    return fediverse.clock


@pytest.fixture
async def alice(alpha: Server) -> Client:
    """Somebody at alpha."""
    return await alpha.person("alice")


@pytest.fixture
async def bob(beta: Server) -> Client:
    """Somebody at beta."""
    return await beta.person("bob")
