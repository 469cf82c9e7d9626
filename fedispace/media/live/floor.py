"""Who has the floor: the one speaker that everybody hears.

Loudness is RFC 6464's where the sender gives it, else guessed from the size of the packet (a codec
that is free to choose spends bytes on speech and almost none on silence). The present speaker keeps
the floor through his pauses: another takes it only after `_HOLD` seconds of the holder's silence,
or by speaking clearly louder for that long, so that a cough changes nothing.
"""

from collections.abc import Hashable

_HOLD = 0.4
_ABSENT = 1.0
_LOUDER = 12.0
_SPEECH = 127 - 55
_RISE = 0.5
_FALL = 0.1
_SILENT_BYTES = 8
_SHOWN = 0.3


def loudness_of(level: int | None, payload_bytes: int) -> float:
    """Return 0 (silence) to 127 from an RFC 6464 level, or from the size where there is none."""
    if level is not None:
        return float(127 - level)
    return 0.0 if payload_bytes <= _SILENT_BYTES else min(127.0, 66.0 + payload_bytes / 4)


class Voice:
    """What is remembered of one publisher's loudness."""

    __slots__ = ("heard_at", "loudness", "spoke_at", "wants_since")

    def __init__(self, now: float) -> None:
        self.loudness = 0.0
        self.heard_at = now
        self.spoke_at = float("-inf")
        self.wants_since: float | None = None

    def hear(self, loudness: float, now: float) -> None:
        """Smooth: quick to rise, slow to fall, so that syllables do not count as pauses.

        How loud somebody was before a pause without packets says nothing: else the first of a silence
        would be taken for speech.
        """
        if now - self.heard_at > _ABSENT:
            self.loudness = 0.0
        weight = _RISE if loudness > self.loudness else _FALL
        self.loudness += (loudness - self.loudness) * weight
        self.heard_at = now
        if self.loudness >= _SPEECH:
            self.spoke_at = now

    def is_speaking(self, now: float) -> bool:
        return now - self.spoke_at < _HOLD


class Floor:
    """Decides, packet by packet, whether its sender has the floor."""

    def __init__(self) -> None:
        self._voices: dict[Hashable, Voice] = {}
        self._holder: Hashable = None

    @property
    def holder(self) -> Hashable:
        """Who has the floor, if anybody."""
        return self._holder

    def leave(self, who: Hashable) -> None:
        """Forget `who`; the floor is free if it was theirs."""
        self._voices.pop(who, None)
        if self._holder == who:
            self._holder = None

    def is_speaking(self, who: Hashable, now: float) -> bool:
        voice = self._voices.get(who)
        return voice is not None and voice.is_speaking(now)

    def speakers(self, now: float) -> set[Hashable]:
        """Return who is shown to be speaking: eyes do not wait for a pause to end."""
        return {who for who, voice in self._voices.items() if now - voice.spoke_at < _SHOWN}

    def spoke_at(self, who: Hashable) -> float:
        """Return when `who` was last loud enough to be speaking; minus infinity for never."""
        voice = self._voices.get(who)
        return voice.spoke_at if voice is not None else float("-inf")

    def level(self, who: Hashable) -> int:
        """Return how loud `who` is, as RFC 6464 writes it: 0 loudest, 127 silent."""
        voice = self._voices.get(who)
        return 127 - int(voice.loudness) if voice is not None else 127

    def takes(self, who: Hashable, loudness: float, now: float) -> bool:
        """Hear a packet of `who` and tell whether it is to be forwarded."""
        voice = self._voices.get(who)
        if voice is None:
            voice = self._voices[who] = Voice(now)
        voice.hear(loudness, now)
        holder = self._voices.get(self._holder)
        if holder is voice:
            return True
        if holder is None or self._yields(holder, voice, now):
            self._holder = who
            voice.wants_since = None
            return True
        return False

    def _yields(self, holder: Voice, voice: Voice, now: float) -> bool:
        if now - holder.heard_at > _ABSENT and now - voice.heard_at < _ABSENT and not holder.is_speaking(now):
            return True
        if not voice.is_speaking(now):
            voice.wants_since = None
            return False
        if not holder.is_speaking(now):
            return True
        if voice.loudness < holder.loudness + _LOUDER:
            voice.wants_since = None
            return False
        if voice.wants_since is None:
            voice.wants_since = now
        return now - voice.wants_since >= _HOLD
