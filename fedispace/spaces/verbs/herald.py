"""What others are told when somebody in a room becomes something else, is invited, or is sent away."""

from collections.abc import Sequence
from typing import Final

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.spaces import lifecycle
from fedispace.spaces.entry.raised_hands import CallUp
from fedispace.spaces.fediverse.invitation_post import InvitationPost
from fedispace.spaces.fediverse.tidings import Tidings
from fedispace.spaces.models import Member, Space
from fedispace.spaces.roles import MemberRole

_ORGANIZERS: Final = frozenset({MemberRole.HOST, MemberRole.COHOST})

Became = tuple[int, MemberRole, MemberRole]
"""Who, what they were, and what they are now."""


class Herald:
    """Called inside the transaction of the verb, when its rows are written."""

    def __init__(
        self, clock: Clock, tidings: Tidings, post: InvitationPost, call_up: CallUp | None = None
    ) -> None:
        self._clock = clock
        self._tidings = tidings
        self._post = post
        self._call_up = call_up

    async def invited(self, tx: Tx, space: Space, by_id: int, guest: Account, row: Member) -> None:
        """Tell somebody, wherever they are, what role their row offers; a former offer is taken back."""
        former = row.invite_uri
        if former is not None:
            await self._post.withdrawn(tx, space, guest, former)
        row.invite_uri = await self._post.invited(tx, space, by_id, guest, str(row.invited_as))

    async def withdrawn(self, tx: Tx, space: Space, row: Member) -> None:
        """Take back what was offered and not answered."""
        guest = await tx.get(Account, row.account_id)
        if guest is not None:
            await self._post.withdrawn(tx, space, guest, row.invite_uri)
        row.invite_uri = None

    async def sent_away(self, tx: Tx, space: Space, account_id: int) -> None:
        """Tell somebody that they are out."""
        account = await tx.get(Account, account_id)
        if account is not None:
            await self._post.sent_away(tx, space, account)

    async def roles_changed(self, tx: Tx, space: Space, became: Sequence[Became]) -> None:
        """Tell of the new organizers: the event names the host and the co-hosts.

        And tell who is on stage now, and asked for it from elsewhere, where the door is.
        """
        for account_id, was, now in became:
            if self._call_up is not None and (was, now) == (MemberRole.LISTENER, MemberRole.SPEAKER):
                await self._call_up.on_stage(tx, space, account_id)
        changed = [
            (account_id, now in _ORGANIZERS)
            for account_id, was, now in became
            if (was in _ORGANIZERS) != (now in _ORGANIZERS)
        ]
        if not changed and not any(now is MemberRole.HOST for _, _, now in became):
            return
        author = await tx.get(Account, space.host_id)
        assert author is not None
        space.updated_at = lifecycle.after_change(space.updated_at, self._clock.now())
        await self._tidings.changed(tx, space, author)
        for account_id, is_one in changed:
            account = await tx.get(Account, account_id)
            if account is not None:
                await self._post.organizer(tx, space, account, is_one=is_one)
