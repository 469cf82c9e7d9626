"""Mastodon's Status and the entities inside it."""

from typing import Any

import msgspec

from fedispace.api.entities.account import Account, CustomEmoji
from fedispace.api.entities.shape import Entity


class StatusApplication(Entity, frozen=True, kw_only=True):
    """The program a post was written with."""

    name: str
    website: str | None


class StatusMention(Entity, frozen=True, kw_only=True):
    """An account that a post names."""

    id: str
    username: str
    url: str
    acct: str


class StatusTag(Entity, frozen=True, kw_only=True):
    """A hashtag in a post."""

    name: str
    url: str


class MediaAttachment(Entity, frozen=True, kw_only=True):
    """A picture, sound or film of a post."""

    id: str
    type: str
    url: str | None
    preview_url: str | None
    remote_url: str | None
    preview_remote_url: str | None
    text_url: str | None
    meta: dict[str, Any]
    description: str | None
    blurhash: str | None


class PreviewCard(Entity, frozen=True, kw_only=True):
    """What is behind a link of a post."""

    url: str
    title: str
    description: str
    type: str
    author_name: str
    author_url: str
    provider_name: str
    provider_url: str
    html: str
    width: int
    height: int
    image: str | None
    embed_url: str
    blurhash: str | None
    language: str | None
    published_at: str | None


class PollOption(Entity, frozen=True, kw_only=True):
    """One answer of a poll."""

    title: str
    votes_count: int | None


class Poll(Entity, frozen=True, kw_only=True):
    """A question with answers to choose from."""

    id: str
    expires_at: str | None
    expired: bool
    multiple: bool
    votes_count: int
    voters_count: int | None
    options: list[PollOption]
    emojis: list[CustomEmoji]
    voted: bool
    own_votes: list[int]


class FilterResult(Entity, frozen=True, kw_only=True):
    """A filter of the asker that a post matched."""

    filter: dict[str, Any]
    keyword_matches: list[str] | None
    status_matches: list[str] | None


class QuoteApproval(Entity, frozen=True, kw_only=True):
    """Who may quote a post, and whether the asker may."""

    automatic: list[str]
    manual: list[str]
    current_user: str


class Quote(Entity, frozen=True, kw_only=True):
    """The post that a post quotes: drawn (Mastodon's Quote), or, one level down, named (ShallowQuote)."""

    state: str
    quoted_status: "Status | msgspec.UnsetType | None"
    quoted_status_id: str | msgspec.UnsetType | None


class Status(Entity, frozen=True, kw_only=True):
    """A post, or a boost of one."""

    id: str
    uri: str
    url: str | None
    created_at: str
    edited_at: str | None
    account: Account
    content: str
    text: str | None
    visibility: str
    sensitive: bool
    spoiler_text: str
    language: str | None
    in_reply_to_id: str | None
    in_reply_to_account_id: str | None
    reblog: "Status | None"
    application: StatusApplication | None
    media_attachments: list[MediaAttachment]
    mentions: list[StatusMention]
    tags: list[StatusTag]
    emojis: list[CustomEmoji]
    card: PreviewCard | None
    poll: Poll | None
    quote: Quote | None
    quote_approval: QuoteApproval
    quotes_count: int
    replies_count: int
    reblogs_count: int
    favourites_count: int
    favourited: bool
    reblogged: bool
    bookmarked: bool
    muted: bool
    pinned: bool
    filtered: list[FilterResult]


class Context(Entity, frozen=True, kw_only=True):
    """The conversation around a post: what it answers, and what answers it."""

    ancestors: list[Status]
    descendants: list[Status]


class PollOptionTitle(Entity, frozen=True, kw_only=True):
    """An answer that could be chosen."""

    title: str


class PollTitles(Entity, frozen=True, kw_only=True):
    """What a post asked at some time."""

    options: list[PollOptionTitle]


class StatusEdit(Entity, frozen=True, kw_only=True):
    """What a post said at some time."""

    content: str
    spoiler_text: str
    sensitive: bool
    created_at: str
    account: Account
    poll: PollTitles | None
    media_attachments: list[MediaAttachment]
    emojis: list[CustomEmoji]
    quote: Quote | None


class StatusSource(Entity, frozen=True, kw_only=True):
    """A post as its author wrote it."""

    id: str
    text: str
    spoiler_text: str
