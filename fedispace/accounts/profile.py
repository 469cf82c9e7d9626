"""What people say about themselves, and how they post unless they say otherwise.

What was typed is kept beside what is shown (`User.profile_source`), because a link made of an address
cannot be turned back into what somebody typed.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from fedispace.accounts.emojis import ours_in
from fedispace.accounts.link_checks import LinkChecks
from fedispace.accounts.models import Account, User
from fedispace.accounts.news import ProfileNews
from fedispace.accounts.one_line import one_line
from fedispace.db.engine import Database, Tx
from fedispace.errors import Invalid, NotFound

MAX_DISPLAY_NAME: Final = 100
MAX_NOTE: Final = 2000
MAX_FIELDS: Final = 6
MAX_FIELD_NAME: Final = 255
MAX_FIELD_VALUE: Final = 255
VISIBILITIES: Final = ("public", "unlisted", "private", "direct")
QUOTE_POLICIES: Final = ("public", "followers", "nobody")
MAX_LANGUAGE: Final = 16


class Markup(Protocol):
    """Makes markup of what was typed into a profile."""

    async def text(self, tx: Tx, typed: str) -> str: ...

    async def field(self, tx: Tx, typed: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileEdit:
    """What is to be changed; None leaves it as it is. `fields` replaces all of them."""

    display_name: str | None = None
    note: str | None = None
    fields: tuple[tuple[str, str], ...] | None = None
    locked: bool | None = None
    bot: bool | None = None
    discoverable: bool | None = None
    indexable: bool | None = None
    hides_relations: bool | None = None
    privacy: str | None = None
    sensitive: bool | None = None
    language: str | None = None
    quote_policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A profile as its owner typed it."""

    note: str
    fields: tuple[tuple[str, str], ...]


class Profiles:
    """Changes the profiles of our own people."""

    def __init__(self, db: Database, markup: Markup, news: ProfileNews, checks: LinkChecks) -> None:
        self._db = db
        self._markup = markup
        self._news = news
        self._checks = checks

    async def edit(self, account_id: int, edit: ProfileEdit) -> tuple[Account, User]:
        """Change a profile; other servers hear of it when what they see has changed.

        Raises `Invalid` with the field. Letting `locked` go leaves those who asked to follow waiting:
        they asked somebody who decides, and may still be answered one by one.
        """
        require_acceptable(edit)
        async with self._db.transaction() as tx:
            account, user = await tx.get(Account, account_id), await tx.get(User, account_id)
            if account is None or user is None:
                raise NotFound("There is no such account.")
            before = _shown(account)
            await self._describe(tx, account, user, edit)
            for name in ("locked", "bot", "discoverable", "indexable", "hides_relations"):
                if (chosen := getattr(edit, name)) is not None:
                    setattr(account, name, chosen)
            _choose_defaults(user, edit)
            account.emojis = await ours_in(
                tx,
                account.display_name,
                account.note,
                *(str(each[part]) for each in account.fields for part in ("name", "value")),
            )
            await tx.flush()
            if _shown(account) != before:
                await self._news.tell(tx, account)
            if edit.fields is not None:
                await self._checks.ask(tx, account)
        return account, user

    async def _describe(self, tx: Tx, account: Account, user: User, edit: ProfileEdit) -> None:
        if edit.display_name is not None:
            account.display_name = one_line(edit.display_name)
        source = dict(user.profile_source or {})
        if edit.note is not None:
            source["note"] = edit.note.strip()
            account.note = await self._markup.text(tx, edit.note) if edit.note.strip() else ""
        if edit.fields is not None:
            typed = _filled(edit.fields)
            source["fields"] = [list(pair) for pair in typed]
            verified = {each["value"]: each.get("verified_at") for each in account.fields}
            shown: list[dict[str, Any]] = []
            for name, value in typed:
                markup = await self._markup.field(tx, value)
                shown.append({"name": name, "value": markup, "verified_at": verified.get(markup)})
            account.fields = shown
        user.profile_source = source


def source_of(user: User) -> Source | None:
    """Return what the owner typed; None when they never edited their profile here."""
    source = user.profile_source
    if source is None or ("note" not in source and "fields" not in source):
        return None
    return Source(
        note=str(source.get("note", "")),
        fields=tuple((str(name), str(value)) for name, value in source.get("fields", ())),
    )


def quote_policy_of(user: User) -> str:
    """Return who may quote what this person posts, unless a post says otherwise."""
    chosen = (user.default_policy or {}).get("quote_policy")
    return chosen if chosen in QUOTE_POLICIES else "public"


def require_acceptable(edit: ProfileEdit) -> None:
    """Raise `Invalid` for what a profile cannot say."""
    if edit.display_name is not None and len(one_line(edit.display_name)) > MAX_DISPLAY_NAME:
        raise Invalid(f"A name has at most {MAX_DISPLAY_NAME} characters.", field="display_name")
    if edit.note is not None and len(edit.note) > MAX_NOTE:
        raise Invalid(f"A bio has at most {MAX_NOTE} characters.", field="note")
    filled = _filled(edit.fields or ())
    if len(filled) > MAX_FIELDS:
        raise Invalid(f"A profile has at most {MAX_FIELDS} fields.", field="fields_attributes")
    for name, value in filled:
        if not name or len(name) > MAX_FIELD_NAME or len(value) > MAX_FIELD_VALUE:
            raise Invalid(
                f"A field has a label, and a value of at most {MAX_FIELD_VALUE} characters.",
                field="fields_attributes",
            )
    if edit.privacy is not None and edit.privacy not in VISIBILITIES:
        raise Invalid("Visibility is public, unlisted, private or direct.", field="source[privacy]")
    if edit.quote_policy is not None and edit.quote_policy not in QUOTE_POLICIES:
        raise Invalid("Quotes are for public, followers or nobody.", field="source[quote_policy]")
    if edit.language is not None and not _is_language(edit.language):
        raise Invalid("That is not the code of a language.", field="source[language]")


def _choose_defaults(user: User, edit: ProfileEdit) -> None:
    if edit.privacy is not None:
        user.default_visibility = edit.privacy
    if edit.sensitive is not None:
        user.default_sensitive = edit.sensitive
    if edit.language:
        user.default_language = edit.language
    if edit.quote_policy is not None:
        user.default_policy = {**(user.default_policy or {}), "quote_policy": edit.quote_policy}


def _filled(fields: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    trimmed = [(one_line(name), one_line(value)) for name, value in fields]
    return [(name, value) for name, value in trimmed if name or value]


def _is_language(code: str) -> bool:
    return len(code) <= MAX_LANGUAGE and code.isascii() and all(part.isalnum() for part in code.split("-"))


def _shown(account: Account) -> tuple[object, ...]:
    """Return what of a profile other servers see."""
    return (
        account.display_name,
        account.note,
        [(each["name"], each["value"]) for each in account.fields],
        account.locked,
        account.bot,
        account.discoverable,
        account.indexable,
        account.hides_relations,
    )
