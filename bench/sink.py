"""A server that takes everything: the baseline of the inbox, and where deliveries go. Run as a process.

python -m bench.sink bare PORT      an aiohttp server that reads a POST and answers 202
python -m bench.sink count PORT     a socket server for any number of hosts; GET / tells its count
"""

import asyncio
import sys
from typing import Any

from aiohttp import web

from fedispace.cli import loop


async def bare(port: int) -> None:
    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=202)

    application = web.Application()
    application.router.add_post("/inbox", take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


class Counter(asyncio.Protocol):
    """Reads HTTP/1.1 requests with a Content-Length, answers 202, counts."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            size = 0
            if b"content-length:" in head:
                size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self.buffer) < end + 4 + size:
                return
            self.buffer = self.buffer[end + 4 + size :]
            if head.startswith(b"get"):
                body = str(Counter.count).encode()
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            else:
                Counter.count += 1
                self.transport.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")


async def count(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Counter, "0.0.0.0", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    loop.run({"bare": bare, "count": count}[sys.argv[1]](int(sys.argv[2])))
