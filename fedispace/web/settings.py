"""Settings: what one says about oneself, and how one posts unless one says otherwise."""

from aiohttp import web

from fedispace.accounts.models import Account, User
from fedispace.accounts.profile import MAX_FIELDS, MAX_NOTE, ProfileEdit, Profiles, Source, source_of
from fedispace.errors import Invalid
from fedispace.threads.sanitize import plain
from fedispace.web.frame import Frame, redirect
from fedispace.web.routing import Asked, Pages

LANGUAGES = (
    ("ar", "العربية"),
    ("cs", "Čeština"),
    ("de", "Deutsch"),
    ("en", "English"),
    ("es", "Español"),
    ("fa", "فارسی"),
    ("fi", "Suomi"),
    ("fr", "Français"),
    ("he", "עברית"),
    ("hi", "हिन्दी"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("ko", "한국어"),
    ("nl", "Nederlands"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("ru", "Русский"),
    ("sv", "Svenska"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
    ("zh", "中文"),
)


class SettingsPages:
    """The page that edits a profile."""

    pages = Pages()

    def __init__(self, *, profiles: Profiles, frame: Frame) -> None:
        self._profiles = profiles
        self._frame = frame

    @pages.get("/settings", stranger=False)
    async def index(self, asked: Asked) -> web.Response:
        return redirect("/settings/profile")

    @pages.get("/settings/profile", stranger=False)
    async def form(self, asked: Asked) -> web.Response:
        account, user = asked.who.account, asked.who.user
        source = source_of(user) or _as_shown(account)
        return await self._form(asked, account, user, account.display_name, source)

    @pages.post("/settings/profile")
    async def save(self, asked: Asked) -> web.Response:
        """Take the whole form; what is refused is shown again as it was typed, and nothing is changed."""
        names, values = asked.texts("field_name"), asked.texts("field_value")
        fields = tuple(zip(names, values, strict=False))[:MAX_FIELDS]
        edit = ProfileEdit(
            display_name=asked.text("display_name"),
            note=asked.text("note"),
            fields=fields,
            privacy=asked.text("privacy"),
            language=asked.text("language") or None,
            sensitive=_is_on(asked, "sensitive"),
            locked=_is_on(asked, "locked"),
            discoverable=_is_on(asked, "discoverable"),
            indexable=_is_on(asked, "indexable"),
            hides_relations=_is_on(asked, "hides_relations"),
        )
        try:
            await self._profiles.edit(asked.who.account.id, edit)
        except Invalid as error:
            source = Source(note=asked.text("note"), fields=fields)
            return await self._form(
                asked, asked.who.account, asked.who.user, asked.text("display_name"), source, error.detail
            )
        return redirect("/settings/profile?did=saved")

    async def _form(
        self, asked: Asked, account: Account, user: User, name: str, source: Source, error: str = ""
    ) -> web.Response:
        blank = (("", ""),) * (MAX_FIELDS - len(source.fields))
        return await self._frame.page(
            asked,
            "settings.html",
            status=422 if error else 200,
            error=error,
            name=name,
            note=source.note,
            fields=[*source.fields, *blank][:MAX_FIELDS],
            account=account,
            user=user,
            languages=LANGUAGES,
            most=MAX_NOTE,
        )


def _is_on(asked: Asked, name: str) -> bool:
    return asked.text(name) == "1"


def _as_shown(account: Account) -> Source:
    """Return the text of a profile that was never edited here."""
    return Source(
        note=plain(account.note),
        fields=tuple((str(each["name"]), plain(str(each["value"]))) for each in account.fields),
    )
