"""This server, as clients are told of it. Pure: the configuration and counts in, entities out."""

from typing import Final

from fedispace import __version__
from fedispace.accounts.nodeinfo import Usage
from fedispace.accounts.people import MAX_DISPLAY_NAME, MAX_FIELD_NAME, MAX_FIELD_VALUE, MAX_FIELDS
from fedispace.api.entities import instance as entities
from fedispace.api.present.accounts import Pictures
from fedispace.config import Config
from fedispace.threads.compose import MAX_CHARACTERS, MAX_POSTS
from fedispace.threads.pins import MAX_PINS
from fedispace.threads.polls import MAX_OPTION, MAX_OPTIONS, MAX_SECONDS, MIN_SECONDS

VERSION: Final = f"4.5.0 (compatible; fedispace {__version__})"
"""Clients read Mastodon's version at the front, to decide what they may use; ours stands behind."""

API_VERSIONS: Final = {"mastodon": 7, "fedispace": 1}
LANGUAGES: Final = ["en"]
_CHARACTERS_PER_LINK: Final = 23
_OPEN: Final = entities.FeedAccess(local="public", remote="public")

_ACCOUNTS: Final = entities.AccountLimits(
    max_display_name_length=MAX_DISPLAY_NAME,
    max_note_length=5000,
    max_avatar_description_length=1500,
    max_header_description_length=1500,
    max_featured_tags=0,
    max_pinned_statuses=MAX_PINS,
    max_profile_fields=MAX_FIELDS,
    profile_field_name_limit=MAX_FIELD_NAME,
    profile_field_value_limit=MAX_FIELD_VALUE,
)
_STATUSES: Final = entities.StatusLimits(
    max_characters=MAX_CHARACTERS, max_media_attachments=0, characters_reserved_per_url=_CHARACTERS_PER_LINK
)
_MEDIA: Final = entities.MediaLimits(
    description_limit=1500,
    supported_mime_types=[],
    image_size_limit=0,
    image_matrix_limit=0,
    video_size_limit=0,
    video_frame_rate_limit=0,
    video_matrix_limit=0,
)
_POLLS: Final = entities.PollLimits(
    max_options=MAX_OPTIONS,
    max_characters_per_option=MAX_OPTION,
    min_expiration=MIN_SECONDS,
    max_expiration=MAX_SECONDS,
)


class InstancePresenter:
    """Presents the instance in both versions. What it cannot do yet has a limit of zero."""

    def __init__(self, config: Config, pictures: Pictures) -> None:
        self._config = config
        self._pictures = pictures

    def instance(self, usage: Usage) -> entities.Instance:
        """Return version 2."""
        config, origin = self._config, self._config.origin
        picture = self._pictures.thumbnail
        return entities.Instance(
            domain=config.account_domain,
            title=config.instance.title,
            version=VERSION,
            source_url=config.instance.source_url,
            description=config.instance.description,
            usage=entities.Usage(users=entities.Users(active_month=usage.active_month)),
            thumbnail=entities.Thumbnail(
                url=picture,
                blurhash=None,
                versions=entities.ThumbnailVersions(one=picture, two=picture),
                description="",
            ),
            icon=[entities.Icon(src=picture, size="240x240")],
            languages=LANGUAGES,
            configuration=entities.Configuration(
                urls=entities.Urls(
                    streaming=_streaming(origin),
                    status=None,
                    about=origin,
                    privacy_policy=None,
                    terms_of_service=None,
                ),
                vapid=entities.Vapid(public_key=""),
                accounts=_ACCOUNTS,
                statuses=_STATUSES,
                media_attachments=_MEDIA,
                polls=_POLLS,
                translation=entities.Translation(enabled=False),
                timelines_access=entities.TimelinesAccess(
                    live_feeds=_OPEN, hashtag_feeds=_OPEN, trending_link_feeds=_OPEN
                ),
                limited_federation=False,
                fedispace=entities.OwnConfiguration(
                    spaces=entities.SpaceLimits(
                        max_speakers=config.spaces.max_speakers,
                        schedule_horizon_days=config.spaces.schedule_horizon_days,
                        max_scheduled_per_host=config.spaces.max_scheduled_per_host,
                        api=f"{origin}/api/fedispace/v1",
                    ),
                    max_posts_per_thread=MAX_POSTS,
                ),
            ),
            registrations=entities.Registrations(
                enabled=False,
                approval_required=False,
                reason_required=None,
                message=None,
                min_age=None,
                url=None,
            ),
            api_versions=API_VERSIONS,
            contact=entities.Contact(email=config.instance.contact_email, account=None),
            rules=[],
        )

    def instance_v1(self, usage: Usage, *, peers: int) -> entities.InstanceV1:
        """Return version 1."""
        config = self._config
        return entities.InstanceV1(
            uri=config.account_domain,
            title=config.instance.title,
            short_description=config.instance.description,
            description=config.instance.description,
            email=config.instance.contact_email,
            version=VERSION,
            urls=entities.StreamingUrl(streaming_api=_streaming(config.origin)),
            stats=entities.Statistics(user_count=usage.users, status_count=usage.posts, domain_count=peers),
            thumbnail=self._pictures.thumbnail,
            languages=LANGUAGES,
            registrations=False,
            approval_required=False,
            invites_enabled=False,
            configuration=entities.ConfigurationV1(
                accounts=_ACCOUNTS, statuses=_STATUSES, media_attachments=_MEDIA, polls=_POLLS
            ),
            contact_account=None,
            rules=[],
        )


def _streaming(origin: str) -> str:
    return "ws" + origin.removeprefix("http")
