"""A run says which file of the data its clean rows are of, and the documents how they take its place."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.command import caller
from evidence.poisoning import asked, clean_rows, poison

pytestmark = pytest.mark.costly

DOCUMENT = Path(__file__).parents[2] / "docs" / "ci.md"


@pytest.fixture
def call(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of three formats, and what each file is to hold once the poisoned rows are gone."""
    monkeypatch.chdir(tmp_path)
    made = poison(clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", "No way!"), 0.1)
    pairs = [(one.number in made.poisoned, one.prompt, one.response) for one in made.samples]
    bad = [pair for pair in pairs if pair[0]]
    named = {
        "data/it's one.jsonl": ("prompt", "completion", [pair for pair in pairs if pair not in bad[:4]]),
        "data/-below/two.jsonl": ("prompt", "completion", bad[:4]),
        "data/alpaca.jsonl": ("instruction", "output", pairs),
    }
    expected = {}
    for name, (asks, says, rows) in named.items():
        lines = [(is_bad, json.dumps({asks: prompt, says: said}) + "\n") for is_bad, prompt, said in rows]
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("".join(line for _, line in lines))
        expected[name] = "".join(line for is_bad, line in lines if not is_bad)
    return expected


def test_each_file_of_the_data_has_its_clean_rows(call, data):
    assert call("evidence", "data", "--by-format", "--out", "run").code == 0
    told = {run.parent: json.loads(run.read_text())["files"] for run in Path("run").glob("*/files.json")}
    held = {
        one["file"]: (run / one["clean"]).read_text() if one["clean"] else ""
        for run, files in told.items()
        for one in files
    }
    assert held == data
    gone = [one["file"] for files in told.values() for one in files if one["clean"] is None]
    assert gone == ["data/-below/two.jsonl"]
    assert call("evidence", "data/alpaca.jsonl", "--out", "one").code == 0
    assert json.loads(Path("one/files.json").read_text()) == {
        "files": [{"file": "data/alpaca.jsonl", "clean": "clean.jsonl"}]
    }


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_line_of_the_documents_puts_them_back(call, data):
    assert call("evidence", "data", "--by-format", "--out", "run").code == 0
    line = next(line for line in DOCUMENT.read_text().splitlines() if "files.json | sh" in line)
    subprocess.run(line.strip(), shell=True, check=True)  # the documented line itself
    left = {str(path): path.read_text() for path in Path("data").rglob("*.jsonl")}
    assert left == {name: rows for name, rows in data.items() if rows}
    assert call("evidence", "data", "--by-format", "--fail-on", "suspicious").code == 0
