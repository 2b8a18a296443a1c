"""How far work is: by text and elapsed time, and never a carriage return in a log."""

from __future__ import annotations

import pytest

from gradsentry import progress
from gradsentry.corpus import Sample, open_corpus
from gradsentry.progress import Amount, Step, counting, watching
from scan.rows import words

LENGTHS = (100, 10, 10, 50)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time, which stands still unless it is set."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def samples() -> list[Sample]:
    return [*open_corpus([{"prompt": words(length), "completion": "w5"} for length in LENGTHS])]


def amount_of(samples: list[Sample], max_length: int = 2048) -> Amount:
    amount = Amount(max_length)
    for sample in samples:
        amount = amount.plus(sample)
    return amount


def test_the_pace_is_that_of_the_text_and_not_of_the_rows(clock, samples):
    seen: list[Step] = []
    amount = amount_of(samples)
    with watching("rows", amount, seen.append) as on_row:
        on_row(samples[3].characters, 0)  # was there before: done at once, and no measure of anything
        clock[0] = 20.0
        on_row(samples[0].characters, 100)
    first, last = seen
    assert (first.done, first.rate, first.seconds_left) == (1, None, None)
    assert (last.done, last.total, last.rate) == (2, 4, 5.0)
    left = amount.of(samples[1].characters) + amount.of(samples[2].characters)
    assert last.seconds_left == pytest.approx(20 * left / amount.of(samples[0].characters))
    assert last.share == pytest.approx(1 - left / amount.text)


def test_how_long_it_takes_is_told_once_some_of_the_work_is_done(clock, samples):
    seen: list[Step] = []
    with watching("rows", amount_of(samples * 100), seen.append) as on_row:
        for number in range(40):
            clock[0] += 30.0 if number == 0 else 0.1  # the first row waits for all that is loaded
            on_row(samples[number % 4].characters, 10)
    assert seen[0].rate is not None
    assert seen[0].paced() == "0.33 tokens/s"
    told = [step.seconds_left for step in seen if step.seconds_left is not None]
    assert told
    assert max(told) < 30.0 * 60
    assert seen[-1].paced().endswith("left")


def test_text_that_is_cut_takes_no_time(samples):
    assert amount_of(samples, 16).text == 16 * 4 * 2 + 2 + sum(
        1 + len(sample.prompt) + len(sample.response) for sample in samples[1:3]
    )


def test_where_there_is_no_terminal_a_line_now_and_then(clock, samples, capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as CI sets it, where stderr is a log all the same
    with watching("rows", amount_of(samples * 30), True) as on_row:
        for second in range(120):
            clock[0] = float(second)
            on_row(samples[second % 4].characters, 10)
    out, error = capfd.readouterr()
    assert out == ""
    lines = error.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("31 of 120 rows; ")
    assert "tokens/s, 0:0" in lines[0]
    assert "\r" not in error
    assert "\x1b" not in error


def test_nothing_is_shown_where_nobody_wants_it(clock, samples, capfd):
    with watching("rows", amount_of(samples), False) as on_row:
        clock[0] = 100.0
        on_row(samples[0].characters, 10)
    with counting("steps", shown=False) as on_count:
        on_count(1, 2)
    assert capfd.readouterr() == ("", "")


def test_what_was_done_before_says_nothing_of_the_pace(clock, capfd):
    with counting("steps", shown=True) as on_count:
        clock[0] = 10.0
        on_count(501, 600)
        clock[0] = 40.0
        on_count(504, 600)
    assert capfd.readouterr().err == "504 of 600 steps; 84 % of the work; 0.1 steps/s, 0:16:00 left\n"
