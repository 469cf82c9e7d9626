"""Who is heard on stage: the last few who spoke, each in a chair of his own.

    chair     0     1     2   | 3
    voice    anna  bert  cleo | dora            anna hears  dora bert cleo
                                                 a fourth    anna bert cleo

Everybody on stage hears three of the others. There is one seating for the whole room, so that a packet
is judged once, whoever hears it: chair k is everybody's slot k. Only a person's own chair is another
to himself: there he hears the chair after the last slot, which is nobody else's (with two slots, that
is chair 2). Three who hear three others each need four chairs, never more.

Whoever speaks keeps the chair, through pauses too, until somebody else wants one: then the one who has
been silent longest gives way. While all three speak a fourth waits in the last chair, and moves up as
soon as one of them pauses; a fifth is not heard. A cough costs nobody a word, because only silence
costs a chair. Who sits in a chair is told by the transport and the grant, never by a packet.
"""

from fedispace.media.live.floor import Voice

SLOTS = 3
_CHAIRS = SLOTS + 1


class Stage:
    """One room's chairs. Pure: time is an argument."""

    def __init__(self) -> None:
        self._voices: dict[str, Voice] = {}
        self._chairs: list[str | None] = [None] * _CHAIRS
        self._participants: dict[str, str] = {}

    def participant(self, chair: int) -> str | None:
        """Return whose voice the chair carries."""
        publisher = self._chairs[chair]
        return None if publisher is None else self._participants[publisher]

    def hear(self, publisher: str, participant: str, loudness: float, now: float) -> int | None:
        """Take in that a packet of `publisher` came; return the chair that carries it, if one does."""
        voice = self._voices.get(publisher)
        if voice is None:
            voice = self._voices[publisher] = Voice(now)
            self._participants[publisher] = participant
        voice.hear(loudness, now)
        chair = self._chairs.index(publisher) if publisher in self._chairs else None
        if chair is not None and chair < SLOTS:
            return chair
        better = self._better(chair, voice, now)
        if better is None:
            return chair
        if chair is not None:
            self._chairs[chair] = None
        self._chairs[better] = publisher
        return better

    def leave(self, publisher: str) -> None:
        """Free the chair of somebody who left or was silenced, at once."""
        self._voices.pop(publisher, None)
        self._participants.pop(publisher, None)
        if publisher in self._chairs:
            self._chairs[self._chairs.index(publisher)] = None

    def _better(self, chair: int | None, voice: Voice, now: float) -> int | None:
        """Return the chair that a voice with none, or with the last, may take."""
        speaks = voice.is_speaking(now)
        if chair is None or speaks:
            for free in range(SLOTS):
                if self._chairs[free] is None:
                    return free
        if not speaks:
            return None
        longest: tuple[float, int] | None = None
        for at in range(SLOTS):
            publisher = self._chairs[at]
            seated = None if publisher is None else self._voices[publisher]
            if seated is not None and not seated.is_speaking(now):
                silent = seated.spoke_at, at
                longest = silent if longest is None else min(longest, silent)
        if longest is not None:
            return longest[1]
        last = self._chairs[SLOTS]
        if chair is None and (last is None or not self._voices[last].is_speaking(now)):
            return SLOTS
        return None
