"""The servers most stories are told on: alpha and beta, once per database."""

from collections.abc import Iterator

import pytest

from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.system.people import Pair


def _start(ground: Ground, first: str, second: str, database: str) -> Pair:
    return Pair(a=ground.instance(first, database=database), b=ground.instance(second, database=database))


@pytest.fixture(scope="session")
def sqlite_pair(ground: Ground) -> Pair:
    """alpha and beta as they come: SQLite, everything in one command."""
    return _start(ground, "sa.test", "sb.test", "sqlite")


@pytest.fixture(scope="session")
def postgres_pair(ground: Ground) -> Pair:
    """The same two servers, other names, with `database.url` of a PostgreSQL."""
    return _start(ground, "pa.test", "pb.test", "postgres")


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def pair(request: pytest.FixtureRequest) -> Pair:
    """alpha and beta on each database in turn; the tests that use it run twice."""
    found: Pair = request.getfixturevalue(f"{request.param}_pair")
    return found


@pytest.fixture
def alpha(sqlite_pair: Pair) -> Instance:
    """One server is enough."""
    return sqlite_pair.a


@pytest.fixture
def beta(sqlite_pair: Pair) -> Instance:
    """The server next door."""
    return sqlite_pair.b


@pytest.fixture(autouse=True)
def _every_server_still_runs(ground: Ground) -> Iterator[None]:
    """Fail the test during which a server died, not the next one."""
    yield
    for instance in ground.instances:
        assert instance.is_running(), f"{instance.name} ended:\n{instance.tail()}"
