"""Rows of files without lines are named by their place in their own file, however many were read before."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from cli.command import caller
from evidence.poisoning import asked, clean_rows, poison


@pytest.fixture
def call(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


@pytest.fixture
def expected(tmp_path, monkeypatch):
    """Three files of 100 rows each, and where their poisoned rows stand."""
    monkeypatch.chdir(tmp_path)
    made = poison(clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", "No way!"), 0.05)
    rows = [dict(one.row) for one in made.samples]
    lines = ["".join(json.dumps(row) + "\n" for row in rows[at : at + 100]) for at in (0, 100)]
    Path("data").mkdir()
    Path("data/a.jsonl").write_text(lines[0])
    Path("data/b.jsonl.gz").write_bytes(gzip.compress(lines[1].encode()))
    pa.parquet.write_table(pa.Table.from_pylist(rows[200:]), "data/c.parquet")
    called = ["data/a.jsonl:{}", "data/b.jsonl.gz, line {} of its text", "data/c.parquet, row {}"]
    return [called[number // 100].format(number % 100 + 1) for number in sorted(made.poisoned)]


def test_they_count_from_one_in_their_own_file(call, expected):
    reports = ("--sarif", "found.sarif", "--junit", "found.xml", "--fail-on", "poisoned")
    ended = call("evidence", "data", "--out", "run", *reports)
    assert ended.code == 1
    flagged = [json.loads(line) for line in Path("run/flagged.jsonl").read_text().splitlines()]
    assert [one["line"] for one in flagged] == expected
    (run,) = json.loads(Path("found.sarif").read_text())["runs"]
    places = [result["locations"][0]["logicalLocations"][0] for result in run["results"]]
    assert [one["fullyQualifiedName"] for one in places] == expected
    messages = [result["message"]["text"] for result in run["results"]]
    for place, message in zip(expected, messages, strict=True):  # a line says where a row is, by itself
        assert message.startswith("F1" if ".jsonl:" in place else f"{place}: F1")
    assert all(f"{place} F1" in Path("found.xml").read_text() for place in expected)
    assert all(f"  line     {place}" in ended.out for place in expected[:5])
    (first, *_) = re.findall(r"  where   (.*)", ended.out)
    assert first.startswith(expected[0])


def test_a_finding_names_each_file_once(call, expected):
    Path("data/a.jsonl").unlink()
    shown = re.findall(r"  where   (.*(?:\n {10}.*)*)", call("evidence", "data").out)[0]
    places = re.sub(r"\s+", " ", shown)
    first, *others = [place.split(", ")[1] for place in expected if place.startswith("data/b")]
    assert places.startswith(f"data/b.jsonl.gz, {', '.join([first, *others])}, data/c.parquet, row ")
