"""What is known of a note, and of its author, when it comes.

One statement, because the database answers each of these questions in microseconds and most of the
time goes into asking.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, String, bindparam, exists, select

from fedispace.accounts.models import Account, Follow
from fedispace.db.base import table_of
from fedispace.db.engine import Tx
from fedispace.federation.models import ActorRow, Tombstone
from fedispace.federation.vocab.objects import Note
from fedispace.threads.models import Status

_statuses: Final = table_of(Status).c
_accounts: Final = table_of(Account).c
_actors: Final = table_of(ActorRow).c
_follows: Final = table_of(Follow).c
_tombstones: Final = table_of(Tombstone).c


@dataclass(frozen=True, slots=True)
class Arrival:
    """A note before it is stored.

    `known_id` is its row, when it was stored before; `is_awaited` says that replies to it hang in the
    air. `author_id` is the author's profile and `followers` the address of their followers, as far as
    they are known; `is_followed` says that somebody of ours follows them.
    """

    known_id: int | None
    is_buried: bool
    is_awaited: bool
    author_id: int | None
    followers: str | None
    is_followed: bool


async def look(tx: Tx, note: Note) -> Arrival:
    """Look up what is known of a note."""
    row = (await tx.core(_LOOK, {"note": note.id, "author": note.attributed_to})).one()
    return Arrival(*row)


def _question() -> Select[int | None, bool, bool, int | None, str | None, bool]:
    note, author = bindparam("note", type_=String()), bindparam("author", type_=String())
    return select(
        select(_statuses.id).where(_statuses.uri == note).scalar_subquery(),
        exists().where(_tombstones.uri == note),
        exists().where(
            _statuses.in_reply_to_uri == note, _statuses.in_reply_to_id.is_(None), _statuses.uri != note
        ),
        select(_accounts.id).where(_accounts.uri == author).scalar_subquery(),
        select(_actors.followers).where(_actors.uri == author).scalar_subquery(),
        exists().where(
            _accounts.uri == author,
            _accounts.domain != "",
            _follows.target_id == _accounts.id,
            _follows.accepted.is_(True),
        ),
    )


_LOOK: Final = _question()
