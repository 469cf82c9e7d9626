"""Mastodon's Instance, version 2 and version 1."""

import msgspec

from fedispace.api.entities.account import Account
from fedispace.api.entities.shape import Entity


class Users(Entity, frozen=True, kw_only=True):
    active_month: int


class Usage(Entity, frozen=True, kw_only=True):
    users: Users


class ThumbnailVersions(Entity, frozen=True, kw_only=True):
    one: str = msgspec.field(name="@1x")
    two: str = msgspec.field(name="@2x")


class Thumbnail(Entity, frozen=True, kw_only=True):
    url: str
    blurhash: str | None
    versions: ThumbnailVersions
    description: str


class Icon(Entity, frozen=True, kw_only=True):
    src: str
    size: str


class Urls(Entity, frozen=True, kw_only=True):
    streaming: str
    status: str | None
    about: str
    privacy_policy: str | None
    terms_of_service: str | None


class Vapid(Entity, frozen=True, kw_only=True):
    public_key: str


class AccountLimits(Entity, frozen=True, kw_only=True):
    max_display_name_length: int
    max_note_length: int
    max_avatar_description_length: int
    max_header_description_length: int
    max_featured_tags: int
    max_pinned_statuses: int
    max_profile_fields: int
    profile_field_name_limit: int
    profile_field_value_limit: int


class StatusLimits(Entity, frozen=True, kw_only=True):
    max_characters: int
    max_media_attachments: int
    characters_reserved_per_url: int


class MediaLimits(Entity, frozen=True, kw_only=True):
    description_limit: int
    supported_mime_types: list[str]
    image_size_limit: int
    image_matrix_limit: int
    video_size_limit: int
    video_frame_rate_limit: int
    video_matrix_limit: int


class PollLimits(Entity, frozen=True, kw_only=True):
    max_options: int
    max_characters_per_option: int
    min_expiration: int
    max_expiration: int


class Translation(Entity, frozen=True, kw_only=True):
    enabled: bool


class FeedAccess(Entity, frozen=True, kw_only=True):
    local: str
    remote: str


class TimelinesAccess(Entity, frozen=True, kw_only=True):
    live_feeds: FeedAccess
    hashtag_feeds: FeedAccess
    trending_link_feeds: FeedAccess


class SpaceLimits(Entity, frozen=True, kw_only=True):
    """How Spaces are limited here; our own addition, in a place where clients look for limits."""

    max_speakers: int
    schedule_horizon_days: int
    max_scheduled_per_host: int
    api: str


class OwnConfiguration(Entity, frozen=True, kw_only=True):
    spaces: SpaceLimits
    max_posts_per_thread: int


class Configuration(Entity, frozen=True, kw_only=True):
    urls: Urls
    vapid: Vapid
    accounts: AccountLimits
    statuses: StatusLimits
    media_attachments: MediaLimits
    polls: PollLimits
    translation: Translation
    timelines_access: TimelinesAccess
    limited_federation: bool
    fedispace: OwnConfiguration


class Registrations(Entity, frozen=True, kw_only=True):
    enabled: bool
    approval_required: bool
    reason_required: bool | None
    message: str | None
    min_age: int | None
    url: str | None


class Contact(Entity, frozen=True, kw_only=True):
    email: str
    account: Account | None


class Rule(Entity, frozen=True, kw_only=True):
    id: str
    text: str
    hint: str
    translations: dict[str, dict[str, str]]


class Instance(Entity, frozen=True, kw_only=True):
    """This server, as version 2 of the API describes it."""

    domain: str
    title: str
    version: str
    source_url: str
    description: str
    usage: Usage
    thumbnail: Thumbnail
    icon: list[Icon]
    languages: list[str]
    configuration: Configuration
    registrations: Registrations
    api_versions: dict[str, int]
    contact: Contact
    rules: list[Rule]


class StreamingUrl(Entity, frozen=True, kw_only=True):
    streaming_api: str


class Statistics(Entity, frozen=True, kw_only=True):
    user_count: int
    status_count: int
    domain_count: int


class ConfigurationV1(Entity, frozen=True, kw_only=True):
    accounts: AccountLimits
    statuses: StatusLimits
    media_attachments: MediaLimits
    polls: PollLimits


class InstanceV1(Entity, frozen=True, kw_only=True):
    """This server, as version 1 of the API describes it; older clients ask for nothing else."""

    uri: str
    title: str
    short_description: str
    description: str
    email: str
    version: str
    urls: StreamingUrl
    stats: Statistics
    thumbnail: str | None
    languages: list[str]
    registrations: bool
    approval_required: bool
    invites_enabled: bool
    configuration: ConfigurationV1
    contact_account: Account | None
    rules: list[Rule]


class ExtendedDescription(Entity, frozen=True, kw_only=True):
    updated_at: str | None
    content: str
