"""oEmbed's answer, of the type `video`."""

from typing import Literal

from fedispace.api.entities.shape import Entity


class OEmbed(Entity, frozen=True, kw_only=True):
    """A player to be put into another page."""

    version: Literal["1.0"]
    type: Literal["video"]
    title: str
    author_name: str
    author_url: str
    provider_name: str
    provider_url: str
    cache_age: int
    html: str
    width: int
    height: int
