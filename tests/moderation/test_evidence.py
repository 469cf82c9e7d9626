"""Sound that came with a report: sealed, bound to its report, forgotten in time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from fedispace.accounts.models import Account
from fedispace.errors import NotFound
from fedispace.moderation.evidence import KEPT_FOR, EvidenceDrawer, Heard
from fedispace.moderation.models import Evidence
from fedispace.moderation.reports import Reporting
from tests.factories import Home, keys, open_home

_SOUND = b"OggS, and then what was said"


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with open_home(tmp_path) as opened:
        yield opened


@pytest.fixture
async def drawer(home: Home) -> EvidenceDrawer:
    return EvidenceDrawer(home.db, home.ids, home.clock, home.addresses)


@pytest.fixture
async def report(home: Home, drawer: EvidenceDrawer) -> int:
    return await _reported(home, drawer, await home.person("alice"), await home.person("bob"))


async def _reported(home: Home, drawer: EvidenceDrawer, by: Account, about: Account) -> int:
    reporting = Reporting(
        home.db, home.ids, home.clock, home.addresses, home.actors, home.outbox, home.people, drawer
    )
    written = await reporting.report(by, about.id)
    async with home.db.transaction() as tx:
        await drawer.keep(tx, written.id, Heard(media_type="audio/ogg", seconds=60, sound=_SOUND))
    return written.id


async def _row(home: Home, report: int) -> Evidence:
    async with home.db.reading() as tx:
        return (await tx.scalars(select(Evidence).where(Evidence.report_id == report))).one()


async def test_what_was_heard_is_opened_for_moderators(drawer: EvidenceDrawer, report: int) -> None:
    heard = await drawer.sound_of(report)
    assert (heard.sound, heard.seconds, heard.media_type) == (_SOUND, 60, "audio/ogg")
    assert "said" not in repr(heard)


@pytest.mark.privacy("P-09")
async def test_neither_the_row_nor_a_file_shows_anything_of_the_sound(
    home: Home, report: int, tmp_path: Path
) -> None:
    row = await _row(home, report)
    assert _SOUND not in row.sealed
    assert b"said" not in row.sealed
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert _SOUND not in files


async def test_evidence_cannot_be_altered_nor_moved_to_another_report(
    home: Home, drawer: EvidenceDrawer, report: int
) -> None:
    carol, dave = await home.person("carol"), await home.person("dave")
    other = await _reported(home, drawer, carol, dave)
    row = await _row(home, report)
    async with home.db.transaction() as tx:
        await tx.execute(
            update(Evidence)
            .where(Evidence.report_id == other)
            .values(nonce=row.nonce, sealed=row.sealed)
            .execution_options(synchronize_session=False)
        )
    with pytest.raises(NotFound):
        await drawer.sound_of(other)
    assert (await drawer.sound_of(report)).sound == _SOUND


async def test_a_changed_key_still_opens_what_the_former_one_sealed(
    home: Home, drawer: EvidenceDrawer, report: int
) -> None:
    async with home.db.transaction() as tx:
        actor = await home.actors.by_uri(tx, home.addresses.instance_actor)
        assert actor is not None
        await home.actors.change_keys(tx, actor.id, keys())
    assert (await drawer.sound_of(report)).sound == _SOUND


@pytest.mark.privacy("P-14")
async def test_after_thirty_days_it_is_gone(home: Home, drawer: EvidenceDrawer, report: int) -> None:
    home.clock.advance(seconds=(KEPT_FOR - timedelta(minutes=1)).total_seconds())
    await drawer.prune()
    assert (await drawer.sound_of(report)).sound == _SOUND

    home.clock.advance(minutes=2)
    with pytest.raises(NotFound):
        await drawer.sound_of(report)
    await drawer.prune()

    async with home.db.reading() as tx:
        assert (await tx.scalars(select(Evidence))).all() == []
