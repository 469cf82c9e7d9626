"""Listeners that nobody may ever reach; one connection is a failed test."""

import socket
import threading
from types import TracebackType
from typing import Self


class Canaries:
    """Listens at the given addresses and counts who came."""

    def __init__(self, *addresses: tuple[str, int]) -> None:
        self.visits: list[str] = []
        self._sockets = [self._listen(host, port) for host, port in addresses]
        self._threads = [
            threading.Thread(target=self._watch, args=(listener,), daemon=True) for listener in self._sockets
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in self._sockets:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in self._threads:
            thread.join(5)

    @property
    def ports(self) -> list[int]:
        return [int(listener.getsockname()[1]) for listener in self._sockets]

    @staticmethod
    def _listen(host: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        # Two runs may watch the same well-known port of 127.0.0.1 at once.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen()
        return listener

    def _watch(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            self.visits.append(f"{peer[0]}:{peer[1]} reached {connection.getsockname()[:2]}")
            connection.close()
