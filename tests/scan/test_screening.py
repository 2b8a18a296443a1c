"""scan(): rows in any type, every one accounted for, written back as it came, and read again."""

from __future__ import annotations

import json
import sys

import datasets
import numpy as np
import pytest
import torch

from gradsentry.corpus import open_corpus
from gradsentry.errors import DataError, RunError, SettingsError
from gradsentry.models.loading import wrap_model
from gradsentry.opening import open_run
from gradsentry.scoretable import SCHEMA
from gradsentry.scoring import score_table
from gradsentry.screening import scan
from gradsentry.settings import DataSettings, ScoreSettings, ThresholdSettings
from gradsentry.textual import screen
from models.tiny import build_kind, word_tokenizer

from .rows import UNSCORABLE, mixed_rows, qa_rows, read_rows, words, write_rows

FIFTH = {"deciding": ThresholdSettings(method="quantile", quantile=0.8), "policy": "published"}


def numbers(verdict, kind):
    return np.flatnonzero(kind(verdict)).tolist()


def check_parts(verdict, count):
    """Checks that every row is in exactly one of three parts."""
    counts = verdict.counts
    assert counts["rows"] == count == len(verdict.scores)
    assert counts["clean"] + counts["flagged"] + counts["unscored"] == count
    assert verdict.scores["number"].to_pylist() == list(range(count))
    assert not (verdict.is_flagged & ~verdict.is_scored).any()
    assert all(
        bool(row["reason"]) and row["score"] is None
        for row in verdict.scores.take(np.flatnonzero(~verdict.is_scored)).to_pylist()
    )


@pytest.mark.parametrize("with_model", [True, False])
def test_the_reason_of_a_row_is_that_of_the_table(loaded, with_model):
    rows = [*mixed_rows(), {"prompt": " ".join(["w5"] * 60), "completion": "w6 w7"}]
    verdict = scan(rows, loaded, scoring=ScoreSettings(max_length=16)) if with_model else screen(rows)
    table = verdict.to_pandas()
    assert {"unscored", "clean"} <= set(table["status"])
    said = [verdict.reason(number) for number in range(len(rows))]
    assert all(
        reason in ("", own) or status == "clean"
        for own, reason, status in zip(said, table["reason"], table["status"], strict=True)
    )
    assert all(said[number] for number in np.flatnonzero(table["reason"] != ""))
    assert all(
        said[number] == table["reason"][number] != "" for number in np.flatnonzero(verdict.is_unscored)
    )


def test_rows_that_cannot_be_scored_say_why(loaded):
    rows = mixed_rows()
    verdict = scan(rows, loaded, **FIFTH)
    check_parts(verdict, len(rows))
    assert verdict.counts["unscored"] == len(UNSCORABLE)
    assert verdict.counts["flagged"] > 0
    reasons = verdict.scores["reason"].to_pylist()
    for place, (_, reason) in enumerate(UNSCORABLE):
        assert reason in reasons[7 * place + 3]
    assert verdict.outcome == "suspicious"


def test_the_score_table_is_that_of_single_rows(loaded):
    rows = qa_rows(20)
    table = score_table(open_corpus(rows), loaded, ScoreSettings())
    assert table.schema == SCHEMA
    for number, row in enumerate(table.to_pylist()):
        (alone,) = score_table(open_corpus(rows[number : number + 1]), loaded, ScoreSettings()).to_pylist()
        assert row["score"] == pytest.approx(alone["score"], abs=1e-5)
        assert row["loss"] == pytest.approx(alone["loss"], abs=1e-4)
        assert row["n_response"] == len(rows[number]["completion"].split()) + 1
        assert len(row["spectrum"]) == 16
        assert len(row["token_losses"]) == row["n_response"]
        assert np.mean(row["token_losses"]) == pytest.approx(row["loss"], rel=1e-2)
        assert row["reason"] == ""


def test_a_run_directory(tmp_path, loaded):
    rows = mixed_rows()
    data = write_rows(tmp_path / "data.jsonl", rows)
    # Bytes that a writer of JSON would not make.
    data.write_bytes(data.read_bytes().replace(b'", "note"', b'" ,  "note"'))
    lines = data.read_bytes().splitlines()
    out = tmp_path / "run"
    verdict = scan(data, loaded, out=out, **FIFTH)
    check_parts(verdict, len(rows))
    names = {"manifest.json", "scores", "verdict.json", "clean.jsonl", "flagged.jsonl", "unscored.jsonl"}
    names |= {"evidence.json", "report.html", "review.jsonl", "rows.parquet", "files.json"}
    assert {file.name for file in out.iterdir()} - {".lock"} == names

    stays = verdict.is_scored & ~verdict.is_flagged
    kept = [line for line, keep in zip(lines, stays, strict=True) if keep]
    assert (out / "clean.jsonl").read_bytes().splitlines() == kept
    assert verdict.clean == [row for row, keep in zip(rows, stays, strict=True) if keep]

    flagged = read_rows(out / "flagged.jsonl")
    assert [each["id"] for each in flagged] == numbers(verdict, lambda v: v.is_flagged)
    for each in flagged:
        assert set(each) >= {"id", "score", "reason", "findings", "row"}
        assert each["row"] == rows[each["id"]]
        assert each["score"] > verdict.threshold.tau
        assert f"score {each['score']:.3f} is above tau {verdict.threshold.tau:.3f}" in each["reason"]

    unscored = read_rows(out / "unscored.jsonl")
    assert [each["id"] for each in unscored] == numbers(verdict, lambda v: ~v.is_scored)
    assert all(each["row"] == rows[each["id"]] and each["reason"] for each in unscored)

    written = json.loads((out / "verdict.json").read_text())
    assert written == verdict.as_json()
    assert written["counts"] == verdict.counts
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["identity"]["data"]["sha256"] == open_corpus(data).sha256()
    assert manifest["source"]["data"] == str(data)
    assert manifest["versions"]["torch"]


def test_the_flagged_table_begins_with_the_most_suspicious(loaded):
    verdict = scan(qa_rows(60), loaded, **FIFTH)
    table = verdict.flagged
    assert table.column_names[:4] == ["number", "id", "score", "reason"]
    scores = table["score"].to_pylist()
    assert scores == sorted(scores, reverse=True)
    assert set(table["number"].to_pylist()) == set(numbers(verdict, lambda v: v.is_flagged))


def test_own_ids_are_named(tmp_path, loaded):
    rows = [{"id": f"q-{number}", **row} for number, row in enumerate(qa_rows(40))]
    verdict = scan(write_rows(tmp_path / "data.jsonl", rows), loaded, out=tmp_path / "run", **FIFTH)
    assert verdict.flagged["id"].to_pylist()[0].startswith("q-")
    assert {each["id"] for each in read_rows(tmp_path / "run/flagged.jsonl")} == set(
        verdict.flagged["id"].to_pylist()
    )


def test_half_a_surrogate_pair_in_an_id(tmp_path, loaded):
    rows = [{"id": f"{number}\ud800", **row} for number, row in enumerate(qa_rows(30))]
    data = write_rows(tmp_path / "data.jsonl", rows)
    verdict = scan(data, loaded, out=tmp_path / "run", **FIFTH)
    assert verdict.counts["flagged"] > 0
    assert {each["id"] for each in read_rows(tmp_path / "run/flagged.jsonl")} <= {row["id"] for row in rows}


def test_a_list_gives_a_list(loaded):
    rows = qa_rows(40)
    verdict = scan(rows, loaded, **FIFTH)
    assert type(verdict.clean) is list
    assert verdict.clean == [row for row, flag in zip(rows, verdict.is_flagged, strict=True) if not flag]


def test_a_dataset_gives_a_dataset(loaded):
    dataset = datasets.Dataset.from_list(qa_rows(40))
    verdict = scan(dataset, loaded, **FIFTH)
    assert isinstance(verdict.clean, datasets.Dataset)
    assert verdict.clean.features == dataset.features
    assert len(verdict.clean) == verdict.counts["clean"] < 40


def test_a_dataset_dict_gives_a_dataset_dict(loaded):
    both = datasets.DatasetDict(
        train=datasets.Dataset.from_list(qa_rows(40)), test=datasets.Dataset.from_list(qa_rows(5))
    )
    verdict = scan(both, loaded, **FIFTH)
    assert isinstance(verdict.clean, datasets.DatasetDict)
    assert sum(map(len, verdict.clean.values())) == verdict.counts["clean"] < 45
    chosen = scan(both, loaded, reading=DataSettings(split="test"), **FIFTH)
    assert chosen.counts["rows"] == 5
    assert list(chosen.clean) == ["test"]


def test_a_corpus_may_be_opened_before(tmp_path, loaded):
    corpus = open_corpus(write_rows(tmp_path / "data.jsonl", qa_rows(5)))
    scan(corpus, loaded, out=tmp_path / "run")
    assert open_run(tmp_path / "run").counts["rows"] == 5


@pytest.mark.parametrize("rows", [1, 29])
def test_few_rows(loaded, rows):
    verdict = scan(qa_rows(rows), loaded)
    check_parts(verdict, rows)
    assert verdict.threshold.fallback
    assert verdict.threshold.reason.startswith(f"{rows} scores are too few")


def test_no_row_can_be_scored(tmp_path, loaded):
    data = write_rows(tmp_path / "data.jsonl", qa_rows(5))
    with pytest.raises(DataError) as refused:
        scan(data, loaded, out=tmp_path / "run", scoring=ScoreSettings(crop=90))
    assert str(refused.value) == (
        f"{data}: none of the 5 rows could be scored: the gradient is zero in the region (5); "
        "mend the rows, or take another model"
    )
    assert [each["id"] for each in read_rows(tmp_path / "run/unscored.jsonl")] == [0, 1, 2, 3, 4]
    assert not any(
        (tmp_path / "run" / name).exists() for name in ("verdict.json", "clean.jsonl", "report.html")
    )
    with pytest.raises(RunError):
        open_run(tmp_path / "run")


def test_no_row_can_be_read(tmp_path, loaded):
    rows = [{"prompt": "w5", "completion": ""}] * 3 + [{"prompt": "w5", "completion": None}]
    data = write_rows(tmp_path / "data.jsonl", rows)
    with pytest.raises(DataError) as refused:
        scan(data, loaded, out=tmp_path / "run")
    assert str(refused.value) == (
        f"{data}: none of the 4 rows could be read: the response is empty (3), "
        "`completion` is null, not text (1); "
        "mend the rows, or name another format"
    )
    assert not (tmp_path / "run").exists()


def test_a_model_whose_logits_stop_being_finite(tmp_path):
    broken = wrap_model(build_kind("llama"), word_tokenizer())
    with torch.no_grad():
        broken.model.get_input_embeddings().weight[90] = torch.nan  # the probe does not meet it
    rows = qa_rows(40)
    rows[3]["prompt"] += " w90"
    touched = [i for i, row in enumerate(rows) if "w90" in f"{row['prompt']} {row['completion']}".split()]
    data = write_rows(tmp_path / "data.jsonl", rows)
    verdict = scan(data, broken, out=tmp_path / "run")
    check_parts(verdict, 40)
    assert numbers(verdict, lambda v: ~v.is_scored) == touched
    reasons = {verdict.scores["reason"][i].as_py() for i in touched}
    assert reasons == {"the model's logits are not finite"}
    with torch.no_grad():
        broken.model.model.norm.weight.fill_(torch.nan)
    with pytest.raises(DataError, match=r"none of the 40 rows could be scored: the model's logits are not"):
        scan(rows, broken)


def test_what_was_cut_says_so(loaded):
    rows = [{"prompt": words(100), "completion": "w5 w6"}, {"prompt": "w5", "completion": words(100)}]
    verdict = scan(rows, loaded, scoring=ScoreSettings(max_length=20))
    assert verdict.counts["unscored"] == 0
    for row in verdict.scores.table().to_pylist():
        assert row["n_prompt"] + row["n_response"] == 20
        assert row["reason"].endswith(" tokens were cut to fit")


def test_decide_does_not_touch_the_scores(loaded):
    verdict = scan(qa_rows(60), loaded)
    everything = verdict.decide(ThresholdSettings(method="fixed", tau=0.0), "published")
    nothing = verdict.decide(ThresholdSettings(method="fixed", tau=1.0), "published")
    assert everything.scores is verdict.scores
    assert (everything.counts["flagged"], nothing.counts["flagged"]) == (60, 0)
    assert (everything.outcome, nothing.outcome) == ("suspicious", "clean")
    assert everything.clean == []
    assert len(nothing.clean) == 60
    assert verdict.decide(ThresholdSettings(), "evidence").threshold == verdict.threshold


def test_a_loaded_model_comes_with_its_tokenizer(tmp_path):
    model = build_kind("llama")
    with pytest.raises(SettingsError) as caught:
        scan(qa_rows(5), model)
    assert caught.value.line() == "tokenizer: a loaded model needs its tokenizer; pass tokenizer=..."
    verdict = scan(qa_rows(5), model, tokenizer=word_tokenizer())
    assert verdict.counts["rows"] == 5


def test_progress_counts_every_row(loaded):
    seen = []
    scan(mixed_rows(), loaded, progress=seen.append)
    assert [step.done for step in seen] == list(range(1, len(mixed_rows()) + 1))
    assert {step.total for step in seen} == {len(mixed_rows())}
    assert seen[-1].share == 1.0


@pytest.mark.costly
@pytest.mark.parametrize(
    "name",
    [
        "v1_sft_demo.messages.jsonl",
        pytest.param("alpaca_en_demo.json", marks=pytest.mark.slow),
        pytest.param("glaive_toolcall_en_demo.sharegpt.json", marks=pytest.mark.slow),
        pytest.param("gsm8k", marks=pytest.mark.slow),
    ],
)
def test_published_data(shared_data, tmp_path, loaded, name):
    data = shared_data / "instruct" / name
    reading = DataSettings(limit=150)
    scoring = ScoreSettings(max_length=256)
    verdict = scan(data, loaded, out=tmp_path / "run", reading=reading, scoring=scoring)
    samples = list(open_corpus(data, reading))
    check_parts(verdict, len(samples))
    assert verdict.counts["unscored"] <= 0.01 * len(samples)
    parts = [len(read_rows(tmp_path / f"run/{part}.jsonl")) for part in ("flagged", "unscored")]
    assert len(verdict.clean) + sum(parts) == len(samples)


@pytest.mark.parametrize("wanted", [True, False])
def test_a_scan_in_python_shows_a_bar_on_a_terminal_unless_it_is_not_wanted(
    loaded, monkeypatch, capsys, wanted
):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    scan(qa_rows(12), loaded, progress=wanted)
    out, shown = capsys.readouterr()
    assert out == ""
    assert bool(shown) is wanted


def test_what_the_search_needs_is_asked_for_before_the_model_is_read(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(SettingsError, match=r"scikit-learn is not installed.*gradsentry\[scan\]"):
        scan(qa_rows(20), tmp_path / "no-model")
