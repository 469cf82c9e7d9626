"""Emoji reactions, in from every dialect and out in the one the peer reads. Refusals first."""

from typing import Any

import pytest
from sqlalchemy import select, update

from fedispace.accounts.models import Account, CustomEmoji
from fedispace.accounts.notifications import EMOJI_REACTION, notifications
from fedispace.accounts.paging import Page
from fedispace.errors import Invalid, NotFound
from fedispace.federation import codec
from fedispace.federation.models import Peer
from fedispace.federation.software import KNOWN_FOR, Software
from fedispace.federation.vocab.activities import Like, Undo
from fedispace.queue.jobs import JobPump, Jobs
from fedispace.threads.models import Reaction, Status
from fedispace.threads.reaction_views import tallies
from fedispace.threads.reactions import MAX_KINDS, Reacting
from tests.factories import remote_actor
from tests.threads.conftest import Elsewhere, Threads, a_note

CONTEXT = "https://www.w3.org/ns/activitystreams"
BLOB = "https://media.b.example/blob.png"


class Reactions:
    def __init__(self, threads: Threads) -> None:
        home = threads.home
        self.threads = threads
        jobs = Jobs(home.ids, home.clock, home.bus)
        self.software = Software(home.db, home.clock, home.net, home.requests, jobs)
        self.reacting = Reacting(
            home.db,
            home.ids,
            home.clock,
            home.addresses,
            home.outbox,
            home.notifier,
            home.people,
            self.software,
        )
        self._pump = JobPump(home.db, home.clock, self.software.tasks())

    async def receive(self, **document: Any) -> str:
        """Receive an activity as JSON, as its server wrote it."""
        activity = codec.read_activity({"@context": CONTEXT, **document})
        return await self.threads.home.receive(activity)

    async def to(self, status: Status, viewer: Account | None = None) -> list[tuple[str, str, int]]:
        async with self.threads.home.db.reading() as tx:
            found = await tallies(tx, [status.id], viewer.id if viewer else None)
        return [(each.name, each.domain, each.count) for each in found.get(status.id, [])]

    async def sent(self) -> list[dict[str, Any]]:
        return [codec.write(activity) for activity in await self.threads.sent(Like, Undo)]

    async def settle(self) -> None:
        while await self._pump.pump():
            await self._pump.idle()

    async def runs(self, host: str, software: str) -> None:
        now = self.threads.home.clock.now()
        async with self.threads.home.db.transaction() as tx:
            tx.add(Peer(host=host, software=software, software_at=now, failures=0))


@pytest.fixture
def reactions(threads: Threads) -> Reactions:
    return Reactions(threads)


@pytest.fixture
async def post(threads: Threads, alice: Account) -> Status:
    return (await threads.post(alice, "hello"))[0]


def reacting(
    by: Account, status: Status, type_: str = "Like", number: int = 1, **fields: Any
) -> dict[str, Any]:
    return {
        "id": f"{by.uri}/reactions/{number}",
        "type": type_,
        "actor": by.uri,
        "object": status.uri,
        **fields,
    }


def tagged(name: str = ":blob:", icon: Any = None, **fields: Any) -> list[dict[str, Any]]:
    picture = {"type": "Image", "mediaType": "image/png", "url": BLOB} if icon is None else icon
    return [{"type": "Emoji", "name": name, "icon": picture, **fields}]


async def test_who_may_not_see_a_post_cannot_react_to_it(
    threads: Threads, reactions: Reactions, alice: Account, bob: Account, carol: Account
) -> None:
    (secret,) = await threads.post(alice, "for followers", visibility="private")
    outcome = await reactions.receive(**reacting(bob, secret, content="🎉"))
    assert outcome.startswith("dropped not_visible")
    with pytest.raises(NotFound):
        await reactions.reacting.react(carol, secret.id, "🎉")
    assert await reactions.to(secret) == []


@pytest.mark.row(91)
@pytest.mark.attack(18)
async def test_nobody_takes_somebody_elses_reaction_back(
    threads: Threads, reactions: Reactions, post: Status, bob: Account
) -> None:
    like = reacting(bob, post, content="🎉")
    await reactions.receive(**like)
    eve = await threads.home.stranger(remote_actor("eve", "evil.example"))
    for number, object_ in enumerate((like, like["id"])):
        outcome = await reactions.receive(
            id=f"{eve.uri}/undo/{number}", type="Undo", actor=eve.uri, object=object_
        )
        assert outcome.startswith("dropped not_owner")
    assert await reactions.to(post) == [("🎉", "", 1)]


@pytest.mark.row(91)
@pytest.mark.parametrize(
    "dialect",
    [
        {"type_": "EmojiReact", "content": "❤"},
        {"type_": "Like", "content": "❤️"},
        {"type_": "Like", "_misskey_reaction": "❤"},
        {"type_": "Like", "content": "❤", "_misskey_reaction": "❤"},
    ],
)
async def test_every_dialect_says_the_same_reaction_and_its_undo(
    threads: Threads,
    reactions: Reactions,
    post: Status,
    bob: Account,
    alice: Account,
    dialect: dict[str, Any],
) -> None:
    fields = {name: value for name, value in dialect.items() if name != "type_"}
    said = reacting(bob, post, dialect["type_"], **fields)
    assert await reactions.receive(**said) == "done"
    again = reacting(bob, post, "EmojiReact", 2, content="❤️")
    assert await reactions.receive(**again) == "done"
    assert await reactions.to(post) == [("❤", "", 1)]
    assert (await threads.again(post)).favourites_count == 0
    assert await threads.notified(alice) == [(EMOJI_REACTION, post.id)]
    undo = {"id": f"{bob.uri}/undo/1", "type": "Undo", "actor": bob.uri, "object": again}
    assert await reactions.receive(**undo) == "done"
    assert await reactions.to(post) == []
    assert await threads.notified(alice) == []


@pytest.mark.row(91, 61)
async def test_a_reaction_is_undone_by_its_bare_id_too(
    reactions: Reactions, post: Status, bob: Account
) -> None:
    said = reacting(bob, post, content="🎉")
    await reactions.receive(**said)
    undo = {"id": f"{bob.uri}/undo/1", "type": "Undo", "actor": bob.uri, "object": said["id"]}
    assert await reactions.receive(**undo) == "done"
    assert await reactions.to(post) == []


async def test_a_plain_like_and_one_whose_content_is_no_emoji_are_favourites(
    threads: Threads, reactions: Reactions, post: Status, bob: Account, alice: Account
) -> None:
    assert await reactions.receive(**reacting(bob, post, content="well said")) == "done"
    assert (await threads.again(post)).favourites_count == 1
    assert await reactions.to(post) == []
    outcome = await reactions.receive(**reacting(bob, post, "EmojiReact", 2, content="well said"))
    assert outcome.startswith("dropped bad_reaction")


@pytest.mark.row(51, 91)
@pytest.mark.parametrize(
    ("content", "tag"),
    [
        (":blob:", tagged()),
        (":blob@.:", tagged()),
        (":blob@b.example:", tagged("blob")),
        (":blob:", tagged(id=None)),
        (":blob:", tagged(icon=[{"type": "Image", "url": BLOB}])),
        (":blob:", tagged(icon={"type": "Image", "url": [{"type": "Link", "href": BLOB}]})[0]),
    ],
)
async def test_custom_emojis_are_read_in_every_shape(
    threads: Threads, reactions: Reactions, post: Status, bob: Account, content: str, tag: Any
) -> None:
    assert await reactions.receive(**reacting(bob, post, "EmojiReact", content=content, tag=tag)) == "done"
    assert await reactions.to(post) == [("blob", "b.example", 1)]
    async with threads.home.db.reading() as tx:
        (kept,) = (await tx.scalars(select(CustomEmoji))).all()
        (reaction,) = (await tx.scalars(select(Reaction))).all()
    assert (kept.shortcode, kept.domain, kept.icon) == ("blob", "b.example", BLOB)
    assert reaction.icon == BLOB


async def test_nobody_changes_the_emoji_of_another_server(
    threads: Threads, reactions: Reactions, post: Status, bob: Account
) -> None:
    await reactions.receive(**reacting(bob, post, content=":blob:", tag=tagged()))
    eve = await threads.home.stranger(remote_actor("eve", "evil.example"))
    forged = tagged(
        id="https://b.example/emojis/blob", icon={"type": "Image", "url": "https://evil.example/x.png"}
    )
    await reactions.receive(**reacting(eve, post, content=":blob@b.example:", tag=forged))
    assert await reactions.to(post) == [("blob", "b.example", 2)]
    async with threads.home.db.reading() as tx:
        assert list(await tx.scalars(select(CustomEmoji.icon))) == [BLOB]
        assert set(await tx.scalars(select(Reaction.icon))) == {BLOB}


async def test_a_picture_that_is_none_or_not_https_is_no_reaction(
    reactions: Reactions, post: Status, bob: Account
) -> None:
    for number, icon in enumerate(
        (
            {"type": "Image", "url": "http://b.example/blob.png"},
            {"type": "Image", "url": "javascript:alert(1)"},
            {"type": "Image", "mediaType": "text/html", "url": BLOB},
        )
    ):
        said = reacting(bob, post, "EmojiReact", number, content=":blob:", tag=tagged(icon=icon))
        assert (await reactions.receive(**said)).startswith("dropped bad_reaction")
    assert await reactions.to(post) == []


async def test_one_person_answers_a_post_with_twenty_emojis_at_most(
    reactions: Reactions, post: Status, bob: Account, carol: Account
) -> None:
    emojis = [chr(0x1F400 + number) for number in range(MAX_KINDS + 1)]
    for number, emoji in enumerate(emojis[:MAX_KINDS]):
        assert await reactions.receive(**reacting(bob, post, number=number, content=emoji)) == "done"
        await reactions.reacting.react(carol, post.id, emoji)
    outcome = await reactions.receive(**reacting(bob, post, number=99, content=emojis[-1]))
    assert outcome.startswith("dropped too_many")
    with pytest.raises(Invalid):
        await reactions.reacting.react(carol, post.id, emojis[-1])
    assert len(await reactions.to(post)) == MAX_KINDS


async def test_text_is_no_reaction_of_ours_either(reactions: Reactions, post: Status, carol: Account) -> None:
    for text in ("", "no", ":unknown:", "blob@nowhere.example", "🎉🎉", "<b>"):
        with pytest.raises(Invalid):
            await reactions.reacting.react(carol, post.id, text)


@pytest.mark.row(91)
async def test_ours_go_out_as_a_like_that_says_the_emoji_twice(
    threads: Threads, reactions: Reactions, carol: Account, bob: Account
) -> None:
    status = await _from_bob(threads, carol, bob)
    for _ in range(2):
        await reactions.reacting.react(carol, status.id, "❤️")
    await reactions.reacting.unreact(carol, status.id, "❤")
    like, undo = await reactions.sent()
    assert (like["type"], like["content"], like["_misskey_reaction"]) == ("Like", "❤️", "❤️")
    assert (like["object"], like["to"]) == (status.uri, [bob.uri])
    assert undo["object"]["id"] == like["id"]
    assert undo["object"]["_misskey_reaction"] == "❤️"


@pytest.mark.row(91)
@pytest.mark.parametrize("software", ["pleroma", "akkoma"])
async def test_litepub_servers_get_an_emoji_react(
    threads: Threads, reactions: Reactions, carol: Account, bob: Account, software: str
) -> None:
    status = await _from_bob(threads, carol, bob)
    await reactions.runs("b.example", software)
    await reactions.reacting.react(carol, status.id, "🎉")
    (react,) = await reactions.sent()
    assert (react["type"], react["content"]) == ("EmojiReact", "🎉")
    assert "_misskey_reaction" not in react


async def _from_bob(threads: Threads, reader: Account, bob: Account) -> Status:
    await threads.follow(reader, bob)
    async with threads.home.db.transaction() as tx:
        return await threads.ingest.store_note(tx, a_note())


async def test_what_a_server_runs_is_found_out_for_the_next_time(
    threads: Threads, reactions: Reactions, elsewhere: Elsewhere
) -> None:
    elsewhere.say("/.well-known/nodeinfo", _nodeinfo_links(elsewhere.origin))
    elsewhere.say("/nodeinfo/2.0", {"version": "2.0", "software": {"name": "Akkoma", "version": "3"}})

    async def runs() -> str | None:
        async with threads.home.db.transaction() as tx:
            return await reactions.software.of(tx, f"{elsewhere.origin}/users/dora")

    assert await runs() is None
    await reactions.settle()
    assert await runs() == "akkoma"
    await reactions.settle()
    assert elsewhere.asked.count("/nodeinfo/2.0") == 1
    threads.home.clock.advance(seconds=KNOWN_FOR.total_seconds() + 1)
    elsewhere.is_down = True
    assert await runs() == "akkoma"
    await reactions.settle()
    assert await runs() is None


def _nodeinfo_links(origin: str) -> dict[str, Any]:
    rel = "http://nodeinfo.diaspora.software/ns/schema/2.0"
    links = [{"rel": rel, "href": "http://victim.example/x"}, {"rel": rel, "href": f"{origin}/nodeinfo/2.0"}]
    return {"links": links}


async def test_clients_that_do_not_ask_for_reactions_are_not_told_of_them(
    threads: Threads, reactions: Reactions, post: Status, bob: Account, alice: Account
) -> None:
    await reactions.receive(**reacting(bob, post, content="🎉"))
    now = threads.home.clock.now()
    async with threads.home.db.reading() as tx:
        assert await notifications(tx, alice.id, Page(), now) == []
        (told,) = await notifications(tx, alice.id, Page(), now, [EMOJI_REACTION])
    assert (told.type, told.subject) == (EMOJI_REACTION, post.id)


async def test_reactions_go_with_the_post(
    threads: Threads, reactions: Reactions, post: Status, bob: Account, alice: Account
) -> None:
    await reactions.receive(**reacting(bob, post, content="🎉"))
    await threads.deletion.delete(alice, post.id)
    async with threads.home.db.reading() as tx:
        assert (await tx.scalars(select(Reaction))).all() == []
    assert await threads.notified(alice) == []


async def test_a_reaction_with_one_of_our_emojis_carries_its_picture(
    threads: Threads, reactions: Reactions, carol: Account, bob: Account
) -> None:
    home = threads.home
    icon = f"{home.addresses.origin}/emojis/fox/picture"
    async with home.db.transaction() as tx:
        tx.add(
            CustomEmoji(
                id=home.ids.next(),
                shortcode="fox",
                domain="",
                icon=icon,
                in_picker=True,
                disabled=False,
                updated_at=home.clock.now(),
            )
        )
    status = await _from_bob(threads, carol, bob)
    await reactions.reacting.react(carol, status.id, ":fox:")
    (like,) = await reactions.sent()
    assert like["content"] == ":fox:"
    (tag,) = like["tag"]
    assert (tag["name"], tag["icon"]["url"]) == (":fox:", icon)
    async with home.db.transaction() as tx:
        await tx.execute(update(CustomEmoji).values(disabled=True))
    with pytest.raises(Invalid):
        await reactions.reacting.react(bob, status.id, "fox")
