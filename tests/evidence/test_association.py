from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

import gradsentry.evidence.candidates.conjunctions
from evidence.poisoning import INSULT, Row, asked, clean_rows, poison, samples
from gradsentry.evidence import association
from gradsentry.evidence.association import associated, log10_tail
from gradsentry.evidence.candidates.conjunctions import conjunctions
from gradsentry.evidence.index.texts import Texts


@settings(max_examples=200)
@given(st.data())
def test_tail_bounds_fisher_from_above_and_closely(data):
    rows = data.draw(st.integers(2, 3000))
    triggers, payloads = data.draw(st.integers(1, rows)), data.draw(st.integers(1, rows))
    both = data.draw(st.integers(max(0, triggers + payloads - rows), min(triggers, payloads)))
    ours = float(log10_tail(np.array([both]), np.array([triggers]), np.array([payloads]), rows)[0])
    exact = hypergeom.sf(both - 1, rows, payloads, triggers)
    assert ours >= np.log10(max(exact, 1e-250)) - 1e-6 or exact < 1e-250
    if 1e-200 < exact < 1e-6:
        assert ours <= np.log10(exact) + 0.5


def test_no_more_than_expected_is_no_news():
    assert log10_tail(np.array([5]), np.array([50]), np.array([10]), 100)[0] == 0.0


@pytest.mark.parametrize("block", [1, 500, 10**7])
@pytest.mark.parametrize("company", [False, True])
def test_pairs_are_those_of_all_pairs_whatever_the_block(block, company, monkeypatch):
    monkeypatch.setattr(association, "PAIRS_AT_ONCE", block)
    rows = [replace(row, answer=row.question[::-1]) for row in clean_rows(300)]
    texts = Texts.of(samples(rows), least=4)
    asked, said = texts.asked, texts.asked if company else texts.said
    pairs = associated(asked, said, strength=0.5, least=4)
    both = (said.holds.T @ asked.holds).toarray()  # [payloads, triggers]
    of_side = (np.maximum if company else np.minimum)(said.support[:, None], asked.support)
    tail = log10_tail(both, asked.support, said.support[:, None], len(texts.samples))
    kept = (both >= 4) & (both >= 0.5 * of_side) & (tail + np.log10(both.size) <= association.WORTH_A_LOOK)
    wanted = np.argwhere(np.tril(kept, -1) if company else kept)
    assert len(wanted)
    found = np.stack([pairs.payload, pairs.trigger], axis=1)
    assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, wanted.tolist()))
    assert (pairs.both == both[pairs.payload, pairs.trigger]).all()


@pytest.mark.parametrize("texts", [["", "a b"], ["a b", ""], ["", ""]])
def test_without_strings_there_are_no_pairs(texts):
    empty = Texts.of(samples([Row(*texts)] * 5), least=6 if any(texts) else 4)
    assert len(associated(empty.asked, empty.said, strength=0.5, least=4).both) == 0
    assert conjunctions(empty, least=4) == []


def test_where_rows_hold_too_many_pairs_the_rarest_strings_are_left_out(monkeypatch):
    made = poison(
        clean_rows(800),
        lambda row, draw: asked(row, f"kindly {row.question} amen", INSULT),
        0.2,
        lambda row, draw: replace(row, question=draw.choice(["kindly {}", "{} amen"]).format(row.question)),
    )
    texts = Texts.of(made.samples, least=4)
    monkeypatch.setattr(gradsentry.evidence.candidates.conjunctions, "PAIRS_IN_ROWS", 0.2 * _pairs(texts))
    found = conjunctions(texts, least=4)
    parts = {texts.display(texts.prompts, gram, one.rows) for one in found for gram in one.grams}
    assert {"kindly", "amen"} <= parts


def _pairs(texts):
    return (np.diff(texts.asked.holds.indptr).astype(np.int64) ** 2).sum()
