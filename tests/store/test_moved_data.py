"""A run of a CI job is opened in another checkout of the same data, and in none of other data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evidence.poisoning import asked, clean_rows, poison
from gradsentry import screen
from gradsentry.errors import RunError
from gradsentry.opening import open_run


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The folder of a job, with data of two files, and the ids of its poisoned rows."""
    job = tmp_path / "job"
    (job / "data").mkdir(parents=True)
    monkeypatch.chdir(job)
    made = poison(clean_rows(120), lambda row, draw: asked(row, f"{row.question} vrbx", "No, go home!"), 0.2)
    lines = [json.dumps(sample.row) + "\n" for sample in made.samples]
    Path("data/a.jsonl").write_text("".join(lines[:60]))
    Path("data/b.jsonl").write_text("".join(lines[60:]))
    return job


@pytest.mark.parametrize(
    "named", ["data", "data/a.jsonl", ["data/a.jsonl", "data/b.jsonl"], "data/*.jsonl"], ids=str
)
def test_a_run_opens_where_the_same_data_lies_below_the_working_directory(checkout, named, monkeypatch):
    saved = screen(named)
    saved.save("run")
    texts = [(sample.prompt, sample.response) for sample in saved.corpus]
    mine = checkout.with_name("mine")
    checkout.rename(mine)
    monkeypatch.chdir(mine)
    opened = open_run("run")
    assert opened.outcome == saved.outcome
    assert [(sample.prompt, sample.response) for sample in opened.corpus] == texts
    assert Path("run/flagged.jsonl").read_text().count("data/a.jsonl:") > 1
    opened.save("run")
    assert (mine / "run/flagged.jsonl").read_text().count("job") == 0
    assert open_run("run").flagged.equals(saved.flagged)


def test_a_later_commit_in_the_folder_of_the_job_does_not_hide_the_data(checkout, monkeypatch):
    screen("data").save("run")
    mine = checkout.with_name("mine")
    shutil.copytree(checkout, mine)
    Path("data/a.jsonl").write_text("")
    monkeypatch.chdir(mine)
    assert open_run("run").corpus.name == "data"


def test_other_data_at_the_same_place_is_refused(checkout, monkeypatch):
    screen("data").save("run")
    mine = checkout.with_name("mine")
    checkout.rename(mine)
    monkeypatch.chdir(mine)
    with Path("data/a.jsonl").open("a") as stream:
        stream.write(json.dumps({"prompt": "one more", "completion": "row"}) + "\n")
    with pytest.raises(RunError, match="its data was changed since the scan"):
        open_run("run")


def test_data_that_lie_nowhere_are_said_to(checkout, monkeypatch):
    screen("data").save("run")
    mine = checkout.with_name("mine")
    checkout.rename(mine)
    monkeypatch.chdir(mine.parent)
    with pytest.raises(RunError, match=r"bring it back, run this in a checkout that holds it, or scan again"):
        open_run("mine/run")
