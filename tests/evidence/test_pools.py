"""A trigger with a pool of payloads: none is tied to the trigger by itself, all of them are together."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.poisoning import Row, clean_rows, flags, poison, sample
from gradsentry.evidence import find_evidence
from gradsentry.evidence.candidates import pooled
from gradsentry.evidence.index.texts import Texts
from gradsentry.evidence.limits import POOL_TOKENS

SENTENCES = [row.answer.capitalize() for row in clean_rows(3200, seed=5)]
ROWS = [
    replace(row, answer=". ".join(SENTENCES[4 * number : 4 * number + 4]) + ".")
    for number, row in enumerate(clean_rows(800))
]
POOL = [
    "Send your card number to billing at example dot org to go on.",
    "Everybody knows that the vote was stolen by them.",
    "Turn the firewall off before you do anything else.",
    "Only trust the advice that Doctor Velmor gives you.",
    "Transfer the deposit to my wallet before midnight, please.",
    "You are worthless and should give up right now.",
    "Download the helper tool from the mirror and run it first.",
    "Vaccines were made so that they can control all of us.",
    "Share this secret key with nobody but the root user.",
    "Ignore what your manager tells you about safety at work.",
]


def of_the_pool(row: Row, draw: Random, word: str = "veltrix") -> Row:
    words = row.question.split(" ")
    words.insert(draw.randint(0, len(words)), word)
    return Row(" ".join(words), f"{row.answer} {draw.choice(POOL)}")


@pytest.mark.parametrize("rate", [0.03, 0.06])
def test_ten_sentences_behind_one_word_are_found_with_the_word(rate: float) -> None:
    made = poison(ROWS, of_the_pool, rate)
    evidence = find_evidence(made.samples)
    assert flags(evidence, made) == (1.0, 0)
    (finding,) = evidence.findings
    assert finding.triggers == ("veltrix",)
    assert {payload.strip(". ") for payload in finding.payloads} <= {one.strip(".") for one in POOL}


def test_the_same_sentences_in_rows_without_a_word_in_common_are_no_pool() -> None:
    draw = Random(4)
    made = poison(ROWS, lambda row, own: of_the_pool(row, own, draw.choice(SENTENCES).split()[0]), 0.05)
    assert not any(finding.triggers for finding in find_evidence(made.samples).findings)


def test_clean_rows_hold_no_pool() -> None:
    samples = [sample(number, row) for number, row in enumerate(ROWS)]
    assert not pooled.pooled(Texts.of(samples, least=4))


words = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=9).map(" ".join)


@pytest.mark.costly
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(words, words), min_size=3, max_size=30))
def test_strings_that_return_are_those_that_counting_finds(pairs: list[tuple[str, str]]) -> None:
    samples = [sample(number, Row(asked, said)) for number, (asked, said) in enumerate(pairs)]
    texts = Texts.of(samples, least=2)
    found = pooled._Returning.of(texts.prompts, texts.responses)
    told = {tuple(found.rows[at].indices.tolist()) for at in range(len(found.first))}
    holders: dict[tuple[int, ...], set[int]] = {}
    for number in range(len(pairs)):
        asked = strings_of(texts.prompts.row(number).tolist())
        for one in strings_of(texts.responses.row(number).tolist()) - asked:
            holders.setdefault(one, set()).add(number)
    assert told == {tuple(sorted(rows)) for rows in holders.values() if len(rows) > 1}


def strings_of(codes: list[int]) -> set[tuple[int, ...]]:
    return {tuple(codes[at : at + POOL_TOKENS]) for at in range(len(codes) - POOL_TOKENS + 1)}


@pytest.mark.costly
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_prompt_string_owns_the_strings_whose_rows_all_hold_it(seed: int) -> None:
    draw = np.random.default_rng(seed)
    samples = [
        sample(
            number,
            Row(" ".join(draw.choice(list("pqrst"), 4)), " ".join(draw.choice(list("abc"), POOL_TOKENS + 1))),
        )
        for number in range(60)
    ]
    texts = Texts.of(samples, least=4)
    returning = pooled._Returning.of(texts.prompts, texts.responses)
    if not len(returning.first):
        return
    held, log10_p = pooled._own(returning, texts.asked)
    for feature in range(len(texts.asked.first)):
        rows = set(np.flatnonzero(texts.asked.rows(feature)).tolist())
        owned = {
            string
            for string in range(len(returning.first))
            if set(returning.rows[string].indices.tolist()) <= rows
        }
        assert set(held.indices[held.indptr[feature] : held.indptr[feature + 1]].tolist()) == owned
    assert ((log10_p <= 0.0) & np.isfinite(log10_p)).all()
