"""Settings that lead away: other accounts of the same person, moving, deleting."""

from aiohttp import web

from fedispace.accounts.attempts import Attempts
from fedispace.accounts.leaving import Leaving
from fedispace.accounts.models import Account
from fedispace.accounts.moved import moved_to
from fedispace.accounts.moving import Moving, aliases_known
from fedispace.accounts.passwords import Passwords
from fedispace.db.engine import Database
from fedispace.errors import FedispaceError, Invalid, RateLimited
from fedispace.web.frame import Frame, redirect
from fedispace.web.present import Presenter
from fedispace.web.routing import Asked, Pages


class DepartingPages:
    """The pages. What cannot be taken back asks for the password, five times in ten minutes at most."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        moving: Moving,
        leaving: Leaving,
        passwords: Passwords,
        attempts: Attempts,
        presenter: Presenter,
        frame: Frame,
        cookie: str,
    ) -> None:
        self._db = db
        self._moving = moving
        self._leaving = leaving
        self._passwords = passwords
        self._attempts = attempts
        self._presenter = presenter
        self._frame = frame
        self._cookie = cookie

    @pages.get("/settings/aliases", stranger=False)
    async def aliases(self, asked: Asked) -> web.Response:
        return await self._aliases(asked)

    @pages.post("/settings/aliases")
    async def change_aliases(self, asked: Asked) -> web.Response:
        account = asked.who.account
        try:
            if remove := asked.text("remove"):
                await self._moving.remove_alias(account.id, remove)
            else:
                await self._moving.add_alias(account.id, asked.text("alias"))
        except FedispaceError as error:
            return await self._aliases(asked, error.detail)
        return redirect("/settings/aliases?did=saved")

    @pages.get("/settings/move", stranger=False)
    async def ask_to_move(self, asked: Asked) -> web.Response:
        return await self._move(asked)

    @pages.post("/settings/move")
    async def move(self, asked: Asked) -> web.Response:
        account = asked.who.account
        try:
            if asked.text("undo"):
                await self._moving.undo(account.id)
            else:
                await self._require_password(asked)
                await self._moving.move(account.id, asked.text("target"))
        except RateLimited:
            raise
        except FedispaceError as error:
            return await self._move(asked, error.detail)
        return redirect("/settings/move?did=saved")

    @pages.get("/settings/delete", stranger=False)
    async def ask_to_delete(self, asked: Asked) -> web.Response:
        return await self._delete(asked)

    @pages.post("/settings/delete")
    async def delete(self, asked: Asked) -> web.Response:
        account = asked.who.account
        try:
            if asked.text("name").strip().removeprefix("@").lower() != account.name_key:
                raise Invalid("Type your name as it is written above.")
            await self._require_password(asked)
        except Invalid as error:
            return await self._delete(asked, error.detail)
        await self._leaving.leave(account.id)
        answer = redirect("/?did=left")
        answer.del_cookie(self._cookie, path="/", httponly=True, samesite="Lax")
        return answer

    async def _require_password(self, asked: Asked) -> None:
        self._attempts.count(str(asked.who.account.id))
        if not await self._passwords.verify(asked.who.user.password_hash, asked.text("password")):
            raise Invalid("That is not your password.")

    async def _aliases(self, asked: Asked, error: str = "") -> web.Response:
        account = asked.who.account
        async with self._db.reading() as tx:
            known = await aliases_known(tx, account)
        shown = [
            (uri, self._presenter.face(known[uri]) if uri in known else None) for uri in account.also_known_as
        ]
        return await self._frame.page(
            asked,
            "settings_aliases.html",
            status=_status(error),
            error=error,
            aliases=shown,
            typed=asked.text("alias"),
        )

    async def _move(self, asked: Asked, error: str = "") -> web.Response:
        account = asked.who.account
        async with self._db.reading() as tx:
            now_at = await moved_to(tx, account)
        return await self._frame.page(
            asked,
            "settings_move.html",
            status=_status(error),
            error=error,
            typed=asked.text("target"),
            has_moved=account.moved_to_uri is not None,
            now_at=self._face(now_at),
        )

    async def _delete(self, asked: Asked, error: str = "") -> web.Response:
        return await self._frame.page(
            asked, "settings_delete.html", status=_status(error), error=error, account=asked.who.account
        )

    def _face(self, account: Account | None) -> object:
        return None if account is None else self._presenter.face(account)


def _status(error: str) -> int:
    return 422 if error else 200
