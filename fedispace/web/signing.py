"""Signing in and out."""

from aiohttp import web

from fedispace.accounts.signin import LIFETIME, SignIn
from fedispace.errors import Invalid, RateLimited, Unauthenticated
from fedispace.web.frame import Frame, redirect
from fedispace.web.origin import safe_next
from fedispace.web.routing import Asked, Pages


class SigningPages:
    """The way in and out."""

    pages = Pages()

    def __init__(self, *, sign_in: SignIn, frame: Frame, cookie: str, secure: bool) -> None:
        self._sign_in = sign_in
        self._frame = frame
        self._cookie = cookie
        self._secure = secure

    @pages.get("/auth/sign_in")
    async def form(self, asked: Asked) -> web.Response:
        if asked.visitor is not None:
            return redirect(safe_next(asked.query("next")))
        return await self._form(asked, next=safe_next(asked.query("next")))

    @pages.post("/auth/sign_in", stranger=True)
    async def enter(self, asked: Asked) -> web.Response:
        """Begin a session under a new token; one this browser had before ends (session fixation)."""
        going = safe_next(asked.text("next"))
        try:
            _, token = await self._sign_in.sign_in(
                asked.text("name"),
                asked.text("password"),
                user_agent=asked.request.headers.get("User-Agent", ""),
                ip=asked.request.remote or "",
            )
        except (Unauthenticated, RateLimited, Invalid) as error:
            answer = await self._form(
                asked,
                next=going,
                name=asked.text("name"),
                error=error.detail,
                status=429 if isinstance(error, RateLimited) else 401,
            )
            if isinstance(error, RateLimited):
                answer.headers["Retry-After"] = str(error.retry_after)
            return answer
        if old := asked.request.cookies.get(self._cookie):
            await self._sign_in.sign_out(old)
        answer = redirect(going)
        answer.set_cookie(
            self._cookie,
            token,
            max_age=int(LIFETIME.total_seconds()),
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )
        return answer

    @pages.post("/auth/sign_out")
    async def leave(self, asked: Asked) -> web.Response:
        await self._sign_in.sign_out(asked.request.cookies.get(self._cookie, ""))
        answer = redirect("/?did=signed-out")
        answer.del_cookie(self._cookie, path="/", httponly=True, secure=self._secure, samesite="Lax")
        return answer

    async def _form(
        self, asked: Asked, *, next: str, name: str = "", error: str = "", status: int = 200
    ) -> web.Response:
        return await self._frame.page(
            asked,
            "sign_in.html",
            status=status,
            beside=False,
            next=next,
            name=name,
            error=error,
            app="A program" if next.startswith("/oauth/authorize") else "",
        )
