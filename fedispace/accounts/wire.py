"""What we say of our own people: the actor document."""

from fedispace.accounts import emojis
from fedispace.accounts.models import Account
from fedispace.federation.addresses import Addresses
from fedispace.federation.vocab.actors import Actor, PublicKeyRef
from fedispace.federation.vocab.links import Image
from fedispace.federation.vocab.uri import Uri


def actor_document(
    account: Account,
    keys: tuple[PublicKeyRef, ...],
    addresses: Addresses,
    *,
    type: str = "",
) -> Actor:
    """Return a local account as its actor; `type` is what the actor row says, if anything.

    The keys are part of it and the document is served to anybody: a peer must be able to verify our
    signature before it can ask for anything with one of its own. `webfinger` is FEP-2c59. A suspended
    account says that it is, and nothing of itself.
    """
    uri, is_away = Uri(account.uri), account.suspended_at is not None
    return Actor(
        id=uri,
        type=type or ("Service" if account.bot else "Person"),
        preferred_username=account.username,
        inbox=addresses.collection(uri, "inbox"),
        outbox=addresses.collection(uri, "outbox"),
        followers=addresses.collection(uri, "followers"),
        following=addresses.collection(uri, "following"),
        featured=addresses.collection(uri, "featured"),
        shared_inbox=addresses.shared_inbox,
        name=account.username if is_away else account.display_name or account.username,
        summary=None if is_away else account.note or None,
        url=Uri(account.url),
        public_keys=keys,
        manually_approves_followers=account.locked,
        discoverable=account.discoverable,
        indexable=account.indexable,
        icon=None if is_away else _image(account.avatar),
        image=None if is_away else _image(account.header),
        published=account.created_at,
        updated=account.updated_at,
        also_known_as=tuple(Uri(alias) for alias in account.also_known_as),
        moved_to=None if account.moved_to_uri is None else Uri(account.moved_to_uri),
        suspended=is_away,
        memorial=account.memorial,
        fields=() if is_away else tuple((field["name"], field["value"]) for field in account.fields),
        tags=() if is_away else emojis.tags_of(account.emojis, addresses),
        webfinger=f"{account.username}@{addresses.account_domain}",
    )


def _image(address: str | None) -> Image | None:
    return None if address is None else Image(url=Uri(address))
