"""`fedispace serve`: run an instance until told to stop.

One process does everything by default: pages and API, the worker, and the SFU as its child. With
`--role` each can be a process, or a machine, of its own; then the database is PostgreSQL, the bus is
Redis or Valkey, and the SFU's control socket and secret are configured.
"""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import click
import structlog

from fedispace import logs
from fedispace.cli import loop
from fedispace.cli.door import claim
from fedispace.cli.options import config_path, log_level
from fedispace.config import Config, load
from fedispace.db.files import require
from fedispace.errors import ConfigError
from fedispace.media.live.client import SfuClient
from fedispace.media.live.supervisor import SfuProcess
from fedispace.queue.bus import open_bus
from fedispace.sfu_place import SfuPlace, configured_sfu, no_sfu, sfu_of_this_run
from fedispace.spaces.sound.fleet import Announcer

log = structlog.get_logger()

ROLES = ("all", "web", "worker", "sfu")


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
    _make_collections_rarer()
    async with AsyncExitStack() as stack:
        place = _place(settings, roles)
        stack.callback(place.remove)
        door = stack.enter_context(claim(settings)) if roles & {"all", "web"} else None
        if roles & {"all", "web", "worker"}:
            require(settings.database.url)
        sfu = SfuProcess(place.settings(settings)) if roles & {"all", "sfu"} else None
        if sfu is not None:
            stack.push_async_callback(sfu.stop)
            await sfu.launch()
        app = None
        if roles & {"all", "web", "worker"} or settings.server.metrics_listen:
            # Imported here because it takes longer than all the rest: the SFU starts meanwhile, and whoever
            # keeps only an SFU never needs it.
            from fedispace.cli import serving
        if roles & {"all", "web", "worker"}:
            app = await serving.ready_app(settings, place, stack)
        if sfu is not None:
            await sfu.ready()
            if roles == {"sfu"} and settings.bus.url:
                stack.push_async_callback(await _announced(settings, place, stack))
        if app is not None:
            await app.start(worker=bool(roles & {"all", "worker"}), web=door is not None)
            if door is not None:
                await serving.listen(app, door, settings, stack)
        if settings.server.metrics_listen:
            await serving.tell_figures(app, settings, place, roles, stack)
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


def _make_collections_rarer() -> None:
    """Let the garbage collector look less often: at start all it finds is modules, which stay."""
    gc.set_threshold(20_000, 25, 25)


def _spare_the_collector() -> None:
    """Take what was made at start out of the garbage collector's rounds.

    The modules and mappings stay until the end; looking through them again and again costs a tenth of
    the CPU under load.
    """
    gc.collect()
    gc.freeze()


def _stop_signal() -> asyncio.Event:
    stopping = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, stopping.set)
    return stopping
