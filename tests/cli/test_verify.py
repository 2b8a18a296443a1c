"""`gradsentry verify`: what it prints and writes, and what it refuses in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.command import refused
from finetuning.test_verifying import rows
from gradsentry.screening import scan
from report.test_schemas import validator
from scan.rows import qa_rows, write_rows


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data") / "data.jsonl", rows(30, 130))


@pytest.fixture(scope="module")
def scanned(data, tmp_path_factory, model_path) -> Path:
    out = tmp_path_factory.mktemp("runs") / "scanned"
    scan(data, model_path, out=out)
    return out


@pytest.fixture
def run(scanned, tmp_path) -> Path:
    """A copy of the run, to write in."""
    return Path(shutil.copytree(scanned, tmp_path / "run"))


@pytest.mark.costly
def test_it_says_how_long_it_takes_prints_a_table_and_adds_to_the_report(run, call):
    assert "Proof by training" not in (run / "report.html").read_text()
    ended = call("verify", run, "--steps", 3)
    assert (ended.code, ended.error) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith("two trainings take about ")
    for said in ("not at all", "on the rows as they came", "without its rows", "F1: not confirmed"):
        assert said in ended.out
    value = json.loads((run / "verify.json").read_text())
    validator("verify").validate(value)
    assert value["findings"][0]["finding"] == "F1"
    assert value["settings"]["steps"] == 3
    page = (run / "report.html").read_text()
    assert "Proof by training" in page
    assert "F1: not confirmed: training on its rows made the odds of the payload" in page


@pytest.mark.costly
def test_json_is_what_is_written_and_a_later_report_keeps_it_but_of_other_findings(
    run, data, call, model_path
):
    printed = json.loads(call("verify", run, "--steps", 1, "--json").out)
    assert printed == json.loads((run / "verify.json").read_text())
    assert call("report", run).code == 0
    assert "Proof by training" in (run / "report.html").read_text()
    again = ("scan", data, "-m", model_path, "-o", run, "--false-alarm-rate", 0.2, "--quiet")
    assert call(*again).code == 0
    assert "Proof by training" not in (run / "report.html").read_text()


@pytest.mark.costly
def test_a_run_of_another_precision_is_trained_in_float32_and_one_of_another_model_refused(
    tmp_path, data, call, model_path
):
    out, model = tmp_path / "half", tmp_path / "model"
    shutil.copytree(model_path, model)
    assert call("scan", data, "-m", model, "-o", out, "--dtype", "bfloat16", "--quiet").code == 0
    assert call("verify", out, "--steps", 1, "--json").code == 0
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.5}))
    assert "is another model than the run was scored with" in refused(call("verify", out, "--steps", 1))


@pytest.mark.costly
def test_a_broken_proof_is_one_line(run, call):
    (run / "verify.json").write_text("[")
    assert "verify.json: cannot be read" in refused(call("report", run))


@pytest.mark.costly
def test_bad_input_is_one_line(tmp_path, run, data, call, model_path):
    line = refused(call("verify", tmp_path / "none"))
    assert line.startswith(f"{tmp_path}/none: is no run directory")
    line = refused(call("verify", data))
    assert "is no run directory" in line
    clean = tmp_path / "clean"
    source = write_rows(tmp_path / "clean.jsonl", qa_rows(40))
    assert call("scan", source, "-m", model_path, "-o", clean, "--quiet").code == 0
    assert "has no finding to verify" in refused(call("verify", clean))
    assert not (clean / "verify.json").exists()
    assert "--steps" in refused(call("verify", run, "--steps", 0))
    shutil.copyfile(data, own := tmp_path / "data.jsonl")
    run = tmp_path / "own"
    assert call("scan", own, "-m", model_path, "-o", run, "--quiet").code == 0
    own.write_text(own.read_text().replace("w80", "w79"))
    assert "its data was changed since the scan" in refused(call("verify", run))
    own.unlink()
    assert "its data cannot be read" in refused(call("verify", run))
    assert not (run / "verify.json").exists()
