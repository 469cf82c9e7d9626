"""Every documented key is there, for decoders refuse an object that lacks one."""

from typing import Any

from tests.api.site import Client, Site

ACCOUNT = {
    "id", "username", "acct", "url", "uri", "display_name", "note", "avatar", "avatar_static", "header",
    "header_static", "locked", "fields", "emojis", "bot", "group", "discoverable", "noindex", "moved",
    "suspended", "limited", "created_at", "last_status_at", "statuses_count", "followers_count",
    "following_count", "roles", "indexable", "hide_collections", "memorial", "avatar_description",
    "header_description",
}  # fmt: skip
SOURCE = {
    "privacy", "sensitive", "language", "note", "fields", "follow_requests_count", "indexable",
    "hide_collections", "discoverable", "attribution_domains", "quote_policy",
}  # fmt: skip
STATUS = {
    "id", "uri", "created_at", "account", "content", "visibility", "sensitive", "spoiler_text",
    "media_attachments", "application", "mentions", "tags", "emojis", "reblogs_count", "favourites_count",
    "replies_count", "quotes_count", "url", "in_reply_to_id", "in_reply_to_account_id", "reblog", "poll",
    "card", "language", "text", "edited_at", "quote", "quote_approval", "favourited", "reblogged", "muted",
    "bookmarked", "pinned", "filtered",
}  # fmt: skip
RELATIONSHIP = {
    "id", "following", "showing_reblogs", "notifying", "languages", "followed_by", "blocking", "blocked_by",
    "muting", "muting_notifications", "muting_expires_at", "requested", "requested_by", "domain_blocking",
    "endorsed", "note",
}  # fmt: skip
NOTIFICATION = {
    "id", "type", "group_key", "created_at", "account", "status", "report", "event", "moderation_warning",
}  # fmt: skip
INSTANCE = {
    "": {
        "domain", "title", "version", "source_url", "description", "usage", "thumbnail", "icon", "languages",
        "configuration", "registrations", "api_versions", "contact", "rules",
    },
    "usage.users": {"active_month"},
    "thumbnail": {"url", "blurhash", "versions"},
    "thumbnail.versions": {"@1x", "@2x"},
    "configuration": {
        "urls", "vapid", "accounts", "statuses", "media_attachments", "polls", "translation",
        "timelines_access", "limited_federation",
    },
    "configuration.urls": {"streaming", "status", "about", "privacy_policy", "terms_of_service"},
    "configuration.vapid": {"public_key"},
    "configuration.accounts": {
        "max_display_name_length", "max_note_length", "max_avatar_description_length",
        "max_header_description_length", "max_featured_tags", "max_pinned_statuses", "max_profile_fields",
        "profile_field_name_limit", "profile_field_value_limit",
    },
    "configuration.statuses": {
        "max_characters", "max_media_attachments", "characters_reserved_per_url",
    },
    "configuration.media_attachments": {
        "description_limit", "supported_mime_types", "image_size_limit", "image_matrix_limit",
        "video_size_limit", "video_frame_rate_limit", "video_matrix_limit",
    },
    "configuration.polls": {
        "max_options", "max_characters_per_option", "min_expiration", "max_expiration",
    },
    "configuration.translation": {"enabled"},
    "configuration.timelines_access": {"live_feeds", "hashtag_feeds", "trending_link_feeds"},
    "registrations": {
        "enabled", "approval_required", "reason_required", "message", "min_age", "url",
    },
    "contact": {"email", "account"},
}  # fmt: skip
SPACE = {
    "id", "uri", "url", "title", "description", "state", "host", "starts_at", "started_at", "ended_at",
    "listener_count", "access", "speakers",
}  # fmt: skip


def missing(documented: set[str], entity: dict[str, Any]) -> set[str]:
    return documented - entity.keys()


async def test_an_account_has_every_documented_key(alice: Client, site: Site) -> None:
    account = await site.anyone.get(f"/api/v1/accounts/{alice.account.id}")
    assert missing(ACCOUNT, account) == set()
    assert account["id"] == str(alice.account.id)
    assert account["acct"] == account["username"] == "alice"
    assert account["uri"] == f"{site.origin}/users/alice"
    assert account["url"] == f"{site.origin}/@alice"
    assert account["created_at"].endswith("T00:00:00.000Z")


async def test_ones_own_account_has_source_and_role_too(alice: Client) -> None:
    account = await alice.get("/api/v1/accounts/verify_credentials")
    assert missing(ACCOUNT | {"source", "role"}, account) == set()
    assert missing(SOURCE, account["source"]) == set()
    assert missing({"id", "name", "color", "permissions", "highlighted"}, account["role"]) == set()


async def test_the_pictures_that_stand_in_are_there(alice: Client, site: Site) -> None:
    account = await site.anyone.get(f"/api/v1/accounts/{alice.account.id}")
    for picture in (account["avatar"], account["header"]):
        async with site.anyone.session.get(picture) as response:
            assert response.status == 200
            assert response.content_type == "image/png"
            assert (await response.read()).startswith(b"\x89PNG\r\n\x1a\n")


async def test_a_status_has_every_documented_key(alice: Client) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Hello #fediverse, hello @alice"})
    assert missing(STATUS, status) == set()
    assert missing(ACCOUNT, status["account"]) == set()
    assert [tag["name"] for tag in status["tags"]] == ["fediverse"]
    assert missing({"automatic", "manual", "current_user"}, status["quote_approval"]) == set()
    assert status["created_at"].endswith("Z")
    assert status["text"] is None


async def test_mentions_and_tags_have_theirs(alice: Client, bob: Client, site: Site) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Hello @bob #tag"})
    assert status["mentions"] == [
        {"id": str(bob.account.id), "username": "bob", "acct": "bob", "url": f"{site.origin}/@bob"}
    ]
    assert status["tags"] == [{"name": "tag", "url": f"{site.origin}/tags/tag"}]


async def test_a_relationship_has_every_documented_key(alice: Client, bob: Client) -> None:
    (found,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": str(bob.account.id)})
    assert missing(RELATIONSHIP, found) == set()


async def test_a_notification_has_every_documented_key(alice: Client, bob: Client) -> None:
    await bob.post(f"/api/v1/accounts/{alice.account.id}/follow")
    (found,) = await alice.get("/api/v1/notifications")
    assert missing(NOTIFICATION, found) == set()
    assert missing(ACCOUNT, found["account"]) == set()
    assert (found["type"], found["status"]) == ("follow", None)


async def test_context_and_search_have_theirs(alice: Client) -> None:
    status = await alice.post("/api/v1/statuses", {"status": "Hello"})
    assert await alice.get(f"/api/v1/statuses/{status['id']}/context") == {"ancestors": [], "descendants": []}
    found = await alice.get("/api/v2/search", q="#tag")
    assert missing({"accounts", "statuses", "hashtags"}, found) == set()
    assert missing({"id", "name", "url", "history", "following"}, found["hashtags"][0]) == set()


async def test_the_instance_has_every_documented_key_at_every_depth(site: Site) -> None:
    instance = await site.anyone.get("/api/v2/instance")
    for path, documented in INSTANCE.items():
        part = instance
        for name in filter(None, path.split(".")):
            part = part[name]
        assert missing(documented, part) == set(), path


async def test_the_version_reads_as_mastodons_for_every_client(site: Site) -> None:
    instance = await site.anyone.get("/api/v2/instance")
    assert instance["version"].startswith("4.5.0 (compatible; fedispace ")
    assert float(instance["version"][:3]) == 4.5
    assert instance["api_versions"] == {"mastodon": 7, "fedispace": 1}


async def test_the_first_version_of_the_instance_is_there_for_older_clients(site: Site) -> None:
    instance = await site.anyone.get("/api/v1/instance")
    documented = {
        "uri", "title", "short_description", "description", "email", "version", "urls", "stats", "thumbnail",
        "languages", "registrations", "approval_required", "invites_enabled", "configuration",
        "contact_account", "rules",
    }  # fmt: skip
    assert missing(documented, instance) == set()
    assert "://" not in instance["uri"]
    assert missing({"user_count", "status_count", "domain_count"}, instance["stats"]) == set()


async def test_a_space_has_every_documented_key(alice: Client) -> None:
    space = await alice.post("/api/fedispace/v1/spaces", {"title": "An open floor"}, expect=201)
    assert missing(SPACE, space) == set()
    assert missing(ACCOUNT, space["host"]) == set()


async def test_preferences_have_mastodons_names(alice: Client) -> None:
    assert (
        missing(
            {
                "posting:default:visibility",
                "posting:default:sensitive",
                "posting:default:language",
                "reading:expand:media",
                "reading:expand:spoilers",
                "reading:autoplay:gifs",
            },
            await alice.get("/api/v1/preferences"),
        )
        == set()
    )
