"""A peer on bovine: it answers for one actor, verifies what it is sent, and posts what it is told.

Run by the interpreter of .venv-peers. Settings come from the environment: PEER_NAME, PEER_ADDRESS,
PEER_CHAIN, PEER_KEY, PEER_CONTROL (a port of 127.0.0.1).
Control: GET /received, POST /post {inbox, activity}, GET /fetch?uri=, GET /notes.
"""

import asyncio
import json
import os
import secrets
from typing import Any

from bovine import BovineActor
from bovine.activitystreams import Actor
from bovine.clients.signed_http import legacy_digest_method_uppercase
from bovine.crypto import build_validate_http_signature, generate_rsa_public_private_key
from bovine.crypto.types import CryptographicIdentifier
from bovine.utils import webfinger_response_json
from fediverse_pasture_inputs import available
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, request

_TYPE = {"content-type": "application/activity+json"}


class Peer:
    """One actor, its keys and everything it has received."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.id = f"https://{name}/actor"
        self.received: list[dict[str, Any]] = []
        self.public_key, self._private_key = generate_rsa_public_private_key()
        self.actor = BovineActor(
            actor_id=self.id,
            public_key_url=f"{self.id}#main-key",
            secret=self._private_key,
            digest_method=legacy_digest_method_uppercase,
        )

    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = Actor(
            id=self.id,
            preferred_username="buttercup",
            name="Buttercup",
            inbox=f"https://{self.name}/inbox",
            outbox=f"https://{self.name}/outbox",
            followers=f"https://{self.name}/followers",
            public_key=self.public_key,
            public_key_name="main-key",
        ).build()
        return document

    async def key_of(self, key_id: str) -> CryptographicIdentifier | None:
        owner = await self.actor.get(key_id.split("#")[0])
        return CryptographicIdentifier.from_public_key(owner["publicKey"])


def public_door(peer: Peer) -> Quart:
    """What the fediverse sees."""
    app = Quart("door")
    verify = build_validate_http_signature(peer.key_of)

    @app.get("/.well-known/webfinger")
    async def webfinger() -> Any:
        return webfinger_response_json(f"acct:buttercup@{peer.name}", peer.id)

    @app.get("/actor")
    async def actor() -> Any:
        return peer.document(), 200, _TYPE

    @app.get("/<any(outbox, followers):collection>")
    async def empty(collection: str) -> Any:
        document = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"https://{peer.name}/{collection}",
            "type": "OrderedCollection",
            "totalItems": 0,
            "orderedItems": [],
        }
        return document, 200, _TYPE

    @app.post("/inbox")
    async def inbox() -> Any:
        signer = await verify(request)
        if not signer:
            return {"error": "the signature does not verify"}, 401
        peer.received.append({"signer": signer, "activity": await request.get_json(force=True)})
        return {}, 202

    return app


def control(peer: Peer) -> Quart:
    """What the tests ask of it."""
    app = Quart("control")

    @app.get("/received")
    async def received() -> Any:
        return peer.received

    @app.post("/post")
    async def post() -> Any:
        order = await request.get_json()
        activity = {"id": f"https://{peer.name}/activities/{secrets.token_hex(8)}", **order["activity"]}
        assert peer.actor.client is not None
        response = await peer.actor.client.post(order["inbox"], json.dumps(activity))
        return {"id": activity["id"], "status": response.status, "body": await response.text()}

    @app.get("/fetch")
    async def fetch() -> Any:
        return await peer.actor.get(request.args["uri"])

    @app.get("/notes")
    async def notes() -> Any:
        return [
            {"group": group, "example": example}
            for group, data in sorted(available.items())
            for example in data.examples
        ]

    return app


async def main() -> None:
    peer = Peer(os.environ["PEER_NAME"])
    await peer.actor.init()
    door = Config()
    door.bind = [f"{os.environ['PEER_ADDRESS']}:443"]
    door.certfile, door.keyfile = os.environ["PEER_CHAIN"], os.environ["PEER_KEY"]
    desk = Config()
    desk.bind = [f"127.0.0.1:{os.environ['PEER_CONTROL']}"]
    await asyncio.gather(serve(public_door(peer), door), serve(control(peer), desk))


asyncio.run(main())
