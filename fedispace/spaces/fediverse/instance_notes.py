"""A word from the server to one person elsewhere: a direct Note by the instance actor.

Not in the host's name, who did not write it, and whose messages it would fill.
"""

from collections.abc import Sequence
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


class InstanceNotes:
    """Sends them."""

    def __init__(self, ids: Ids, clock: Clock, addresses: Addresses, outbox: Outbox) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox

    async def send(self, tx: Tx, to: Account, lines: Sequence[str], *, link: str) -> None:
        """Write to somebody of another server: lines of plain text, and a link under them.

        The mention is what makes it a message to them (Mastodon notifies nobody else); the address is
        theirs alone, so that no server on the way widens it.
        """
        sender = await tx.scalar(
            select(ActorRow.id).where(ActorRow.uri == self._addresses.instance_actor, ActorRow.local)
        )
        assert sender is not None
        id_ = self._addresses.activity(self._ids.next())
        name = f"@{to.username}@{to.domain or self._addresses.account_domain}"
        mention = (
            f'<span class="h-card"><a href="{escape(to.url)}" class="u-url mention">{escape(name)}</a></span>'
        )
        href = escape(link)
        body = "<br>".join(escape(line) for line in lines)
        now = self._clock.now()
        note = Note(
            id=parse_uri(f"{id_}#note"),
            attributed_to=self._addresses.instance_actor,
            content=f'<p>{mention} {body}</p><p><a href="{href}">{href}</a></p>',
            to=(Uri(to.uri),),
            published=now,
            tags=(Mention(href=Uri(to.uri), name=name),),
        )
        create = Create(id=id_, actor=note.attributed_to, object=note, to=note.to, published=now)
        await self._outbox.send(tx, sender, create, Audience(actors=(to.id,)))
