"""What is published is heard: by stock WebRTC clients, through the real process."""

from pathlib import Path

from tests.ground.ear import RATE
from tests.media.hearing import likeness, main_frequency, purity, read_wav
from tests.media.peers import Listener, Sound, Speaker
from tests.media.studio import Studio


async def test_a_published_tone_is_heard(studio: Studio) -> None:
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.tone(440))
        await listener.listen(0.5)

        heard = await listener.listen(2)

    assert abs(main_frequency(heard, RATE) - 440) < 2
    assert purity(heard, RATE, 440) > 0.95


async def test_speech_is_heard_as_it_was_said(studio: Studio, speech: Path) -> None:
    said, rate = read_wav(speech)
    async with Speaker(studio) as speaker, Listener(studio) as listener:
        await listener.subscribe()
        await speaker.publish(Sound.file(speech))

        heard = await listener.listen(4)

    assert likeness(said, rate, heard, RATE) > 0.8
