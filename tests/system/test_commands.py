"""What an operator sees when something is wrong: one clear line, and an exit code that is not 0."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ground.ground import Ground
from tests.ground.instance import REPOSITORY
from tests.ground.ports import free_port
from tests.ground.process import Process

pytestmark = pytest.mark.system


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A sound configuration with a database of its own."""
    file = tmp_path / "config.toml"
    file.write_text(
        f'[instance]\nurl = "http://localhost:{free_port()}"\n'
        f'[server]\nlisten = "127.0.0.1:{free_port()}"\n'
        f'[database]\nurl = "sqlite:///{tmp_path}/fedispace.sqlite3"\n'
        f'[media]\ndirectory = "{tmp_path}/media"\n'
        f'[rtc]\nlisten = "127.0.0.1:{free_port()}"\n'
    )
    return file


def run(*arguments: str, stdin: str = "", within: float = 30) -> subprocess.CompletedProcess[str]:
    """Run one of our commands to its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FEDISPACE")}
    return subprocess.run(
        [sys.executable, "-m", "fedispace", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=within,
        env={**environment, "PYTHONPATH": str(REPOSITORY)},
    )


def fails_with_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert that a command ended with one line for its operator that contains `words`.

    The log, one JSON object a line, may stand before it.
    """
    assert done.returncode != 0, done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("{")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def test_an_unknown_key_is_named_with_a_suggestion(config: Path) -> None:
    config.write_text(config.read_text().replace("listen", "lisen", 1))

    fails_with_one_line(run("config", "check", "--config", str(config)), "server.lisen", "listen")


def test_an_unknown_key_stops_the_server_too(config: Path) -> None:
    config.write_text(config.read_text() + "max_speakers = 3\n")

    fails_with_one_line(run("serve", "--config", str(config)), "rtc.max_speakers")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    fails_with_one_line(run("serve", "--config", str(tmp_path / "nowhere.toml")), "nowhere.toml")


def test_a_sound_configuration_is_accepted(config: Path) -> None:
    assert run("config", "check", "--config", str(config)).returncode == 0


def test_a_database_without_the_present_schema_stops_the_server(config: Path) -> None:
    fails_with_one_line(run("serve", "--config", str(config)), "migrate")


def test_a_database_ahead_of_the_code_stops_the_server(config: Path, tmp_path: Path) -> None:
    assert run("migrate", "--config", str(config)).returncode == 0
    with sqlite3.connect(tmp_path / "fedispace.sqlite3") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999_from_the_future'")
    database.close()

    fails_with_one_line(run("serve", "--config", str(config)), "database")


def test_a_database_that_is_not_there_is_named(config: Path, tmp_path: Path) -> None:
    port = free_port()
    config.write_text(
        config.read_text().replace(
            f"sqlite:///{tmp_path}/fedispace.sqlite3", f"postgresql://nobody@127.0.0.1:{port}/nothing"
        )
    )

    fails_with_one_line(run("migrate", "--config", str(config)), "database")


def test_a_port_in_use_is_named(config: Path, tmp_path: Path) -> None:
    assert run("migrate", "--config", str(config)).returncode == 0
    port = config.read_text().split("127.0.0.1:")[1].split('"')[0]
    command = [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"]
    squatter = Process(command, log=tmp_path / "squatter.log")
    try:
        squatter.until_listening("127.0.0.1", int(port))

        fails_with_one_line(run("serve", "--config", str(config)), port)
    finally:
        squatter.stop()


def test_init_writes_a_configuration_that_is_accepted_and_never_overwrites_one(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    answers = ("--url", "https://social.example", "--database", f"sqlite:///{tmp_path}/fedispace.sqlite3")
    init = run("init", "--config", str(file), *answers)
    assert init.returncode == 0, init.stderr
    assert run("config", "check", "--config", str(file)).returncode == 0
    written = file.read_text()

    fails_with_one_line(run("init", "--config", str(file), *answers), "config.toml")

    assert file.read_text() == written


def test_a_name_can_be_taken_once(config: Path) -> None:
    assert run("migrate", "--config", str(config)).returncode == 0
    create = ("user", "create", "alice", "--email", "alice@a.test", "--role", "admin", "--password-stdin")
    assert run(*create, "--config", str(config), stdin="correct horse\n").returncode == 0

    fails_with_one_line(run(*create, "--config", str(config), stdin="correct horse\n"), "taken")


def test_a_token_is_printed_alone_for_scripts(config: Path) -> None:
    assert run("migrate", "--config", str(config)).returncode == 0
    create = ("user", "create", "alice", "--email", "alice@a.test", "--role", "user", "--password-stdin")
    assert run(*create, "--config", str(config), stdin="correct horse\n").returncode == 0

    token = run("user", "token", "alice", "--scopes", "read write follow", "--config", str(config))

    assert token.returncode == 0
    assert len(token.stdout.split()) == 1
    assert len(token.stdout.strip()) >= 40


def test_nobody_gets_a_token_who_does_not_exist(config: Path) -> None:
    assert run("migrate", "--config", str(config)).returncode == 0

    fails_with_one_line(run("user", "token", "nobody", "--scopes", "read", "--config", str(config)), "nobody")


def test_a_database_that_does_not_know_us_is_named(ground: Ground, config: Path, tmp_path: Path) -> None:
    elsewhere = ground.postgres.database().rsplit("/", 1)[0] + "/no_such_database"
    config.write_text(config.read_text().replace(f"sqlite:///{tmp_path}/fedispace.sqlite3", elsewhere))

    fails_with_one_line(run("migrate", "--config", str(config)), "database.url", "no_such_database")


@pytest.mark.reliability("R22")
def test_the_operator_sees_a_dead_job_puts_it_back_and_drops_another(config: Path, tmp_path: Path) -> None:
    assert run("migrate", "--config", str(config)).returncode == 0
    with sqlite3.connect(tmp_path / "fedispace.sqlite3") as rows:
        for number in (1, 2):
            rows.execute(
                "INSERT INTO jobs (id, kind, arguments, run_at, attempts, failed_at, error)"
                " VALUES (?, 'backfill', '{}', ?, 12, ?, 'no such host')",
                (number, "2026-11-12 19:00:00", "2026-11-12 19:00:00"),
            )
    status = run("queue", "status", "--config", str(config)).stdout
    assert "dead jobs, newest first:" in status
    assert "backfill  after 12 attempts: no such host" in status
    again = run("queue", "retry", "--kind", "jobs", "--id", "1", "--config", str(config))
    assert again.stdout.startswith("1 put back"), again.stderr
    dropped = run("queue", "drop", "--kind", "jobs", "--config", str(config))
    assert dropped.stdout.startswith("1 dropped"), dropped.stderr
    with sqlite3.connect(tmp_path / "fedispace.sqlite3") as rows:
        assert rows.execute("SELECT id, failed_at, attempts FROM jobs").fetchall() == [(1, None, 0)]


def test_what_is_to_be_sent_again_must_be_said(config: Path) -> None:
    assert run("migrate", "--config", str(config)).returncode == 0
    fails_with_one_line(run("queue", "retry", "--config", str(config)), "--all")
