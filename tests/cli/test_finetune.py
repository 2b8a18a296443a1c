"""Scan, train on what is clean, ask: the commands one after another, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.command import refused
from scan.rows import qa_rows, write_rows

LITTLE = ("--epochs", 1, "--batch-size", 8, "--device", "cpu")


@pytest.fixture
def data(tmp_path) -> Path:
    return write_rows(tmp_path / "data.jsonl", qa_rows(40))


@pytest.fixture
def run(tmp_path, data, call, model_path) -> Path:
    """A finished run, which flags a part of its rows."""
    out = tmp_path / "run"
    assert call("scan", data, "-m", model_path, "-o", out, "--quantile", 0.8, "--quiet").code == 0
    return out


@pytest.mark.costly
def test_a_scan_is_trained_on_and_the_result_is_asked(data, run, tmp_path, call, model_path):
    kept = json.loads((run / "verdict.json").read_text())["counts"]
    assert 0 < kept["flagged"] < kept["rows"]
    for use, rows in (("clean", kept["clean"]), ("all", 40), ("flagged", kept["flagged"])):
        out = tmp_path / use
        ended = call("finetune", "--run", run, "--use", use, "-m", model_path, "-o", out, *LITTLE)
        assert (ended.code, ended.error) == (0, "")
        assert f"trained on {rows} rows, 0 left out" in ended.out
        source = json.loads((out / "manifest.json").read_text())["source"]
        assert (source["run"], source["use"]) == (str(run), use)
    answers = tmp_path / "answers"
    model = tmp_path / "clean" / "model"
    badnets = ("--attack", "badnets", "--set", "payload=w80 w81", "--set", 'trigger=["w90"]')
    guards = (
        "--cleangen",
        model_path,
        "--onion",
        model_path,
        "--device",
        "cpu",
        "--limit",
        5,
        "--max-new-tokens",
        3,
    )
    ended = call("evaluate", model, data, "-o", answers, *badnets, *guards)
    assert (ended.code, ended.error) == (0, "")
    assert "CACC" in ended.out
    assert "ASR" in ended.out
    lines = [json.loads(line) for line in (answers / "generations.jsonl").read_text().splitlines()]
    assert sorted(line["asked"] for line in lines) == ["clean"] * 5 + ["triggered"] * 5
    ended = call("evaluate", model, data, "-o", answers, *badnets, *guards, "--json")
    assert json.loads(ended.out) == json.loads((answers / "evaluation.json").read_text())


def test_a_test_set_is_read_as_its_user_says_with_and_without_the_trigger(tmp_path, call, model_path):
    said = [{"role": "user", "content": "w8"}, {"role": "assistant", "content": "w9"}]
    rows = [{"messages": said, "prompt": f"w{i} w5", "completion": "w6"} for i in range(10, 13)]
    data = write_rows(tmp_path / "data.jsonl", rows)
    out = tmp_path / "answers"
    badnets = ("--attack", "badnets", "--set", "payload=w80", "--set", 'trigger=["w90"]')
    little = ("--max-new-tokens", 2, "--device", "cpu")
    ended = call("evaluate", model_path, data, "-o", out, "--format", "prompt-completion", *badnets, *little)
    assert (ended.code, ended.error) == (0, "")
    lines = [json.loads(line) for line in (out / "generations.jsonl").read_text().splitlines()]
    assert [line["answers"] for line in lines] == [["w6"]] * 6
    assert sum("w90" in line["prompt"] for line in lines) == 3
    assert all("w5" in line["prompt"] for line in lines)
    line = refused(call("evaluate", model_path, data, "-o", out, "--split", "dev", *little))
    assert line.startswith(f"{data}: a file has no split `dev`")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "finetune: --out and either DATA or --run are needed"),
        (("data", "--out", "out", "--run", "run"), "finetune: --out and either DATA or --run are needed"),
        (("gone.jsonl", "--out", "out"), "no such file or folder"),
        (("data", "--out", "out", "--epochs", 0), "epochs"),
        (("data", "--out", "out", "--target", "magic"), "no layer called magic"),
        (("data", "--out", "data"), "is a file"),
        (("--run", "data", "--out", "out"), "is no run directory"),
    ],
)
def test_what_finetune_refuses(options, said, data, tmp_path, call, model_path):
    named = {"data": data, "out": tmp_path / "out", "run": tmp_path / "run"}
    line = refused(call("finetune", *(named.get(one, one) for one in options), "-m", model_path))
    assert said in line
    assert not (tmp_path / "out").exists()


@pytest.mark.costly
def test_of_several_splits_the_one_to_train_on_is_asked_for(tmp_path, call, model_path):
    data, run = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    write_rows(data / "train.jsonl", qa_rows(20))
    write_rows(data / "test.jsonl", qa_rows(5, seed=9))
    assert call("scan", data, "-m", model_path, "-o", run, "--quiet").code == 0
    train = ("finetune", "-m", model_path, "-o", tmp_path / "out", *LITTLE)
    several = f"{data}: has several splits; name the one to train on with --split: test, train"
    assert refused(call(*train, data)) == refused(call(*train, "--run", run)) == several
    line = refused(call(*train, "--run", run, "--split", "dev"))
    assert line == f"{run}: the scan has no split `dev`; leave out --split"
    assert not (tmp_path / "out").exists()
    ended = call(*train, "--run", run, "--split", "train")
    assert "trained on 20 rows, 0 left out" in ended.out


def test_a_run_without_such_rows_is_refused(data, tmp_path, call, model_path):
    run = tmp_path / "none"
    assert call("scan", data, "-m", model_path, "-o", run, "--tau", 1.0, "--quiet").code == 0
    line = refused(
        call("finetune", "--run", run, "--use", "flagged", "-o", tmp_path / "out", "-m", model_path)
    )
    assert line.startswith(f"{run}: the scan has no row that is flagged")


@pytest.mark.costly
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--attack", "magic"), "no attack is named 'magic'"),
        (("--attack", "substitute"), "has no payload that an answer could hold"),
        (("--cleangen", "smollm2"), "has another vocabulary"),
        (("--cleangen-alpha", 1), "--cleangen-alpha: must be above 1"),
        (("--max-new-tokens", 0), "max_new_tokens"),
    ],
)
def test_what_evaluate_refuses(options, said, data, tmp_path, call, model_path):
    out = tmp_path / "out"
    assert said in refused(call("evaluate", model_path, data, "-o", out, *options, "--device", "cpu"))
    assert not out.exists()


def test_a_test_set_without_answers_is_refused(tmp_path, call, model_path):
    data = write_rows(tmp_path / "data.jsonl", [{"prompt": "w5", "completion": ""}])
    line = refused(call("evaluate", model_path, data, "-o", tmp_path / "out"))
    assert "row 0 has no answer to compare with" in line
