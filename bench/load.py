"""Sends ready-made requests over keep-alive connections and reads the answers; costs next to nothing."""

import asyncio
from collections import Counter
from collections.abc import Sequence


async def send_all(port: int, requests: Sequence[bytes], connections: int = 32) -> Counter[int]:
    """Send every request once; return how often each status came back."""
    waiting = iter(requests)
    statuses: Counter[int] = Counter()

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            statuses[int(head[9:12])] += 1
            lower = head.lower()
            if b"content-length:" in lower:
                await reader.readexactly(int(lower.split(b"content-length:")[1].split(b"\r\n")[0]))
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(connections)))
    return statuses


def post(path: str, host: str, headers: dict[str, str], body: bytes) -> bytes:
    """Return the bytes of one POST."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() != "host"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
