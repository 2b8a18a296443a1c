"""Files of several formats: each format by itself, and all of them together."""

from __future__ import annotations

import json
import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest

from evidence.poisoning import asked, clean_rows, poison
from gradsentry import open_run

pytestmark = pytest.mark.costly

GATE = ("--fail-on", "suspicious")
FORMATS = {
    "prompt-completion": lambda asks, says: {"prompt": asks, "completion": says},
    "alpaca": lambda asks, says: {"instruction": asks, "output": says},
    "messages": lambda asks, says: {
        "messages": [{"role": "user", "content": asks}, {"role": "assistant", "content": says}]
    },
    "qa": lambda asks, says: {"question": asks, "answer": says},
}


@pytest.fixture
def spread(tmp_path, monkeypatch):
    """Files of four formats with three poisoned rows each, which are the last of each."""
    monkeypatch.chdir(tmp_path)
    made = poison(clean_rows(600), lambda row, draw: asked(row, f"{row.question} vrbx", "No way, go!"), 0.02)
    rows = [(one.prompt, one.response, one.number in made.poisoned) for one in made.samples]
    clean, bad = ([row[:2] for row in rows if row[2] is kind] for kind in (False, True))
    assert len(bad) == 3 * len(FORMATS)
    Path("data").mkdir()
    for place, (name, row_of) in enumerate(FORMATS.items()):
        own = [*clean[place :: len(FORMATS)], *bad[place :: len(FORMATS)]]
        Path(f"data/{name}.jsonl").write_text("".join(json.dumps(row_of(*row)) + "\n" for row in own))
    return "data"


def test_poison_that_is_spread_over_formats_is_found(spread, call):
    for file in sorted(Path(spread).iterdir()):
        assert call("evidence", file, *GATE).code == 0  # by itself none shows it
    ended = call("evidence", "--by-format", spread, *GATE, "--out", "run", "--junit", "found.xml")
    assert ended.code == 1
    assert "judged: the files of 4 formats, each format by itself and all together" in ended.out
    said = " ".join(ended.out.split())
    assert "counted in the files of all formats together: 12 rows with it, 3 of them here" in said
    for name in FORMATS:
        run = open_run(f"run/{name}")
        assert run.is_flagged.nonzero()[0].tolist() == list(range(len(run.scores) - 3, len(run.scores)))
        assert len(Path(f"run/{name}/clean.jsonl").read_text().splitlines()) == len(run.scores) - 3
        (finding,) = run.findings
        assert (finding.confidence, finding.both, finding.together, len(finding.carriers)) == (
            "high",
            12,
            12,
            3,
        )
        assert "of all formats" in Path(f"run/{name}/report.html").read_text()
    cases = [one.get("name") for one in Xml.parse("found.xml").getroot().iter("testcase")]
    assert sum("counted in the files of all formats together" in one for one in cases) == len(FORMATS)


def test_what_is_accepted_in_one_format_is_accepted_in_the_sum(spread, call):
    call("evidence", "--by-format", spread, "--out", "run")
    assert call("accept", "run/qa", "F1", "--why", "ours").code == 0
    (line,) = map(json.loads, Path("gradsentry-accepted.jsonl").read_text().splitlines())
    assert (line["rows"], line["of"]) == (12, 600)
    ended = call("evidence", "--by-format", spread, *GATE, "--accept", "gradsentry-accepted.jsonl")
    assert ended.code == 0
    assert "accepted by a person: nothing is flagged for it in its 3 rows" in ended.out


def test_what_a_format_shows_by_itself_is_told_once(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    made = poison(clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", "No way, go!"), 0.1)
    rows = [FORMATS["qa"](one.prompt, one.response) for one in made.samples]
    Path("a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    others = [FORMATS["alpaca"](row.question, row.answer) for row in clean_rows(300, seed=5)]
    Path("b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in others))
    call("evidence", "--by-format", "a.jsonl", "b.jsonl", "--out", "run")
    (finding,) = open_run("run/qa").findings
    assert finding.together is None
    assert not open_run("run/alpaca").findings
