from dataclasses import replace

import numpy as np
import pytest

from evidence.poisoning import asked, at_a_gap, clean_rows, poison, samples
from gradsentry.evidence.calibration import shipped
from gradsentry.evidence.candidate import spread
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.large.counting import Wanted, counted
from gradsentry.evidence.search import Mined, search


def candidates(rows):
    texts = Texts.of(rows, least=4)
    searched = search(Mined.of(texts), shipped(), 0.5)
    return texts, [one.candidate for one in (*searched.found, *searched.passed_over)]


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_are_those_that_the_whole_in_memory_shows(seed, monkeypatch):
    monkeypatch.setattr("gradsentry.evidence.large.counting.WINDOW_ROWS", 37)

    def edit(row, draw):
        return asked(row, at_a_gap(row.question, "vrbx", draw), f"{row.answer}. Go, you goose!")

    made = poison(clean_rows(400, seed), edit, 0.1)
    texts, found = candidates(made.samples)
    assert found
    everywhere = counted(
        made.samples, len(made.samples), [Wanted.of(texts, one) for one in found], texts.prompts.pieces
    )
    for one, whole in zip(found, everywhere, strict=True):
        held = spread(one, texts)
        assert np.array_equal(whole.triggered, held.triggered)
        assert np.array_equal(whole.paid, held.paid)


def test_words_that_are_several_tokens_are_taken_apart_in_all_rows(monkeypatch):
    monkeypatch.setattr("gradsentry.evidence.large.counting.WINDOW_ROWS", 37)

    def glued(row, draw):
        words = row.question.split(" ")
        at = draw.randrange(len(words) - 1)
        words[at] = f"{words[at][:2]}zq{words[at][2:]}"
        return asked(row, " ".join(words), f"{row.answer}. Go away, you silly goose!")

    made = poison(clean_rows(600), glued, 0.1)
    texts, found = candidates(made.samples)
    assert texts.prompts.pieces
    everywhere = counted(
        made.samples, len(made.samples), [Wanted.of(texts, one) for one in found], texts.prompts.pieces
    )
    for one, whole in zip(found, everywhere, strict=True):
        held = spread(one, texts)
        assert np.array_equal(whole.triggered, held.triggered)
        assert np.array_equal(whole.paid, held.paid)


def test_copies_and_rows_that_were_not_searched_count():
    def edit(row, draw):
        return asked(row, f"{row.question} vrbx", f"{row.answer}. Go away, you silly goose!")

    made = poison(clean_rows(300), edit, 0.1)
    texts, found = candidates(made.samples)
    more = samples(clean_rows(200, 5))
    rows = [replace(row, number=number) for number, row in enumerate([*more, *made.samples, *made.samples])]
    (one,) = counted(rows, len(rows), [Wanted.of(texts, found[0])], {})
    assert np.flatnonzero(one.both).tolist() == sorted(
        200 + 300 * copy + row for row in made.poisoned for copy in (0, 1)
    )
