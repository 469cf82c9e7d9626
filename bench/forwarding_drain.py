"""Counting what waits in a socket with few system calls: recvmmsg(2), reached through cffi.

A crowd of thousands in one process could not read its packets one by one. Only the first bytes of
each are looked at.
"""

import socket
from collections.abc import Iterator

from fedispace.media.live.sendmmsg import ffi as base

_AT_ONCE = 64
_HEAD = 20

ffi = type(base)()
ffi.include(base)
ffi.cdef("int recvmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags, void *timeout);")
_libc = ffi.dlopen(None)
_heads = ffi.new("char[]", _AT_ONCE * _HEAD)
_vectors = ffi.new("struct iovec[]", _AT_ONCE)
_messages = ffi.new("struct mmsghdr[]", _AT_ONCE)
_view = ffi.buffer(_heads)
for _index in range(_AT_ONCE):
    _vectors[_index].iov_base = _heads + _index * _HEAD
    _vectors[_index].iov_len = _HEAD
    _messages[_index].msg_hdr.msg_iov = _vectors + _index
    _messages[_index].msg_hdr.msg_iovlen = 1


def heads(sock: socket.socket) -> Iterator[bytes]:
    """Take everything that waits out of `sock`; yield the first bytes of each datagram."""
    while True:
        count = _libc.recvmmsg(sock.fileno(), _messages, _AT_ONCE, socket.MSG_DONTWAIT, ffi.NULL)
        if count <= 0:
            return
        found = _view[: count * _HEAD]
        for start in range(0, count * _HEAD, _HEAD):
            yield found[start : start + _HEAD]
        if count < _AT_ONCE:
            return
