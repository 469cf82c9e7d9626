"""A Space inside somebody else's page: what oEmbed (version 1.0) says of it.

Mastodon, when it sees a link, asks for this and puts the player into the post: but only of the type
`video` (of `rich` it throws the HTML away), and of the HTML only `iframe`, `audio` and `video` with a few
attributes pass. So the HTML is one iframe, with nothing on it that would be lost.
"""

from dataclasses import dataclass
from html import escape
from typing import Final

from fedispace.accounts.models import Account
from fedispace.federation.addresses import Addresses
from fedispace.spaces.lifecycle import Phase
from fedispace.spaces.models import Space

WIDTH: Final = 400
HEIGHT: Final = 200
_SMALLEST: Final = 120
_SECONDS: Final = {Phase.SCHEDULED: 300, Phase.LIVE: 60}


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """The player of a Space of ours, no larger than it was asked for."""

    title: str
    author_name: str
    author_url: str
    html: str
    width: int
    height: int
    cache_age: int


def player_address(addresses: Addresses, space_id: int) -> str:
    """Return the page that is framed."""
    return f"{addresses.origin}/embed/spaces/{space_id}"


def player_of(
    space: Space,
    host: Account,
    addresses: Addresses,
    *,
    max_width: int | None = None,
    max_height: int | None = None,
) -> Player:
    """Return how a Space of ours is put into another page."""
    width = max(_SMALLEST, min(WIDTH, max_width or WIDTH))
    height = max(_SMALLEST, min(HEIGHT, max_height or HEIGHT))
    source = escape(player_address(addresses, space.id))
    title = escape(space.title)
    return Player(
        title=space.title,
        author_name=host.display_name or host.username,
        author_url=host.url,
        html=(
            f'<iframe src="{source}" width="{width}" height="{height}" title="{title}" '
            f'frameborder="0" scrolling="no"></iframe>'
        ),
        width=width,
        height=height,
        cache_age=_SECONDS.get(Phase(space.state), 86400),
    )
