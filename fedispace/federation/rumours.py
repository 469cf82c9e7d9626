"""What others say that somebody said: it is not believed, but asked for where it lives.

Mastodon forwards replies with a signature over the JSON-LD graph, which takes a whole RDF processor to
check and which has been forged in peers that check it. We take such an activity for a hint: at most one
GET of the object from its own server, by a job, and only for an answer to a post that is known here or
for a change of one. Nobody makes us ask a host more often than `HINTS` times in five minutes. What a relay
of ours sends on is asked for in the same way, new posts too.
"""

import structlog

from fedispace.clock import Clock
from fedispace.db.engine import Database
from fedispace.federation.addresses import Addresses
from fedispace.federation.hints import Hints
from fedispace.federation.origin import same_origin
from fedispace.federation.verify import Hearsay
from fedispace.federation.vocab.activities import Activity, Create, Delete, Update
from fedispace.federation.vocab.objects import Note
from fedispace.federation.vocab.uri import Uri
from fedispace.hosts import host_of
from fedispace.queue.jobs import Jobs

log = structlog.get_logger()

TASK = "federation.rumour"
HINTS = 30
RELAYED_HINTS = 300


class Rumours:
    """Turns hearsay into jobs; the features do them (`TASK`, with `kind`, `uri` and `in_reply_to`)."""

    def __init__(self, db: Database, clock: Clock, addresses: Addresses, jobs: Jobs) -> None:
        self._db = db
        self._addresses = addresses
        self._jobs = jobs
        self._hints = Hints(clock)

    async def heard(self, hearsay: Hearsay) -> None:
        """Have the object looked up later, if it is worth a look."""
        subject = _subject(hearsay.activity)
        if subject is None or not same_origin(subject, hearsay.author) or self._addresses.is_ours(subject):
            log.info("rumour.dropped", reason="not_its_actors", activity=hearsay.activity.id)
            return
        if not self._hints.may_ask(host_of(subject), RELAYED_HINTS if hearsay.relayed else HINTS):
            log.info("rumour.dropped", reason="rate", activity=hearsay.activity.id)
            return
        told = getattr(hearsay.activity, "object", None)
        arguments = {
            "kind": type(hearsay.activity).__name__,
            "uri": subject,
            "in_reply_to": told.in_reply_to if isinstance(told, Note) else None,
            "relayed": hearsay.relayed,
        }
        async with self._db.transaction() as tx:
            await self._jobs.enqueue(tx, TASK, arguments, unique_key=f"rumour {subject}")


def _subject(activity: Activity) -> Uri | None:
    """Return the id of what was made, changed or deleted."""
    match activity:
        case Create(object=Note() as note) | Update(object=Note() as note):
            return note.id
        case Create(object=str() as uri) | Update(object=str() as uri) | Delete(object=uri):
            return uri
        case _:
            return None
