"""Many datagrams in one system call: sendmmsg(2), reached through cffi without a compiler.

Where the C library has none (macOS, Windows) `send_all` is None and the fan-out sends one by one.
"""

import errno
import socket
import struct
from collections.abc import Callable
from typing import Any

from cffi import FFI

from fedispace.media.live.path import UdpAddress

ffi = FFI()
ffi.cdef(
    """
    struct iovec { void *iov_base; size_t iov_len; };
    struct msghdr {
        void *msg_name; unsigned int msg_namelen;
        struct iovec *msg_iov; size_t msg_iovlen;
        void *msg_control; size_t msg_controllen;
        int msg_flags;
    };
    struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
    int sendmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags);
    """
)

NAME_BYTES = 28  # sizeof(struct sockaddr_in6)
_DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)
_FULL = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM})

SendAll = Callable[[int, Any, int, int], int]


def socket_address(address: UdpAddress, family: int) -> bytes:
    """Return `address` as the kernel's struct sockaddr."""
    if family == socket.AF_INET6:
        flow, scope = (address[2], address[3]) if len(address) == 4 else (0, 0)
        packed = socket.inet_pton(socket.AF_INET6, address[0].partition("%")[0])
        return (
            struct.pack("=H", family)
            + struct.pack("!HI16s", address[1], flow, packed)
            + struct.pack("=I", scope)
        )
    return struct.pack("=H", family) + struct.pack("!H4s8x", address[1], socket.inet_aton(address[0]))


def _load() -> SendAll | None:
    try:
        library: Any = ffi.dlopen(None)
        call = library.sendmmsg
    except (AttributeError, OSError):
        return None

    def send_all(descriptor: int, messages: Any, first: int, count: int) -> int:
        """Send `count` messages from number `first`; return how many left. A full socket drops the
        rest; a message that the kernel refuses (its peer is unreachable) drops alone."""
        sent = 0
        at, end = first, first + count
        while at < end:
            done = call(descriptor, messages + at, end - at, _DONT_WAIT)
            if done > 0:
                sent += done
                at += done
            elif ffi.errno in _FULL:
                break
            elif ffi.errno != errno.EINTR:
                at += 1
        return sent

    return send_all


send_all = _load()
