"""Custom emojis: read from others' tags, written into ours."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from fedispace.accounts import emojis
from fedispace.accounts.emoji_documents import EmojiDocuments
from fedispace.accounts.emoji_shelf import MAX_BYTES, EmojiPlace, EmojiShelf
from fedispace.accounts.models import Account, CustomEmoji
from fedispace.errors import Invalid, NotFound
from fedispace.federation import codec
from fedispace.federation.routes import Asker
from fedispace.federation.vocab.activities import Create
from fedispace.federation.vocab.actors import Actor
from fedispace.federation.vocab.links import Emoji
from fedispace.federation.vocab.uri import Uri
from tests.factories import remote_actor
from tests.threads.conftest import Threads, a_note, creating

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
ICON = Uri("https://cdn.b.example/blob.png")


@pytest.fixture
def shelf(threads: Threads, tmp_path: Path) -> EmojiShelf:
    home = threads.home
    place = EmojiPlace.of(str(tmp_path / "media"), "", home.addresses.origin)
    return EmojiShelf(home.db, home.ids, home.clock, place)


@pytest.fixture
async def fox(shelf: EmojiShelf, tmp_path: Path) -> str:
    picture = tmp_path / "whatever.txt"
    picture.write_bytes(PNG)
    return await shelf.add("fox", str(picture), category="Animals")


async def kept(threads: Threads) -> list[tuple[str, str, str]]:
    async with threads.home.db.reading() as tx:
        rows = await tx.scalars(select(CustomEmoji).order_by(CustomEmoji.id))
        return [(row.shortcode, row.domain, row.icon) for row in rows]


@pytest.mark.row(51)
async def test_emojis_of_a_post_are_kept_once_for_a_server_and_newer_pictures_win(
    threads: Threads, alice: Account, bob: Account
) -> None:
    await threads.follow(alice, bob)
    now = threads.home.clock.now()
    states = ((None, "1"), (now - timedelta(days=1), "old"), (now + timedelta(days=900), "2"), (now, "3"))
    for number, (updated, picture) in enumerate(states):
        icon = Uri(f"https://cdn.b.example/{picture}.png")
        note = a_note(number=number, tags=(Emoji(name="blob", icon=icon, updated=updated),))
        assert await threads.home.receive(creating(note)) == "done"
        stored = await threads.known(note.id)
        assert stored is not None
        assert stored.emojis == [{"shortcode": "blob", "url": icon}]
    assert await kept(threads) == [("blob", "b.example", "https://cdn.b.example/3.png")]


async def test_what_is_no_emoji_is_not_kept(threads: Threads, alice: Account, bob: Account) -> None:
    await threads.follow(alice, bob)
    tags = (
        Emoji(name='"><img src=x>', icon=ICON),
        Emoji(name="insecure", icon=Uri("http://cdn.b.example/blob.png")),
        Emoji(name="page", icon=ICON, media_type="text/html"),
        *(Emoji(name=f"many{number}", icon=ICON) for number in range(emojis.MAX_EMOJIS + 5)),
    )
    await threads.home.receive(creating(a_note(tags=tags)))
    stored = await threads.known(a_note().id)
    assert stored is not None
    assert [each["shortcode"] for each in stored.emojis] == [f"many{n}" for n in range(emojis.MAX_EMOJIS)]


async def test_an_actor_shows_the_emojis_of_the_name(threads: Threads) -> None:
    said = remote_actor(name="Bob :blob:")
    fields = {name: getattr(said, name) for name in Actor.__slots__}
    read = codec.read(codec.write(Actor(**{**fields, "tags": (Emoji(name="blob", icon=ICON),)})))
    assert isinstance(read, Actor)
    bob = await threads.home.stranger(read)
    assert bob.emojis == [{"shortcode": "blob", "url": ICON}]


async def test_only_pictures_are_kept_whatever_the_file_is_called(
    shelf: EmojiShelf, threads: Threads, tmp_path: Path
) -> None:
    for name, body in (
        ("evil.png", b"<svg onload=alert(1)>"),
        ("page.gif", b"<html>"),
        ("huge.png", PNG + b"\0" * MAX_BYTES),
        ("empty.webp", b""),
    ):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(Invalid):
            await shelf.add("evil", str(tmp_path / name))
    for shortcode in ("a", "UPPER", "../up", "a" * 51, "a b"):
        with pytest.raises(Invalid):
            await shelf.add(shortcode, "https://pictures.example/x.png")
    with pytest.raises(Invalid):
        await shelf.add("gone", str(tmp_path / "no-such-file.png"))
    with pytest.raises(Invalid):
        await shelf.add("plain", "http://pictures.example/x.png")
    assert await kept(threads) == []


async def test_a_new_picture_takes_the_place_of_the_old_one_and_removal_takes_both(
    shelf: EmojiShelf, threads: Threads, tmp_path: Path, fox: str
) -> None:
    folder = tmp_path / "media" / "emojis"
    (tmp_path / "b.gif").write_bytes(b"GIF89a" + b"\0" * 8)
    other = await shelf.add("fox", str(tmp_path / "b.gif"))
    assert [entry.name for entry in folder.iterdir()] == [other.rpartition("/")[2]]
    assert await kept(threads) == [("fox", "", other)]
    await shelf.remove("fox")
    assert list(folder.iterdir()) == []
    with pytest.raises(NotFound):
        await shelf.remove("fox")


async def test_our_emojis_go_out_as_tags_of_the_posts_that_name_them(
    threads: Threads, alice: Account, fox: str
) -> None:
    (post,) = await threads.post(alice, "a :fox: and a :unknown: at 12:fox:30")
    assert [(each["shortcode"], each["url"]) for each in post.emojis] == [("fox", fox)]
    (create,) = await threads.sent(Create)
    document = codec.write(create)["object"]
    (tag,) = document["tag"]
    assert tag == {
        "id": "https://a.example/emojis/fox",
        "type": "Emoji",
        "name": ":fox:",
        "icon": {"type": "Image", "url": fox, "mediaType": "image/png"},
    }


async def test_an_emoji_of_ours_is_an_object_others_can_fetch(threads: Threads, fox: str) -> None:
    documents = EmojiDocuments(threads.home.db, threads.home.addresses)
    found = codec.write(await documents.emoji({"shortcode": "fox"}, Asker()))
    assert (found["id"], found["type"], found["name"]) == ("https://a.example/emojis/fox", "Emoji", ":fox:")
    assert found["icon"]["url"] == fox
    assert found["updated"]
    with pytest.raises(NotFound):
        await documents.emoji({"shortcode": "nothing"}, Asker())


async def test_a_server_cannot_fill_the_table(
    threads: Threads, bob: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emojis, "MAX_OF_A_DOMAIN", 3)
    home = threads.home
    async with home.db.transaction() as tx:
        for batch in range(3):
            tags = [Emoji(name=f"e{batch}_{number}", icon=ICON) for number in range(2)]
            await emojis.remember(tx, home.ids, home.clock, "b.example", tags)
        assert await tx.scalar(select(func.count()).select_from(CustomEmoji)) == 3
