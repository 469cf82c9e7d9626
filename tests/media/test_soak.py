"""Thirteen people talk, a hundred listen, some come and some go: nothing grows, drifts, is late or lost."""

from collections.abc import Iterator

import pytest

from tests.media.soaking import Soak


@pytest.fixture
def soak() -> Iterator[Soak]:
    """The one that runs beside the suite, or a short one for this test alone."""
    if (found := Soak.found()) is not None:
        yield found
        return
    soak = Soak.alone()
    yield soak
    soak.end()


@pytest.mark.soak
@pytest.mark.reliability("L10")
async def test_a_room_of_thirteen_speakers_and_a_hundred_listeners_neither_grows_nor_drifts(
    soak: Soak,
) -> None:
    """`bench/soak.py` judges; its docstring says by what."""
    code = await soak.code()
    told = soak.told()
    print(told)

    assert code == 0, told[-3000:]
    assert "MISSED" not in told
    assert "late, and not for want of a processor" in told
