"""The ground itself: a refusal proves something only when the same thing, done right, is accepted."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ground.canary import Canaries
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import REPOSITORY
from tests.ground.peers import FirstKnock
from tests.ground.rows import count_rows

pytestmark = pytest.mark.system


async def test_a_canary_notices_a_visitor() -> None:
    with Canaries(("127.0.0.1", 0)) as canaries:
        socket.create_connection(("127.0.0.1", canaries.ports[0]), timeout=5).close()

        async def visits() -> list[str]:
            return canaries.visits

        await eventually("the visit is noticed", visits, bool)


@pytest.mark.parametrize("knock", ["draft-cavage-http-signatures-12", "rfc9421"])
async def test_fedify_accepts_what_the_recorder_signs_and_signs_as_it_was_told(
    ground: Ground, knock: FirstKnock
) -> None:
    bot = ground.fedify(f"ground-{knock[:5]}.test", knock)
    async with ground.recorder(f"town-{knock[:5]}.test") as town:
        alice = town.actor("alice")
        await bot.desk.order("follow", actor=alice)
        follow = town.received("Follow")[0]

        accept = await town.send(f"{bot.actor}/inbox", town.activity("Accept", alice, follow))

        assert accept.status == 202, bot.words()
        handled = await bot.desk.read("handled")
        assert [entry["type"] for entry in handled] == ["Accept"]
        signed = "signature-input" if knock == "rfc9421" else "signature"
        assert signed in town.deliveries[0].headers


async def test_bovine_accepts_what_the_recorder_signs(ground: Ground) -> None:
    peer = ground.bovine("ground-bovine.test")
    async with ground.recorder("village.test") as village:
        alice = village.actor("alice")

        sent = await village.send(f"https://{peer.name}/inbox", village.activity("Follow", alice, peer.actor))

        assert sent.status == 202, peer.words()
        (received,) = await peer.desk.read("received")
        assert received["signer"] == alice


async def test_bovine_refuses_what_was_signed_by_another_key(ground: Ground) -> None:
    peer = ground.bovine("ground-strict.test")
    async with ground.recorder("honest.test") as honest, ground.recorder("other.test") as other:
        alice = honest.actor("alice")

        sent = await other.send(f"https://{peer.name}/inbox", other.activity("Follow", alice, peer.actor))

        assert sent.status == 401


async def test_every_table_of_a_postgres_database_is_counted(ground: Ground) -> None:
    url = ground.postgres.database()
    subprocess.run(
        ["psql", "-q", url, "-c", "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1), (2)"], check=True
    )

    assert await count_rows(url) == {"kept": 2}


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)], ids=["in CI", "elsewhere"])
def test_a_skipped_test_fails_the_run_in_ci_only(tmp_path: Path, ci: str, code: int) -> None:
    (tmp_path / "test_skipped.py").write_text(
        "import pytest\n\ndef test_it():\n    pytest.skip('no reason')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--rootdir", str(tmp_path)]

    done = subprocess.run(
        [*command, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(REPOSITORY)},
        cwd=tmp_path,
    )

    assert done.returncode == code, done.stdout
