"""Calls about the states of a post: change it, read what it said before."""

from typing import Any

from fedispace.accounts.people import People
from fedispace.api.entities.interaction import GivenPolicy
from fedispace.api.entities.shape import ById, Parameters, RowId
from fedispace.api.entities.status import Status, StatusEdit
from fedispace.api.polls import AskedPoll, draft_of
from fedispace.api.posts import Posts
from fedispace.api.present.interactions import QuoteChoice, choice_of
from fedispace.api.present.statuses import StatusPresenter
from fedispace.api.routing import Call, Calls, Routes, Who
from fedispace.db.engine import Database
from fedispace.errors import Invalid
from fedispace.threads import history
from fedispace.threads.edits import Editing
from fedispace.threads.policies import quote_choice
from fedispace.threads.visibility import require_visible
from fedispace.threads.written import Draft


class EditStatus(Parameters, frozen=True, kw_only=True):
    """What a post is to say, whole: what is left out is taken out. Descriptions of files change nothing.

    A policy that is left out stays as it was.
    """

    id: RowId
    status: str = ""
    spoiler_text: str = ""
    sensitive: bool = False
    language: str | None = None
    media_ids: list[str] = []
    media_attributes: list[dict[str, Any]] = []
    poll: AskedPoll | None = None
    quote_approval_policy: QuoteChoice | None = None
    interaction_policy: GivenPolicy | None = None


class EditCalls(Calls):
    """Mastodon's `statuses` methods for edits."""

    routes = Routes()

    def __init__(
        self,
        *,
        db: Database,
        people: People,
        posts: Posts,
        presenter: StatusPresenter,
        editing: Editing,
    ) -> None:
        self._db = db
        self._people = people
        self._posts = posts
        self._presenter = presenter
        self._editing = editing

    @routes.put("/api/v1/statuses/{id}", who=Who.PERSON, scope="write:statuses")
    async def edit(self, call: Call[EditStatus]) -> Status:
        """Change one's own post."""
        given, account = call.given, call.person.account
        if given.media_ids:
            raise Invalid("Attachments cannot be uploaded to this server.", field="media_ids")
        draft = Draft(
            text=given.status,
            spoiler=given.spoiler_text,
            sensitive=given.sensitive,
            poll=draft_of(given.poll),
        )
        policy = {**choice_of(given.interaction_policy), **quote_choice(given.quote_approval_policy)}
        row = await self._editing.edit(account, given.id, draft, language=given.language, policy=policy)
        return await self._posts.one(account.id, row.id)

    @routes.get("/api/v1/statuses/{id}/history", who=Who.ANYONE, scope="read:statuses")
    async def history(self, call: Call[ById]) -> list[StatusEdit]:
        """Return all that a post said, oldest first."""
        async with self._db.reading() as tx:
            row = await require_visible(tx, call.viewer_id, call.given.id)
            said = await history.states(tx, call.viewer_id, row)
            author = await self._people.by_id(tx, row.account_id)
        return [self._presenter.edit(state, author) for state in said]
