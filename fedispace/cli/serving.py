"""The part of `serve` that has the application: opens it, lets people in, tells its figures.

With the application comes nearly all the code there is: a second and a half to load, and a hundred
megabytes. `serve` imports this module while the SFU starts, and not at all where it keeps only an SFU.
"""

import socket
from collections.abc import Set
from contextlib import AsyncExitStack

from aiohttp import web

from fedispace.app import App, build
from fedispace.cli.door import named
from fedispace.clock import SystemClock
from fedispace.config import Config, address_of
from fedispace.db import history
from fedispace.errors import ConfigError
from fedispace.media.live.client import SfuClient
from fedispace.metrics import Metrics
from fedispace.sfu_place import SfuPlace

SHUTDOWN_SECONDS = 8.0


async def ready_app(settings: Config, place: SfuPlace, stack: AsyncExitStack) -> App:
    """Build the application, once its database is found to be the one this code knows."""
    app = build(settings, place)
    stack.push_async_callback(app.close)
    await history.require_current(app.db)
    return app


async def listen(app: App, door: socket.socket, settings: Config, stack: AsyncExitStack) -> None:
    """Answer who comes through the door, until the end."""
    runner = web.AppRunner(app.web_application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    with named(settings):
        await web.SockSite(runner, door).start()


async def tell_figures(
    app: App | None, settings: Config, place: SfuPlace, roles: Set[str], stack: AsyncExitStack
) -> None:
    """Answer Prometheus at its own address, until the end."""
    figures = await _figures(app, place, roles, stack)
    runner = web.AppRunner(figures.application(), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    at = settings.server.metrics_listen
    try:
        await web.TCPSite(runner, *address_of(at)).start()
    except OSError as error:
        raise ConfigError(f"server.metrics_listen: {at} cannot be used: {error.strerror}") from error


async def _figures(app: App | None, place: SfuPlace, roles: Set[str], stack: AsyncExitStack) -> Metrics:
    """Return what this process tells; one that only keeps the SFU asks that."""
    if app is not None:
        return app.metrics(worker=bool(roles & {"all", "worker"}), web=bool(roles & {"all", "web"}))
    sfu = await stack.enter_async_context(SfuClient(place.control, place.secret))
    return Metrics(clock=SystemClock(), sfus=lambda: {place.name: sfu})
