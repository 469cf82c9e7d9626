"""A server that takes everything: the baseline of the inbox, and where deliveries go. Run as a process.

python -m bench.sink bare PORT      an aiohttp server that reads a POST and answers 202
python -m bench.sink count PORT     a socket server for any number of hosts; GET / tells its count
python -m bench.sink secure PORT FOLDER HOSTS
                                    the same over TLS, each host 127.1.x.y with a certificate of its own;
                                    FOLDER/ca.pem is to be trusted, and PORT + 1 tells the count
"""

import asyncio
import ipaddress
import socket
import ssl
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fedispace.cli import loop
from fedispace.clock import SystemClock


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


def address(number: int) -> str:
    """Return the loopback address of one of many hosts."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


async def secure(port: int, folder: str, hosts: int) -> None:
    """Answer each host's address with its own certificate, as that many servers would."""
    contexts = certificates(Path(folder), [address(number) for number in range(hosts)])
    running = asyncio.get_running_loop()
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.setblocking(False)
    door.bind(("0.0.0.0", port))
    door.listen(4096)
    await running.create_server(Counter, "127.0.0.1", port + 1)
    shaking: set[asyncio.Task[Any]] = set()
    while True:
        accepted, _ = await running.sock_accept(door)
        context = contexts[accepted.getsockname()[0]]
        task = running.create_task(running.connect_accepted_socket(Counter, accepted, ssl=context))
        shaking.add(task)
        task.add_done_callback(shaking.discard)


def certificates(folder: Path, addresses: list[str]) -> dict[str, ssl.SSLContext]:
    """Make an authority and a P-256 certificate for each address."""
    now = SystemClock().now()
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def signed(subject: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType) -> bytes:
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench authority")])
        builder = x509.CertificateBuilder().issuer_name(issuer).public_key(subject.public_key())
        builder = builder.subject_name(issuer if subject is authority else named)
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.serial_number(x509.random_serial_number()).add_extension(extension, critical=False)
        return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    contexts = {}
    for each in addresses:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(each))])
        (folder / "host.pem").write_bytes(private + signed(key, names))
        contexts[each] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[each].load_cert_chain(folder / "host.pem")
    (folder / "ca.pem").write_bytes(signed(authority, x509.BasicConstraints(ca=True, path_length=None)))
    return contexts


if __name__ == "__main__":
    if sys.argv[1] == "secure":
        loop.run(secure(int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
    else:
        loop.run({"bare": bare, "count": count}[sys.argv[1]](int(sys.argv[2])))
