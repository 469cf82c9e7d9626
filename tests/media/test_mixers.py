"""What mixing needs is loaded when it may be needed, and not before."""

import subprocess
import sys
from pathlib import Path

from fedispace.media.live.mixers import Mixers
from tests.ground.eventually import eventually
from tests.media.peers import Listener, Sound, Speaker
from tests.media.studio import Studio


async def test_a_mixer_is_made_once_it_is_loaded() -> None:
    mixers = Mixers()
    assert mixers.make() is None
    assert await mixers.loaded()
    assert mixers.make() is not None
    await mixers.close()


def test_a_server_without_libopus_forwards_and_says_so_once() -> None:
    code = (
        "import asyncio; from fedispace.media.live import opus, mixers\n"
        "opus._candidates = lambda: []\n"
        "async def main():\n"
        "    m = mixers.Mixers()\n"
        "    print(await m.loaded(), m.make(), await m.loaded())\n"
        "asyncio.run(main())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.count("sfu.no_mixer") == 1
    assert ran.stdout.endswith("False None False\n")


async def test_arithmetic_is_loaded_with_the_second_publisher(studio: Studio) -> None:
    async with Speaker(studio) as anna, Speaker(studio) as bert, Listener(studio) as listener:
        await listener.subscribe()
        await anna.publish(Sound.tone(440))
        await listener.listen(0.5)
        assert not await _has_numpy(studio)
        await bert.publish(Sound.tone(880))
        await eventually("it is loaded", lambda: _has_numpy(studio), bool)


async def _has_numpy(studio: Studio) -> bool:
    return "numpy" in Path(f"/proc/{studio.process.pid}/maps").read_text()
