"""Mastodon's Account and the entities inside it."""

import msgspec

from fedispace.api.entities.shape import Entity


class CustomEmoji(Entity, frozen=True, kw_only=True):
    """A picture with a short name."""

    shortcode: str
    url: str
    static_url: str
    visible_in_picker: bool
    category: str | None


class Field(Entity, frozen=True, kw_only=True):
    """One row of the table on a profile."""

    name: str
    value: str
    verified_at: str | None


class AccountRole(Entity, frozen=True, kw_only=True):
    """A role as the public sees it, on a local account."""

    id: str
    name: str
    color: str


class Role(Entity, frozen=True, kw_only=True):
    """A role with what it permits, as its holder sees it."""

    id: str
    name: str
    color: str
    permissions: str
    highlighted: bool


class Account(Entity, frozen=True, kw_only=True):
    """A profile, local or remote."""

    id: str
    username: str
    acct: str
    url: str
    uri: str
    display_name: str
    note: str
    avatar: str
    avatar_static: str
    avatar_description: str
    header: str
    header_static: str
    header_description: str
    locked: bool
    fields: list[Field]
    emojis: list[CustomEmoji]
    bot: bool
    group: bool
    discoverable: bool | None
    indexable: bool
    noindex: bool | None
    hide_collections: bool | None
    memorial: bool
    moved: "Account | None"
    suspended: bool
    limited: bool
    created_at: str
    last_status_at: str | None
    statuses_count: int
    followers_count: int
    following_count: int
    roles: list[AccountRole]


class Source(Entity, frozen=True, kw_only=True):
    """What the owner of a profile would edit: plain text and defaults for posting."""

    privacy: str
    sensitive: bool
    language: str
    note: str
    fields: list[Field]
    follow_requests_count: int
    indexable: bool
    hide_collections: bool | None
    discoverable: bool | None
    attribution_domains: list[str]
    quote_policy: str


class FeaturedTag(Entity, frozen=True, kw_only=True):
    """A hashtag somebody shows on their profile."""

    id: str
    name: str
    url: str
    statuses_count: str
    last_status_at: str | None


class Profile(Entity, frozen=True, kw_only=True):
    """One's own profile as one edits it (Mastodon 4.6): plain text; null where no picture was chosen."""

    id: str
    display_name: str
    note: str
    fields: list[Field]
    avatar: str | None
    avatar_static: str | None
    avatar_description: str
    header: str | None
    header_static: str | None
    header_description: str
    locked: bool
    bot: bool
    hide_collections: bool | None
    discoverable: bool | None
    indexable: bool
    show_media: bool
    show_media_replies: bool
    show_featured: bool
    attribution_domains: list[str]
    featured_tags: list[FeaturedTag]


class CredentialAccount(Account, frozen=True, kw_only=True):
    """One's own Account."""

    source: Source
    role: Role


class MutedAccount(Account, frozen=True, kw_only=True):
    """An Account the asker mutes, and until when."""

    mute_expires_at: str | None


class FamiliarFollowers(Entity, frozen=True, kw_only=True):
    """Those of the people you follow who also follow this account."""

    id: str
    accounts: list[Account]


class Relationship(Entity, frozen=True, kw_only=True):
    """How the asker and an account stand to each other."""

    id: str
    following: bool
    showing_reblogs: bool
    notifying: bool
    languages: list[str] | None
    followed_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    muting_notifications: bool
    muting_expires_at: str | None
    requested: bool
    requested_by: bool
    domain_blocking: bool
    endorsed: bool
    note: str


class Suggestion(Entity, frozen=True, kw_only=True):
    """Someone to follow, and why."""

    source: str
    sources: list[str]
    account: Account


class Preferences(Entity, frozen=True, kw_only=True):
    """The asker's settings, by Mastodon's names."""

    default_visibility: str = msgspec.field(name="posting:default:visibility")
    default_sensitive: bool = msgspec.field(name="posting:default:sensitive")
    default_language: str | None = msgspec.field(name="posting:default:language")
    default_quote_policy: str = msgspec.field(name="posting:default:quote_policy")
    expand_media: str = msgspec.field(name="reading:expand:media")
    expand_spoilers: bool = msgspec.field(name="reading:expand:spoilers")
    autoplay_gifs: bool = msgspec.field(name="reading:autoplay:gifs")
