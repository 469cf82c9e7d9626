"""Whether sound finds its way: the audio port, looked at from the outside in.

First what can be judged from the configuration (does it tell browsers addresses they can use?), then by
asking at every address that is told to browsers, by UDP and TCP. The running server answers; while it is
stopped, a stand-in does. From the server itself a router may not send its own traffic back ("hairpin"), so
an address that is not the machine's own proves nothing by being silent: `--audio` asks from elsewhere.
"""

import contextlib
import ipaddress
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from fedispace.address_rule import is_public
from fedispace.config import Config, address_of
from fedispace.doctor import asking
from fedispace.doctor.asking import Heard, StandIn
from fedispace.doctor.findings import Finding, fault, ok, warning
from fedispace.media.live.candidates import candidate_addresses, machine_addresses

_LOCAL = ("localhost", "127.0.0.1", "::1")


async def look(config: Config) -> list[Finding]:
    """Return what is found about sound."""
    try:
        host, port = address_of(config.rtc.listen)
        listening = ipaddress.ip_address(host)
        told = [ipaddress.ip_address(text) for text in _told(config)]
    except ValueError as error:
        return [fault("rtc", f"no IP address: {error}", "give addresses in rtc.listen and public_addresses")]
    if not port:
        return [warning("rtc.listen", "any free port is taken", "name a port, and open it in the firewall")]
    findings = _judged(config, told)
    async with _answered(listening, port) as (finding, answers):
        findings.append(finding)
        if answers:
            own = set(machine_addresses())
            for address in told:
                if address.version == 6 and listening.version == 4:
                    findings.append(_other_family(address))
                elif not (address.is_loopback and len(told) > 1):
                    findings += await _tried(address, port, is_own=address in own)
    return findings


async def ask_elsewhere(target: str) -> list[Finding]:
    """Ask an audio port of another machine: `ADDRESS:PORT`."""
    try:
        host, port = address_of(target)
    except ValueError:
        return [fault("audio", f"not ADDRESS:PORT: {target}", "for example 203.0.113.7:7882")]
    advice = "open the port for this protocol, in the firewall of the machine and of its network"
    return [
        _said(name, f"{target}", heard, is_sure=True, advice=advice)
        for name, heard in (
            ("audio UDP", await asking.by_udp(host, port)),
            ("audio TCP", await asking.by_tcp(host, port)),
        )
    ]


def _told(config: Config) -> tuple[str, ...]:
    return candidate_addresses(config.rtc.listen, list(config.rtc.public_addresses))


def _judged(config: Config, told: list[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> list[Finding]:
    """Judge the addresses without asking."""
    check = "audio addresses"
    shown = ", ".join(map(str, told))
    host = urlsplit(config.origin).hostname or ""
    if host in _LOCAL or host.endswith((".test", ".localhost", ".local")):
        return [ok(check, f"browsers are told {shown}; the instance is for this machine or network")]
    if not any(is_public(address) for address in told):
        advice = "set rtc.public_addresses to what the world sees of this machine, and forward the port"
        return [fault(check, f"{config.origin} is public, but browsers are told only {shown}", advice)]
    private = [address for address in told if not is_public(address)]
    if private and config.rtc.public_addresses:
        advice = "leave them out of rtc.public_addresses: nobody outside can use them"
        return [warning(check, f"not public: {', '.join(map(str, private))}", advice)]
    return [ok(check, f"browsers are told {shown}")]


@contextlib.asynccontextmanager
async def _answered(
    listening: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> AsyncIterator[tuple[Finding, bool]]:
    """See that somebody answers at the port: the server, or we in its place."""
    here = str(listening)
    if listening.is_unspecified:
        here = "127.0.0.1"
    heard = await asking.by_udp(here, port)
    if heard.seen_as is not None:
        yield ok("audio server", f"it runs, and answers on port {port}"), True
        return
    try:
        stand_in = await StandIn(str(listening), port).__aenter__()
    except OSError as error:
        advice = (
            "another program has the port: stop it, or change rtc.listen"
            if "in use" in (error.strerror or "")
            else "rtc.listen must be an address of this machine"
        )
        yield fault("audio server", f"port {port} cannot be used: {error.strerror}", advice), False
        return
    try:
        yield ok("audio server", f"it does not run; port {port} is free, and is answered by this check"), True
    finally:
        await stand_in.__aexit__()


async def _tried(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, *, is_own: bool
) -> list[Finding]:
    shown = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    findings = []
    for name, heard in (
        ("UDP", await asking.by_udp(str(address), port)),
        ("TCP", await asking.by_tcp(str(address), port)),
    ):
        if is_own:
            advice = f"open it: ufw allow {port}/{name.lower()}, or the like"
        else:
            advice = (
                "it may be that your router does not send its own traffic back; see from another machine: "
                f"fedispace doctor --audio {shown}"
            )
        findings.append(_said(f"audio {name}", shown, heard, is_sure=is_own, advice=advice))
    if is_own and is_public(address) and all(finding.state == "ok" for finding in findings):
        findings.append(
            warning(
                "firewall",
                f"{shown} was reached from this machine, which firewalls let pass",
                f"see from another machine too: fedispace doctor --audio {shown}",
            )
        )
    return findings


def _said(check: str, shown: str, heard: Heard, *, is_sure: bool, advice: str) -> Finding:
    if heard.seen_as is not None:
        return ok(check, f"{shown} answers")
    verdict = fault if is_sure else warning
    return verdict(check, f"{shown}: {heard.why_not}", advice)


def _other_family(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Finding:
    return fault(
        "audio addresses",
        f"browsers are told {address}, but rtc.listen is IPv4",
        'listen on both (rtc.listen = "[::]:7882"), or leave it out of rtc.public_addresses',
    )
