"""Reports: what our people file, what other servers send, and what a stranger's Flag cannot do."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.errors import Conflict, Invalid, NotFound
from fedispace.federation.models import OutboxItem
from fedispace.federation.vocab.activities import Flag
from fedispace.federation.vocab.uri import Uri
from fedispace.moderation.evidence import EvidenceDrawer, Heard, with_sound
from fedispace.moderation.models import Report
from fedispace.moderation.reports import MAX_HEARD, MAX_OPEN, ReportInbox, Reporting, Scene, reports
from fedispace.spaces.queries import room_named
from tests.factories import Home, open_home

BOB = "https://b.example/users/bob"
THEIR_SERVER = "https://b.example/actor"


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with open_home(tmp_path) as opened:
        opened.inbox_table.mount(
            ReportInbox.routes,
            ReportInbox(opened.ids, opened.clock, opened.addresses, opened.people, room_named),
        )
        yield opened


@pytest.fixture
def reporting(home: Home) -> Reporting:
    return Reporting(
        home.db,
        home.ids,
        home.clock,
        home.addresses,
        home.actors,
        home.outbox,
        home.people,
        EvidenceDrawer(home.db, home.ids, home.clock, home.addresses),
    )


@pytest.fixture
async def alice(home: Home) -> Account:
    return await home.person("alice")


@pytest.fixture
async def bob(home: Home) -> Account:
    return await home.stranger()


async def kept(home: Home) -> list[Report]:
    async with home.db.reading() as tx:
        return list(await tx.scalars(select(Report).order_by(Report.id)))


def flag(*objects: str, number: int = 1, content: str | None = None, actor: str = BOB) -> Flag:
    return Flag(
        id=Uri(f"https://b.example/flags/{number}"),
        actor=Uri(actor),
        objects=tuple(Uri(uri) for uri in objects),
        content=content,
    )


@pytest.mark.row(92)
async def test_a_report_of_an_account_and_its_posts_is_kept(home: Home, alice: Account, bob: Account) -> None:
    post = f"{alice.uri}/statuses/7"
    assert await home.receive(flag(alice.uri, post, "https://c.example/1", content="look")) == "done"
    (report,) = await kept(home)
    assert (report.target_id, report.objects, report.comment) == (alice.id, [post], "look")
    assert (report.reporter_uri, report.local) == (BOB, False)


@pytest.mark.row(92)
async def test_a_report_of_the_account_alone_is_kept(home: Home, alice: Account, bob: Account) -> None:
    assert await home.receive(flag(alice.uri)) == "done"
    assert [report.objects for report in await kept(home)] == [[]]


@pytest.mark.row(92)
async def test_posts_named_only_in_the_text_are_found(home: Home, alice: Account, bob: Account) -> None:
    post = f"{alice.uri}/statuses/7"
    assert await home.receive(flag(alice.uri, content=f"spam: {post}, and {post}.")) == "done"
    assert [report.objects for report in await kept(home)] == [[post]]


async def test_the_same_report_twice_is_one(home: Home, alice: Account, bob: Account) -> None:
    await home.receive(flag(alice.uri))
    await home.receive(flag(alice.uri))
    assert len(await kept(home)) == 1


async def test_a_report_about_nobody_here_is_dropped(home: Home, alice: Account, bob: Account) -> None:
    assert "unrelated" in await home.receive(flag(BOB, "https://c.example/users/x"))
    assert await kept(home) == []


async def test_one_sender_cannot_bury_the_moderators(home: Home, alice: Account, bob: Account) -> None:
    for number in range(MAX_OPEN + 5):
        await home.receive(flag(alice.uri, number=number))
    assert len(await kept(home)) == MAX_OPEN


@pytest.mark.row(92)
async def test_our_report_leaves_under_the_instances_name(
    home: Home, reporting: Reporting, alice: Account, bob: Account
) -> None:
    post = "https://b.example/users/bob/notes/1"
    report = await reporting.report(alice, bob.id, objects=[post], comment="insults", forward=True)
    (sent,) = await home.sent()
    assert isinstance(sent, Flag)
    assert sent.actor == home.addresses.instance_actor
    assert sent.objects == (BOB, post)
    assert sent.content == "insults"
    assert alice.uri not in str(sent)
    assert report.forwarded


async def test_what_is_not_to_be_forwarded_stays_here(
    home: Home, reporting: Reporting, alice: Account, bob: Account
) -> None:
    await reporting.report(alice, bob.id, comment="only for us")
    assert await home.sent() == []


async def test_a_report_of_one_of_ours_is_never_sent_anywhere(
    home: Home, reporting: Reporting, alice: Account
) -> None:
    carol = await home.person("carol")
    report = await reporting.report(alice, carol.id, forward=True)
    assert not report.forwarded
    assert await home.sent() == []


async def test_what_makes_no_report(home: Home, reporting: Reporting, alice: Account, bob: Account) -> None:
    with pytest.raises(Invalid):
        await reporting.report(alice, alice.id)
    with pytest.raises(Invalid):
        await reporting.report(alice, bob.id, comment="x" * 5001)
    with pytest.raises(NotFound):
        await reporting.report(alice, 1)
    for _ in range(MAX_OPEN):
        await reporting.report(alice, bob.id)
    with pytest.raises(Conflict):
        await reporting.report(alice, bob.id)


async def test_a_resolved_report_leaves_the_list(home: Home, reporting: Reporting, alice: Account) -> None:
    carol = await home.person("carol")
    report = await reporting.report(alice, carol.id)
    async with home.db.reading() as tx:
        assert [row.id for row, _ in await reports(tx)] == [report.id]
    await reporting.resolve(report.id, "talked to them")
    async with home.db.reading() as tx:
        assert await reports(tx) == []
        assert [row.resolution for row, _ in await reports(tx, resolved=True)] == ["talked to them"]


async def test_a_report_of_a_room_tells_the_other_server_where_and_when_and_not_who(
    home: Home, reporting: Reporting, alice: Account, bob: Account
) -> None:
    room = "https://b.example/spaces/7"
    scene = Scene(space_id=7, uri=Uri(room), url=f"{room}/page", host_id=bob.id, moment=754)

    report = await reporting.report(alice, bob.id, comment="threats", forward=True, scene=scene)

    assert (report.space_id, report.moment, report.forwarded) == (7, 754, True)
    [(document, audience)] = await _sent(home)
    assert document["object"] == [BOB, room, f"{room}#t=754"]
    assert document["content"] == f"threats\n\n{room}/page#t=754"
    assert alice.uri not in str(document)
    assert audience["actors"] == [bob.id]


async def test_sound_is_kept_with_a_report_and_only_a_few_times_from_one_person(
    home: Home, reporting: Reporting, alice: Account
) -> None:
    host, room = await home.person("host"), "https://a.example/spaces/7"
    scene = Scene(space_id=7, uri=Uri(room), url=room, host_id=host.id)
    heard = Heard(media_type="audio/ogg", seconds=5, sound=b"OggS")
    made = [await reporting.report(alice, host.id, scene=scene, heard=heard) for _ in range(MAX_HEARD + 2)]

    async with home.db.reading() as tx:
        sounds = await with_sound(tx, [report.id for report in made])

    assert sounds == {report.id: 5 for report in made[:MAX_HEARD]}


async def _sent(home: Home) -> list[tuple[dict[str, object], dict[str, object]]]:
    async with home.db.reading() as tx:
        items = await tx.scalars(select(OutboxItem).order_by(OutboxItem.id))
        return [(json.loads(item.body), item.audience) for item in items]
