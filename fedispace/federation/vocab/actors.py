"""Who acts: people, services, applications, groups."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from fedispace.federation.vocab.links import Image, Tag
from fedispace.federation.vocab.uri import Uri

ACTOR_TYPES: Final = frozenset({"Person", "Service", "Application", "Group", "Organization"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeyRef:
    """A public key as its owner's actor document states it; exactly one of `pem` and `multibase` is set.

    `pem` comes from `publicKey` (security vocabulary v1), `multibase` from `assertionMethod`
    (FEP-521a).
    """

    id: Uri
    owner: Uri
    kind: Literal["rsa", "ed25519"]
    pem: str | None = None
    multibase: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An actor; `public_keys` keeps the document's order, `publicKey` first."""

    id: Uri
    type: str
    preferred_username: str
    inbox: Uri
    name: str | None = None
    summary: str | None = None
    url: Uri | None = None
    outbox: Uri | None = None
    followers: Uri | None = None
    following: Uri | None = None
    featured: Uri | None = None
    shared_inbox: Uri | None = None
    public_keys: tuple[PublicKeyRef, ...] = ()
    manually_approves_followers: bool = False
    discoverable: bool | None = None
    indexable: bool | None = None
    icon: Image | None = None
    image: Image | None = None
    also_known_as: tuple[Uri, ...] = ()
    moved_to: Uri | None = None
    published: datetime | None = None
    updated: datetime | None = None
    fields: tuple[tuple[str, str], ...] = ()
    suspended: bool = False
    memorial: bool = False
    webfinger: str | None = None
    tags: tuple[Tag, ...] = ()
