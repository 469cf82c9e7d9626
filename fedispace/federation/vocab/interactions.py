"""Who may do what with a post, and how leave is asked for, given and proved.

Two dialects of one idea: Mastodon's for quotes (FEP-044f) and GoToSocial's for replies, favourites and
boosts. They share the property `interactionPolicy`, and differ in nothing but the names of the kinds.
"""

from dataclasses import dataclass
from typing import Final, Literal

from fedispace.federation.vocab.uri import Uri

RequestType = Literal["QuoteRequest", "ReplyRequest", "LikeRequest", "AnnounceRequest"]
AuthorizationType = Literal[
    "QuoteAuthorization", "ReplyAuthorization", "LikeAuthorization", "AnnounceAuthorization"
]

REQUEST_TYPES: Final[tuple[RequestType, ...]] = (
    "QuoteRequest",
    "ReplyRequest",
    "LikeRequest",
    "AnnounceRequest",
)
AUTHORIZATION_TYPES: Final[tuple[AuthorizationType, ...]] = (
    "QuoteAuthorization",
    "ReplyAuthorization",
    "LikeAuthorization",
    "AnnounceAuthorization",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubPolicy:
    """Who is let in at once and who after being looked at: actors, their collections, or Public."""

    automatic: tuple[Uri, ...] = ()
    manual: tuple[Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionPolicy:
    """What an author asks of others; a kind that is None was not stated."""

    can_quote: SubPolicy | None = None
    can_reply: SubPolicy | None = None
    can_like: SubPolicy | None = None
    can_announce: SubPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """An author's word that `interacting_object` may do to `interaction_target` what its type says."""

    id: Uri
    type: AuthorizationType
    attributed_to: Uri
    interacting_object: Uri
    interaction_target: Uri
