"""Voting from a page: a form of boxes or circles and one button."""

from aiohttp import web

from fedispace.errors import Invalid
from fedispace.threads.votes import Voting
from fedispace.web.frame import redirect
from fedispace.web.origin import safe_next
from fedispace.web.routing import Asked, Pages, number


class VotingPages:
    """The form under a poll."""

    pages = Pages()

    def __init__(self, *, voting: Voting) -> None:
        self._voting = voting

    @pages.post("/posts/{id}/vote")
    async def vote(self, asked: Asked) -> web.Response:
        choices = [number(choice) for choice in asked.texts("choice")]
        known = [choice for choice in choices if choice is not None]
        if not known:
            raise Invalid("Choose an answer first.")
        await self._voting.vote(asked.who.account, asked.id(), known)
        return redirect(f"{safe_next(asked.text('next'))}#post-{asked.id()}")
