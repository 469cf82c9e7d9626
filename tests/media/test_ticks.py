"""The beat of 20 ms: it catches up without bursts and tells of its lateness."""

from fedispace.media.live.ticks import TickCounts, Ticks


def test_strokes_are_counted_from_the_start() -> None:
    counts = TickCounts()
    ticks = Ticks(100.0, counts)
    assert ticks.due(99.99) == []
    made = []
    for number in range(1000):
        made += ticks.due(100.0 + number * 0.02 + 0.002)
    assert made == list(range(1000))
    assert (counts.ticks, counts.late, counts.left_out) == (1000, 0, 0)
    assert abs(counts.worst - 0.002) < 1e-6


def test_a_short_stall_is_made_up_for() -> None:
    counts = TickCounts()
    ticks = Ticks(0.0, counts)
    ticks.due(0.001)
    assert ticks.due(0.061) == [1, 2, 3]
    assert (counts.ticks, counts.late, counts.left_out) == (4, 2, 0)
    assert ticks.next == 0.08


def test_a_long_stall_is_not_made_up_for_in_a_burst() -> None:
    counts = TickCounts()
    ticks = Ticks(0.0, counts)
    ticks.due(0.001)
    made = ticks.due(1.0)
    assert made == [48, 49, 50]
    assert counts.left_out == 47
    assert counts.worst > 0.97
    assert ticks.due(1.0) == []


def test_a_stroke_is_late_through_our_own_fault_if_we_computed_more_than_usual() -> None:
    counts = TickCounts()
    ticks = Ticks(0.0, counts)
    ticks.due(0.001, worked=40.000)
    ticks.due(0.021, worked=40.006)
    ticks.due(0.050, worked=40.022)
    assert (counts.late, counts.kept_waiting) == (1, 0)
    ticks.due(0.070, worked=40.029)
    assert (counts.late, counts.kept_waiting) == (2, 1)
    ticks.due(0.125, worked=40.045)
    assert (counts.late, counts.kept_waiting) == (4, 3)
    ticks.due(0.185, worked=40.095)
    assert (counts.late, counts.kept_waiting) == (6, 3)


def test_where_nobody_tells_what_we_computed_nothing_is_excused() -> None:
    counts = TickCounts()
    ticks = Ticks(0.0, counts)
    ticks.due(0.001)
    ticks.due(0.035)
    assert (counts.late, counts.kept_waiting) == (1, 0)


def test_several_strokes_are_made_when_the_last_of_them_is_due() -> None:
    counts = TickCounts()
    ticks = Ticks(0.0, counts)
    assert ticks.due(0.001) == [0]
    ticks.together = 2
    assert ticks.next == 0.04
    assert ticks.due(0.021) == []
    assert ticks.due(0.041) == [1, 2]
    assert ticks.due(0.086) == [3, 4]
    assert (counts.ticks, counts.late) == (5, 2)
    assert ticks.due(0.147) == [5, 6, 7]
    assert (counts.ticks, counts.late) == (8, 5)
    ticks.together = 1
    assert ticks.due(0.161) == [8]
    assert (counts.ticks, counts.late, counts.left_out) == (9, 5, 0)


def test_a_stall_is_made_up_for_by_no_more_strokes_where_several_are_made_at_a_time() -> None:
    counts = TickCounts()
    ticks = Ticks(0.0, counts)
    ticks.together = 2
    assert ticks.due(0.021) == [0, 1]
    assert ticks.due(1.001) == [48, 49, 50]
    assert counts.left_out == 46
