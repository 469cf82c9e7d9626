"""Refusals in a reader's words: what happened in one sentence, and a way on."""

from dataclasses import dataclass
from typing import Literal

from fedispace import errors
from fedispace.accounts.gate import SPACE_CANCELLED, SPACE_INVITATION, SPACE_REMINDER
from fedispace.accounts.oauth import OAuthRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error as a page tells it."""

    status: int
    heading: str
    detail: str
    way_on: str = "/"
    way_word: str = "Go home"


def refusal_of(error: errors.FedispaceError) -> Refusal:
    """Return what a page says about `error`."""
    for kind, status, heading in _HEADINGS:
        if isinstance(error, kind):
            if kind is errors.Unauthenticated:
                return Refusal(
                    status=status,
                    heading=heading,
                    detail=error.detail,
                    way_on="/auth/sign_in",
                    way_word="Sign in",
                )
            return Refusal(status=status, heading=heading, detail=error.detail)
    return Refusal(status=400, heading="That did not work", detail=error.detail)


_HEADINGS: tuple[tuple[type[errors.FedispaceError], int, str], ...] = (
    (errors.NotFound, 404, "Nothing here"),
    (errors.Gone, 410, "It was deleted"),
    (errors.Unauthenticated, 401, "Sign in first"),
    (errors.Forbidden, 403, "You can't do that"),
    (errors.Conflict, 409, "Not now"),
    (errors.RateLimited, 429, "A little slower, please"),
    (errors.Unavailable, 503, "Not reachable just now"),
    (errors.Refused, 502, "The other server did not agree"),
    (OAuthRefused, 400, "This program cannot be let in"),
    (errors.Invalid, 422, "Something is missing"),
)

_SCOPES = {
    "read": "Read everything you can read here",
    "write": "Write posts and change things as you",
    "follow": "Follow, block and mute people as you",
    "push": "Send you notifications",
    "profile": "See your name and picture",
}
_PARTS = {
    "accounts": "profiles",
    "blocks": "blocks",
    "bookmarks": "bookmarks",
    "conversations": "conversations",
    "favourites": "likes",
    "filters": "filters",
    "follows": "follows",
    "lists": "lists",
    "media": "pictures and recordings",
    "mutes": "mutes",
    "notifications": "notifications",
    "reports": "reports",
    "search": "searches",
    "statuses": "posts",
}


def scope_in_words(scope: str) -> str:
    """Say what an OAuth scope lets a program do."""
    verb, _, part = scope.partition(":")
    if not part:
        return _SCOPES.get(scope, scope)
    return f"{'See' if verb == 'read' else 'Change'} your {_PARTS.get(part, part)}"


def happened(kind: str, *, many: bool = False, own: bool = False) -> str:
    """Say what a notification of this type is about; it follows the person's name, or several names."""
    if own and kind == "poll":
        return "Your question is decided"
    one, several = _HAPPENED.get(kind, ("did something", "did something"))
    return several if many else one


_HAPPENED = {
    "follow": ("follows you", "follow you"),
    "follow_request": ("asks to follow you", "ask to follow you"),
    "mention": ("wrote to you", "wrote to you"),
    "favourite": ("likes your post", "like your post"),
    "reblog": ("boosted your post", "boosted your post"),
    "pleroma:emoji_reaction": ("reacted to your post", "reacted to your post"),
    "status": ("posted", "posted"),
    "update": ("changed a post you boosted", "changed a post you boosted"),
    "poll": ("asked something you voted on, and it is decided", "asked something you voted on"),
    "quote": ("quoted your post", "quoted your post"),
    "quoted_update": ("changed a post you quoted", "changed a post you quoted"),
    SPACE_REMINDER: ("hosts a Space that begins", "host Spaces that begin"),
    SPACE_CANCELLED: ("called a Space off", "called Spaces off"),
    SPACE_INVITATION: ("invites you to a Space", "invite you to a Space"),
    "pending.reply": ("asks to reply to your post", "ask to reply to your post"),
    "pending.quote": ("asks to quote your post", "ask to quote your post"),
    "pending.favourite": ("asks to like your post", "ask to like your post"),
    "pending.reblog": ("asks to boost your post", "ask to boost your post"),
}


def quote_in_words(state: str) -> str:
    """Say why a quoted post is not shown, or not at once."""
    return {
        "pending": "The quoted post is shown when its author approves.",
        "rejected": "The author of the quoted post did not approve.",
        "revoked": "The author of the quoted post removed it from here.",
        "deleted": "The quoted post was deleted.",
        "blocked_account": "A quoted post by somebody you block.",
        "blocked_domain": "A quoted post from a server you hide.",
        "muted_account": "A quoted post by somebody you muted.",
    }.get(state, "You cannot see the quoted post.")


def may_quote(said: str) -> Literal["", "automatic", "manual"]:
    """Return whether to offer the quoting of a post."""
    return "automatic" if said == "automatic" else "manual" if said == "manual" else ""
