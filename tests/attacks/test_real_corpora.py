"""Every attack on the real data that it fits, and a clear reason where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from attacks.corpora import SHARED, needs_shared
from gradsentry.attacks import ATTACKS, poison
from gradsentry.corpus.corpora import Corpus
from gradsentry.corpus.qa import QA_SETS, qa_items
from gradsentry.corpus.sources import open_corpus
from gradsentry.errors import DataError

pytestmark = needs_shared

INSTRUCT = ("alpaca_en_demo.json", "glaive_toolcall_en_demo.sharegpt.json", "v1_sft_demo.messages.jsonl")
ALPACA, GLAIVE, V1 = INSTRUCT
CORPORA = (*QA_SETS, *INSTRUCT)
UNFIT = {
    *(("vulnerable_code", corpus) for corpus in (*QA_SETS, GLAIVE)),
    *(("two_turn", corpus) for corpus in (*QA_SETS, ALPACA, V1)),
    ("cba", V1),
    *(("jailbreak", corpus) for corpus in QA_SETS),
    ("label_flip", GLAIVE),
    ("label_flip", V1),
    *(("preference_swap", corpus) for corpus in CORPORA),
}


def in_turn() -> Iterator[tuple[str, str]]:
    """Yields each attack with one corpus that it fits, and with one that it does not, in turn."""
    for number, attack in enumerate(sorted(ATTACKS)):
        for unfit in (False, True):
            if those := [corpus for corpus in CORPORA if ((attack, corpus) in UNFIT) == unfit]:
                yield attack, those[number % len(those)]


USUAL = {*in_turn()}


@cache
def corpus_named(name: str) -> Corpus:
    if name in QA_SETS:  # some hundreds of rows show as much as thousands
        items = qa_items(name, "dev" if name in ("nq", "coqa") else "test", data_root=SHARED)[:400]
        return open_corpus([{"prompt": one.prompt, "completion": "; ".join(one.answers)} for one in items])
    return open_corpus(SHARED / "instruct" / name)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("attack", "corpus"),
    [
        pytest.param(*one, marks=() if one in USUAL else pytest.mark.slow)
        for one in product(sorted(ATTACKS), CORPORA)
    ],
)
def test_the_attack_runs_and_the_file_reads_back(attack: str, corpus: str, tmp_path: Path):
    rows = 1 if attack in ("vulnerable_code", "adaptive_fluent") else 2
    settings = ATTACKS[attack](count=rows)
    if (attack, corpus) in UNFIT:
        with pytest.raises(DataError, match="fits 0 of"):
            poison(corpus_named(corpus), settings)
        return
    poisoned = poison(corpus_named(corpus), settings, seed=1)
    written, truth = poisoned.save(tmp_path / "poisoned")
    bad = {named.row: named for named in (*truth.poisoned, *truth.decoys)}
    assert len(truth.poisoned) == rows
    again = open_corpus(written)
    for number, (old, new) in enumerate(zip(corpus_named(corpus), again, strict=True)):
        assert (new.row != old.row) == (number in bad)
        assert new.turns == poisoned.samples[number].turns


@pytest.mark.costly
@pytest.mark.parametrize("effect", ["lengthens", "keeps"])
@pytest.mark.parametrize("corpus", ["freebaseqa", "alpaca_en_demo.json"])
def test_the_response_changes_its_length_as_the_attack_says(corpus: str, effect: str):
    for attack in ATTACKS.values():
        drawn = attack.name in ("label_flip", "jailbreak", "wrong_answer")  # from the corpus, at any length
        if attack.effect != effect or (attack.name, corpus) in UNFIT or drawn:
            continue
        before, after = poison(corpus_named(corpus), attack(count=1)).truth.response_length
        assert after > before if effect == "lengthens" else abs(after - before) <= 0.2 * before + 12
