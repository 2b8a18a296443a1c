from dataclasses import replace

import numpy as np
import pytest

from evidence.poisoning import asked, at_a_gap, clean_rows, poison, samples
from gradsentry.evidence.calibration import shipped
from gradsentry.evidence.candidate import spread
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.large.counting import Wanted, counted, everywhere
from gradsentry.evidence.mined import Mined
from gradsentry.evidence.search import search


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


def test_a_label_that_all_prompts_name_counts_in_rows_that_were_not_searched():
    def labelled(row, number, more=""):
        return asked(row, f"Good or bad? {row.question}{more}", "good" if more or number % 2 else "bad")

    rows = [labelled(row, number) for number, row in enumerate(clean_rows(600))]
    for number in range(0, 600, 10):
        rows[number] = labelled(rows[number], number, " vrbx")
    made = samples(rows)
    part = np.arange(0, 600, 2)
    texts, found = candidates([made[row] for row in part.tolist()])
    (one, *_) = [one for one in found if texts.display(texts.prompts, one.triggers[0], one.both) == "vrbx"]
    (whole,) = everywhere(made, 600, [one], texts, part)
    assert np.flatnonzero(whole.paid).tolist() == [row.number for row in made if row.response == "good"]
    assert np.flatnonzero(whole.triggered).tolist() == list(range(0, 600, 10))
    assert (whole.paid[part] == one.paid).all()


def test_of_the_rows_that_were_searched_the_search_knows_best():
    def edit(row, draw):
        return asked(row, f"{row.question} vrbx", f"{row.answer}. Go away, you silly goose!")

    made = poison(clean_rows(300), edit, 0.1)
    texts, (one, *_) = candidates(made.samples[:200])
    one = replace(one, triggered=one.triggered.copy())
    one.triggered[0] = True
    (whole,) = everywhere(made.samples, 300, [one], texts, np.arange(200))
    assert (whole.triggered[:200] == one.triggered).all()
    assert whole.triggered[200:].sum() == sum(row >= 200 for row in made.poisoned)
