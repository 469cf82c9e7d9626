"""Sound files to speak into a Space: a synthetic voice, and a plain tone for fake microphones."""

import math
import struct
import subprocess
import wave
from pathlib import Path

import imageio_ffmpeg

_RATE = 48_000
_WORDS = (
    "Good evening and welcome to this Space. Tonight we talk about open networks, about voices that "
    "travel from one server to another, and about the people who listen to them without an account."
)


def speak(path: Path, words: str = _WORDS) -> Path:
    """Write `words` as speech, 48 kHz mono, as a microphone would deliver it."""
    raw = path.with_suffix(".raw.wav")
    subprocess.run(["espeak-ng", "-v", "en", "-s", "150", "-w", str(raw), words], check=True, timeout=60)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", str(raw)]
    subprocess.run([*command, "-ar", str(_RATE), "-ac", "1", str(path)], check=True, timeout=60)
    raw.unlink()
    return path


def tone(path: Path, frequency: float = 440.0, seconds: float = 4.0) -> Path:
    """Write a tone as a WAV file, the form Chromium's fake microphone plays in a loop."""
    samples = (
        int(12_000 * math.sin(2 * math.pi * frequency * index / _RATE))
        for index in range(int(_RATE * seconds))
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path
