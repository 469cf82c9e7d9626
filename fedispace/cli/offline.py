"""Runs a piece of work on the configured instance, beside the server or without it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from fedispace.app import App, build
from fedispace.config import load
from fedispace.db import history
from fedispace.db.files import require

T = TypeVar("T")


def with_app(config_file: Path, act: Callable[[App], Awaitable[T]]) -> T:
    """Build the instance, let `act` use it, close it; nothing is served meanwhile."""

    async def run() -> T:
        settings = load(config_file)
        require(settings.database.url)
        app = build(settings)
        try:
            await history.require_current(app.db)
            return await act(app)
        finally:
            await app.close()

    return asyncio.run(run())
