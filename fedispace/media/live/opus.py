"""libopus, reached through cffi without a compiler (RFC 6716; the library's API as of 1.1).

The copy inside PyAV's wheel is used, found by its file name without importing PyAV; where a system's
own PyAV has none, the system's libopus. It is loaded by the first decoder or encoder: a server that
only forwards never does. Sound is bytes here, 16-bit samples in the machine's order at 48 kHz, so
that this module needs no arithmetic. A mixer, which does this a thousand times a second, hands over
memory of its own instead, for samples from -1 to 1 (`decode_into`, `encode_from`).
"""

import ctypes.util
import functools
import importlib.metadata
from pathlib import Path
from typing import Any

from cffi import FFI

from fedispace.errors import Unavailable
from fedispace.media.live.opus_packets import LONGEST, RATE

ffi = FFI()
ffi.cdef(
    """
    typedef struct OpusEncoder OpusEncoder;
    typedef struct OpusDecoder OpusDecoder;
    OpusDecoder *opus_decoder_create(int32_t rate, int channels, int *error);
    void opus_decoder_destroy(OpusDecoder *decoder);
    int opus_decode(OpusDecoder *decoder, const unsigned char *data, int32_t size,
                    int16_t *samples, int frame_size, int fec);
    int opus_decode_float(OpusDecoder *decoder, const unsigned char *data, int32_t size,
                          float *samples, int frame_size, int fec);
    int opus_decoder_ctl(OpusDecoder *decoder, int request, ...);
    OpusEncoder *opus_encoder_create(int32_t rate, int channels, int application, int *error);
    void opus_encoder_destroy(OpusEncoder *encoder);
    int32_t opus_encode(OpusEncoder *encoder, const int16_t *samples, int frame_size,
                        unsigned char *data, int32_t capacity);
    int32_t opus_encode_float(OpusEncoder *encoder, const float *samples, int frame_size,
                              unsigned char *data, int32_t capacity);
    int opus_encoder_ctl(OpusEncoder *encoder, int request, ...);
    const char *opus_get_version_string(void);
    """
)

FRAME = RATE // 50
_APPLICATION_VOIP = 2048
_SET_BITRATE = 4002
_SET_COMPLEXITY = 4010
_SET_INBAND_FEC = 4012
_SET_PACKET_LOSS_PERC = 4014
_SET_DTX = 4016
_RESET_STATE = 4028
_SET_PREDICTION_DISABLED = 4042
_LARGEST_PACKET = 1275


class Undecodable(Exception):
    """The library refused a packet."""


@functools.cache
def library() -> Any:
    """Load libopus once; raises `Unavailable` when the machine has none."""
    for name in _candidates():
        try:
            return ffi.dlopen(name)
        except OSError:
            continue
    raise Unavailable("libopus was not found: neither in PyAV's wheel nor in the system")


def version() -> str:
    """Return what the library calls itself."""
    return bytes(ffi.string(library().opus_get_version_string())).decode()


def _candidates() -> list[str]:
    found: list[str] = []
    try:
        files = importlib.metadata.files("av") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name.startswith("libopus") and (".so" in file.name or file.name.endswith(".dylib")):
            found.append(str(Path(str(file.locate())).resolve()))
    system = ctypes.util.find_library("opus") if not found else None
    return found + ([system] if system else [])


class Decoder:
    """Decodes one stream. Two-channel packets are mixed down when `channels` is 1."""

    def __init__(self, channels: int = 1) -> None:
        self._library = library()
        error = ffi.new("int *")
        state = self._library.opus_decoder_create(RATE, channels, error)
        if error[0]:
            raise Unavailable(f"libopus makes no decoder: error {error[0]}")
        self._state = ffi.gc(state, self._library.opus_decoder_destroy)
        self._bytes = 2 * channels
        self._samples = ffi.new("int16_t[]", LONGEST * channels)
        self._buffer = ffi.buffer(self._samples)

    def decode(self, payload: bytes) -> bytes:
        """Return the packet's sound, as long as the packet says; raises `Undecodable`."""
        return self._decode(payload, LONGEST, 0)

    def decode_into(self, payload: bytes, target: Any, samples: int) -> bool:
        """Write the packet's sound to `target`, a `float *`; tell whether it was that long and went well."""
        count = self._library.opus_decode_float(self._state, payload, len(payload), target, samples, 0)
        return bool(count == samples)

    def conceal(self, samples: int = FRAME) -> bytes:
        """Invent `samples` (a multiple of 2.5 ms) that follow from what was heard before."""
        return self._decode(None, samples, 0)

    def repair(self, following: bytes, samples: int = FRAME) -> bytes:
        """Return the `samples` before `following` from the copy it carries, else invent them."""
        return self._decode(following, samples, 1)

    def reset(self) -> None:
        """Forget the stream: another begins."""
        self._library.opus_decoder_ctl(self._state, _RESET_STATE)

    def _decode(self, payload: bytes | None, samples: int, fec: int) -> bytes:
        data, size = (ffi.NULL, 0) if payload is None else (ffi.from_buffer(payload), len(payload))
        count = self._library.opus_decode(self._state, data, size, self._samples, samples, fec)
        if count < 0:
            raise Undecodable(f"libopus refuses a packet: error {count}")
        return bytes(self._buffer[: count * self._bytes])


class Encoder:
    """Encodes one stream in frames of 20 ms. `loss_percent` is what its copies for repair allow for."""

    def __init__(
        self,
        *,
        channels: int = 1,
        bitrate: int = 32_000,
        complexity: int = 5,
        loss_percent: int = 0,
        dtx: bool = False,
    ) -> None:
        self._library = library()
        error = ffi.new("int *")
        state = self._library.opus_encoder_create(RATE, channels, _APPLICATION_VOIP, error)
        if error[0]:
            raise Unavailable(f"libopus makes no encoder: error {error[0]}")
        self._state = ffi.gc(state, self._library.opus_encoder_destroy)
        self._bytes = 2 * channels * FRAME
        self._packet = ffi.new("unsigned char[]", _LARGEST_PACKET)
        self._buffer = ffi.buffer(self._packet)
        self._set(_SET_BITRATE, bitrate)
        self._set(_SET_COMPLEXITY, complexity)
        self._set(_SET_INBAND_FEC, int(loss_percent > 0))
        self._set(_SET_PACKET_LOSS_PERC, loss_percent)
        self._set(_SET_DTX, int(dtx))

    def encode(self, sound: bytes) -> bytes:
        """Return the packet for 20 ms of sound."""
        if len(sound) != self._bytes:
            raise ValueError(f"a frame has {self._bytes} bytes, not {len(sound)}")
        samples = ffi.from_buffer("int16_t[]", sound)
        size = self._library.opus_encode(self._state, samples, FRAME, self._packet, _LARGEST_PACKET)
        if size < 0:
            raise Unavailable(f"libopus refuses to encode: error {size}")
        return bytes(self._buffer[:size])

    def encode_from(self, source: Any) -> bytes:
        """Return the packet for the 20 ms of sound that a `float *` points to."""
        size = self._library.opus_encode_float(self._state, source, FRAME, self._packet, _LARGEST_PACKET)
        if size < 0:
            raise Unavailable(f"libopus refuses to encode: error {size}")
        return bytes(self._buffer[:size])

    def try_hard(self, complexity: int) -> None:
        """Search from now on for better packets (10) or find them sooner (0)."""
        self._set(_SET_COMPLEXITY, complexity)

    def lean_on_the_past(self, allowed: bool) -> None:
        """Let packets be predicted from those before; not the first after another's stream, because
        its hearers' decoders remember that other."""
        self._set(_SET_PREDICTION_DISABLED, int(not allowed))

    def _set(self, request: int, value: int) -> None:
        error = self._library.opus_encoder_ctl(self._state, request, ffi.cast("int32_t", value))
        if error:
            raise Unavailable(f"libopus refuses a setting: {request}, error {error}")
