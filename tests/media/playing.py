"""A recording as a player hears it."""

import io
from pathlib import Path

import av
import numpy as np

from tests.ground.ear import RATE
from tests.media.hearing import Samples


def played(file_or_bytes: Path | bytes, decoder: str = "libopus") -> Samples:
    """Decode a whole file, or what was received of a stream; its first channel at 48 kHz.

    What a player cannot decode it leaves out.
    """
    parts: list[Samples] = []
    source = io.BytesIO(file_or_bytes) if isinstance(file_or_bytes, bytes) else str(file_or_bytes)
    with av.open(source, format="ogg") as file:
        stream = file.streams.audio[0]
        context = av.CodecContext.create(decoder, "r")
        context.extradata = stream.codec_context.extradata
        for packet in file.demux(stream):
            try:
                frames = context.decode(packet)
            except av.InvalidDataError:
                continue
            for frame in frames:
                assert frame.sample_rate == RATE
                sound = frame.to_ndarray().astype(np.float64)
                parts.append(sound[0] * 32768 if frame.format.is_planar else sound[0, ::2])
    return np.concatenate(parts) if parts else np.zeros(0)


def seconds(path: Path) -> float:
    """Return how long a file plays."""
    return len(played(path)) / RATE
