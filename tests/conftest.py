"""What every test may ask for.

`ground` is a whole loopback internet for the run (tests/ground): it starts servers, peers and
browsers when a test first wants them. What the machine lacks is skipped, visibly; with CI=true a
skip is a failure, so that nothing passes by not running.
"""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from aiohttp import web_app
from hypothesis import settings

from tests import compiled
from tests.conformance.report import Findings, note_what_it_proves
from tests.ground.ground import Ground, Missing
from tests.media.soaking import Soak

# A busy machine is slow without being wrong, so an example has no deadline of its own.
settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")

# Where tests write: memory, if there is enough. Databases that promise durability wait for the disk at
# every commit, and what a test proves of them survives a killed process there as it does on a disk.
_MEMORY = Path("/dev/shm")
_ENOUGH = 4 * 1024**3

_FINDINGS = Findings()
_IN_CI = os.environ.get("CI", "").lower() == "true"


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The run's network, certificate authority and everything started on it."""
    found = Ground(tmp_path_factory.mktemp("ground"))
    yield found
    found.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance", metavar="FILE", help="write what the run proved to this file")
    parser.addoption(
        "--soak", metavar="MINUTES", type=float, help="let a room live for so long beside the run"
    )
    parser.addoption("--stories", metavar="FILE", help="write which stories of Spaces were told to this file")


def pytest_configure() -> None:
    compiled.share()
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


_SOAK = pytest.StashKey[Soak]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin what is to last; of the processes of a shared run, the first does."""
    minutes = session.config.getoption("--soak")
    if minutes and not hasattr(session.config, "workerinput"):
        session.config.stash[_SOAK] = Soak.begin(minutes)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each test say what it proves, and let whole servers come first: they take longest, and whoever
    shares the work is to be left with something small at the end. The soak has run beside them all."""
    for item in items:
        note_what_it_proves(item)
    if os.environ.get("FEDISPACE_TEST_DATABASE") == "postgres":
        _leave_out_what_has_no_database(items)
    items.sort(key=_when)


def _when(item: pytest.Item) -> int:
    return 0 if item.get_closest_marker("system") else 2 if item.get_closest_marker("soak") else 1


def _leave_out_what_has_no_database(items: list[pytest.Item]) -> None:
    """A database is made for a directory (`factories.py`); what asks for no directory has none, and what
    another database could do to it was seen on SQLite."""
    without = [item for item in items if "tmp_path" not in item.fixturenames]
    items[:] = [item for item in items if "tmp_path" in item.fixturenames]
    if without:
        without[0].config.hook.pytest_deselected(items=without)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _FINDINGS.note(report)


def pytest_runtest_logfinish() -> None:
    """Let go of the applications of the test: aiohttp keeps the handlers of the last thousand requests'
    routes for the process, and with each the whole instance it belongs to."""
    web_app._cached_build_middleware.cache_clear()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the documents; of the processes of a shared run, only the first sees every report."""
    if hasattr(session.config, "workerinput"):
        return
    if (soak := session.config.stash.get(_SOAK, None)) is not None:
        soak.end()
    for option, text in (("--conformance", _FINDINGS.document), ("--stories", _FINDINGS.stories)):
        if path := session.config.getoption(option):
            Path(path).write_text(text(), encoding="utf-8")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _skip_what_is_missing())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _skip_what_is_missing())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI=true, report a skip as a failure."""
    report = yield
    if report.skipped and _IN_CI and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI=true does not allow: {report.longrepr}"
    return report


def _skip_what_is_missing() -> Generator[None, object, object]:
    try:
        return (yield)
    except Missing as missing:
        pytest.skip(str(missing))
