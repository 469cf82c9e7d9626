"""Custom emojis on pages and as files: ours are pictures, and nothing but pictures."""

from pathlib import Path

import pytest

from fedispace.accounts.emoji_shelf import EmojiPlace
from fedispace.federation.addresses import Addresses
from fedispace.web.emojis import pictured
from tests.web.house import House, Visitor

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
OURS = Addresses("https://a.example", "a.example")
FOX = {"shortcode": "fox", "url": "https://a.example/media/emojis/fox.0123456789abcdef.png"}


def test_our_emojis_are_pictures_in_the_text_and_never_in_tags() -> None:
    html = '<p title=":fox: > :fox:">a :fox: <a href="https://x.example/:fox:">:fox:</a></p>'
    shown = pictured(html, [FOX], OURS)
    assert shown.count("<img") == 2
    assert 'title=":fox: > :fox:"' in shown
    assert 'href="https://x.example/:fox:"' in shown
    assert f'<img class="emoji" src="{FOX["url"]}" alt=":fox:" title=":fox:"' in shown


@pytest.mark.privacy("P-15")
def test_emojis_of_other_servers_stay_names() -> None:
    html = "<p>a :fox:</p>"
    assert pictured(html, [{"shortcode": "fox", "url": "https://b.example/fox.png"}], OURS) == html


@pytest.fixture
async def fox(house: House, tmp_path: Path) -> str:
    place = EmojiPlace.of(house.app.config.media.directory, "", house.origin)
    place.directory.mkdir(parents=True, exist_ok=True)
    picture = tmp_path / "fox"
    picture.write_bytes(PNG)
    return await house.app.emoji_shelf.add("fox", str(picture))


async def test_a_post_shows_the_picture_and_the_picture_is_served_as_one(
    house: House, alice: Visitor, fox: str
) -> None:
    page = await alice.get("/")
    seen = await alice.submit(page, "/compose", ("post", "Look, a :fox:"), ("visibility", "public"))
    assert f'src="{fox}"' in seen.text
    answer = await alice.get(fox.removeprefix(house.origin), accept="*/*")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer.headers["Cache-Control"]


async def test_nothing_else_in_the_directory_is_served(house: House, alice: Visitor, fox: str) -> None:
    place = EmojiPlace.of(house.app.config.media.directory, "", house.origin)
    (place.directory / "secret.txt").write_text("secret")
    for name in ("secret.txt", "fox.png", "..%2Fsecret.txt", "%2e%2e", "fox.0000000000000000.png"):
        assert (await alice.get(f"/media/emojis/{name}")).status == 404, name
