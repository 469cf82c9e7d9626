"""What an Opus packet says about itself, read without decoding it (RFC 6716, section 3).

    TOC byte: config (mode, bandwidth, frame size) | stereo | code
    code 0: one frame    1: two of one size    2: two    3: any number, perhaps padded

Packets come from strangers. `frames` checks every rule of section 3.4 and returns None for what
breaks one, so that neither a listener's decoder nor ours meets a length that points outside.
"""

RATE = 48_000
LONGEST = RATE * 120 // 1000
_LARGEST_FRAME = 1275
_DTX_BYTES = 3
_SILK_CONFIGS = 12
_HYBRID_CONFIGS = 16


def _samples_of(config: int) -> int:
    if config < _SILK_CONFIGS:
        return (480, 960, 1920, 2880)[config & 3]
    if config < _HYBRID_CONFIGS:
        return (480, 960)[config & 1]
    return (120, 240, 480, 960)[config & 3]


_FRAME_SAMPLES = tuple(_samples_of(config) for config in range(32))


def frame_samples(payload: bytes) -> int:
    """Return the duration of each frame of a packet that is not empty, in samples at 48 kHz."""
    return _FRAME_SAMPLES[payload[0] >> 3]


def is_stereo(payload: bytes) -> bool:
    """Tell whether a packet that is not empty carries two channels."""
    return bool(payload[0] & 0x04)


def is_dtx(payload: bytes) -> bool:
    """Tell the packets that say only "I go on being silent": nothing is in them to play."""
    return len(payload) <= _DTX_BYTES


def duration(payload: bytes) -> int | None:
    """Return how long a packet plays, in samples at 48 kHz; None when it is malformed."""
    size = len(payload)
    if not size:
        return None
    samples = _FRAME_SAMPLES[payload[0] >> 3]
    if not payload[0] & 3:
        return samples if size <= _LARGEST_FRAME + 1 else None
    found = frames(payload)
    return None if found is None else samples * len(found)


def frames(payload: bytes) -> tuple[bytes, ...] | None:
    """Return the compressed frames of a packet; None when it is malformed."""
    if not payload:
        return None
    match payload[0] & 3:
        case 0:
            found = _cut(payload, 1, (len(payload) - 1,), len(payload))
        case 1:
            half, odd = divmod(len(payload) - 1, 2)
            found = None if odd else _cut(payload, 1, (half, half), len(payload))
        case 2:
            found = _two(payload)
        case _:
            found = _many(payload)
    if found is None or len(found) * frame_samples(payload) > LONGEST:
        return None
    return found


def has_repair(payload: bytes) -> bool:
    """Tell whether a valid packet carries a second, coarser copy of what came before it: the in-band
    FEC of SILK (RFC 6716, section 4.2.4), whose flags follow the voice activity flags."""
    config = payload[0] >> 3
    found = frames(payload) if config < _HYBRID_CONFIGS else None
    if not found or not found[0]:
        return False
    parts = max(1, frame_samples(payload) // 960)
    flags = found[0][0] >> (7 - parts) & 1
    if is_stereo(payload):
        flags |= found[0][0] >> (6 - 2 * parts) & 1
    return bool(flags)


def size_bytes(size: int) -> bytes:
    """Write a frame's length as section 3.2.1 does."""
    if size < 252:
        return bytes((size,))
    first = 252 + (size & 3)
    return bytes((first, (size - first) >> 2))


def _two(payload: bytes) -> tuple[bytes, ...] | None:
    read = _size(payload, 1)
    if read is None:
        return None
    first, at = read
    return _cut(payload, at, (first, len(payload) - at - first), len(payload))


def _many(payload: bytes) -> tuple[bytes, ...] | None:
    if len(payload) < 2:
        return None
    count, at, end = payload[1] & 0x3F, 2, len(payload)
    if not count or count * frame_samples(payload) > LONGEST:
        return None
    if payload[1] & 0x40:
        padding = _padding(payload, at)
        if padding is None:
            return None
        at, bytes_of_padding = padding
        end -= bytes_of_padding
        if end < at:
            return None
    if not payload[1] & 0x80:
        size, rest = divmod(end - at, count)
        return None if rest else _cut(payload, at, (size,) * count, end)
    sizes: list[int] = []
    for _ in range(count - 1):
        read = _size(payload, at)
        if read is None:
            return None
        size, at = read
        sizes.append(size)
    sizes.append(end - at - sum(sizes))
    return _cut(payload, at, tuple(sizes), end)


def _padding(payload: bytes, at: int) -> tuple[int, int] | None:
    """Return where the padding's length ends and how long the padding is."""
    total = 0
    while at < len(payload):
        value = payload[at]
        at += 1
        if value < 255:
            return at, total + value
        total += 254
    return None


def _size(payload: bytes, at: int) -> tuple[int, int] | None:
    """Read a frame's length; return it and what follows it."""
    if at >= len(payload):
        return None
    first = payload[at]
    if first < 252:
        return first, at + 1
    if at + 1 >= len(payload):
        return None
    return first + 4 * payload[at + 1], at + 2


def _cut(payload: bytes, at: int, sizes: tuple[int, ...], end: int) -> tuple[bytes, ...] | None:
    if at + sum(sizes) != end:
        return None
    found: list[bytes] = []
    for size in sizes:
        if not 0 <= size <= _LARGEST_FRAME:
            return None
        found.append(payload[at : at + size])
        at += size
    return tuple(found)
