"""What somebody wants to hear of: whole conversations, hashtags, and other servers."""

from typing import Final
from urllib.parse import quote

from aiohttp import web

from fedispace.accounts.people import People
from fedispace.accounts.shunning import Shunning
from fedispace.db.engine import Database
from fedispace.errors import Invalid, NotFound
from fedispace.threads.attention import Attention
from fedispace.threads.followed_tags import FollowedTags
from fedispace.web.frame import Frame, redirect
from fedispace.web.origin import safe_next
from fedispace.web.routing import Asked, Pages

_DID: Final = {
    "follow": "conversation-followed",
    "author": "conversation-followed",
    "unfollow": "conversation-left",
    "mute": "conversation-muted",
    "unmute": "conversation-heard",
}


class AttendingPages:
    """The forms. Every step may be repeated."""

    pages = Pages()

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        attention: Attention,
        followed_tags: FollowedTags,
        shunning: Shunning,
        frame: Frame,
    ) -> None:
        self._db = db
        self._people = people
        self._attention = attention
        self._followed_tags = followed_tags
        self._shunning = shunning
        self._frame = frame

    @pages.post("/posts/{id}/attention")
    async def conversation(self, asked: Asked) -> web.Response:
        """Follow or mute the conversation a post is in, or stop that."""
        by, status_id, what = asked.who.account, asked.id(), asked.text("what")
        match what:
            case "follow" | "author":
                await self._attention.follow(by, status_id, author_only=what == "author")
            case "unfollow":
                await self._attention.unfollow(by, status_id)
            case "mute":
                await self._attention.mute(by, status_id)
            case "unmute":
                await self._attention.unmute(by, status_id)
            case _:
                raise Invalid("Say whether to follow or to mute the conversation.")
        return redirect(f"{safe_next(asked.text('next'))}?did={_DID[what]}")

    @pages.post("/tags/{name}/follow")
    async def follow_tag(self, asked: Asked) -> web.Response:
        name = await self._followed_tags.follow(asked.who.account, asked.request.match_info["name"])
        return redirect(f"/tags/{quote(name, safe='')}?did=tag-followed")

    @pages.post("/tags/{name}/unfollow")
    async def unfollow_tag(self, asked: Asked) -> web.Response:
        name = await self._followed_tags.unfollow(asked.who.account, asked.request.match_info["name"])
        return redirect(f"/tags/{quote(name, safe='')}")

    @pages.get("/people/{id}/block-server", stranger=False)
    async def ask_to_shun(self, asked: Asked) -> web.Response:
        domain, path = await self._server_of(asked)
        return await self._frame.page(
            asked,
            "confirm.html",
            question=f"Block all of {domain}?",
            loss="You see nothing its people write, and those of them who follow you stop following."
            " Unblocking does not bring them back.",
            action=f"/people/{asked.id()}/block-server",
            next=path,
            back=path,
            choices=[("block", f"Block {domain}")],
            post=None,
            keep="Go back",
        )

    @pages.post("/people/{id}/block-server")
    async def shun(self, asked: Asked) -> web.Response:
        domain, _ = await self._server_of(asked)
        await self._shunning.shun(asked.who.account, domain)
        return redirect(f"{safe_next(asked.text('next'))}?did=server-blocked")

    @pages.post("/people/{id}/unblock-server")
    async def welcome(self, asked: Asked) -> web.Response:
        domain, _ = await self._server_of(asked)
        await self._shunning.welcome(asked.who.account, domain)
        return redirect(safe_next(asked.text("next")))

    async def _server_of(self, asked: Asked) -> tuple[str, str]:
        """Return the domain of a person elsewhere, and the path of their page here."""
        async with self._db.reading() as tx:
            account = await self._people.by_id(tx, asked.id())
        if account.local:
            raise NotFound("They are on this server.")
        return account.domain, f"/@{account.username}@{account.domain}"
