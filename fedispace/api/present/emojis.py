"""Custom emojis, as Mastodon's clients read them."""

from collections.abc import Iterable, Mapping
from typing import Any

from fedispace.accounts import models
from fedispace.api.entities.account import CustomEmoji


def emojis_of(kept: Iterable[Mapping[str, Any]]) -> list[CustomEmoji]:
    """Return the emojis that a post or a profile keeps with it."""
    return [
        CustomEmoji(
            shortcode=each["shortcode"],
            url=each["url"],
            static_url=each["url"],
            visible_in_picker=True,
            category=None,
        )
        for each in kept
        if each.get("shortcode") and each.get("url")
    ]


def emoji(row: models.CustomEmoji) -> CustomEmoji:
    """Return one of ours, for the picker."""
    return CustomEmoji(
        shortcode=row.shortcode,
        url=row.icon,
        static_url=row.icon,
        visible_in_picker=row.in_picker,
        category=row.category,
    )
