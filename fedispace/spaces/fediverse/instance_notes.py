"""A word from the server to one person elsewhere: a direct Note by the instance actor.

Not in the host's name, who did not write it, and whose messages it would fill.
"""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Create
from fedispace.federation.vocab.links import Mention
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.ids import Ids


def note_to(
    addresses: Addresses,
    reader: Account,
    paragraphs: Sequence[str],
    *,
    id_: Uri,
    activity: Uri,
    now: datetime,
) -> Create:
    """Return the message of these paragraphs of HTML to somebody of another server, and to nobody else.

    The mention is what makes it a message to them (Mastodon notifies nobody else); the address is theirs
    alone, so that no server on the way widens it.
    """
    me, to = addresses.instance_actor, parse_uri(reader.uri)
    mention = (
        f'<span class="h-card"><a href="{escape(reader.url)}" class="u-url mention">'
        f"@<span>{escape(reader.username)}</span></a></span>"
    )
    first, *others = paragraphs
    note = Note(
        id=id_,
        attributed_to=me,
        content="".join(f"<p>{said}</p>" for said in (f"{mention} {first}", *others)),
        content_language="en",
        to=(to,),
        published=now,
        tags=(Mention(href=to, name=f"@{reader.username}@{reader.domain}"),),
    )
    return Create(id=activity, actor=me, object=note, to=note.to, cc=note.cc, published=now)


class InstanceNotes:
    """Sends them."""

    def __init__(self, ids: Ids, clock: Clock, addresses: Addresses, outbox: Outbox) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox

    async def send(self, tx: Tx, to: Account, line: str, *, link: str) -> None:
        """Write to somebody of another server: a line of plain text, and a link under it."""
        sender = await tx.scalar(
            select(ActorRow.id).where(ActorRow.uri == self._addresses.instance_actor, ActorRow.local)
        )
        assert sender is not None
        id_, href = self._addresses.activity(self._ids.next()), escape(link)
        create = note_to(
            self._addresses,
            to,
            (escape(line), f'<a href="{href}">{href}</a>'),
            id_=parse_uri(f"{id_}#note"),
            activity=id_,
            now=self._clock.now(),
        )
        await self._outbox.send(tx, sender, create, Audience(actors=(to.id,)))
