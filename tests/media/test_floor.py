"""Who is heard when several could be."""

from fedispace.media.live.floor import Floor, loudness_of

LOUD, QUIET, SILENT = 100.0, 80.0, 0.0


class _Conversation:
    """Speaks frame by frame, twenty milliseconds each, everybody at once."""

    def __init__(self) -> None:
        self.floor = Floor()
        self.now = 100.0

    def for_seconds(self, seconds: float, **loudness: float) -> list[str]:
        """Return who was forwarded, frame by frame."""
        forwarded = []
        for _ in range(round(seconds / 0.02)):
            self.now += 0.02
            forwarded += [who for who, loud in loudness.items() if self.floor.takes(who, loud, self.now)]
        return forwarded


def test_a_single_publisher_always_has_the_floor() -> None:
    talk = _Conversation()

    assert len(talk.for_seconds(1, anna=SILENT)) == 50


def test_the_one_who_speaks_is_heard_and_not_the_silent_one() -> None:
    talk = _Conversation()
    talk.for_seconds(1, anna=SILENT, bert=SILENT)

    assert talk.for_seconds(1, anna=SILENT, bert=LOUD)[-25:] == ["bert"] * 25


def test_exactly_one_is_forwarded_at_a_time() -> None:
    talk = _Conversation()
    talk.for_seconds(1, anna=LOUD, bert=LOUD, carl=LOUD)

    assert set(talk.for_seconds(2, anna=LOUD, bert=LOUD, carl=LOUD)) == {"anna"}


def test_a_pause_between_words_does_not_lose_the_floor() -> None:
    talk = _Conversation()
    talk.for_seconds(1, anna=LOUD, bert=SILENT)

    assert set(talk.for_seconds(0.3, anna=SILENT, bert=SILENT)) == {"anna"}


def test_a_cough_does_not_take_the_floor() -> None:
    talk = _Conversation()
    talk.for_seconds(1, anna=QUIET, bert=SILENT)

    assert set(talk.for_seconds(0.2, anna=QUIET, bert=LOUD)) == {"anna"}


def test_somebody_clearly_louder_takes_the_floor_after_a_while() -> None:
    talk = _Conversation()
    talk.for_seconds(1, anna=QUIET, bert=SILENT)

    assert talk.for_seconds(1.5, anna=QUIET, bert=LOUD)[-1] == "bert"


def test_the_floor_is_free_when_its_holder_leaves() -> None:
    talk = _Conversation()
    talk.for_seconds(1, anna=LOUD, bert=SILENT)
    talk.floor.leave("anna")

    assert talk.for_seconds(0.02, bert=SILENT) == ["bert"]


def test_the_floor_is_free_when_its_holder_stops_sending() -> None:
    talk = _Conversation()
    talk.for_seconds(1, anna=LOUD, bert=SILENT)

    assert talk.for_seconds(2, bert=SILENT)[-1] == "bert"


def test_without_levels_size_tells_speech_from_silence() -> None:
    assert loudness_of(None, 3) == 0
    assert loudness_of(None, 80) > 72
    assert loudness_of(127, 80) == 0
    assert loudness_of(0, 3) == 127


def test_the_first_of_a_silence_after_a_pause_without_packets_is_no_speech() -> None:
    talk = _Conversation()
    talk.for_seconds(1, anna=LOUD)
    talk.now += 5
    talk.for_seconds(0.02, anna=SILENT)

    assert not talk.floor.is_speaking("anna", talk.now)
