"""Posts, boosts and favourites as other servers send them.

Three rules run through all of it. What is embedded counts only as the sender's own word
(`federation/origin.py`); anything else is fetched from where it lives. Only the author changes or
deletes, only the actor undoes. What the sender may not see does not exist for them: acting on it is
refused like acting on an id that was never given out.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import String, bindparam, exists, select

from fedispace.accounts import emojis, undone
from fedispace.accounts.notifications import Notifier
from fedispace.accounts.people import Doer, People
from fedispace.clock import Clock
from fedispace.db.base import BigId, table_of
from fedispace.db.engine import Tx
from fedispace.errors import Refused
from fedispace.federation.addresses import Addresses
from fedispace.federation.models import ActorRow
from fedispace.federation.origin import is_own_word, same_origin
from fedispace.federation.relays import Relays
from fedispace.federation.routes import Found, InboxRoutes, Verified
from fedispace.federation.rumours import TASK
from fedispace.federation.tombstones import bury
from fedispace.federation.vocab.activities import Announce, Create, Delete, Like, Undo, Update
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of
from fedispace.ids import Ids
from fedispace.queue.jobs import Jobs
from fedispace.threads import boost, favourite, reactions
from fedispace.threads.arrival import look
from fedispace.threads.audience import Visibility, visibility_from
from fedispace.threads.backfill import enqueue_boosted
from fedispace.threads.holding import Holding
from fedispace.threads.ingest import LATE, Ingest
from fedispace.threads.known import KnownPost, Post, post_by_id, post_by_uri
from fedispace.threads.models import Favourite, Reaction, Status
from fedispace.threads.relevance import concerns_us, is_any_ours, is_followed_here
from fedispace.threads.removal import remove
from fedispace.threads.talk import Talk
from fedispace.threads.visibility import may_see
from fedispace.threads.votes import Voting, is_vote

_actors: Final = table_of(ActorRow).c
_BY_URI: Final = select(Status).where(Status.uri == bindparam("uri", type_=String()))
_IS_ACTOR: Final = select(exists().where(_actors.uri == bindparam("uri", type_=String())))
_FOLLOWERS: Final = select(_actors.followers).where(_actors.id == bindparam("actor", type_=BigId))


def _elsewhere(activity: Create) -> Iterable[Uri]:
    """Name the note to fetch: one that is not on its sender's server proves nothing by being embedded."""
    if isinstance(activity.object, Note) and not same_origin(activity.object.id, activity.actor):
        yield activity.object.id


def _bare(activity: Create) -> Iterable[Uri]:
    if isinstance(activity.object, str):
        yield activity.object


class ThreadInbox:
    """Applies what other servers' people do with posts."""

    routes = InboxRoutes()

    def __init__(
        self,
        ids: Ids,
        clock: Clock,
        addresses: Addresses,
        people: People,
        notifier: Notifier,
        jobs: Jobs,
        ingest: Ingest,
        voting: Voting,
        relays: Relays | None = None,
        talk: Talk | None = None,
    ) -> None:
        self._ids = ids
        self._clock = clock
        self._addresses = addresses
        self._people = people
        self._notifier = notifier
        self._jobs = jobs
        self._ingest = ingest
        self._voting = voting
        self._holding = Holding(ids, clock, addresses, notifier, jobs)
        self._relays = relays
        self._talk = talk

    @routes.on(Create, Note, needs=_elsewhere)
    async def created(self, tx: Tx, verified: Verified[Create], found: Found) -> None:
        """Keep a new post, if it concerns anybody here."""
        activity = verified.activity
        assert isinstance(activity.object, Note)
        note: Note | None = activity.object
        if not is_own_word(activity):
            if same_origin(activity.object.id, activity.actor):
                raise _refused("attribution_mismatch", "The post is said to be somebody else's.")
            note = found.note(activity.object.id)
            if note is None:
                raise _refused("origin_mismatch", "The post was not found where it is said to be.")
        assert note is not None
        if is_vote(note):
            await self._voting.receive(tx, verified.sender, note)
        else:
            await self._keep(tx, note)

    @routes.on(Create, needs=_bare)
    async def created_elsewhere(self, tx: Tx, verified: Verified[Create], found: Found) -> None:
        """Keep a new post that was sent by its id only; of other kinds of object say that we know none."""
        address = verified.activity.object
        if not isinstance(address, str):
            raise _refused("unknown_object", "That kind of object is not known here.")
        note = found.note(address)
        if note is not None:
            await self._keep(tx, note)

    @routes.on(Update, Note)
    async def updated(self, tx: Tx, verified: Verified[Update], found: Found) -> None:
        """Take over the new state of a post; one we never got is kept if it is young."""
        note = verified.activity.object
        assert isinstance(note, Note)
        if not is_own_word(verified.activity):
            raise _refused("not_owner", "Only its author changes a post.")
        status = await _by_uri(tx, note.id)
        if status is not None:
            author = await self._people.doer(tx, verified.sender)
            if status.account_id != author.id or status.boost_of_id is not None:
                raise _refused("not_owner", "Only its author changes a post.")
            await self._ingest.update_note(tx, status, note)
        elif note.published is not None and note.published > self._clock.now() - LATE:
            await self._keep(tx, note)

    @routes.on(Delete)
    async def deleted(self, tx: Tx, verified: Verified[Delete], found: Found) -> None:
        """Remove a post or a boost; one that has not come yet will not be let in."""
        activity = verified.activity
        if activity.object == verified.sender or await _is_actor(tx, activity.object):
            return
        status = await post_by_uri(tx, activity.object)
        if status is None:
            if not same_origin(activity.object, verified.sender):
                raise _refused("not_owner", "Only its author deletes a post.")
            told = is_any_ours(self._addresses, (*activity.to, *activity.cc))
            if told or await is_followed_here(tx, verified.sender):
                former = activity.former.former_type if activity.former else None
                await bury(tx, self._clock, activity.object, former or "Note")
            return
        by = await self._people.doer(tx, verified.sender)
        if status.account_id != by.id:
            raise _refused("not_owner", "Only its author deletes a post.")
        if status.boost_of_id is not None:
            await self._unboost(tx, status)
        else:
            if self._talk is not None:
                await self._talk.unsaid(tx, status)
            await remove(tx, self._clock, status)

    @routes.on(Announce)
    async def announced(self, tx: Tx, verified: Verified[Announce], found: Found) -> None:
        """Keep a boost of a post; one we do not have is fetched first, by a job.

        What a relay announces is no boost: the post itself is fetched and kept.
        """
        activity = verified.activity
        if self._relays is not None and await self._relays.passes_on(tx, verified.sender):
            await self._relayed(tx, activity)
            return
        followed = await is_followed_here(tx, verified.sender)
        known = await post_by_uri(tx, activity.object)
        if known is None:
            if self._addresses.is_ours(activity.object):
                if not _may_be_a_post(self._addresses, activity.object):
                    return
                raise _refused("not_visible", "There is no such post.")
            if not followed:
                raise _refused("unrelated", "Nobody here follows the one who passes it on.")
        if await undone.was_undone(tx, activity.actor, activity.id):
            raise _refused("deleted", "That boost was taken back.")
        by = await self._people.doer(tx, verified.sender)
        visibility = await self._boost_visibility(tx, by, activity)
        now = self._clock.now()
        at = min(activity.published or now, now)
        if known is None:
            await enqueue_boosted(tx, self._jobs, activity, visibility, at)
            return
        original = await self._acted_on(tx, by, known)
        if not (followed or original.local):
            raise _refused("unrelated", "Nobody here follows the one who passes it on.")
        if not boost.may_boost(by, original):
            raise _refused("not_visible", "There is no such post.")
        wanted = {"visibility": visibility, "at": at.isoformat()}
        if await self._holding.holds(tx, "boost", by, original, activity.id, extra=wanted):
            await self._holding.tell(tx, "boost", original, activity.id, original.id)
            return
        new = boost.NewBoost(id=self._ids.next(), uri=activity.id, visibility=visibility, at=at, local=False)
        await boost.write(tx, self._notifier, by, original, new)

    async def _relayed(self, tx: Tx, activity: Announce) -> None:
        if self._addresses.is_ours(activity.object) or await post_by_uri(tx, activity.object) is not None:
            return
        told = {"kind": "Create", "uri": activity.object, "in_reply_to": None, "relayed": True}
        await self._jobs.enqueue(tx, TASK, told, unique_key=f"rumour {activity.object}")

    @routes.on(Like)
    async def liked(self, tx: Tx, verified: Verified[Like], found: Found) -> None:
        """Keep a favourite, or an emoji reaction. A Like whose content is no emoji is a favourite."""
        activity = verified.activity
        known = await post_by_uri(tx, activity.object)
        if known is None:
            if _may_be_a_post(self._addresses, activity.object):
                raise _refused("not_visible", "There is no such post.")
            return
        if await undone.was_undone(tx, activity.actor, activity.id):
            raise _refused("deleted", "That was taken back.")
        by = await self._people.doer(tx, verified.sender)
        status = await self._acted_on(tx, by, known)
        chosen = await reactions.understood(tx, activity, self._addresses)
        kept = reactions.kept(chosen)
        if await self._holding.holds(tx, "favourite", by, status, activity.id, extra=kept):
            await self._holding.tell(tx, "favourite", status, activity.id, status.id)
            return
        if chosen is not None:
            await self._reacted(tx, by, status, activity, chosen)
            return
        if activity.type != "Like":
            raise _refused("bad_reaction", "That is not one emoji.")
        await favourite.write(
            tx,
            self._notifier,
            by,
            status,
            id=self._ids.next(),
            uri=activity.id,
            at=self._clock.now(),
        )

    @routes.on(Undo, Like)
    async def unliked(self, tx: Tx, verified: Verified[Undo], found: Found) -> None:
        """Remove a favourite, found by its id or by who liked what: some peers undo under another id."""
        inner = verified.activity.inner
        assert isinstance(inner, Like)
        if inner.actor != verified.sender:
            raise _refused("not_owner", "Only who did it undoes it.")
        by = await self._people.doer(tx, verified.sender)
        if await self._unreact(tx, by, inner) or await self._holding.withdrawn(tx, by.id, inner.id):
            return
        liked: Favourite | favourite.Liked | None = await favourite.by_uri(tx, inner.id)
        if liked is None:
            status = await post_by_uri(tx, inner.object)
            if status is None:
                return
            liked = await favourite.favourite_by(tx, by.id, status.id)
        if liked is not None:
            await self._unlike(tx, by, liked)
        else:
            await undone.remember(tx, self._clock, by, inner.id, "Like")

    @routes.on(Undo, Announce)
    async def unannounced(self, tx: Tx, verified: Verified[Undo], found: Found) -> None:
        """Remove a boost, found by its id or by who passed on what."""
        inner = verified.activity.inner
        assert isinstance(inner, Announce)
        if inner.actor != verified.sender:
            raise _refused("not_owner", "Only who did it undoes it.")
        by = await self._people.doer(tx, verified.sender)
        if await self._holding.withdrawn(tx, by.id, inner.id):
            return
        passed_on: Post | None = await post_by_uri(tx, inner.id)
        if passed_on is None:
            original = await post_by_uri(tx, inner.object)
            if original is not None:
                passed_on = await boost.boost_by(tx, by.id, original.id)
            if passed_on is None:
                if original is not None or await is_followed_here(tx, verified.sender):
                    await undone.remember(tx, self._clock, by, inner.id, "Announce")
                return
        if passed_on.account_id != by.id or passed_on.boost_of_id is None:
            raise _refused("not_owner", "Only who did it undoes it.")
        await self._unboost(tx, passed_on)

    @routes.on(Undo)
    async def undone(self, tx: Tx, verified: Verified[Undo], found: Found) -> None:
        """Remove the favourite, the reaction or the boost of that id."""
        uri = verified.activity.object
        reaction = await reactions.by_uri(tx, uri)
        if reaction is not None:
            await self._withdraw_reaction(tx, await self._people.doer(tx, verified.sender), reaction)
            return
        liked = await favourite.by_uri(tx, uri)
        passed_on = await post_by_uri(tx, uri)
        if liked is None and (passed_on is None or passed_on.boost_of_id is None):
            by_known = await self._people.by_uri(tx, verified.sender)
            if by_known is not None and await self._holding.withdrawn(tx, by_known.id, uri):
                return
            await undone.remember(tx, self._clock, by_known, uri, "Activity")
            return
        by = await self._people.doer(tx, verified.sender)
        if liked is not None:
            await self._unlike(tx, by, liked)
        if passed_on is not None and passed_on.boost_of_id is not None:
            if passed_on.account_id != by.id:
                raise _refused("not_owner", "Only who did it undoes it.")
            await self._unboost(tx, passed_on)

    async def _keep(self, tx: Tx, note: Note) -> None:
        arrival = await look(tx, note)
        if not await concerns_us(tx, self._addresses, note, is_followed=arrival.is_followed):
            raise _refused("unrelated", "The post concerns nobody here.")
        await self._ingest.store(tx, note, arrival)

    async def _acted_on(self, tx: Tx, by: Doer, status: KnownPost) -> KnownPost:
        """Return the post that is acted on (what a boost passes on), if `by` may see it."""
        if status.boost_of_id is not None:
            original = await post_by_id(tx, status.boost_of_id)
            assert original is not None
            status = original
        if not await may_see(tx, by.id, status):
            raise _refused("not_visible", "There is no such post.")
        return status

    async def _boost_visibility(self, tx: Tx, by: Doer, activity: Announce) -> Visibility:
        """Read whom a boost is for. One that names nobody at all comes from peers that mean everybody."""
        if not activity.to and not activity.cc:
            return "public"
        followers = (await tx.core(_FOLLOWERS, {"actor": by.id})).scalar()
        visibility = visibility_from(activity.to, activity.cc, followers)
        return "private" if visibility == "direct" else visibility

    async def _unboost(self, tx: Tx, passed_on: Post) -> None:
        assert passed_on.boost_of_id is not None
        original = await post_by_id(tx, passed_on.boost_of_id)
        assert original is not None
        await boost.withdraw(tx, self._notifier, passed_on, original)

    async def _reacted(
        self, tx: Tx, by: Doer, status: KnownPost, activity: Like, chosen: reactions.Chosen
    ) -> None:
        if chosen.domain == host_of(by.uri):
            await emojis.remember(tx, self._ids, self._clock, chosen.domain, activity.tags)
        await reactions.record(
            tx,
            self._notifier,
            by,
            status,
            chosen,
            id=self._ids.next(),
            uri=activity.id,
            at=self._clock.now(),
        )

    async def _unreact(self, tx: Tx, by: Doer, like: Like) -> bool:
        """Remove the reaction of that id, or with that emoji; tell whether it was one."""
        reaction = await reactions.by_uri(tx, like.id)
        if reaction is None and like.content and (known := await post_by_uri(tx, like.object)) is not None:
            chosen = await reactions.understood(tx, like, self._addresses)
            if chosen is not None:
                status_id = known.boost_of_id or known.id
                reaction = await reactions.reaction_by(tx, by.id, status_id, chosen.name, chosen.domain)
        if reaction is None:
            return False
        await self._withdraw_reaction(tx, by, reaction)
        return True

    async def _withdraw_reaction(self, tx: Tx, by: Doer, reaction: Reaction) -> None:
        if reaction.account_id != by.id:
            raise _refused("not_owner", "Only who did it undoes it.")
        status = await post_by_id(tx, reaction.status_id)
        assert status is not None
        await reactions.withdraw(tx, self._notifier, reaction, status)

    async def _unlike(self, tx: Tx, by: Doer, liked: Favourite | favourite.Liked) -> None:
        if liked.account_id != by.id:
            raise _refused("not_owner", "Only who did it undoes it.")
        status = await post_by_id(tx, liked.status_id)
        assert status is not None
        await favourite.withdraw(tx, self._notifier, liked, status)


def _refused(reason: str, detail: str) -> Refused:
    return Refused(reason, detail, status=202)


def _may_be_a_post(addresses: Addresses, uri: str) -> bool:
    """Tell whether an address of ours has the shape of a post's; Spaces and people answer for theirs."""
    return addresses.is_ours(uri) and "/statuses/" in uri


async def _by_uri(tx: Tx, uri: str) -> Status | None:
    return (await tx.scalars(_BY_URI, {"uri": uri})).one_or_none()


async def _is_actor(tx: Tx, uri: str) -> bool:
    return bool((await tx.core(_IS_ACTOR, {"uri": uri})).scalar())
