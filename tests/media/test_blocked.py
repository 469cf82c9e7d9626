"""A network that stops letting UDP through in the middle of a room: the sound goes on by TCP."""

import asyncio
import json
import os
import shutil
import sys

import pytest

_TOOLS = ("unshare", "iptables", "ip", "ss")


@pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, _TOOLS)), reason="a network namespace takes root"
)
@pytest.mark.reliability("L4")
@pytest.mark.parametrize("side", ["whep", "whip"])
async def test_a_browser_whose_udp_is_blocked_goes_on_by_tcp(side: str) -> None:
    """A listener stays within his session. Quiet machines take 3 to 5 s, most of it to be sure."""
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--net", sys.executable, "-m", "tests.media.blocked", side),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()[-2000:]
    found = json.loads(said.splitlines()[-1])

    assert found["seconds"] < 10
    if side == "whep":
        assert found["same_session"]
