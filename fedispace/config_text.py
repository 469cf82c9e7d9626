"""The configuration file as text: every key with what it is for, as `init` and the example show it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fedispace.config import Config

WHAT: Final = {
    "instance": "Who this instance is.",
    "instance.url": "The public origin. It is part of every id: choose it once.",
    "instance.account_domain": "The part after the @ in addresses, when it is not the host of url.",
    "instance.title": "The name people see.",
    "instance.description": "One or two sentences for the front page and for other servers.",
    "instance.contact_email": "Where people reach you.",
    "instance.source_url": "Where people find the source code you run (the AGPL asks for it).",
    "server": "Where the web process listens, behind your TLS proxy.",
    "server.listen": "ADDRESS:PORT.",
    "server.metrics_listen": "ADDRESS:PORT for Prometheus (/metrics), not public; empty: off.",
    "server.trusted_proxies": "Proxies whose X-Forwarded-For is believed (addresses or CIDR networks).",
    "database": "Everything that must not be lost.",
    "database.url": "sqlite:///path (one machine) or postgresql://user@host/name (many).",
    "bus": "Wake-ups between processes; may be lost without harm.",
    "bus.url": "redis://host:6379/0 (Redis or Valkey), or empty for a single process.",
    "media": "Files people attach.",
    "media.url": "A separate origin for files; empty: this one, under /media.",
    "media.directory": "Where files are kept.",
    "media.recordings": "Where recordings of Spaces are written; empty: there are none.",
    "federation": "Talking with other servers.",
    "federation.allow_private_addresses": "CIDR networks that may be reached although they are not public.",
    "federation.allow_http": "Reach peers without TLS. For trials only.",
    "federation.authorized_fetch": "Show posts and profiles only to servers that sign their requests.",
    "federation.kept_connections": "Idle connections to other servers kept open, 0 to 10000.",
    "rtc": "The live audio server (SFU).",
    "rtc.listen": "ADDRESS:PORT, UDP and TCP; [::] is IPv6 and IPv4. Open both to the world.",
    "rtc.public_addresses": "What browsers send to, when it differs from this machine: behind NAT.",
    "rtc.long_packets_above": "Listeners in a room above which packets are of 60 ms: less work, 40 ms later.",
    "rtc.max_listeners_per_room": "Listeners of a room on one SFU, of several; more go to others.",
    "rtc.control": "The SFU's control socket, if it is a process of its own: a path, or tcp://ADDRESS:PORT.",
    "rtc.secret_file": "A file with 32 random bytes or more that web and SFU share; needed with control.",
    "spaces": "Live audio rooms.",
    "spaces.max_speakers": "Speakers at once in a Space, 1 to 13.",
    "spaces.max_cohosts": "Co-hosts a Space may have; they count as speakers.",
    "spaces.max_topics": "Topics (hashtags) a Space may have.",
    "spaces.anonymous_listening": "Whether people without an account may listen to open Spaces.",
    "spaces.host_absence_seconds": "How long a live Space waits for its host before a co-host takes over.",
    "spaces.deserted_after_minutes": "A live Space without host and co-hosts ends after so many minutes.",
    "spaces.fediverse_sign_in": (
        "Whether people of other servers may prove who they are at home (OAuth, a link by direct message)."
    ),
    "spaces.rsvp": "Whether people of other servers may say that they will come (else: `Ignore`).",
    "spaces.safety_buffer_seconds": (
        "Seconds of sound of a live Space held in memory in case somebody reports it (0: none, at most 300)."
    ),
    "spaces.schedule_horizon_days": "How far ahead a Space can be scheduled.",
    "spaces.max_scheduled_per_host": "Scheduled Spaces a person may have at once.",
}


def config_text(values: Mapping[str, Any]) -> str:
    """Return the whole file with `values` (by `section.key`) in place of the defaults."""
    lines = ["# The configuration of fedispace. Every key is shown; relative paths count from this file.", ""]
    defaults = msgspec.to_builtins(Config())
    for section, keys in defaults.items():
        lines += [f"# {WHAT[section]}", f"[{section}]"]
        for key, default in keys.items():
            name = f"{section}.{key}"
            lines += [f"# {WHAT[name]}", f"{key} = {_toml(values.get(name, default))}"]
        lines.append("")
    return "\n".join(lines)


def _toml(value: Any) -> str:
    """Write a value as TOML; for these types JSON is TOML."""
    return msgspec.json.encode(value).decode()


if __name__ == "__main__":
    print(config_text({}), end="")
