"""Seals what we say in public: an integrity proof (FEP-8b32) on the activity, so that it may be passed on.

A sealed activity proves its author to whoever holds it, from whomever they have it. That is what makes
a reply believable that a third server forwards; for the same reason nothing is sealed that was not said
in public: a followers-only or direct post with a proof would let each recipient prove private speech to
the world. What concerns two people only (follows, blocks, answers to them) is not sealed either.

The proof is made once, over exactly the bytes that are stored, sent and shown.
"""

from typing import Any

import msgspec

from fedispace.clock import Clock
from fedispace.db.engine import Tx
from fedispace.federation import codec, proofs
from fedispace.federation.actors import Keyring
from fedispace.federation.codec_context import DATA_INTEGRITY
from fedispace.federation.vocab.activities import Activity


class Seal:
    """Makes the bytes of public activities. About 0.1 ms each, which is why it is done once."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock

    async def body(self, tx: Tx, sender_id: int, activity: Activity) -> bytes:
        """Return the activity as JSON with a proof by the Ed25519 key of the local actor `sender_id`."""
        signer = await self._keyring.signer_in(tx, sender_id)
        document = codec.write(activity)
        document["@context"] = _with_data_integrity(document["@context"])
        return msgspec.json.encode(proofs.with_proof(document, signer.ed25519, self._clock.now()))


def _with_data_integrity(context: Any) -> list[Any]:
    """Return the context with the one that defines `proof`, right behind the address it begins with."""
    first, *rest = context if isinstance(context, list) else [context]
    return [first, DATA_INTEGRITY, *rest]
