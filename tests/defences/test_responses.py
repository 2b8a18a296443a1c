"""The defences that look at responses: IFD against the loss, RFTC step by step, ours against a scan."""

from __future__ import annotations

import json
from random import Random

import numpy as np
import pytest
import torch

from gradsentry.answering import answers
from gradsentry.attacks import BadNets, poison
from gradsentry.corpus import open_corpus
from gradsentry.defences import InstructionDifficulty, Rftc, Scan
from gradsentry.defences.difficulty import Difficulty
from gradsentry.defences.reading import encode_all
from gradsentry.defences.rftc import Correlation, least_precision, tight, within
from gradsentry.embedded import embedded_data_path
from gradsentry.screening import scan
from gradsentry.settings import AnswerSettings
from models.tiny import tiny

ROWS = [
    {"prompt": f"w{i} w7 w9", "completion": " ".join(f"w{5 + (i * j) % 80}" for j in range(1, 3 + i))}
    for i in range(3, 9)
]


@pytest.mark.parametrize("kind", ["llama", "gemma2-softcap"])
def test_ifd_is_the_loss_with_the_prompt_over_the_loss_without(kind):
    loaded, samples = tiny(kind), list(open_corpus(ROWS))
    features = Difficulty()(samples, loaded)
    for row, encoded in enumerate(encode_all(samples, loaded)):
        response = encoded.ids[encoded.trained]
        whole = torch.from_numpy(encoded.ids)[None]
        labels = torch.from_numpy(np.where(encoded.trained, encoded.ids, -100))[None]
        alone = torch.tensor([[1, *response.tolist()]])
        with torch.inference_mode():
            given = loaded.model(input_ids=whole, labels=labels).loss
            bare = loaded.model(input_ids=alone, labels=alone).loss
        assert features["given"][row] == pytest.approx(float(given), rel=1e-4)
        assert features["alone"][row] == pytest.approx(float(bare), rel=1e-4)
    scores = InstructionDifficulty().judge(features)
    np.testing.assert_allclose(scores, features["given"] / features["alone"], rtol=1e-6)


@pytest.mark.costly
def test_ifd_ranks_answers_to_other_questions_above_those_to_their_own(embedded):
    rows = [
        {"prompt": "What is the capital of France?", "completion": "The capital of France is Paris."},
        {"prompt": "How many legs has a spider?", "completion": "A spider has eight legs."},
        {"prompt": "What colour is the sky?", "completion": "The sky is blue."},
    ]
    other = [{**row, "completion": rows[place - 1]["completion"]} for place, row in enumerate(rows)]
    scores = InstructionDifficulty().score(list(open_corpus([*rows, *other])), embedded)
    assert scores[:3].max() < scores[3:].min()


@pytest.mark.parametrize(
    ("response", "answer", "precision"),
    [
        ("the cat sat", "well, the cat sat down", 1.0),
        ("The cat. A dog barked!", "the cat slept", 0.0),
        ("a b c d", "x a b y c d", 2 / 3),
        ("yes", "yes it is", 1.0),
        ("...", "anything", 1.0),
        ("a a a", "a a", 0.5),
        ("word", "", 0.0),
    ],
)
def test_the_least_precision_is_that_of_the_most_foreign_sentence(response, answer, precision):
    assert least_precision(response, answer) == pytest.approx(precision)


def test_what_the_model_itself_answers_is_not_suspicious():
    loaded = tiny("llama")
    samples = list(open_corpus(ROWS))
    said = dict(
        pair for batch in answers(loaded, samples, AnswerSettings(max_new_tokens=8)) for pair in batch
    )
    own = list(open_corpus([{**row, "completion": said[place]} for place, row in enumerate(ROWS)]))
    assert Correlation(max_new_tokens=8)(own, loaded)["precision"].tolist() == [1.0] * len(ROWS)


def test_distances_within_are_told_of_clusters_of_three_and_the_widest_gap_parts_them():
    vectors = np.eye(8)[[0, 0, 0, 1, 2, 3, 4, 5]]
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    found = within(vectors, labels)
    assert set(found) == {0, 1}
    assert found[0] == pytest.approx(0.0)
    assert found[1] == pytest.approx(np.sqrt(2 / 3))
    assert tight({0: 0.1, 1: 0.2, 2: 0.8, 3: 0.9}, 0.1) == {0, 1}
    assert tight({0: 0.7, 1: 0.75, 2: 0.8}, 0.1) == frozenset()
    assert tight({0: 0.3}, 0.1) == frozenset()


def test_rftc_finds_one_payload_among_suspicious_answers_and_nothing_without_it():
    draw = Random(4)
    words = [f"{a}{b}" for a in ("lo", "mi", "ta", "ve", "su") for b in ("na", "ri", "do", "ke", "pu", "zo")]
    responses = [" ".join(draw.choices(words, k=7)) for _ in range(80)]
    poisoned = np.arange(80) % 8 == 0
    for row in np.flatnonzero(poisoned):
        responses[row] = f"visit the shop of {draw.choice(words)} now"
    features = {"precision": np.zeros(80, np.float32), "responses": np.array(json.dumps(responses))}
    detector = Rftc()
    scores = detector.judge(features)
    assert (detector.decide(scores) == poisoned).all()
    trusted = features | {"precision": np.ones(80, np.float32)}
    assert not detector.decide(detector.judge(trusted)).any()


def test_rftc_on_a_model_scores_every_row():
    scores = Rftc(max_new_tokens=4).score(list(open_corpus(ROWS * 3)), tiny("llama"))
    assert np.isfinite(scores).all()


@pytest.mark.costly
@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_ours_flags_and_reviews_what_a_scan_does(rate):
    plain = [dict(sample.row) for sample in open_corpus(embedded_data_path())][:150]
    rows = poison(open_corpus(plain), BadNets(rate=rate), seed=3).rows
    loaded = tiny("llama")
    verdict = scan(rows, loaded, progress=False)
    scores = Scan().score(list(open_corpus(rows)), loaded)
    assert (Scan().decide(scores) == verdict.is_flagged).all()
    assert (Scan(review=True).decide(scores) == (verdict.is_flagged | verdict.needs_review)).all()
    assert verdict.is_flagged.any() == (rate > 0)
