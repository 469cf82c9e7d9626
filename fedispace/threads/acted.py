"""Who favourited and boosted a post, and what somebody favourited: lists with cursors of their own."""

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import aliased

from fedispace.accounts.models import Account, Block, DomainMute, Mute
from fedispace.accounts.paging import Page
from fedispace.accounts.standing import is_shown
from fedispace.db.engine import Tx
from fedispace.threads.models import Favourite, Status
from fedispace.threads.visibility import visible

person: Final = aliased(Account)
"""Whom a list is of; `visible` speaks of other accounts in the same statement."""


async def favourites(tx: Tx, account_id: int, page: Page) -> list[tuple[int, Status]]:
    """Return (cursor, post) of what an account favourited and may still see, newest favourite first."""
    statement = (
        select(Favourite.id, Status)
        .join(Status, Status.id == Favourite.status_id)
        .where(Favourite.account_id == account_id, visible(account_id))
    )
    rows = (await tx.execute(page.apply(statement, Favourite.id))).all()
    return page.newest_first([(cursor, status) for cursor, status in rows])


async def favourited_by(
    tx: Tx, viewer_id: int | None, status_id: int, now: datetime, page: Page
) -> list[tuple[int, Account]]:
    """Return (cursor, account) of those who favourited a post the viewer may see."""
    statement = (
        select(Favourite.id, person)
        .join(person, person.id == Favourite.account_id)
        .where(Favourite.status_id == status_id, shown_to(viewer_id, now))
    )
    rows = (await tx.execute(page.apply(statement, Favourite.id))).all()
    return page.newest_first([(cursor, account) for cursor, account in rows])


async def boosted_by(
    tx: Tx, viewer_id: int | None, status_id: int, now: datetime, page: Page
) -> list[tuple[int, Account]]:
    """Return (cursor, account) of those who boosted a post, as far as the viewer may see their boosts."""
    statement = (
        select(Status.id, person)
        .join(person, person.id == Status.account_id)
        .where(Status.boost_of_id == status_id, visible(viewer_id), shown_to(viewer_id, now))
    )
    rows = (await tx.execute(page.apply(statement, Status.id))).all()
    return page.newest_first([(cursor, account) for cursor, account in rows])


def shown_to(viewer_id: int | None, now: datetime) -> ColumnElement[bool]:
    """Return the condition under which a row of `person` stands in a list of people for the viewer.

    Suspended accounts do not; nor do those the viewer blocked or muted, or whose domain they muted, and
    those who blocked the viewer.
    """
    active = is_shown(person)
    if viewer_id is None:
        return active
    return and_(
        active,
        ~exists().where(Block.account_id == viewer_id, Block.target_id == person.id),
        ~exists().where(Block.account_id == person.id, Block.target_id == viewer_id),
        ~exists().where(
            Mute.account_id == viewer_id,
            Mute.target_id == person.id,
            or_(Mute.expires_at.is_(None), Mute.expires_at > now),
        ),
        ~exists().where(DomainMute.account_id == viewer_id, DomainMute.domain == person.domain),
    )
