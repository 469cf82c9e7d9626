"""oEmbed's answers: a `video`, and a `link` where nobody may listen without an account."""

from typing import Literal

from fedispace.api.entities.shape import Entity


class Embeddable(Entity, frozen=True, kw_only=True):
    """What is said of a Space that is pasted elsewhere."""

    version: Literal["1.0"]
    title: str
    author_name: str
    author_url: str
    provider_name: str
    provider_url: str
    cache_age: int


class OEmbed(Embeddable, frozen=True, kw_only=True):
    """A player to be put into another page."""

    type: Literal["video"]
    html: str
    width: int
    height: int


class OEmbedLink(Embeddable, frozen=True, kw_only=True):
    """A link and no player: who reads the other page has no account here to listen with."""

    type: Literal["link"]
