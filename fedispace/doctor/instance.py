"""The instance itself: its database, its settings, and how it looks from the web."""

import asyncio
import ipaddress
from urllib.parse import urlsplit

from fedispace.config import Config, address_of
from fedispace.db import history
from fedispace.db.engine import open_database
from fedispace.db.files import require
from fedispace.doctor.findings import Finding, fault, ok, warning
from fedispace.errors import ConfigError, FedispaceError
from fedispace.net import Net

_CONNECT_SECONDS = 3.0
_LOCAL = ("localhost", "127.0.0.1", "::1")


def settings(config: Config) -> list[Finding]:
    """Judge what can be judged without asking anybody."""
    findings = []
    parts = urlsplit(config.origin)
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        advice = "use https: other servers refuse http, and browsers give no microphone without it"
        findings.append(fault("instance.url", f"{config.origin} is not https", advice))
    if config.federation.allow_http and parts.scheme == "https":
        findings.append(warning("federation.allow_http", "peers are reached without TLS", "for trials only"))
    listen = config.server.metrics_listen
    if listen and ipaddress.ip_address(address_of(listen)[0]).is_unspecified:
        advice = "let only the network of your Prometheus reach it, or listen on one address"
        findings.append(warning("server.metrics_listen", f"{listen} is every address", advice))
    return findings


async def database(config: Config) -> list[Finding]:
    """See that it is there and at the schema of this version."""
    try:
        require(config.database.url)
        db = open_database(config.database.url)
        try:
            await history.require_current(db)
        finally:
            await db.close()
    except ConfigError as error:
        return [fault("database", error.detail, "run `fedispace migrate`, or correct database.url")]
    return [ok("database", f"it answers, and is at revision {history.head()}")]


async def bus(config: Config) -> list[Finding]:
    """See that Redis is there, where it is configured."""
    if not config.bus.url:
        return []
    parts = urlsplit(config.bus.url)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            if parts.scheme == "unix":
                _, writer = await asyncio.open_unix_connection(parts.path)
            else:
                _, writer = await asyncio.open_connection(parts.hostname or "localhost", parts.port or 6379)
    except (OSError, TimeoutError) as error:
        why = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        advice = "start Redis or Valkey, or correct bus.url; until then work is found by looking"
        return [warning("bus", f"it cannot be reached: {why}", advice)]
    writer.close()
    return [ok("bus", "it can be reached")]


async def web(config: Config) -> list[Finding]:
    """Look at the instance by its own address, as others do: name, TLS, proxy."""
    net = Net(
        allow_private=["0.0.0.0/0", "::/0"],
        allow_http=urlsplit(config.origin).scheme == "http",
        user_agent="fedispace doctor",
        keep=0,
    )
    try:
        links = await net.fetch_json(f"{config.origin}/.well-known/nodeinfo")
        info = await net.fetch_json(str(links["links"][0]["href"]))
        name = info["software"]["name"]
    except FedispaceError as error:
        advice = "is it running, does its name lead here, is the certificate good, does the proxy pass it on?"
        return [warning("web", f"{config.origin} was not reached: {error.detail}", advice)]
    except (KeyError, IndexError, TypeError):
        return [fault("web", f"{config.origin} answers something else", "see what the proxy passes on")]
    finally:
        await net.close()
    if name != "fedispace":
        return [fault("web", f"{config.origin} is {name!s:.40}", "the name or the proxy leads elsewhere")]
    return [ok("web", f"{config.origin} answers, by its name and with a good certificate")]


async def webfinger(config: Config) -> list[Finding]:
    """See that the part after the @ leads to us, when it is another host's."""
    domain = config.account_domain
    if domain == config.host:
        return []
    net = Net(allow_private=["0.0.0.0/0", "::/0"], allow_http=False, user_agent="fedispace doctor", keep=0)
    subject = f"acct:{config.host}@{domain}"
    try:
        found = await net.fetch_json(f"https://{domain}/.well-known/webfinger?resource={subject}")
    except FedispaceError as error:
        advice = f"redirect https://{domain}/.well-known/webfinger to {config.origin}/.well-known/webfinger"
        return [warning("webfinger", f"{domain} does not answer for {subject}: {error.detail}", advice)]
    finally:
        await net.close()
    links = found.get("links")
    ours = isinstance(links, list) and config.origin in str(links)
    if not ours:
        return [fault("webfinger", f"{domain} answers for another server", "see its redirect")]
    return [ok("webfinger", f"addresses @{domain} lead here")]
