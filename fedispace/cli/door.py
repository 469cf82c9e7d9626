"""The address an instance answers at: `server.listen`, and an error that names it."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from fedispace.config import Config, address_of
from fedispace.errors import ConfigError


def claim(settings: Config) -> socket.socket:
    """Take the port before any work begins, so that a port in use stops nothing half done."""
    host, port = address_of(settings.server.listen)
    with named(settings), ExitStack() as unless_taken:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = unless_taken.enter_context(socket.socket(family, kind, protocol))
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        unless_taken.pop_all()
    return door


@contextmanager
def named(settings: Config) -> Iterator[None]:
    """Name the setting when its address cannot be used."""
    try:
        yield
    except OSError as error:
        listen = settings.server.listen
        raise ConfigError(f"server.listen: {listen} cannot be used: {error.strerror}") from error
