"""What happens when leave is given or refused, to the reply, quote, favourite or boost it is about.

The same on both sides: whether one of ours lets somebody in, or another server lets one of ours in, the
thing comes to stand where it was meant to, and what is ours of it is sent to whom it was meant for.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import select

from fedispace.accounts.models import Account
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import People
from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.errors import Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.outbox import Audience, Outbox
from fedispace.federation.vocab.activities import Delete
from fedispace.federation.vocab.uri import Uri, parse_uri
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs
from fedispace.threads import boost, counts, favourite, news, reactions
from fedispace.threads.audience import is_distributable, parse_visibility
from fedispace.threads.held_replies import pass_on_reply
from fedispace.threads.judging import judge
from fedispace.threads.models import Favourite, InteractionRequest, Mention, Status
from fedispace.threads.polls import poll_of, poll_on_the_wire
from fedispace.threads.removal import remove
from fedispace.threads.telling import tell
from fedispace.threads.updates import Updates, audience_of
from fedispace.threads.wire import announce_of, create_of, like_of, note_of

MAX_RELEASED: Final = 100


class Effects:
    """Carries decisions out."""

    def __init__(
        self,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        outbox: Outbox,
        notifier: Notifier,
        people: People,
        jobs: Jobs,
    ) -> None:
        self._ids = ids
        self._jobs = jobs
        self._clock = clock
        self._addresses = addresses
        self._outbox = outbox
        self._notifier = notifier
        self._people = people
        self._updates = Updates(ids, clock, addresses, outbox)

    async def let_in(self, tx: Tx, request: InteractionRequest, authorization: str) -> None:
        """Let what was asked for come true."""
        target = await tx.get(Status, request.status_id)
        by = await tx.get(Account, request.account_id)
        if target is None or by is None:
            return
        if request.kind == "favourite":
            await self._favour(tx, by, target, request, authorization)
        elif request.kind == "boost":
            await self._boost(tx, by, target, request, authorization)
        else:
            post = await by_uri(tx, request.uri)
            if post is not None and post.account_id == by.id:
                if request.kind == "reply":
                    if post.in_reply_to_id == target.id:
                        await self.release(tx, post, authorization)
                elif post.quote_uri == target.uri:
                    post.quote_of_id = target.id
                    await self.show_quote(tx, post, authorization)

    async def keep_out(self, tx: Tx, request: InteractionRequest) -> None:
        """Let what was asked for not come true, or be no longer.

        Others' replies go, our own are seen by their author; likes and boosts go.
        """
        if request.kind == "favourite":
            await self._unfavour(tx, request)
            return
        post = await by_uri(tx, request.uri)
        if post is None or post.account_id != request.account_id:
            return
        if request.kind == "boost":
            original = None if post.boost_of_id is None else await tx.get(Status, post.boost_of_id)
            if original is not None:
                await boost.withdraw(tx, self._notifier, post, original)
        elif request.kind == "quote":
            await self.hide_quote(tx, post, "rejected")
        elif request.kind == "reply":
            if post.local:
                await self.withhold(tx, post)
            else:
                await remove(tx, self._clock, post)

    async def release(self, tx: Tx, post: Status, authorization: str | None) -> None:
        """Let a reply stand where it was meant to, with those of its author's posts that hang on it."""
        if authorization is not None and post.approved_by is None:
            post.approved_by = authorization
        if not post.pending_approval:
            await tx.flush()
            return
        waiting = [post]
        released = 0
        while waiting and released < MAX_RELEASED:
            reply = waiting.pop(0)
            reply.pending_approval = False
            await tx.flush()
            released += 1
            await counts.answered(tx, reply.in_reply_to_id, reply.visibility)
            author = await self._people.by_id(tx, reply.account_id)
            named = await _named(tx, reply)
            for account in named:
                await self._notifier.notify(tx, to=account, type="mention", by_id=author.id, subject=reply.id)
            if reply.local:
                await self._publish(tx, reply, author, named)
            else:
                await pass_on_reply(tx, self._outbox, reply)
            news.came(tx, reply.id, reply.conversation_id)
            await tell(
                tx,
                self._jobs,
                status_id=reply.id,
                author_id=reply.account_id,
                conversation_id=reply.conversation_id,
                is_news=False,
            )
            waiting += await self._freed_by(tx, reply)

    async def show_quote(self, tx: Tx, post: Status, authorization: str | None) -> None:
        """Show what a post quotes, and tell those who have the post."""
        if post.quote_state == "accepted" and post.quote_approved_by == authorization:
            return
        if post.quote_state != "accepted":
            await counts.quoted(tx, post.quote_of_id, post.visibility)
        post.quote_state = "accepted"
        post.quote_approved_by = authorization
        post.quote_verified_at = self._clock.now()
        await tx.flush()
        await self._tell_of_quote(tx, post)
        await self._update(tx, post)

    async def hide_quote(self, tx: Tx, post: Status, state: str) -> None:
        """Show no more what a post quotes, and tell those who have the post."""
        if post.quote_state == state:
            return
        if post.quote_state == "accepted":
            await counts.unquoted(tx, post.quote_of_id, post.visibility)
        post.quote_state = state
        post.quote_approved_by = None
        await tx.flush()
        if post.quote_of_id is not None:
            quoted = await tx.get(Status, post.quote_of_id)
            if quoted is not None:
                await self._notifier.withdraw(
                    tx, to_id=quoted.account_id, type="quote", by_id=post.account_id, subject=post.id
                )
        await self._update(tx, post)

    async def pass_on_revocation(self, tx: Tx, post: Status, revocation: Delete, body: bytes) -> None:
        """Pass the end of a quote of ours on, as it was said, to those who have the post (FEP-044f).

        They hold the authorization, and only this, or looking, tells them that it is no more.
        """
        if post.local and not post.pending_approval:
            audience = await audience_of(tx, post)
            await self._outbox.forward(tx, post.account_id, revocation, body, audience)

    async def restate(self, tx: Tx, post: Status) -> None:
        """Send a post of ours anew to whom it was sent: what it says of leave has changed."""
        await self._update(tx, post)

    async def _tell_of_quote(self, tx: Tx, post: Status) -> None:
        quoted = None if post.quote_of_id is None else await tx.get(Status, post.quote_of_id)
        if quoted is not None:
            owner = await self._people.by_id(tx, quoted.account_id)
            await self._notifier.notify(tx, to=owner, type="quote", by_id=post.account_id, subject=post.id)

    async def _freed_by(self, tx: Tx, parent: Status) -> list[Status]:
        """Return the replies that waited only because what they answer did."""
        rows = await tx.scalars(
            select(Status)
            .where(Status.in_reply_to_id == parent.id, Status.pending_approval.is_(True))
            .order_by(Status.id)
            .limit(MAX_RELEASED)
        )
        freed: list[Status] = []
        for reply in rows.all():
            author = await self._people.by_id(tx, reply.account_id)
            if (await judge(tx, "reply", author, parent)).verdict == "automatic":
                freed.append(reply)
        return freed

    async def withhold(self, tx: Tx, post: Status) -> None:
        """Take a reply of ours that is refused out of sight of all but its author."""
        if not post.pending_approval:
            await counts.unanswered(tx, post.in_reply_to_id, post.visibility)
        post.pending_approval = True
        post.approved_by = None
        post.in_reply_to_id = None
        post.in_reply_to_account_id = None
        await tx.flush()

    async def _publish(self, tx: Tx, post: Status, author: Account, named: Sequence[Account]) -> None:
        poll = await poll_of(tx, post)
        asked = None if poll is None else poll_on_the_wire(poll, self._clock.now())
        note = note_of(post, author, named, self._addresses, poll=asked)
        audience = Audience(
            public=is_distributable(post.visibility),
            followers=post.visibility != "direct",
            actors=tuple(account.id for account in named),
        )
        await self._outbox.send(tx, author.id, create_of(note), audience)

    async def _update(self, tx: Tx, post: Status) -> None:
        if not post.local or post.pending_approval:
            return
        await self._updates.send(tx, post, await self._people.by_id(tx, post.account_id))

    async def _unfavour(self, tx: Tx, request: InteractionRequest) -> None:
        target = await tx.get(Status, request.status_id)
        assert target is not None
        liked = (await tx.scalars(select(Favourite).where(Favourite.uri == request.uri))).one_or_none()
        if liked is not None and liked.account_id == request.account_id:
            await favourite.withdraw(tx, self._notifier, liked, target)
        reaction = await reactions.by_uri(tx, request.uri)
        if reaction is not None and reaction.account_id == request.account_id:
            await reactions.withdraw(tx, self._notifier, reaction, target)

    async def _favour(
        self, tx: Tx, by: Account, target: Status, request: InteractionRequest, authorization: str
    ) -> None:
        chosen = reactions.chosen_in(request.extra)
        if chosen is not None:
            await self._react(tx, by, target, request, chosen)
            return
        liked = await favourite.record(
            tx, self._notifier, by, target, id=self._ids.next(), uri=request.uri, at=self._clock.now()
        )
        if liked is None or not by.local:
            return
        author = await self._people.by_id(tx, target.account_id)
        like = like_of(liked, by, target, author, authorization=Uri(authorization))
        about_public = is_distributable(target.visibility)
        await self._outbox.send(tx, by.id, like, Audience(about_public=about_public, actors=(author.id,)))

    async def _react(
        self, tx: Tx, by: Account, target: Status, request: InteractionRequest, chosen: reactions.Chosen
    ) -> None:
        try:
            reaction = await reactions.record(
                tx,
                self._notifier,
                by,
                target,
                chosen,
                id=self._ids.next(),
                uri=request.uri,
                at=self._clock.now(),
            )
        except Refused:
            return
        if reaction is None or not by.local:
            return
        author = await self._people.by_id(tx, target.account_id)
        said = reactions.like_of(reaction, by, target, author, self._addresses, litepub=False)
        like = replace(said, authorization=parse_uri(request.authorization_uri or ""))
        await self._outbox.send(tx, by.id, like, Audience(actors=(author.id,)))

    async def _boost(
        self, tx: Tx, by: Account, target: Status, request: InteractionRequest, authorization: str
    ) -> None:
        wanted = request.extra or {}
        new = boost.NewBoost(
            id=int(wanted.get("id") or self._ids.next()),
            uri=request.uri,
            visibility=parse_visibility(str(wanted.get("visibility", "public"))),
            at=datetime.fromisoformat(wanted["at"]) if "at" in wanted else self._clock.now(),
            local=by.local,
        )
        passed_on = await boost.record(tx, self._notifier, by, target, new)
        if passed_on is None:
            return
        passed_on.approved_by = authorization
        await tx.flush()
        if by.local:
            author = await self._people.by_id(tx, target.account_id)
            announce = announce_of(passed_on, by, target, author, self._addresses)
            public = is_distributable(passed_on.visibility)
            await self._outbox.send(
                tx, by.id, announce, Audience(public=public, followers=True, actors=(author.id,))
            )


async def _named(tx: Tx, post: Status) -> list[Account]:
    rows = await tx.scalars(
        select(Account)
        .join(Mention, Mention.account_id == Account.id)
        .where(Mention.status_id == post.id, Mention.silent.is_(False))
        .order_by(Account.id)
    )
    return list(rows)


async def by_uri(tx: Tx, uri: str) -> Status | None:
    """Return the post of that id."""
    return (await tx.scalars(select(Status).where(Status.uri == uri))).one_or_none()
