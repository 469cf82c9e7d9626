"""`fedispace serve`: run an instance until told to stop.

One process does everything by default: pages and API, the worker, and the SFU as its child. With
`--role` each can be a process, or a machine, of its own; then the database is PostgreSQL, the bus is
Redis or Valkey, and the SFU's control socket and secret are configured.
"""

import asyncio
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import click
import structlog
from aiohttp import web

from fedispace import logs
from fedispace.app import App, build
from fedispace.cli import loop
from fedispace.cli.options import config_path, log_level
from fedispace.clock import SystemClock
from fedispace.config import Config, address_of, load
from fedispace.db import history
from fedispace.db.files import require
from fedispace.errors import ConfigError
from fedispace.media.live.client import SfuClient
from fedispace.media.live.supervisor import SfuProcess
from fedispace.metrics import Metrics
from fedispace.queue.bus import open_bus
from fedispace.sfu_place import SfuPlace, configured_sfu, no_sfu, sfu_of_this_run
from fedispace.spaces.sound.fleet import Announcer

log = structlog.get_logger()

ROLES = ("all", "web", "worker", "sfu")
SHUTDOWN_SECONDS = 8.0


@click.command()
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, default=("all",), show_default=True)
@click.option(
    "--loop",
    "loop_name",
    type=click.Choice(loop.LOOPS),
    default="asyncio",
    show_default=True,
    help="The event loop; uvloop needs the speedups extra.",
)
@log_level(default="info")
@config_path
def serve(roles: tuple[str, ...], loop_name: str, level: str, config_file: Path) -> None:
    """Run the instance (or, with --role, a part of it)."""
    logs.configure(level)
    settings = load(config_file)
    loop.run(run(settings, frozenset(roles)), loop_name)


async def run(
    settings: Config, roles: frozenset[str] = frozenset({"all"}), on_ready: Callable[[], None] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` is called when requests are answered."""
    stopping = _stop_signal()
    async with AsyncExitStack() as stack:
        place = _place(settings, roles)
        stack.callback(place.remove)
        door = _claim(settings, stack) if roles & {"all", "web"} else None
        sfu = SfuProcess(place.settings(settings)) if roles & {"all", "sfu"} else None
        if sfu is not None:
            stack.push_async_callback(sfu.stop)
        app = await _ready_app(settings, place, stack) if roles & {"all", "web", "worker"} else None
        if sfu is not None:
            await sfu.start()
            if roles == {"sfu"} and settings.bus.url:
                stack.push_async_callback(await _announced(settings, place, stack))
        if app is not None:
            await app.start(worker=bool(roles & {"all", "worker"}), web=door is not None)
            if door is not None:
                await _listen(app, door, settings, stack)
        if settings.server.metrics_listen:
            await _tell_figures(await _figures(app, place, roles, stack), settings, stack)
        _spare_the_collector()
        log.info("serve.ready", origin=settings.origin, listen=settings.server.listen, roles=sorted(roles))
        if on_ready is not None:
            on_ready()
        await stopping.wait()
        log.info("serve.stopping")


def _place(settings: Config, roles: frozenset[str]) -> SfuPlace:
    """Return where the SFU is: our child's socket, the configured one, or nowhere for a mere worker."""
    if roles & {"sfu"} and not settings.rtc.control:
        raise ConfigError("rtc.control is needed: where this SFU is commanded")
    if settings.rtc.control:
        return configured_sfu(settings)
    if "all" in roles:
        return sfu_of_this_run()
    return no_sfu() if roles == {"worker"} else configured_sfu(settings)


async def _announced(
    settings: Config, place: SfuPlace, stack: AsyncExitStack
) -> Callable[[], Awaitable[None]]:
    """Say on the bus where this SFU is; return how it takes its leave."""
    bus = open_bus(settings.bus.url)
    stack.push_async_callback(bus.close)
    await bus.start()
    announcer = Announcer(bus, place.name, SfuClient(place.control, place.secret))
    await announcer.start()
    return announcer.leave


async def _ready_app(settings: Config, place: SfuPlace, stack: AsyncExitStack) -> App:
    """Build the application, once its database is found to be the one this code knows."""
    require(settings.database.url)
    app = build(settings, place)
    stack.push_async_callback(app.close)
    await history.require_current(app.db)
    return app


def _claim(settings: Config, stack: AsyncExitStack) -> socket.socket:
    """Take the port before any work begins, so that a port in use stops nothing half done."""
    host, port = address_of(settings.server.listen)
    with _named(settings):
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = stack.enter_context(socket.socket(family, kind, protocol))
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
    return door


async def _listen(app: App, door: socket.socket, settings: Config, stack: AsyncExitStack) -> None:
    runner = web.AppRunner(app.web_application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    with _named(settings):
        await web.SockSite(runner, door).start()


async def _figures(app: App | None, place: SfuPlace, roles: frozenset[str], stack: AsyncExitStack) -> Metrics:
    """Return what this process tells; one that only keeps the SFU asks that."""
    if app is not None:
        return app.metrics(worker=bool(roles & {"all", "worker"}), web=bool(roles & {"all", "web"}))
    sfu = await stack.enter_async_context(SfuClient(place.control, place.secret))
    return Metrics(clock=SystemClock(), sfus=lambda: {place.name: sfu})


async def _tell_figures(figures: Metrics, settings: Config, stack: AsyncExitStack) -> None:
    runner = web.AppRunner(figures.application(), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    listen = settings.server.metrics_listen
    try:
        await web.TCPSite(runner, *address_of(listen)).start()
    except OSError as error:
        raise ConfigError(f"server.metrics_listen: {listen} cannot be used: {error.strerror}") from error


@contextmanager
def _named(settings: Config) -> Iterator[None]:
    """Name the setting when its address cannot be used."""
    try:
        yield
    except OSError as error:
        listen = settings.server.listen
        raise ConfigError(f"server.listen: {listen} cannot be used: {error.strerror}") from error


def _spare_the_collector() -> None:
    """Take what was made at start out of the garbage collector's rounds, and make the rounds rarer.

    The modules and mappings stay until the end; looking through them again and again costs a tenth of
    the CPU under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 25, 25)


def _stop_signal() -> asyncio.Event:
    stopping = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, stopping.set)
    return stopping
