"""The calls a client makes: Mastodon's, and our own for Spaces, with a bearer token."""

import ssl
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.ground.names import Names, RunResolver

Json = dict[str, Any]


class Refusal(AssertionError):
    """The server answered with an error status."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path} was answered {status}: {body:.800}")
        self.status = status
        self.body = body


class Api:
    """One person's client of one server."""

    def __init__(
        self,
        origin: str,
        token: str | None,
        *,
        names: Names,
        trust: ssl.SSLContext,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.origin = origin
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=RunResolver(names), ssl=trust),
            headers={**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})},
            timeout=aiohttp.ClientTimeout(total=60),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, **parameters: str) -> Any:
        return await self._call("GET", path, params=parameters)

    async def post(self, path: str, body: Json | None = None) -> Any:
        return await self._call("POST", path, json=body or {})

    async def put(self, path: str, body: Json | None = None) -> Any:
        return await self._call("PUT", path, json=body or {})

    async def patch(self, path: str, body: Json) -> Any:
        return await self._call("PATCH", path, json=body)

    async def delete(self, path: str) -> Any:
        return await self._call("DELETE", path)

    async def document(self, uri: str) -> Json:
        """Fetch an ActivityPub document, unsigned."""
        accept = {"Accept": "application/activity+json"}
        found: Json = await self._call("GET", uri.removeprefix(self.origin), headers=accept)
        return found

    async def page(self, path: str) -> str:
        """Fetch what a browser without JavaScript would show."""
        async with self._session.get(self.origin + path, headers={"Accept": "text/html"}) as response:
            text = await response.text()
            if response.status >= 400:
                raise Refusal("GET", path, response.status, text)
            return text

    # Mastodon's calls

    async def me(self) -> Json:
        return self._object(await self.get("/api/v1/accounts/verify_credentials"))

    async def search(self, text: str) -> Json:
        """Look up an address or a URI, at its origin when it is not known here."""
        return self._object(await self.get("/api/v2/search", q=text, resolve="true"))

    async def account(self, address: str) -> Json:
        """Return the one account that the search finds."""
        accounts = (await self.search(address))["accounts"]
        assert len(accounts) == 1, f"{address} found {accounts!r:.500}"
        return self._object(accounts[0])

    async def status_of(self, uri: str) -> Json:
        """Return the one post that the search finds for its URI."""
        statuses = (await self.search(uri))["statuses"]
        assert len(statuses) == 1, f"{uri} found {statuses!r:.500}"
        return self._object(statuses[0])

    async def follow(self, account_id: str) -> Json:
        return self._object(await self.post(f"/api/v1/accounts/{account_id}/follow"))

    async def relationship(self, account_id: str) -> Json:
        found = await self.get("/api/v1/accounts/relationships", **{"id[]": account_id})
        return self._object(found[0])

    async def publish(self, text: str, **more: Any) -> Json:
        return self._object(await self.post("/api/v1/statuses", {"status": text, **more}))

    async def status(self, status_id: str) -> Json:
        return self._object(await self.get(f"/api/v1/statuses/{status_id}"))

    async def context(self, status_id: str) -> Json:
        return self._object(await self.get(f"/api/v1/statuses/{status_id}/context"))

    async def favourite(self, status_id: str) -> Json:
        return self._object(await self.post(f"/api/v1/statuses/{status_id}/favourite"))

    async def boost(self, status_id: str) -> Json:
        return self._object(await self.post(f"/api/v1/statuses/{status_id}/reblog"))

    async def delete_status(self, status_id: str) -> Json:
        return self._object(await self.delete(f"/api/v1/statuses/{status_id}"))

    async def home(self) -> list[Json]:
        return self._list(await self.get("/api/v1/timelines/home", limit="40"))

    async def notifications(self) -> list[Json]:
        return self._list(await self.get("/api/v1/notifications", limit="40"))

    # Our own

    async def publish_thread(self, *texts: str) -> list[Json]:
        posts = [{"text": text} for text in texts]
        return self._list(await self.post("/api/fedispace/v1/threads", {"posts": posts}))

    async def create_space(self, title: str, **more: Any) -> Json:
        return self._object(await self.post("/api/fedispace/v1/spaces", {"title": title, **more}))

    async def open_space(self, space_id: str) -> Json:
        return self._object(await self.post(f"/api/fedispace/v1/spaces/{space_id}/open"))

    async def close_space(self, space_id: str) -> Json:
        return self._object(await self.post(f"/api/fedispace/v1/spaces/{space_id}/close"))

    async def space(self, space_id: str) -> Json:
        return self._object(await self.get(f"/api/fedispace/v1/spaces/{space_id}"))

    async def resolve_space(self, uri: str) -> Json:
        return self._object(await self.get("/api/fedispace/v1/spaces/resolve", uri=uri))

    async def join_space(self, space_id: str, role: str) -> Json:
        return self._object(await self.post(f"/api/fedispace/v1/spaces/{space_id}/join", {"role": role}))

    async def exchange_sdp(self, url: str, ticket: str, offer: str) -> tuple[str, str]:
        """POST an SDP offer as WHIP (RFC 9725) and WHEP do; return the answer and the session's URL."""
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {ticket}"}
        async with self._session.post(url, data=offer, headers=headers) as response:
            text = await response.text()
            if response.status != 201:
                raise Refusal("POST", url, response.status, text)
            return text, response.headers["Location"]

    async def _call(self, method: str, path: str, **arguments: Any) -> Any:
        async with self._session.request(method, self.origin + path, **arguments) as response:
            text = await response.text()
            if response.status >= 400:
                raise Refusal(method, path, response.status, text)
            return await response.json(content_type=None)

    @staticmethod
    def _object(value: Any) -> Json:
        assert isinstance(value, dict), f"not an object: {value!r:.500}"
        return value

    @staticmethod
    def _list(value: Any) -> list[Json]:
        assert isinstance(value, list), f"not a list: {value!r:.500}"
        return value
