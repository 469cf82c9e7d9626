"""Servers that have never heard of Spaces, in their own words.

What they send are the documents of `tests/federation/corpus`, word for word but for hosts, keys, times, and
what they are about; what they are sent is kept as it came.
"""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.ground.api import Json
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.recorder import CONTEXT, Recorder

_CORPUS: Final = Path(__file__).parents[1] / "federation" / "corpus"
_PEOPLE: Final = {"mastodon": "https://{}/users/ada", "mobilizon": "https://{}/@maya"}


class Stand(Recorder):
    """A server of one software, with one person; to be entered with `async with`."""

    def __init__(self, ground: Ground, software: str, host: str) -> None:
        super().__init__(ground.names, ground.authority, host)
        self._software = software
        self.host = host
        self.me = _PEOPLE[software].format(host)
        person = self._read("person")
        person["publicKey"]["publicKeyPem"] = self.key(self.me).public_pem
        for picture in ("icon", "image"):
            person.pop(picture, None)
        self.documents[self.me] = person

    def actor(self, user: str, host: str | None = None) -> str:
        return self.me

    async def says(self, name: str, about: str, to: Json, *, status: int = 202, **more: Any) -> Json:
        """Send the activity of that name to somebody of ours (an actor), and return it."""
        activity = {**self._read(name), "id": f"https://{self.host}/{secrets.token_hex(8)}", "object": about}
        await self._deliver({**activity, **more}, to, status)
        return {**activity, **more}

    async def writes(self, text: str, to: Json, in_reply_to: str, *, status: int = 202) -> str:
        """Send a reply that mentions somebody of ours, as it would be written now; return its id."""
        create = self._read("create-note")
        id_, now = f"{self.me}/statuses/{secrets.randbelow(10**17)}", _now()
        create |= {"id": f"{id_}/activity", "published": now, "cc": [f"{self.me}/followers", to["id"]]}
        create["object"] |= {
            "id": id_,
            "url": id_,
            "atomUri": id_,
            "published": now,
            "cc": create["cc"],
            "inReplyTo": in_reply_to,
            "inReplyToAtomUri": in_reply_to,
            "content": f"<p>{text}</p>",
            "contentMap": {"en": f"<p>{text}</p>"},
            "attachment": [],
            "tag": [{"type": "Mention", "href": to["id"], "name": f"@{to['preferredUsername']}"}],
        }
        for gone in ("replies", "likes", "shares", "context", "conversation"):
            create["object"].pop(gone)
        self.documents[id_] = {"@context": CONTEXT, **create["object"]}
        await self._deliver(create, to, status)
        return id_

    async def follows(self, to: Json) -> None:
        """Follow somebody of ours, and wait for the answer."""
        follow = await self.says("follow", to["id"], to)
        await self.gets("the Accept of a Follow", "Accept", lambda one: _id(one["object"]) == follow["id"])

    async def gets(self, what: str, kind: str, is_it: Any) -> Json:
        """Wait for an activity of that kind, and return the newest that it is."""

        async def found() -> list[Json]:
            return [one for one in self.received(kind) if is_it(one)]

        return (await eventually(f"{self.host} gets {what}", found, bool))[-1]

    async def _deliver(self, activity: Json, to: Json, status: int) -> None:
        answer = await self.send(to["inbox"], activity)
        assert answer.status == status, (answer.status, answer.body)

    def _read(self, name: str) -> Json:
        text = (_CORPUS / self._software / f"{name}.json").read_text(encoding="utf-8")
        read: Json = json.loads(text.replace(f"https://{self._software}.example", f"https://{self.host}"))
        return read


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _id(value: Any) -> Any:
    return value["id"] if isinstance(value, dict) else value
