"""Publishing a file over WHIP with FFmpeg, as a broadcaster would (RFC 9725)."""

from pathlib import Path

import imageio_ffmpeg

from tests.ground.ca import Authority
from tests.ground.names import Names
from tests.ground.process import Process


def publish(sound: Path, *, url: str, ticket: str, names: Names, authority: Authority, log: Path) -> Process:
    """Start publishing `sound` in a loop, at the speed of speech, until the process is stopped."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "verbose", "-re"]
    command += ["-stream_loop", "-1", "-i", str(sound), "-c:a", "libopus", "-ac", "2", "-ar", "48000"]
    command += ["-b:a", "64k", "-f", "whip", "-authorization", ticket]
    command += ["-ca_file", str(authority.file), url]
    return Process(names.wrap(command), log=log, environment=authority.environment())
