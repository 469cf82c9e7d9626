"""Mastodon's Marker."""

from fedispace.api.entities.shape import Entity


class Marker(Entity, frozen=True, kw_only=True):
    """How far a timeline was read, and how often that was written."""

    last_read_id: str
    version: int
    updated_at: str
