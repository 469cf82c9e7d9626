"""The corpus, spoken: the peer is a server of one software, and our alice meets one of its people.

The documents are those of `corpus/`, word for word but for what differs in each run: hosts are reached
by plain HTTP, keys are the run's, and what they say of alice, her post and her Follow means the real ones.
"""

import json
import re
from pathlib import Path
from typing import Any

from tests.api.site import Client
from tests.federation.fediverse import DIALECTS, ELSEWHERE, Fediverse
from tests.federation.peer import Answer, private_key
from tests.ground.signing import SigningKey

CORPUS = Path(__file__).parent / "corpus"
_OURS = re.compile(r"https://a\.example/(users/\w+|@\w+|posts/\d+|activities/\d+)")


class Dialect:
    """One software. `friend` is the actor whom alice follows, `friend_id` their account here."""

    def __init__(self, fediverse: Fediverse, alice: Client, software: str) -> None:
        self.fediverse = fediverse
        self.peer = fediverse.peer
        self.alice = alice
        self.software = software
        self.host = DIALECTS[software]
        self.post: dict[str, Any] = {}
        self.friend = ""
        self.friend_id = ""
        self._follow = ""
        self._public_pem = SigningKey(key_id="", private=private_key("one")).public_pem

    async def begin(self, actor: str = "person") -> None:
        """Let alice write a post, and follow the actor of that document, who accepts in this dialect."""
        self.post = await self.alice.post("/api/v1/statuses", {"status": "Bread!"})
        for name in self.names():
            document = self.read(name)
            if "publicKey" in document:
                self.peer.documents[document["publicKey"]["id"]] = document
            if name != "key-stub" and not _is_activity(document):
                self.peer.documents[document["id"]] = document
        self.friend = self.read(actor)["id"]
        found = await self.alice.get("/api/v2/search", q=self.friend, resolve="true", type="accounts")
        self.friend_id = found["accounts"][0]["id"]
        await self.alice.post(f"/api/v1/accounts/{self.friend_id}/follow")
        await self.fediverse.settle()
        (follow,) = [each.activity for each in self.peer.received if each.activity["type"] == "Follow"]
        self._follow = follow["id"]
        assert await self.say("accept") == "done"

    def read(self, name: str) -> dict[str, Any]:
        """Return a document as its server would send it to alice's."""
        text = (CORPUS / self.software / f"{name}.json").read_text(encoding="utf-8")
        text = _OURS.sub(self._meant, text)
        for host in (self.host, *ELSEWHERE):
            text = text.replace(f"https://{host}", f"http://{host}")
        document: dict[str, Any] = json.loads(text)
        _keep_pictures(document)
        for stated in (document, document.get("object")):
            if isinstance(stated, dict) and "publicKeyPem" in (stated.get("publicKey") or {}):
                stated["publicKey"]["publicKeyPem"] = self._public_pem
        return document

    def _meant(self, match: re.Match[str]) -> str:
        what = match[1]
        if what.startswith("users/"):
            return self.alice.account.uri
        if what.startswith("@"):
            return self.alice.account.url
        return str(self.post["uri"]) if what.startswith("posts/") else self._follow

    async def say(self, name: str, **changed: Any) -> str:
        """Deliver an activity, and return what became of it; its post is then to be had from its server."""
        activity = {**self.read(name), **changed}
        self._show(activity["object"], activity["@context"])
        answer = await self.deliver(activity)
        assert answer.status == 202, (name, answer.status, answer.body)
        await self.fediverse.settle()
        return (await self.fediverse.alpha.fates()).get(activity["id"], "not kept")

    def _show(self, carried: Any, context: Any) -> None:
        """Let what an activity carries be read at its own address too, and what that carries."""
        if isinstance(carried, dict) and str(carried.get("id")).startswith(f"http://{self.host}/"):
            self.peer.documents[carried["id"]] = {"@context": context, **carried}
            self._show(carried.get("object"), context)

    async def deliver(self, activity: dict[str, Any]) -> Answer:
        actor = self.peer.documents.get(activity["actor"], {})
        key_id = actor.get("publicKey", {}).get("id")
        return await self.peer.post(self.fediverse.alpha.inbox, activity, key_id=key_id)

    def names(self) -> list[str]:
        """Return the names of all documents of this software."""
        return [file.stem for file in sorted((CORPUS / self.software).glob("*.json"))]

    async def done(self, *names: str) -> None:
        """Deliver these in this order; each must be done, and not dropped."""
        for name in names:
            fate = await self.say(name)
            assert fate == "done", f"{name}: {fate}"

    async def say_everything(self) -> dict[str, str]:
        """Deliver every activity there is, in the order of their names; return what became of each."""
        return {name: await self.say(name) for name in self.names() if _is_activity(self.read(name))}

    async def home(self) -> dict[str, dict[str, Any]]:
        """Return the posts of alice's home timeline that are not her own, by their address."""
        posts = await self.alice.get("/api/v1/timelines/home")
        return {post["uri"]: post for post in posts if post["account"]["id"] != self.alice.id}

    async def mine(self) -> dict[str, Any]:
        """Return alice's post as it is now."""
        return dict(await self.alice.get(f"/api/v1/statuses/{self.post['id']}"))

    async def notices(self) -> list[str]:
        """Return what alice was told of, oldest first."""
        told = await self.alice.get("/api/v1/notifications", limit="40")
        return [each["type"] for each in reversed(told)]

    async def relation(self) -> dict[str, Any]:
        (found,) = await self.alice.get("/api/v1/accounts/relationships", **{"id[]": self.friend_id})
        return dict(found)

    async def profile(self) -> dict[str, Any]:
        return dict(await self.alice.get(f"/api/v1/accounts/{self.friend_id}"))


def _keep_pictures(document: Any) -> None:
    """Leave the addresses of pictures as they were: they are shown to readers, who load them by HTTPS."""
    for each in document.values() if isinstance(document, dict) else document:
        if isinstance(each, dict | list):
            _keep_pictures(each)
    if isinstance(document, dict) and document.get("type") in ("Image", "Document"):
        document["url"] = str(document["url"]).replace("http://", "https://")


def _is_activity(document: dict[str, Any]) -> bool:
    return "actor" in document and "object" in document
