"""Calls about whom the asker does not want to read, and what they noted for themselves about somebody."""

from fedispace.accounts import blocking, muting, shunning
from fedispace.accounts.moved import successors
from fedispace.accounts.muting import Muting
from fedispace.accounts.private_notes import PrivateNotes
from fedispace.accounts.shunning import Shunning
from fedispace.api.entities.account import Account, MutedAccount, Relationship
from fedispace.api.entities.oauth import Nothing
from fedispace.api.entities.shape import ById, Paged, Parameters
from fedispace.api.links import page_of
from fedispace.api.people import profiles
from fedispace.api.present.accounts import AccountPresenter, relationship_of
from fedispace.api.routing import Call, Calls, Listing, Routes, Who
from fedispace.db.engine import Database


class MuteAccount(ById, frozen=True, kw_only=True):
    notifications: bool = True
    duration: int = 0


class NoteOnAccount(ById, frozen=True, kw_only=True):
    comment: str = ""


class Domain(Parameters, frozen=True, kw_only=True):
    domain: str


class MuteCalls(Calls):
    """Mastodon's `mutes`, `blocks` and `domain_blocks` methods."""

    routes = Routes()

    def __init__(
        self,
        *,
        db: Database,
        muting: Muting,
        shunning: Shunning,
        private_notes: PrivateNotes,
        presenter: AccountPresenter,
    ) -> None:
        self._db = db
        self._muting = muting
        self._shunning = shunning
        self._private_notes = private_notes
        self._presenter = presenter

    @routes.post("/api/v1/accounts/{id}/mute", who=Who.PERSON, scope="write:mutes")
    async def mute(self, call: Call[MuteAccount]) -> Relationship:
        """Read an account no longer, for `duration` seconds or for good."""
        given = call.given
        made = await self._muting.mute(
            call.person.account, given.id, notifications=given.notifications, seconds=given.duration
        )
        return relationship_of(made)

    @routes.post("/api/v1/accounts/{id}/unmute", who=Who.PERSON, scope="write:mutes")
    async def unmute(self, call: Call[ById]) -> Relationship:
        """Read an account again."""
        return relationship_of(await self._muting.unmute(call.person.account, call.given.id))

    @routes.get("/api/v1/mutes", who=Who.PERSON, scope="read:mutes")
    async def mutes(self, call: Call[Paged]) -> Listing[MutedAccount]:
        """Return whom the asker mutes."""
        async with self._db.reading() as tx:
            page = page_of(call.given, default=40, most=80)
            rows = await muting.muted(tx, call.person.account.id, page, call.at)
            moved = await successors(tx, [account for _, account in rows])
        return Listing(
            items=[
                self._presenter.muted(account, mute.expires_at, moved.get(account.id))
                for mute, account in rows
            ],
            cursors=[mute.id for mute, _ in rows],
        )

    @routes.get("/api/v1/blocks", who=Who.PERSON, scope="read:blocks")
    async def blocks(self, call: Call[Paged]) -> Listing[Account]:
        """Return whom the asker blocks."""
        async with self._db.reading() as tx:
            page = page_of(call.given, default=40, most=80)
            rows = await blocking.blocked(tx, call.person.account.id, page)
            items = await profiles(tx, self._presenter, (account for _, account in rows))
        return Listing(items=items, cursors=[block.id for block, _ in rows])

    @routes.get("/api/v1/domain_blocks", who=Who.PERSON, scope="read:blocks")
    async def domain_blocks(self, call: Call[Paged]) -> Listing[str]:
        """Return the domains the asker wants nothing to do with."""
        async with self._db.reading() as tx:
            page = page_of(call.given, default=100, most=200)
            rows = await shunning.shunned(tx, call.person.account.id, page)
        return Listing(items=[row.domain for row in rows], cursors=[row.id for row in rows])

    @routes.post("/api/v1/domain_blocks", who=Who.PERSON, scope="write:blocks")
    async def block_domain(self, call: Call[Domain]) -> Nothing:
        """Have nothing to do with a domain."""
        await self._shunning.shun(call.person.account, call.given.domain)
        return Nothing()

    @routes.delete("/api/v1/domain_blocks", who=Who.PERSON, scope="write:blocks")
    async def unblock_domain(self, call: Call[Domain]) -> Nothing:
        """Block a domain no longer."""
        await self._shunning.welcome(call.person.account, call.given.domain)
        return Nothing()

    @routes.post("/api/v1/accounts/{id}/note", who=Who.PERSON, scope="write:accounts")
    async def note(self, call: Call[NoteOnAccount]) -> Relationship:
        """Note something about an account that nobody else reads."""
        given = call.given
        return relationship_of(await self._private_notes.write(call.person.account, given.id, given.comment))
