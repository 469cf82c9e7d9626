"""What counts as one emoji."""

import pytest

from fedispace.threads.reaction_names import Custom, character, custom, shown

ONE = (
    ("🎉", "🎉"),
    ("❤️", "❤"),
    ("👍🏽", "👍🏽"),
    ("🏳️‍🌈", "🏳‍🌈"),
    ("1️⃣", "1\u20e3"),
    ("🇫🇷", "🇫🇷"),
    ("👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"),
    ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",) * 2,
    (" 🦊 ", "🦊"),
)
NONE = ("", "a", "1", "ok", "❤❤", "🎉!", "🇫", "\u200d", "\ufe0f", "<b>", "🎉" * 50, "👍👎", "\U0001f3fd")


@pytest.mark.parametrize(("text", "kept"), ONE)
def test_one_emoji_is_one_reaction_however_it_is_written(text: str, kept: str) -> None:
    assert character(text) == kept


@pytest.mark.parametrize("text", NONE)
def test_words_and_several_emojis_are_none(text: str) -> None:
    assert character(text) is None


@pytest.mark.parametrize("text", ["❤️", "👍🏽", "1️⃣", "☝🏽", "❤️‍🔥", "🎉"])
def test_old_characters_are_shown_in_colour(text: str) -> None:
    kept = character(text)
    assert kept is not None
    assert shown(kept) == text


def test_custom_emojis_are_named_in_three_ways() -> None:
    assert custom(":blob_cat:") == custom(":blob_cat@.:") == Custom("blob_cat")
    assert custom(":blob_cat@C.Example:") == Custom("blob_cat", "c.example")
    for text in ("blob", "::", ":a b:", ":a:b:", ':"><script>:', ":" + "x" * 101 + ":"):
        assert custom(text) is None
