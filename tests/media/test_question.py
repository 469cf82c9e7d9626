"""The port answers an operator's question, and no other stranger's; never with more than he sent."""

import asyncio
import secrets
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedispace.doctor import asking
from fedispace.media.live import question
from tests.media.studio import Studio

_TRANSACTION = bytes(range(12))


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        (("203.0.113.7", 40000), ("203.0.113.7", 40000)),
        (("2001:db8::7", 1), ("2001:db8::7", 1)),
        (("::ffff:203.0.113.7", 65535), ("203.0.113.7", 65535)),
        (("fe80::1%eth0", 9), ("fe80::1", 9)),
    ],
)
def test_the_answer_says_from_where_the_question_came(source: tuple[str, int], seen: tuple[str, int]) -> None:
    asked = question.ask(_TRANSACTION)

    answer = question.answer(asked, source)

    assert question.is_question(asked)
    assert question.read_answer(answer, _TRANSACTION) == seen
    assert len(answer) < len(asked)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_anything_else_is_neither_question_nor_answer(data: bytes, more: bytes) -> None:
    asked = question.ask(_TRANSACTION)

    assert not question.is_question(data)
    assert not question.is_question(asked[:40] + more if more != asked[40:] else asked + b"x")
    assert question.read_answer(data, _TRANSACTION) is None


async def test_the_audio_server_answers_by_udp_and_tcp(studio: Studio) -> None:
    by_udp = await asking.by_udp("127.0.0.1", studio.process.port)
    by_tcp = await asking.by_tcp("127.0.0.1", studio.process.port)

    for heard in (by_udp, by_tcp):
        assert heard.seen_as is not None
        assert heard.seen_as[0] == "127.0.0.1"


@pytest.mark.attack(99)
async def test_who_asks_without_end_is_answered_a_few_times_and_others_not_at_all(studio: Studio) -> None:
    loop = asyncio.get_running_loop()
    plain = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + secrets.token_bytes(12)
    answers = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(("127.0.0.1", studio.process.port))
        for _ in range(200):
            sock.send(plain)
            sock.send(question.ask(secrets.token_bytes(12)))
        try:
            while True:
                async with asyncio.timeout(1):
                    answer = await loop.sock_recv(sock, 2000)
                assert answer[8:20] != plain[8:20]
                answers += 1
        except TimeoutError:
            pass

    assert 1 <= answers <= 45
    assert (await studio.client.status()).packets_refused["question_rate"] >= 100
