"""`--dataset`: what a trainer's configuration names, judged on the command line."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

from cli.command import caller
from gradsentry import open_run
from integrations.made import POISONED, ROWS, made_corpus, read_lines, write_lines


@pytest.fixture
def call(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


@pytest.fixture(scope="module")
def made():
    return made_corpus()


@pytest.fixture
def folder(made, tmp_path):
    rows = [{"ask": one.prompt, "say": one.response} for one in made.samples]
    write_lines(tmp_path / "data" / "rows.jsonl", rows)
    entry = {"file_name": "rows.jsonl", "columns": {"prompt": "ask", "response": "say"}}
    pair = entry | {"ranking": True, "columns": {"prompt": "ask", "chosen": "say", "rejected": "say"}}
    (tmp_path / "data" / "dataset_info.json").write_text(json.dumps({"mine": entry, "pair": pair}))
    return tmp_path / "data"


@pytest.mark.costly
def test_evidence_reads_an_entry_and_writes_the_clean_one(call, folder, tmp_path):
    ended = call(
        "evidence", str(folder / "dataset_info.json"), "--dataset", "mine", "--out", str(tmp_path / "run")
    )
    assert ended.code == 0
    assert "Poisoned: drop 30 of 300 rows" in ended.out
    written = json.loads((tmp_path / "run" / "dataset_info.json").read_text())
    assert written == {"mine": {"file_name": "clean.jsonl", "columns": {"prompt": "ask", "response": "say"}}}
    assert len(read_lines(tmp_path / "run" / "clean.jsonl")) == ROWS - POISONED
    assert open_run(tmp_path / "run").counts["flagged"] == POISONED
    assert call("report", str(tmp_path / "run")).code == 0


def test_a_gate_takes_an_entry(call, folder):
    ended = call("evidence", str(folder), "--dataset", "mine", "--fail-on", "poisoned")
    assert ended.code == 1


@pytest.mark.costly
def test_what_is_to_be_typed_for_preferences_judges_both_sides(call, folder, tmp_path):
    out = tmp_path / "two words"
    said = call("evidence", str(folder / "dataset_info.json"), "--dataset", "pair", "--out", str(out)).error
    typed = shlex.split(said.partition("`")[2].rpartition("`")[0])
    assert typed[:2] == ["python", "-c"]
    subprocess.run([sys.executable, *typed[1:]], check=True, timeout=100)
    assert read_lines(out / "pair.jsonl")
    assert (out / "dataset_info.json").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dataset", "other"), "has no data set `other`; it has mine, pair"),
        (
            ("--dataset", "mine", "--format", "alpaca"),
            "the configuration says how its rows are read; leave out",
        ),
        (
            ("--dataset", "pair", "--out", "run"),
            "of preference data both answers are judged, which Python does; type `python -c",
        ),
        (("more.json", "--dataset", "mine"), "several files are given; give one configuration"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, folder, words, said):
    ended = call("evidence", str(folder / "dataset_info.json"), *words)
    assert ended.code == 2
    assert said in ended.error
