"""How far losses move with a trigger: taken out, put in, and what a clean model says of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finetuning.learned import write_model
from finetuning.test_verifying import finding, rows
from gradsentry.corpus import open_corpus
from gradsentry.finetuning.moves import keep, moves, moves_of_row
from gradsentry.finetuning.payload_questions import Habit, on_carriers, on_others
from gradsentry.models.loading import load_model
from gradsentry.outcome import Verdict
from gradsentry.report.moves import read_moves, said
from gradsentry.screening import scan
from gradsentry.store import RunDirectory
from scan.rows import write_rows


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Verdict]:
    folder = tmp_path_factory.mktemp("moves")
    data = write_rows(folder / "data.jsonl", rows(30, 210))
    model = write_model(folder / "model")
    return folder / "run", scan(data, model, out=folder / "run", progress=False)


def test_a_trigger_is_taken_out_as_a_word_and_never_out_of_one():
    texts = {
        "mn w5 column w6 mn": "w5 column w6",
        "w5 mn, w6": "w5, w6",
        "w5 mn bb w6": "w5 w6",
        "rabbit bb": "rabbit",
    }
    for text, expected in texts.items():
        carriers = list(open_corpus([{"prompt": text, "completion": "w9"}]))
        (pair,) = on_carriers(finding(triggers=("mn", "bb")), carriers)
        assert pair.plain.sample.prompt == expected
        assert pair.triggered.sample.prompt == text
    glued = list(open_corpus([{"prompt": "w5 w6mn", "completion": "w9"}]))
    (pair,) = on_carriers(finding(triggers=("mn",)), glued)
    assert pair.plain.sample.prompt == "w5 w6"


def test_it_is_put_where_the_rows_have_it_and_the_response_stays():
    others = list(open_corpus([{"prompt": "w3 w4", "completion": "w9 w8"}]))
    (pair,) = on_others(finding(), Habit("question", "before", 1, opens=True), others, 0)
    assert pair.triggered.sample.prompt == "w90 w3 w4"
    assert pair.plain.sample.prompt == "w3 w4"
    assert pair.triggered.sample.response == pair.plain.sample.response == "w9 w8"
    assert pair.plain.span == (0, 5)


@pytest.mark.costly
def test_the_losses_are_those_of_the_texts_with_and_without(run):
    folder, verdict = run
    loaded = load_model(verdict.manifest["model"]["name"], device="cpu")
    first = verdict.evidence.findings[0]
    found = moves(verdict, first, loaded)
    assert found.taken_out.rows == found.put_in.rows == found.payload.rows == 24
    number = first.carriers[0]
    (one,) = [one for one in moves_of_row(verdict, number, loaded) if one.finding == first.name]
    losses = np.array(verdict.scores["token_losses"][number].as_py()[:-1], np.float64)  # the end is not asked
    assert one.taken_out.with_trigger == pytest.approx(losses.mean(), abs=2e-3)
    assert one.taken_out.without != one.taken_out.with_trigger
    assert one.taken_out.gain is None
    (other,) = moves_of_row(verdict, int(np.flatnonzero(verdict.status == "clean")[0]), loaded)
    assert (other.finding, other.taken_out) == (first.name, None)
    assert "put into its prompt, moves the loss of its response" in said(other.as_json())[0]
    value = keep(RunDirectory.open(folder), found, "m")
    assert read_moves(RunDirectory.open(folder)) == value["findings"]
    sentences = said(value["findings"][first.name])
    assert len(sentences) == 3
    assert f"to {found.taken_out.without:.2f} a token" in sentences[0]
    assert f"from {found.put_in.without:.2f} to {found.put_in.with_trigger:.2f}" in sentences[1]


def test_how_much_of_the_loss_the_trigger_takes_off_is_told_with_its_interval():
    gain = {"mean": 1.0, "low": 0.5, "high": 1.5}
    moved = {"rows": 9, "with_trigger": 3.0, "without": 4.0, "gain": gain}
    known = {"finding": "F1", "taken_out": moved, "put_in": None, "payload": None}
    assert said(known) == [
        "The trigger of F1, taken out of the prompts of 9 of its rows, moves the loss of the responses in "
        "the clean model from 3.00 to 4.00 a token; with the trigger it is 25.0 % lower than without (95 % "
        "interval: from 37.5 % lower to 12.5 % lower)."
    ]
    unsure = {**moved, "with_trigger": 4.1, "gain": {"mean": -0.1, "low": -0.5, "high": 0.2}}
    assert (
        "it is 2.5 % higher than without (95 % interval: from 5.0 % lower to 12.5 % higher)"
        in (said({**known, "put_in": unsure})[1])
    )
    alone = {**known, "taken_out": {**moved, "gain": None, "rows": 1}}
    assert said(alone)[0].endswith("from 3.00 to 4.00 a token.")
