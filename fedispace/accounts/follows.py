"""The rows of who follows whom, with everything that is counted along with them.

Used inside the transactions of those who follow (`following.py`), who are asked over the wire
(`activities.py`) and who block (`blocking.py`).
"""

from sqlalchemy import ColumnElement, delete, select

from fedispace.accounts.counts import add_to_counts
from fedispace.accounts.models import Account, Follow
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.paging import Page
from fedispace.accounts.standing import is_shown
from fedispace.db.engine import Tx
from fedispace.federation.outbox import Outbox


class Follows:
    """Accepts and ends follows, and keeps counts, fan-out and notifications in step."""

    def __init__(self, outbox: Outbox, notifier: Notifier) -> None:
        self._outbox = outbox
        self._notifier = notifier

    async def accept(self, tx: Tx, follow: Follow) -> None:
        """Let a pending follow count; an accepted one stays as it is.

        Only now does a follower of another server become part of the fan-out: what is meant for
        followers reaches nobody who merely asked.
        """
        if follow.accepted:
            return
        follow.accepted = True
        await tx.flush()
        await add_to_counts(tx, follow.account_id, following=1)
        await add_to_counts(tx, follow.target_id, followers=1)
        await self._outbox.follower_gained(tx, follow.target_id, follow.account_id)

    async def end(self, tx: Tx, follow: Follow) -> None:
        """Remove a follow, pending or accepted, and the notice of it."""
        removed = await tx.scalar(
            delete(Follow)
            .where(Follow.id == follow.id)
            .returning(Follow.id)
            .execution_options(synchronize_session=False)
        )
        if removed is None:
            return
        tx.expunge(follow)
        for type_ in ("follow", "follow_request"):
            await self._notifier.withdraw(tx, to_id=follow.target_id, type=type_, by_id=follow.account_id)
        if follow.accepted:
            await add_to_counts(tx, follow.account_id, following=-1)
            await add_to_counts(tx, follow.target_id, followers=-1)
            await self._outbox.follower_lost(tx, follow.target_id, follow.account_id)

    async def sever(self, tx: Tx, one: int, other: int) -> None:
        """End the follows between two accounts, both ways."""
        for follow in (await between(tx, one, other), await between(tx, other, one)):
            if follow is not None:
                await self.end(tx, follow)


async def between(tx: Tx, follower_id: int, target_id: int) -> Follow | None:
    """Return the follow of `target_id` by `follower_id`, accepted or not."""
    return (
        await tx.scalars(
            select(Follow).where(Follow.account_id == follower_id, Follow.target_id == target_id)
        )
    ).one_or_none()


async def by_uri(tx: Tx, uri: str) -> Follow | None:
    """Return the follow whose activity has that id."""
    return (await tx.scalars(select(Follow).where(Follow.uri == uri))).one_or_none()


async def followers(tx: Tx, account_id: int, page: Page) -> list[tuple[Follow, Account]]:
    """Return who follows an account, newest first; pages go by the id of the follow."""
    return await _listed(
        tx, page, Follow.account_id == Account.id, Follow.target_id == account_id, Follow.accepted.is_(True)
    )


async def following(tx: Tx, account_id: int, page: Page) -> list[tuple[Follow, Account]]:
    """Return whom an account follows, newest first; pages go by the id of the follow."""
    return await _listed(
        tx, page, Follow.target_id == Account.id, Follow.account_id == account_id, Follow.accepted.is_(True)
    )


async def requests(tx: Tx, account_id: int, page: Page) -> list[tuple[Follow, Account]]:
    """Return who has asked to follow an account and waits for its answer, newest first."""
    return await _listed(
        tx, page, Follow.account_id == Account.id, Follow.target_id == account_id, Follow.accepted.is_(False)
    )


async def _listed(
    tx: Tx, page: Page, join: ColumnElement[bool], *where: ColumnElement[bool]
) -> list[tuple[Follow, Account]]:
    statement = select(Follow, Account).join(Account, join).where(*where, is_shown())
    rows = (await tx.execute(page.apply(statement, Follow.id))).all()
    return page.newest_first([(follow, account) for follow, account in rows])
