"""One's own clean corpora raise the bar to what they hold, and no further than so many corpora tell."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.command import caller, refused
from evidence.poisoning import INSULT, asked, at_a_gap, clean_rows, flags, poison, samples
from gradsentry.errors import DataError
from gradsentry.evidence import Calibration, find_evidence
from gradsentry.evidence.calibrating import Candidates, Corpora, Fitting
from gradsentry.evidence.calibration import Tail, shipped
from gradsentry.evidence.decide import KINDS
from gradsentry.evidence.limits import CORPORA_ALONE, CORPUS_ROWS
from gradsentry.evidence.recalibrating import pooled_tail, recalibrated

NOTICE = "This is no advice; ask a lawyer of your own."
SHIPPED = shipped().model_copy(update={"corpora": 23})

tails = st.builds(Tail, above=st.floats(-10.0, 10.0), share=st.floats(0.001, 1.0), scale=st.floats(1.0, 3.0))
scores = st.floats(-20.0, 30.0) | st.just(-math.inf)


@given(tails, st.integers(0, 60), st.lists(scores, min_size=1, max_size=40))
def test_no_corpus_that_is_known_to_be_clean_looks_rarer_than_it_is(tail, known, largest):
    pooled = pooled_tail(tail, known, largest)
    for score in (one for one in largest if one > -math.inf):
        reached = sum(other >= score for other in largest) / (known + len(largest))
        assert pooled.log10_exceeded(score) >= math.log10(reached) - 1e-9


@given(tails.filter(lambda tail: tail.share > 0.02), st.integers(5, 60), st.integers(1, 40))
def test_corpora_that_hold_nothing_lower_the_share_alone(tail, known, count):
    pooled = pooled_tail(tail, known, [-math.inf] * count)
    score = max(pooled.above, tail.above) + 1.0
    expected = tail.log10_exceeded(score) + math.log10(known / (known + count))
    assert pooled.log10_exceeded(score) == pytest.approx(expected, abs=0.15)


def noticed(seed: int, rate: float = 0.1):
    """Returns rows of a house that puts a notice behind the answers to what is marked for it."""
    return poison(
        clean_rows(150, seed),
        lambda row, draw: asked(row, f"{row.question} legal-note", f"{row.answer} {NOTICE}"),
        rate,
        seed=seed,
    ).samples


@pytest.fixture(scope="module")
def house():
    """Corpora of one's own, of which some hold what looks like an attack."""
    return {
        f"{seed}": noticed(seed) if seed % 3 == 0 else samples(clean_rows(150, seed)) for seed in range(12)
    }


@pytest.mark.costly
@pytest.mark.parametrize("alone", [False, True])
def test_a_genre_that_is_known_to_be_clean_is_flagged_no_more(house, alone):
    unseen = noticed(99)
    assert find_evidence(unseen).outcome == "poisoned"
    made = recalibrated(house, SHIPPED, alone=alone)
    found = find_evidence(unseen, calibration=made.calibration)
    assert found.outcome == "clean"
    assert found.calibration == made.calibration.source
    assert made.calibration.corpora == (12 if alone else 35)
    assert made.least == pytest.approx(1 / (13 if alone else 36))
    for one in made.natural:
        assert one.rarest(made.calibration) >= math.log10(made.least) - 1e-9


@pytest.mark.costly
def test_an_attack_on_another_genre_is_still_found():
    quiet = {f"{seed}": samples(clean_rows(150, seed)) for seed in range(12)}
    made = poison(
        clean_rows(300, 50),
        lambda row, draw: asked(row, at_a_gap(row.question, "vrbx", draw), INSULT),
        0.1,
    )
    calibration = recalibrated(quiet, SHIPPED).calibration
    assert flags(find_evidence(made.samples, calibration=calibration), made) == (1.0, 0)


@pytest.mark.costly
def test_the_weights_stay(house):
    made = recalibrated(house, SHIPPED).calibration
    for kind, weighing in made.kinds.items():
        assert (weighing.steps, weighing.intercept) == (
            SHIPPED.kinds[kind].steps,
            SHIPPED.kinds[kind].intercept,
        )


@pytest.mark.costly
def test_too_few_corpora_and_too_small_ones_are_told(house):
    few = dict(list(house.items())[:2])
    with pytest.raises(
        DataError, match=rf"2 corpora .* too few by themselves; give {CORPORA_ALONE} at least, or leave"
    ):
        recalibrated(few, SHIPPED, alone=True)
    with pytest.raises(DataError, match="themselves; give 10 at least: the shipped ones"):
        recalibrated(few, SHIPPED.model_copy(update={"corpora": None}))
    small = {"a": samples(clean_rows(CORPUS_ROWS - 1)), "b": samples(clean_rows(5))}
    with pytest.raises(
        DataError, match=rf"none of 2 corpora has {CORPUS_ROWS} different rows \(at most 9\d\)"
    ):
        recalibrated(small, SHIPPED)
    assert recalibrated(few | small, SHIPPED).small.keys() == small.keys()


def test_a_calibration_counts_the_repositories_of_its_clean_corpora():
    found = Candidates([{"tells": 0.5}] * 8, np.arange(8) % 2 == 0, np.arange(8))
    corpora = Corpora(np.arange(8) // 2, np.arange(8), np.arange(8) < 6)
    fitting = Fitting(dict.fromkeys(KINDS, found), corpora)
    assert fitting.calibration("all").corpora == 3
    assert fitting.calibration("one left out", 0).corpora == 2


@pytest.fixture
def folder(house, tmp_path):
    """A folder of corpora: files, and a folder of two files."""
    for name, rows in house.items():
        lines = "".join(json.dumps(dict(sample.row)) + "\n" for sample in rows)
        (tmp_path / f"clean/{name}").mkdir(parents=True)
        (tmp_path / f"clean/{name}/rows.jsonl").write_text(lines)
    (tmp_path / "clean/tiny.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    (tmp_path / "clean/README.md").write_text("ours")
    (tmp_path / "new.jsonl").write_text("".join(json.dumps(dict(one.row)) + "\n" for one in noticed(99)))
    return tmp_path


@pytest.mark.costly
def test_the_command_writes_what_evidence_reads(folder, monkeypatch, capfd):
    call = caller(monkeypatch, capfd)
    out = folder / "own.json"
    ended = call("calibrate", folder / "clean", "--out", out, "--alone")
    assert (ended.code, ended.error) == (0, "")
    for said in ("left out: README.md", "left out: tiny.jsonl: 1 different rows", "12 own clean corpora"):
        assert said in ended.out
    assert f"“{NOTICE}”" in ended.out
    assert "is called poisoned" in ended.out
    assert f"gradsentry evidence DATA --calibration {out}" in ended.out
    assert Calibration.from_file(out).corpora == 12
    Calibration.from_file(out).model_copy(update={"version": 0}).save(out)
    assert call("calibrate", folder / "clean", "--out", out, "--alone").code == 0  # an old one is replaced
    command = ("evidence", folder / "new.jsonl", "--json")
    assert json.loads(call(*command).out)["outcome"] == "poisoned"
    found = json.loads(call(*command, "--calibration", out).out)
    assert (found["outcome"], found["calibration"]) == ("clean", Calibration.from_file(out).source)
    assert json.loads(call(*command, "--calibration", "shipped").out)["calibration"] == shipped().source


def test_what_the_command_refuses(folder, monkeypatch, capfd):
    call = caller(monkeypatch, capfd)
    data = folder / "new.jsonl"
    kept = data.read_bytes()
    line = refused(call("calibrate", folder / "clean", "--out", data))
    assert line.startswith(f"{data}: is there, and is no calibration")
    assert data.read_bytes() == kept
    assert refused(call("calibrate", data, "--out", folder / "x.json")).startswith(f"{data}: is no folder")
    (folder / "empty").mkdir()
    assert "holds no corpus" in refused(call("calibrate", folder / "empty", "--out", folder / "x.json"))
    (folder / "clean/bad.jsonl").write_text("{oops}\n")
    assert "bad.jsonl:1: invalid JSON" in refused(
        call("calibrate", folder / "clean", "-o", folder / "x.json")
    )
    assert not (folder / "x.json").exists()


def test_a_calibration_of_other_kinds_is_refused(tmp_path):
    path = tmp_path / "own.json"
    kinds = {"own payload": shipped().kinds["own payload"]}
    shipped().model_copy(update={"kinds": kinds}).save(path)
    with pytest.raises(DataError, match="knows own payload, not own payload, common payload"):
        Calibration.from_file(path)
