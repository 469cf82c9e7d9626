"""Somebody who listens to a room's events, on a real socket."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

import aiohttp

WITHIN = 5.0


class Listener:
    """A WebSocket on which `hello` has come: `async with Listener(origin, space_id, token) as listener`."""

    def __init__(
        self, origin: str, space_id: str, token: str | None = None, *, headers: dict[str, str] | None = None
    ) -> None:
        self._url = f"{origin}/spaces/{space_id}/signal"
        self._token = token
        self._headers = headers or {}
        self._session = aiohttp.ClientSession()
        self.hello: dict[str, Any] = {}
        self.heard: list[dict[str, Any]] = []
        self.socket: aiohttp.ClientWebSocketResponse

    async def __aenter__(self) -> Self:
        await self.connect()
        self.hello = await self.event("hello")
        return self

    async def connect(self) -> None:
        """Open the socket and show the pass."""
        self.socket = await self._session.ws_connect(self._url, headers=self._headers, max_msg_size=0)
        await self.say({"pass": self._token})

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._session.close()

    async def say(self, message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        """Return what comes next."""
        message = await asyncio.wait_for(self.socket.receive(), WITHIN)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        said = json.loads(message.data)
        assert isinstance(said, dict)
        self.heard.append(said)
        return said

    async def event(self, name: str) -> dict[str, Any]:
        """Return the next event of that name; what comes before it is kept in `heard`."""
        async with asyncio.timeout(WITHIN):
            while (said := await self.next())["event"] != name:
                pass
        return said

    async def closed(self) -> int:
        """Return the code with which the socket is closed; what comes before is kept in `heard`."""
        async with asyncio.timeout(WITHIN):
            while True:
                message = await self.socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                self.heard.append(json.loads(message.data))
        code = message.data if message.type is aiohttp.WSMsgType.CLOSE else self.socket.close_code
        assert isinstance(code, int)
        return code
