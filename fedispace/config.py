"""The configuration: one TOML file, one frozen struct per section.

Precedence, lowest first: the defaults below, the file, `FEDISPACE__SECTION__KEY` environment
variables. An unknown key is an error with a suggestion. A key that ends in `_file` names a file
that holds the secret.
"""

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fedispace.errors import ConfigError


class Instance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = "http://localhost:8080"
    account_domain: str = ""
    title: str = "fedispace"
    description: str = "Threads and live audio Spaces."
    contact_email: str = ""
    source_url: str = ""


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    listen: str = "127.0.0.1:8080"
    metrics_listen: str = ""
    trusted_proxies: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1", "::1"])


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = "sqlite:///data/fedispace.sqlite3"


class Bus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""


class Media(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    directory: str = "data/media"
    recordings: str = "data/recordings"


class Federation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allow_private_addresses: list[str] = []
    allow_http: bool = False
    authorized_fetch: bool = False
    kept_connections: int = 1000


class Rtc(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    listen: str = "[::]:7882"
    public_addresses: list[str] = []
    long_packets_above: int = 200
    max_listeners_per_room: int = 2000
    control: str = ""
    secret_file: str = ""


class Spaces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    max_speakers: int = 13
    max_cohosts: int = 2
    max_topics: int = 3
    schedule_horizon_days: int = 14
    max_scheduled_per_host: int = 1
    anonymous_listening: bool = True
    host_absence_seconds: int = 60
    deserted_after_minutes: int = 15
    fediverse_sign_in: bool = True
    rsvp: bool = True
    safety_buffer_seconds: int = 60


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    instance: Instance = Instance()
    server: Server = Server()
    database: Database = Database()
    bus: Bus = Bus()
    media: Media = Media()
    federation: Federation = Federation()
    rtc: Rtc = Rtc()
    spaces: Spaces = Spaces()

    @property
    def origin(self) -> str:
        """The public origin, `https://host[:port]`, without a slash."""
        return self.instance.url.rstrip("/")

    @property
    def host(self) -> str:
        """The public host, with its port when it is not the scheme's own."""
        return urlsplit(self.origin).netloc

    @property
    def account_domain(self) -> str:
        """The part after the @ in our people's addresses."""
        return self.instance.account_domain or self.host


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read the file at `path`, apply the environment, check everything.

    Raises `ConfigError` with one line that names the file, the section and the key.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file (`fedispace init` writes one)") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    config = parse(raw, str(path), os.environ if environ is None else environ)
    return anchored(config, path.absolute().parent)


def anchored(config: Config, directory: Path) -> Config:
    """Return `config` with its relative paths counted from `directory`, where the file is.

    So a command finds the same database from wherever it is started.
    """

    def placed(path: str) -> str:
        return str(directory / path) if path else ""

    database, media, rtc = config.database, config.media, config.rtc
    if database.url.startswith("sqlite:///"):
        file = placed(database.url.removeprefix("sqlite:///"))
        database = msgspec.structs.replace(database, url=f"sqlite:///{file}")
    media = msgspec.structs.replace(
        media, directory=placed(media.directory), recordings=placed(media.recordings)
    )
    control = rtc.control if "://" in rtc.control else placed(rtc.control)
    rtc = msgspec.structs.replace(rtc, control=control, secret_file=placed(rtc.secret_file))
    return msgspec.structs.replace(config, database=database, media=media, rtc=rtc)


def parse(raw: bytes, name: str, environ: Mapping[str, str]) -> Config:
    """Turn TOML text into a checked `Config`; `name` is what errors call it."""
    try:
        tree = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: not valid TOML: {error}") from error
    _overlay(tree, environ)
    _refuse_unknown(tree, name)
    try:
        config = msgspec.convert(tree, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {error}") from error
    _check(config, name)
    return config


def _overlay(tree: dict[str, Any], environ: Mapping[str, str]) -> None:
    for variable, text in environ.items():
        match variable.split("__"):
            case ["FEDISPACE", section, key] if section and key:
                tree.setdefault(section.lower(), {})[key.lower()] = _literal(text)


def _literal(text: str) -> Any:
    """Read an environment value as TOML when it is TOML, else as the plain string it is."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _refuse_unknown(tree: dict[str, Any], name: str) -> None:
    sections = {field.name: field.type for field in msgspec.structs.fields(Config)}
    for section, content in tree.items():
        if section not in sections:
            raise ConfigError(f"{name}: unknown section [{section}]{_suggest(section, sections)}")
        if not isinstance(content, dict):
            raise ConfigError(f"{name}: [{section}] must be a table")
        keys = {field.name for field in msgspec.structs.fields(sections[section])}
        for key in content:
            if key not in keys:
                raise ConfigError(f"{name}: unknown key {section}.{key}{_suggest(key, keys)}")


def _suggest(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _check(config: Config, name: str) -> None:
    parts = urlsplit(config.instance.url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ConfigError(f"{name}: instance.url must be an origin such as https://social.example")
    _check_listening(config, name)
    if not config.database.url.startswith(("sqlite:///", "postgresql://")):
        raise ConfigError(f"{name}: database.url must start with sqlite:/// or postgresql://")
    if config.bus.url and not config.bus.url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigError(f"{name}: bus.url must start with redis:// (or be empty)")
    for key, networks in (
        ("federation.allow_private_addresses", config.federation.allow_private_addresses),
        ("server.trusted_proxies", config.server.trusted_proxies),
    ):
        for network in networks:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ConfigError(f"{name}: {key}: {network!r} is not an address or a CIDR network") from None
    if not 0 <= config.federation.kept_connections <= 10_000:
        raise ConfigError(f"{name}: federation.kept_connections must be between 0 and 10000")
    if config.rtc.max_listeners_per_room < 1:
        raise ConfigError(f"{name}: rtc.max_listeners_per_room must be at least 1")
    if config.rtc.long_packets_above < 0:
        raise ConfigError(f"{name}: rtc.long_packets_above must not be negative")
    _check_spaces(config.spaces, name)


def _check_spaces(spaces: Spaces, name: str) -> None:
    if not 1 <= spaces.max_speakers <= 13:
        raise ConfigError(f"{name}: spaces.max_speakers must be between 1 and 13")
    if not 0 <= spaces.max_cohosts < spaces.max_speakers:
        raise ConfigError(f"{name}: spaces.max_cohosts must be below spaces.max_speakers")
    if spaces.host_absence_seconds < 10 or spaces.deserted_after_minutes < 1:
        raise ConfigError(
            f"{name}: a Space waits at least ten seconds for its host, and a minute before it ends"
        )
    if not 0 <= spaces.safety_buffer_seconds <= 300:
        raise ConfigError(f"{name}: spaces.safety_buffer_seconds must be between 0 and 300")


def _check_listening(config: Config, name: str) -> None:
    for key, listen in (("server.listen", config.server.listen), ("rtc.listen", config.rtc.listen)):
        try:
            address_of(listen)
        except ValueError:
            raise ConfigError(f"{name}: {key} must be ADDRESS:PORT, not {listen!r}") from None
    if config.server.metrics_listen:
        _check_private("server.metrics_listen", config.server.metrics_listen, name)


def _check_private(key: str, listen: str, name: str) -> None:
    """Refuse an address at which the world could read what is for the operator."""
    try:
        address = ipaddress.ip_address(address_of(listen)[0])
    except ValueError:
        raise ConfigError(f"{name}: {key} must be ADDRESS:PORT, not {listen!r}") from None
    if address.is_global or address.is_multicast:
        raise ConfigError(f"{name}: {key} must not be a public address: anybody could read it")


def address_of(listen: str) -> tuple[str, int]:
    """Split `127.0.0.1:8080` or `[::1]:8080`; raises ValueError when it is neither."""
    host, colon, port = listen.rpartition(":")
    if not colon or not 0 <= int(port) <= 65535:
        raise ValueError(listen)
    return host.strip("[]"), int(port)
