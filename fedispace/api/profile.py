"""Calls about one's own profile: Mastodon's `profile`, and `update_credentials` before it."""

from dataclasses import replace

from fedispace.accounts import follows
from fedispace.accounts.models import Account, User
from fedispace.accounts.moved import moved_to
from fedispace.accounts.paging import Page
from fedispace.accounts.profile import ProfileEdit, Profiles
from fedispace.api.entities.account import CredentialAccount, Profile
from fedispace.api.entities.shape import NoParameters, Parameters
from fedispace.api.present.accounts import AccountPresenter
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.db.engine import Database
from fedispace.errors import Invalid


class FieldGiven(Parameters, frozen=True, kw_only=True):
    name: str = ""
    value: str = ""


class SourceGiven(Parameters, frozen=True, kw_only=True):
    privacy: str | None = None
    sensitive: bool | None = None
    language: str | None = None
    quote_policy: str | None = None


class ProfileGiven(Parameters, frozen=True, kw_only=True):
    """What may be changed; `attribution_domains` is taken and not kept."""

    display_name: str | None = None
    note: str | None = None
    avatar: str | None = None
    header: str | None = None
    locked: bool | None = None
    bot: bool | None = None
    discoverable: bool | None = None
    hide_collections: bool | None = None
    indexable: bool | None = None
    attribution_domains: list[str] = []
    fields_attributes: list[FieldGiven] | None = None


class Credentials(ProfileGiven, frozen=True, kw_only=True):
    source: SourceGiven | None = None


class ProfileChanged(ProfileGiven, frozen=True, kw_only=True):
    avatar_description: str = ""
    header_description: str = ""
    show_media: bool = True
    show_media_replies: bool = True
    show_featured: bool = True


_NO_PICTURES = "This server does not take pictures for profiles yet."


class ProfileCalls(Calls):
    """Editing oneself."""

    routes = Routes()

    def __init__(self, *, db: Database, profiles: Profiles, presenter: AccountPresenter) -> None:
        self._db = db
        self._profiles = profiles
        self._presenter = presenter

    @routes.patch("/api/v1/accounts/update_credentials", who=Who.PERSON, scope="write:accounts")
    async def update(self, call: Call[Credentials]) -> CredentialAccount:
        """Change one's profile and one's defaults for posting."""
        source = call.given.source or SourceGiven()
        edit = replace(
            _edit(call.given),
            privacy=source.privacy,
            sensitive=source.sensitive,
            language=source.language or None,
            quote_policy=source.quote_policy,
        )
        account, user = await self._profiles.edit(call.person.account.id, edit)
        return await self._own(account, user)

    @routes.get("/api/v1/profile", who=Who.PERSON, scope="profile")
    async def profile(self, call: Call[NoParameters]) -> Profile:
        """Return one's own profile as one edits it."""
        return self._presenter.profile(call.person.account, call.person.user)

    @routes.patch("/api/v1/profile", who=Who.PERSON, scope="write:accounts")
    async def change(self, call: Call[ProfileChanged]) -> Profile:
        """Change one's profile."""
        for name in ("avatar_description", "header_description"):
            if getattr(call.given, name):
                raise Invalid(_NO_PICTURES, field=name)
        for name in ("show_media", "show_media_replies", "show_featured"):
            if not getattr(call.given, name):
                raise Invalid("Profiles here have no tab to hide.", field=name)
        account, user = await self._profiles.edit(call.person.account.id, _edit(call.given))
        return self._presenter.profile(account, user)

    async def _own(self, account: Account, user: User) -> CredentialAccount:
        async with self._db.reading() as tx:
            waiting = await follows.requests(tx, account.id, Page(limit=80))
            now_at = await moved_to(tx, account)
        return self._presenter.own(account, user, follow_requests=len(waiting), moved=now_at)


def _edit(given: ProfileGiven) -> ProfileEdit:
    for name in ("avatar", "header"):
        if getattr(given, name):
            raise Invalid(_NO_PICTURES, field=name)
    return ProfileEdit(
        display_name=given.display_name,
        note=given.note,
        fields=None
        if given.fields_attributes is None
        else tuple((each.name, each.value) for each in given.fields_attributes),
        locked=given.locked,
        bot=given.bot,
        discoverable=given.discoverable,
        indexable=given.indexable,
        hides_relations=given.hide_collections,
    )
