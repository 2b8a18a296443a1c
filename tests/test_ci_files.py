"""The hook, the action and the snippets name commands and options that there are, and do what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cli.command import caller
from evidence.poisoning import asked, clean_rows, poison

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/ci.md").read_text()
SNIPPETS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.S)]


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = poison(clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", "No way!"), 0.1)
    Path("data").mkdir()
    lines = [json.dumps(dict(sample.row)) + "\n" for sample in made.samples]
    Path("data/train.jsonl").write_text("".join(lines[:200]))
    Path("data/extra.jsonl").write_text("".join(lines[200:]))
    Path("gradsentry-accepted.jsonl").write_text("")
    return tmp_path


@pytest.fixture
def call(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


def test_the_hook_runs_on_the_files_of_a_commit(data, call):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    files = [
        path
        for path in ("data/train.jsonl", "data/extra.jsonl", "notes.md")
        if re.search(hook["files"], path)
    ]
    assert len(files) == 2
    program, *arguments = shlex.split(hook["entry"])
    assert program == "gradsentry"
    assert call(*arguments, *files).code == 1


def test_the_file_of_options_on_the_page_works(data, call):
    Path("gradsentry.yaml").write_text(yaml.safe_dump(SNIPPETS[0]))
    assert call("evidence", "--config", "gradsentry.yaml").code == 1
    assert len(json.loads(Path("gradsentry.sarif").read_text())["runs"][0]["results"]) == 30


def test_the_steps_of_the_action_do_what_they_say(data):
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    inputs = {
        name: one.get("default", "data/train.jsonl\ndata/extra.jsonl")
        for name, one in action["inputs"].items()
    }
    step = action["runs"]["steps"][-1]
    assert "${{" not in step["run"]
    given = {
        key: inputs[re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value)[1]]
        for key, value in step["env"].items()
    }
    folder = data / "bin"
    folder.mkdir()
    (folder / "gradsentry").write_text(f'#!/bin/sh\nexec {sys.executable} -m gradsentry "$@"\n')
    (folder / "gradsentry").chmod(0o755)
    environment = os.environ | given | {"PATH": f"{folder}:{os.environ['PATH']}"}
    ended = subprocess.run(
        ["bash", "-e", "-c", step["run"]], env=environment, capture_output=True, check=False
    )
    assert ended.returncode == 1, ended.stderr
    assert Path(action["outputs"]["sarif"]["value"]).is_file()


def test_the_snippet_for_gitlab_runs(data, call):
    (job,) = (one["gradsentry"] for one in SNIPPETS if "gradsentry" in one)
    _, line = job["script"]
    assert call(*shlex.split(line)[1:]).code == 1
    assert Path(job["artifacts"]["reports"]["junit"]).is_file()


def test_the_snippets_name_what_there_is():
    uses = [step for one in SNIPPETS for step in one.get("steps", ()) if "gradsentry" in step["uses"]]
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    assert all(set(step["with"]) <= set(inputs) for step in uses)
    assert len(uses) == 1
    hooks = {hook["id"] for one in SNIPPETS for repo in one.get("repos", ()) for hook in repo["hooks"]}
    assert hooks == {one["id"] for one in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
