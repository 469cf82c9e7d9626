"""Answering a post with an emoji (FEP-c0e0), whichever dialect it comes in or goes out in.

One shape for all: who, which post, which emoji; a repeat is nothing, in another dialect too. A reaction
is not a favourite: it is counted and shown on its own. Somebody may answer a post with at most twenty
different emojis.

Ours are said as `Like` with `content` and `_misskey_reaction` (Misskey, Mitra and others; who knows no
reactions takes it for a favourite), and as `EmojiReact` to servers whose NodeInfo says Pleroma or Akkoma.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import String, bindparam, func, select

from fedispace.accounts import emojis
from fedispace.accounts.models import Account
from fedispace.accounts.notifications import EMOJI_REACTION, Notifier
from fedispace.accounts.people import People, Somebody
from fedispace.clock import Clock
from fedispace.db.base import table_of
from fedispace.db.engine import Database, Tx
from fedispace.db.upsert import add_new
from fedispace.errors import Invalid, Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.software import LITEPUB, Software
from fedispace.federation.vocab.activities import Like, Undo
from fedispace.federation.vocab.links import Emoji
from fedispace.federation.vocab.uri import Uri, is_uri, parse_uri
from fedispace.hosts import host_of
from fedispace.ids import Ids
from fedispace.threads import reaction_names
from fedispace.threads.asking import Asking, waits
from fedispace.threads.boost import original_of
from fedispace.threads.known import Post
from fedispace.threads.models import Reaction, Status

MAX_KINDS: Final = 20
_KEPT: Final = "emoji"
_reactions: Final = table_of(Reaction).c
_ID_OF: Final = select(_reactions.id).where(_reactions.uri == bindparam("uri", type_=String()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """An emoji: a character, or with an `icon` the custom one `name` of `domain` (empty: ours)."""

    name: str
    domain: str = ""
    icon: str | None = None


def kept(chosen: Chosen | None) -> dict[str, Any] | None:
    """Return the form in which a reaction that waits for leave is kept with the request."""
    return None if chosen is None else {_KEPT: [chosen.name, chosen.domain, chosen.icon]}


def chosen_in(extra: Mapping[str, Any] | None) -> Chosen | None:
    """Return the emoji that a request keeps, if it is one for a reaction."""
    if extra is None or _KEPT not in extra:
        return None
    name, domain, icon = extra[_KEPT]
    return Chosen(name=name, domain=domain, icon=icon)


async def understood(tx: Tx, like: Like, addresses: Addresses) -> Chosen | None:
    """Return the emoji that a Like of another server carries; None when it carries none that can be shown.

    A picture counts for the sender's own server. One said to be of a third server, or ours, counts only
    if it is known here as such, with the picture known here: else anybody could change others' emojis.
    """
    text = like.content or ""
    if (char := reaction_names.character(text)) is not None:
        return Chosen(name=char)
    named = reaction_names.custom(text)
    if named is None:
        return None
    home = host_of(like.actor)
    tag = next((tag for tag in like.tags if tag.name == named.name and emojis.is_usable(tag)), None)
    said = named.host or (host_of(tag.id) if tag is not None and tag.id is not None else home)
    if said != home:
        known = await emojis.known(tx, named.name, "" if said == addresses.host else said)
        if known is not None:
            return Chosen(name=known.shortcode, domain=known.domain, icon=known.icon)
    if tag is not None:
        return Chosen(name=tag.name, domain=home, icon=tag.icon)
    row = await emojis.known(tx, named.name, home)
    return None if row is None else Chosen(name=row.shortcode, domain=home, icon=row.icon)


async def record(
    tx: Tx,
    notifier: Notifier,
    by: Somebody,
    status: Post,
    chosen: Chosen,
    *,
    id: int,
    uri: str,
    at: datetime,
) -> Reaction | None:
    """Write a reaction; None when `by` has answered the post with this emoji already."""
    if await reaction_by(tx, by.id, status.id, chosen.name, chosen.domain) is not None:
        return None
    kinds = await tx.scalar(
        select(func.count())
        .select_from(Reaction)
        .where(Reaction.account_id == by.id, Reaction.status_id == status.id)
    )
    if (kinds or 0) >= MAX_KINDS:
        raise Refused("too_many", f"At most {MAX_KINDS} different emojis for one post.", status=202)
    row = {
        "id": id,
        "account_id": by.id,
        "status_id": status.id,
        "name": chosen.name,
        "domain": chosen.domain,
        "icon": chosen.icon,
        "uri": uri,
        "created_at": at,
    }
    if not await add_new(tx, Reaction, row):
        return None
    author = await tx.get(Account, status.account_id)
    assert author is not None
    await notifier.notify(tx, to=author, type=EMOJI_REACTION, by_id=by.id, subject=status.id)
    return await tx.get(Reaction, id)


async def withdraw(tx: Tx, notifier: Notifier, reaction: Reaction, status: Post) -> None:
    """Remove a reaction, and what was told because of it unless the person has left another one there."""
    await tx.delete(reaction)
    await tx.flush()
    left = await tx.scalar(
        select(Reaction.id)
        .where(Reaction.account_id == reaction.account_id, Reaction.status_id == status.id)
        .limit(1)
    )
    if left is None:
        await notifier.withdraw(
            tx, to_id=status.account_id, type=EMOJI_REACTION, by_id=reaction.account_id, subject=status.id
        )


async def reaction_by(tx: Tx, account_id: int, status_id: int, name: str, domain: str) -> Reaction | None:
    """Return the account's reaction to a post with an emoji, if it has one."""
    rows = await tx.scalars(
        select(Reaction).where(
            Reaction.account_id == account_id,
            Reaction.status_id == status_id,
            Reaction.name == name,
            Reaction.domain == domain,
        )
    )
    return rows.one_or_none()


async def by_uri(tx: Tx, uri: str) -> Reaction | None:
    """Return the reaction that an activity of that id was."""
    await tx.flush()
    id_ = (await tx.core(_ID_OF, {"uri": uri})).scalar()
    return None if id_ is None else await tx.get(Reaction, id_)


class Reacting:
    """Reactions of our own people. Both steps may be repeated; the repeat does nothing."""

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        notifier: Notifier,
        people: People,
        software: Software,
    ) -> None:
        self._db = db
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._notifier = notifier
        self._people = people
        self._software = software
        self._asking = Asking(ids, clock, addresses, outbox, notifier, people)

    async def react(self, by: Account, status_id: int, emoji: str) -> int:
        """Answer a post with an emoji and return the post's id.

        `emoji` is the character, or the name of a custom emoji of ours (`name` or `:name:`) or of another
        server (`name@host`). Raises `Invalid` for anything else, `NotFound` when `by` may not see the post,
        and `Forbidden` when its author wants no likes: a reaction is one to most servers. It waits, as a
        like does, where its author decides.
        """
        async with self._db.transaction() as tx:
            status = await original_of(tx, by.id, status_id)
            chosen = await self._chosen(tx, emoji)
            id_ = self._ids.next()
            answer = await self._asking.may(tx, "favourite", by, status)
            if waits(answer, status):
                if await reaction_by(tx, by.id, status.id, chosen.name, chosen.domain) is None:
                    await self._ask(tx, by, status, chosen, self._addresses.activity(id_))
                return status.id
            try:
                reaction = await record(
                    tx,
                    self._notifier,
                    by,
                    status,
                    chosen,
                    id=id_,
                    uri=self._addresses.activity(id_),
                    at=self._clock.now(),
                )
            except Refused as error:
                raise Invalid(error.detail, field="emoji") from error
            if reaction is not None:
                author = await self._people.by_id(tx, status.account_id)
                like = await self._like(tx, reaction, by, status, author)
                await self._outbox.send(tx, by.id, like, Audience(actors=(author.id,)))
        return status.id

    async def unreact(self, by: Account, status_id: int, emoji: str) -> int:
        """Take a reaction back, if there is one, and return the post's id."""
        async with self._db.transaction() as tx:
            status = await original_of(tx, by.id, status_id)
            reaction = await self._found(tx, by, status, emoji)
            if reaction is not None:
                author = await self._people.by_id(tx, status.account_id)
                like = await self._like(tx, reaction, by, status, author)
                undo = Undo(
                    id=self._addresses.activity(self._ids.next()),
                    actor=like.actor,
                    object=like.id,
                    inner=like,
                    to=like.to,
                )
                await withdraw(tx, self._notifier, reaction, status)
                await self._outbox.send(tx, by.id, undo, Audience(actors=(author.id,)))
            else:
                await self._asking.withdraw(tx, "favourite", by, status)
        return status.id

    async def _ask(self, tx: Tx, by: Account, status: Status, chosen: Chosen, uri: Uri) -> None:
        author = await self._people.by_id(tx, status.account_id)
        wanted = Reaction(
            id=0,
            account_id=by.id,
            status_id=status.id,
            name=chosen.name,
            domain=chosen.domain,
            icon=chosen.icon,
            uri=uri,
            created_at=self._clock.now(),
        )
        like = like_of(wanted, by, status, author, self._addresses, litepub=False)
        await self._asking.act(tx, "favourite", by, status, like, subject=status.id, extra=kept(chosen))

    async def _chosen(self, tx: Tx, emoji: str) -> Chosen:
        name, domain = self._read(emoji)
        if not domain and (char := reaction_names.character(name)) is not None:
            return Chosen(name=char)
        row = await emojis.known(tx, name, domain)
        if row is None:
            raise Invalid("That is not one emoji, nor the name of one that is known here.", field="emoji")
        return Chosen(name=row.shortcode, domain=row.domain, icon=row.icon)

    async def _found(self, tx: Tx, by: Account, status: Status, emoji: str) -> Reaction | None:
        name, domain = self._read(emoji)
        name = reaction_names.character(name) or name
        return await reaction_by(tx, by.id, status.id, name, domain)

    def _read(self, emoji: str) -> tuple[str, str]:
        """Return (name, domain) of what a client calls an emoji."""
        name, _, host = emoji.strip().strip(":").partition("@")
        domain = host.lower()
        return name, "" if domain in (
            "",
            ".",
            self._addresses.host,
            self._addresses.account_domain,
        ) else domain

    async def _like(self, tx: Tx, reaction: Reaction, by: Account, status: Status, author: Account) -> Like:
        runs = None if author.local else await self._software.of(tx, author.uri)
        return like_of(reaction, by, status, author, self._addresses, litepub=runs in LITEPUB)


def like_of(
    reaction: Reaction, by: Account, status: Status, author: Account, addresses: Addresses, *, litepub: bool
) -> Like:
    """Return the activity that a reaction of ours is; only the author is told."""
    tags: tuple[Emoji, ...] = ()
    content = reaction_names.shown(reaction.name)
    if reaction.icon is not None:
        content = f":{reaction.name}:"
        id_ = None if reaction.domain else addresses.emoji(reaction.name)
        if is_uri(reaction.icon):
            tags = (Emoji(name=reaction.name, icon=reaction.icon, id=id_),)
    return Like(
        id=parse_uri(reaction.uri),
        actor=parse_uri(by.uri),
        object=parse_uri(status.uri),
        type="EmojiReact" if litepub else "Like",
        content=content,
        tags=tags,
        to=(parse_uri(author.uri),),
    )
