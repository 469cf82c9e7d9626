"""The configuration: the example is the defaults, a mistake is one clear line."""

from pathlib import Path

import pytest

from fedispace.config import Config, load, parse
from fedispace.config_text import WHAT, config_text
from fedispace.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def test_the_example_is_the_defaults_word_for_word() -> None:
    assert EXAMPLE.read_text() == config_text({})
    assert parse(EXAMPLE.read_bytes(), "example", {}) == Config()


def test_every_key_is_explained() -> None:
    keys = {
        f"{s}.{k}" for s in Config.__struct_fields__ for k in type(getattr(Config(), s)).__struct_fields__
    }
    assert keys | set(Config.__struct_fields__) == set(WHAT)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[instanse]\nurl = 'https://a.example'",
            r"unknown section \[instanse\] \(did you mean instance\?\)",
        ),
        ("[server]\nlisen = 'x'", r"unknown key server.lisen \(did you mean listen\?\)"),
        ("[server]\nlisten = 8080", r"\$\.server\.listen"),
        ("[server]\nlisten = 'nowhere'", "server.listen must be ADDRESS:PORT"),
        ("[instance]\nurl = 'a.example'", "instance.url must be an origin"),
        ("[instance]\nurl = 'https://a.example/path'", "instance.url must be an origin"),
        ("[database]\nurl = 'mysql://x'", "database.url must start with"),
        ("[bus]\nurl = 'amqp://x'", "bus.url must start with"),
        ("[federation]\nallow_private_addresses = ['10.0.0.0/99']", "is not an address or a CIDR"),
        ("[spaces]\nmax_speakers = 14", "between 1 and 13"),
        ("[federation]\nkept_connections = -1", "between 0 and 10000"),
        ("instance = 3", r"\[instance\] must be a table"),
        ("[instance", "not valid TOML"),
    ],
)
def test_a_mistake_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parse(text.encode(), "config.toml", {})
    assert "\n" not in caught.value.detail
    assert caught.value.detail.startswith("config.toml:")


def test_the_environment_wins_over_the_file() -> None:
    environ = {
        "FEDISPACE__SERVER__LISTEN": "127.0.0.1:9",
        "FEDISPACE__SPACES__MAX_SPEAKERS": "5",
        "OTHER": "x",
    }
    config = parse(b"[server]\nlisten = '127.0.0.1:8'", "config.toml", environ)
    assert config.server.listen == "127.0.0.1:9"
    assert config.spaces.max_speakers == 5


def test_an_unknown_key_in_the_environment_is_an_error_too() -> None:
    with pytest.raises(ConfigError, match=r"server\.listn"):
        parse(b"", "config.toml", {"FEDISPACE__SERVER__LISTN": "127.0.0.1:9"})


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[database]\nurl = 'sqlite:///data/x.sqlite3'\n[media]\ndirectory = '/srv/media'\n")
    config = load(file, {})
    assert config.database.url == f"sqlite:///{tmp_path}/data/x.sqlite3"
    assert config.media.directory == "/srv/media"


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fedispace init"):
        load(tmp_path / "none.toml", {})
