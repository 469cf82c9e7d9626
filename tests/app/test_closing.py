"""An instance that was closed leaves nothing in the process."""

import gc
import weakref
from pathlib import Path

from fedispace.app import build
from fedispace.clock import ManualClock
from fedispace.config import Config, Database, Federation, Instance
from tests.factories import keys, make_database_url


async def open_and_close(directory: Path) -> list[weakref.ref[object]]:
    """Run an instance from beginning to end; return where its parts were."""
    directory.mkdir()
    config = Config(
        instance=Instance(url="http://a.test"),
        database=Database(url=await make_database_url(directory)),
        federation=Federation(allow_http=True),
    )
    app = build(config, clock=ManualClock())
    async with app.db.transaction() as tx:
        await app.actors.create_local(tx, uri=app.addresses.instance_actor, type="Application", keys=keys())
    application = app.web_application()
    await app.start(worker=True, web=True)
    await app.close()
    return [weakref.ref(part) for part in (app.db, app.net, app.worker, app.rooms, app.api, application)]


async def test_nothing_of_a_closed_instance_stays_in_memory(tmp_path: Path) -> None:
    parts = [part for number in range(5) for part in await open_and_close(tmp_path / str(number))]
    gc.collect()
    assert [part() for part in parts if part() is not None] == []
