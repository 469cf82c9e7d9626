"""Fan-out: one packet, encrypted for each subscriber, sent to all of them in one system call.

    slot     0        1        2        3
    buffer   [SRTP..] [SRTP..] [SRTP..]  (free)     one line of memory, made once
    message  -> name, -> buffer                     what sendmmsg reads
    key      srtp_t   srtp_t   srtp_t               lists that grow at the end;
    variant  0        0        1                    a leaver's place is taken by the last

Joining and leaving touch one slot, whatever the room's size. The header differs little between
subscribers (payload type, and a sequence offset), so it is written once per variant, not per
subscriber. What remains for each is one copy, one encryption in the C library, and the kernel's send.
Subscribers by TCP have slots among the others; they are left out of the system call and written to
one by one, so that each costs only itself.

Who loses packets gets copies of the two before with each (RFC 2198), if he said that he reads them: a
variant of its own, which costs those who lose none nothing.

Sequence numbers start in the lower half of their range for everyone: were they to wrap before a
newcomer's first packet arrives, the two sides would disagree on SRTP's rollover counter for good
(RFC 3711, section 3.3.1).
"""

import socket
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pylibsrtp._binding import ffi as srtp_ffi
from pylibsrtp._binding import lib as srtp_lib

from fedispace.media.live import red, rtp
from fedispace.media.live.dtls import SrtpSession
from fedispace.media.live.path import Address
from fedispace.media.live.sendmmsg import NAME_BYTES, ffi, send_all, socket_address

_STRIDE = 1536
_TRAILER = 148
_FIRST_CAPACITY = 16
LARGEST_PAYLOAD = _STRIDE - rtp.HEADER - _TRAILER
_HALF = 0x8000
_COPIES = 2
_MOST_HEADS = 4 * _COPIES + 1


Variant = tuple[int, int, int | None]
"""A header that several subscribers share: payload type, sequence offset, and RED's payload type."""


@dataclass(eq=False, slots=True)
class Slot:
    """One subscriber's place. `keys` is held here because C keeps only a pointer into it."""

    keys: SrtpSession
    address: Address
    variant: int
    packets_before: int
    octets_before: int
    payload_type: int
    offset: int
    red_payload_type: int | None = None
    index: int = -1


class FanOut:
    """The subscribers of one stream."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._family = sock.family
        self._slots: list[Slot] = []
        self._keys: list[Any] = []
        self._kinds: list[int] = []
        self._sizes: list[int] = []
        self._variants: list[Variant | None] = []
        self._users: Counter[int] = Counter()
        self._recent: deque[tuple[bytes, int]] = deque(maxlen=_COPIES)
        self._streams: set[Slot] = set()
        self._length = srtp_ffi.new("int *")
        self._sequence = 0
        self.packets = 0
        self.octets = 0
        self.sent = 0
        self.sent_octets = 0
        self._grow(_FIRST_CAPACITY)

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def variants(self) -> int:
        """How many forms of a packet are written for the subscribers there are."""
        return len(self._users)

    @property
    def slots(self) -> list[Slot]:
        """The subscribers; not to be changed."""
        return self._slots

    def add(
        self, keys: SrtpSession, payload_type: int, address: Address, red_payload_type: int | None = None
    ) -> Slot:
        """Begin to send to one more."""
        offset = (self._sequence + 1) & _HALF
        variant = self._use((payload_type, offset, None))
        slot = Slot(keys, address, variant, self.packets, self.octets, payload_type, offset, red_payload_type)
        if len(self._slots) == self._capacity:
            self._grow(2 * self._capacity)
        slot.index = len(self._slots)
        self._slots.append(slot)
        self._keys.append(keys._srtp[0])
        self._kinds.append(variant)
        self._sizes.append(0)
        self._place(slot)
        return slot

    def protect(self, slot: Slot, wanted: bool) -> None:
        """Send copies along from now on, or no longer, to one who reads them."""
        if slot.index < 0:
            return
        red_payload_type = slot.red_payload_type if wanted else None
        before, slot.variant = slot.variant, self._use((slot.payload_type, slot.offset, red_payload_type))
        self._kinds[slot.index] = slot.variant
        self._leave_unused(before)

    def _use(self, variant: Variant) -> int:
        """Return the number of a variant, and count one more who gets it."""
        if variant in self._variants:
            number = self._variants.index(variant)
        elif None in self._variants:
            number = self._variants.index(None)
            self._variants[number] = variant
        else:
            number = len(self._variants)
            self._variants.append(variant)
        self._users[number] += 1
        return number

    def _leave_unused(self, number: int) -> None:
        """Count one less. What nobody gets any more is written no more: a header, and copies, per packet."""
        self._users[number] -= 1
        if not self._users[number]:
            del self._users[number]
            self._variants[number] = None

    def remove(self, slot: Slot) -> None:
        """Stop sending to one; the last takes his place."""
        last = self._slots.pop()
        key, kind = self._keys.pop(), self._kinds.pop()
        self._sizes.pop()
        if last is not slot:
            last.index = slot.index
            self._slots[last.index] = last
            self._keys[last.index] = key
            self._kinds[last.index] = kind
            self._place(last)
        self._streams.discard(slot)
        slot.index = -1
        self._leave_unused(slot.variant)

    def move(self, slot: Slot, address: Address) -> None:
        """Send to another address: the subscriber's network changed."""
        slot.address = address
        self._place(slot)

    def send(self, payload: bytes, *, marker: bool, sequence: int, timestamp: int, ssrc: int) -> None:
        """Send one packet to everybody. `sequence` is not wrapped."""
        self._sequence = sequence
        if not self._slots:
            return
        packets: list[bytes] = []
        for variant in self._variants:
            if variant is None:
                packets.append(b"")
                continue
            plain, offset, red_payload_type = variant
            kind, body = plain, payload
            if red_payload_type is not None and len(payload) < LARGEST_PAYLOAD:
                kind, body = red_payload_type, self._with_copies(payload, plain, timestamp)
            head = rtp.header(
                payload_type=kind,
                marker=marker,
                sequence=(sequence - offset) & 0xFFFF,
                timestamp=timestamp,
                ssrc=ssrc,
            )
            packets.append(head + body)
        self._recent.append((payload, timestamp))
        failed = self._encrypt(packets)
        self.packets += 1
        self.octets += len(payload)
        self.sent_octets += len(payload) * (len(self._slots) - len(failed))
        self._leave(failed)

    def send_each(self, packets: Sequence[bytes | None], size: int) -> None:
        """Send each slot, in their order, a packet of its own of that size, or none."""
        protect, length = srtp_lib.srtp_protect, self._length
        left_out: list[int] = []
        for index, packet in enumerate(packets):
            if packet is None:
                left_out.append(index)
                continue
            srtp_ffi.memmove(self._buffers[index], packet, size)
            length[0] = size
            if protect(self._keys[index], self._buffers[index], length):
                left_out.append(index)
            elif length[0] != self._sizes[index]:
                self._vectors[index].iov_len = self._sizes[index] = length[0]
        if len(left_out) < len(packets):
            self.sent_octets += (size - rtp.HEADER) * (len(packets) - len(left_out))
            self._leave(left_out)

    def _leave(self, left_out: list[int]) -> None:
        """Have what is in the buffers leave, except for these slots."""
        if self._streams:
            left_out = sorted({*left_out, *self._send_streams(left_out)})
        first = 0
        for index in left_out:
            self._send_range(first, index)
            first = index + 1
        self._send_range(first, len(self._slots))

    def _with_copies(self, payload: bytes, payload_type: int, timestamp: int) -> bytes:
        """Write the packets before beside this one, the newest first of all if there is no room for both."""
        copies: list[tuple[bytes, int]] = []
        room = LARGEST_PAYLOAD - len(payload) - _MOST_HEADS
        for copy, at in reversed(self._recent):
            age = (timestamp - at) & 0xFFFFFFFF
            room -= len(copy)
            if room < 0 or not red.fits(copy, age):
                break
            copies.insert(0, (copy, age))
        return red.write(payload_type, payload, copies)

    def _encrypt(self, packets: list[bytes]) -> list[int]:
        """Fill every buffer; return the slots whose buffer must not leave because it failed."""
        protect, copy, length = srtp_lib.srtp_protect, srtp_ffi.memmove, self._length
        sizes, vectors, lengths = self._sizes, self._vectors, [len(packet) for packet in packets]
        failed: list[int] = []
        slots = zip(self._buffers, self._keys, self._kinds, strict=False)
        for index, (buffer, key, kind) in enumerate(slots):
            copy(buffer, packets[kind], lengths[kind])
            length[0] = lengths[kind]
            if protect(key, buffer, length):
                failed.append(index)
            elif length[0] != sizes[index]:
                vectors[index].iov_len = sizes[index] = length[0]
        return failed

    def _send_streams(self, failed: list[int]) -> list[int]:
        """Send to the subscribers by TCP; return their slots, which the system call leaves out."""
        indices: list[int] = []
        for slot in self._streams:
            index, address = slot.index, slot.address
            indices.append(index)
            if not isinstance(address, tuple) and index not in failed:
                packet = bytes(srtp_ffi.buffer(self._buffers[index], self._sizes[index]))
                self.sent += address.send(packet)
        return indices

    def _send_range(self, first: int, end: int) -> None:
        if first >= end:
            return
        if send_all is not None:
            self.sent += send_all(self._socket.fileno(), self._messages, first, end - first)
            return
        for index in range(first, end):
            data = srtp_ffi.buffer(self._buffers[index], self._sizes[index])
            address = self._slots[index].address
            assert isinstance(address, tuple)
            try:
                self._socket.sendto(data, address)
            except BlockingIOError:
                return
            except OSError:
                continue
            self.sent += 1

    def _place(self, slot: Slot) -> None:
        """Write what sendmmsg must know of one slot, or set it aside if it is a stream's."""
        if not isinstance(slot.address, tuple):
            self._streams.add(slot)
            return
        self._streams.discard(slot)
        name = socket_address(slot.address, self._family)
        ffi.memmove(self._names + slot.index * NAME_BYTES, name, len(name))
        self._messages[slot.index].msg_hdr.msg_namelen = len(name)

    def _grow(self, capacity: int) -> None:
        self._capacity = capacity
        self._memory = srtp_ffi.new("char[]", capacity * _STRIDE)
        self._buffers = [self._memory + index * _STRIDE for index in range(capacity)]
        self._names = ffi.new("char[]", capacity * NAME_BYTES)
        self._vectors = ffi.new("struct iovec[]", capacity)
        self._messages = ffi.new("struct mmsghdr[]", capacity)
        for index in range(capacity):
            vector, header = self._vectors[index], self._messages[index].msg_hdr
            vector.iov_base = self._buffers[index]
            header.msg_name = self._names + index * NAME_BYTES
            header.msg_iov = self._vectors + index
            header.msg_iovlen = 1
        self._sizes = [0] * len(self._slots)
        for slot in self._slots:
            self._place(slot)
