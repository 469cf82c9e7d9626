"""Profiles and relations, as Mastodon's clients read them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fedispace.accounts import relationships
from fedispace.accounts.models import Account, User
from fedispace.accounts.profile import Source, quote_policy_of, source_of
from fedispace.api.entities import account as entities
from fedispace.api.present.emojis import emojis_of
from fedispace.api.present.plain import plain_text
from fedispace.clock import iso
from fedispace.federation.addresses import Addresses
from fedispace.threads.sanitize import safe_html

_ROLES = {"user": ("-99", ""), "moderator": ("1", "Moderator"), "admin": ("3", "Admin")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What stands in where nobody chose a picture."""

    avatar: str
    header: str
    thumbnail: str

    @classmethod
    def at(cls, origin: str) -> "Pictures":
        return cls(
            avatar=f"{origin}/avatars/original/missing.png",
            header=f"{origin}/headers/original/missing.png",
            thumbnail=f"{origin}/avatars/original/missing.png",
        )


class AccountPresenter:
    """Presents profiles; of a suspended one only that it is."""

    def __init__(self, addresses: Addresses, pictures: Pictures) -> None:
        self._addresses = addresses
        self._pictures = pictures

    def account(self, row: Account, moved: Account | None = None) -> entities.Account:
        """Return the profile as the public sees it; `moved` is whom it became."""
        suspended = row.is_suspended
        avatar = self._pictures.avatar if suspended else row.avatar or self._pictures.avatar
        header = self._pictures.header if suspended else row.header or self._pictures.header
        return entities.Account(
            id=str(row.id),
            username=row.username,
            acct=acct_of(row),
            url=row.url,
            uri=row.uri,
            display_name="" if suspended else row.display_name,
            note="" if suspended else safe_html(row.note),
            avatar=avatar,
            avatar_static=avatar,
            avatar_description="",
            header=header,
            header_static=header,
            header_description="",
            locked=row.locked,
            fields=[] if suspended else [_field(each) for each in row.fields],
            emojis=[] if suspended else emojis_of(row.emojis),
            bot=row.bot,
            group=row.group,
            discoverable=row.discoverable,
            indexable=row.indexable,
            noindex=not row.indexable,
            hide_collections=row.hides_relations,
            memorial=row.memorial,
            moved=None if moved is None or suspended else self.account(moved),
            suspended=suspended,
            limited=False,
            created_at=iso(row.created_at.replace(hour=0, minute=0, second=0, microsecond=0)),
            last_status_at=row.last_status_at.date().isoformat() if row.last_status_at else None,
            statuses_count=row.statuses_count,
            followers_count=row.followers_count,
            following_count=row.following_count,
            roles=[],
        )

    def accounts(self, rows: Iterable[Account], moved: Mapping[int, Account]) -> list[entities.Account]:
        """Return profiles; `moved` says, by their ids, whom those that moved have become."""
        return [self.account(row, moved.get(row.id)) for row in rows]

    def muted(
        self, row: Account, expires_at: datetime | None, moved: Account | None = None
    ) -> entities.MutedAccount:
        """Return the profile of somebody whom the viewer mutes."""
        public = self.account(row, moved)
        return entities.MutedAccount(
            **{name: getattr(public, name) for name in entities.Account.__struct_fields__},
            mute_expires_at=iso(expires_at) if expires_at else None,
        )

    def profile(self, row: Account, user: User) -> entities.Profile:
        """Return a profile as its owner edits it: what was typed, and no picture in place of none.

        There are no tabs to switch off on a profile here, so they count as shown.
        """
        typed = _typed(row, user)
        return entities.Profile(
            id=str(row.id),
            display_name=row.display_name,
            note=typed.note,
            fields=_typed_fields(row, typed),
            avatar=row.avatar or None,
            avatar_static=row.avatar or None,
            avatar_description="",
            header=row.header or None,
            header_static=row.header or None,
            header_description="",
            locked=row.locked,
            bot=row.bot,
            hide_collections=row.hides_relations,
            discoverable=row.discoverable,
            indexable=row.indexable,
            show_media=True,
            show_media_replies=True,
            show_featured=True,
            attribution_domains=[],
            featured_tags=[],
        )

    def own(
        self, row: Account, user: User, *, follow_requests: int, moved: Account | None = None
    ) -> entities.CredentialAccount:
        """Return the profile as its owner sees it."""
        public = self.account(row, moved)
        typed = _typed(row, user)
        role_id, role_name = _ROLES.get(user.role, _ROLES["user"])
        return entities.CredentialAccount(
            **{name: getattr(public, name) for name in entities.Account.__struct_fields__},
            source=entities.Source(
                privacy=user.default_visibility,
                sensitive=user.default_sensitive,
                language=user.default_language,
                note=typed.note,
                fields=_typed_fields(row, typed),
                follow_requests_count=follow_requests,
                indexable=row.indexable,
                hide_collections=row.hides_relations,
                discoverable=row.discoverable,
                attribution_domains=[],
                quote_policy=quote_policy_of(user),
            ),
            role=entities.Role(id=role_id, name=role_name, color="", permissions="0", highlighted=False),
        )


def _typed(row: Account, user: User) -> Source:
    return source_of(user) or Source(
        note=plain_text(row.note),
        fields=tuple((each["name"], plain_text(each["value"])) for each in row.fields),
    )


def _typed_fields(row: Account, typed: Source) -> list[entities.Field]:
    marks = [each.get("verified_at") for each in row.fields]
    return [
        entities.Field(name=name, value=value, verified_at=verified_at)
        for (name, value), verified_at in zip(typed.fields, marks, strict=False)
    ]


def acct_of(row: Account) -> str:
    """Return `name` for our own people and `name@domain` for others."""
    return row.username if row.local else f"{row.username}@{row.domain}"


def relationship_of(found: relationships.Relationship) -> entities.Relationship:
    expires = found.muting_expires_at
    return entities.Relationship(
        id=str(found.id),
        following=found.following,
        showing_reblogs=found.showing_reblogs,
        notifying=found.notifying,
        languages=list(found.languages) if found.languages is not None else None,
        followed_by=found.followed_by,
        blocking=found.blocking,
        blocked_by=found.blocked_by,
        muting=found.muting,
        muting_notifications=found.muting_notifications,
        muting_expires_at=iso(expires) if expires else None,
        requested=found.requested,
        requested_by=found.requested_by,
        domain_blocking=found.domain_blocking,
        endorsed=found.endorsed,
        note=found.note,
    )


def preferences_of(user: User) -> entities.Preferences:
    return entities.Preferences(
        default_visibility=user.default_visibility,
        default_sensitive=user.default_sensitive,
        default_language=user.default_language,
        default_quote_policy=quote_policy_of(user),
        expand_media="default",
        expand_spoilers=False,
        autoplay_gifs=False,
    )


def _field(each: dict[str, str | None]) -> entities.Field:
    return entities.Field(
        name=each["name"] or "", value=safe_html(each["value"] or ""), verified_at=each.get("verified_at")
    )
