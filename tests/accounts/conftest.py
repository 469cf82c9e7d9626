"""What the tests of accounts share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fedispace.accounts.activities import AccountInbox
from fedispace.accounts.following import Following
from tests.factories import Home, open_home


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    """An instance whose inbox knows about accounts."""
    async with open_home(tmp_path) as opened:
        opened.inbox_table.mount(
            AccountInbox.routes,
            AccountInbox(
                opened.ids,
                opened.clock,
                opened.addresses,
                opened.outbox,
                opened.actors,
                opened.people,
                opened.follows,
                opened.notifier,
            ),
        )
        yield opened


@pytest.fixture
def following(home: Home) -> Following:
    return Following(
        home.db,
        home.ids,
        home.clock,
        home.addresses,
        home.outbox,
        home.people,
        home.follows,
        home.notifier,
    )
