"""Fan-out: everybody receives, decryptable by himself alone, whoever joins and leaves."""

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fedispace.media.live import fanout, red
from fedispace.media.live.fanout import FanOut, Slot
from fedispace.media.live.red import Block, Redundant
from fedispace.media.live.sendmmsg import send_all
from tests.media.ears import Ear


@pytest.fixture(params=["sendmmsg", "sendto"])
def out(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[FanOut]:
    """A fan-out, with the system call and with what replaces it where there is none."""
    if request.param == "sendto":
        monkeypatch.setattr(fanout, "send_all", None)
    elif send_all is None:
        pytest.skip("this system has no sendmmsg")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        yield FanOut(sock)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


def _send(out: FanOut, sequence: int, payload: bytes = b"opus") -> None:
    out.send(payload, marker=False, sequence=sequence, timestamp=sequence * 960, ssrc=77)


def test_everybody_receives_under_his_own_key_and_payload_type(out: FanOut, stack: ExitStack) -> None:
    ears = [Ear("gcm" if n % 3 else "cm", 111 if n % 2 else 96, stack) for n in range(40)]
    for ear in ears:
        ear.join(out)
    _send(out, 5)

    assert [ear.hears() for ear in ears] == [[(ear.payload_type, 5, b"opus")] for ear in ears]
    assert out.sent == 40


def test_sizes_may_differ_from_packet_to_packet(out: FanOut, stack: ExitStack) -> None:
    ears = [Ear(profile, 111, stack) for profile in ("gcm", "cm")]
    for ear in ears:
        ear.join(out)
    payloads = [b"x" * size for size in (1, 300, 2, fanout.LARGEST_PAYLOAD, 80)]
    for sequence, payload in enumerate(payloads):
        _send(out, sequence, payload)

    for ear in ears:
        assert [payload for _, _, payload in ear.hears()] == payloads


def test_who_loses_packets_gets_the_two_before_with_each_and_nobody_else_does(
    out: FanOut, stack: ExitStack
) -> None:
    losing, well, deaf = (Ear("gcm", 111, stack) for _ in range(3))
    slots = [losing.join(out, 63), well.join(out, 63), deaf.join(out)]
    _send(out, 1, b"one")
    for slot in (slots[0], slots[2]):
        out.protect(slot, True)
    for sequence, payload in enumerate((b"two", b"three", b"four"), 2):
        _send(out, sequence, payload)
    out.protect(slots[0], False)
    _send(out, 5, b"five")

    plain = [(111, n, payload) for n, payload in enumerate((b"one", b"two", b"three", b"four", b"five"), 1)]
    assert well.hears() == deaf.hears() == plain
    heard = losing.hears()
    assert [heard[0], heard[4]] == [plain[0], plain[4]]
    assert [(kind, sequence) for kind, sequence, _ in heard[1:4]] == [(63, 2), (63, 3), (63, 4)]
    copies = [red.read(payload, 111) for _, _, payload in heard[1:4]]
    assert copies == [
        Redundant(b"two", (Block(b"one", 960, 1),)),
        Redundant(b"three", (Block(b"one", 1920, 2), Block(b"two", 960, 1))),
        Redundant(b"four", (Block(b"two", 1920, 2), Block(b"three", 960, 1))),
    ]


def test_copies_that_do_not_fit_or_are_too_old_are_left_out(out: FanOut, stack: ExitStack) -> None:
    ear = Ear("cm", 111, stack)
    out.protect(ear.join(out, 63), True)
    _send(out, 1, b"x" * 1000)
    _send(out, 2, b"y" * 1000)
    _send(out, 3, b"z" * fanout.LARGEST_PAYLOAD)
    _send(out, 40, b"long after")

    kinds = [(kind, red.read(payload, 111) if kind == 63 else payload) for kind, _, payload in ear.hears()]
    assert kinds == [
        (63, Redundant(b"x" * 1000, ())),
        (63, Redundant(b"y" * 1000, ())),
        (111, b"z" * fanout.LARGEST_PAYLOAD),
        (63, Redundant(b"long after", ())),
    ]


def test_comings_and_goings_leave_exactly_the_present_ones_served(out: FanOut, stack: ExitStack) -> None:
    chance = random.Random(3)
    ears = [Ear(chance.choice(["gcm", "cm"]), chance.choice([96, 111]), stack) for _ in range(50)]
    present: dict[int, Slot] = {}
    for sequence in range(300):
        who = chance.randrange(len(ears))
        if who in present:
            out.remove(present.pop(who))
        else:
            present[who] = ears[who].join(out)
        _send(out, sequence)
        heard = {n for n, ear in enumerate(ears) if ear.hears()}
        assert heard == set(present)


def test_what_only_those_who_left_needed_is_written_no_more(out: FanOut, stack: ExitStack) -> None:
    """Each form of a packet costs every packet: a crowd that offered many must not be felt for hours."""
    ears = [Ear("gcm", payload_type, stack) for payload_type in range(96, 111)]
    staying = Ear("cm", 111, stack)
    stays = staying.join(out)
    for ear in ears:
        slot = ear.join(out, 63)
        out.protect(slot, True)
        _send(out, 1)
        out.remove(slot)
        out.protect(slot, False)

    assert out.variants == 1
    out.protect(stays, False)
    ears[0].join(out)
    ears[1].join(out)
    assert out.variants == 3
    for ear in ears:
        ear.hears()
    staying.hears()
    _send(out, 2)
    assert staying.hears() == [(111, 2, b"opus")]
    assert [ear.hears() for ear in ears[:3]] == [[(96, 2, b"opus")], [(97, 2, b"opus")], []]


def test_who_joins_late_starts_in_the_lower_half_and_goes_on_through_the_wrap(
    out: FanOut, stack: ExitStack
) -> None:
    """Sequence numbers that wrapped before the first one arrived could never be decrypted."""
    early, late = Ear("gcm", 111, stack), Ear("gcm", 111, stack)
    early.join(out)
    _send(out, 65_000)
    late.join(out)
    for sequence in range(65_001, 65_600):
        _send(out, sequence)
        (heard,) = late.hears()
        assert heard[1] == sequence - 0x8000
        assert early.hears()[-1][1] == sequence & 0xFFFF


def test_a_subscriber_who_moved_is_served_where_he_is(out: FanOut, stack: ExitStack) -> None:
    before, after = Ear("gcm", 111, stack), Ear("gcm", 111, stack)
    slot = before.join(out)
    out.move(slot, after.socket.getsockname())
    _send(out, 1)

    assert before.hears() == []
    assert after.socket.recv(2000)


def test_one_unreachable_subscriber_costs_the_others_nothing(out: FanOut, stack: ExitStack) -> None:
    ears = [Ear("gcm", 111, stack) for _ in range(3)]
    ears[0].join(out)
    out.add(Ear("gcm", 111, stack).keys, 111, ("255.255.255.255", 9))
    ears[1].join(out)
    ears[2].join(out)
    _send(out, 1)

    assert [len(ear.hears()) for ear in ears] == [1, 1, 1]


def test_a_packet_that_cannot_be_encrypted_is_not_sent_in_the_clear(out: FanOut, stack: ExitStack) -> None:
    """libsrtp refuses a sequence number that was used long ago; the buffer then holds plain audio."""
    ears = [Ear("gcm", 111, stack) for _ in range(2)]
    ears[0].join(out)
    _send(out, 20_000)
    ears[1].join(out)
    ears[0].hears()
    _send(out, 10)

    assert ears[0].socket.fileno() > 0
    with pytest.raises(BlockingIOError):
        ears[0].socket.recv(2000)
    assert [payload for _, _, payload in ears[1].hears()] == [b"opus"]
