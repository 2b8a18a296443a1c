"""The step of the page for pull requests, run in the checkout that a CI job has of one: one commit alone."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from cli.command import caller
from evidence.poisoning import asked, clean_rows, poison
from test_ci_files import SNIPPETS, action_arguments

CONFIG = {"data": ["data"], "fail-on": "poisoned"}
MERGED = "refs/pull/1/merge"


@pytest.fixture
def call(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


def git(*command):
    named = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *named, *map(str, command)], check=True, capture_output=True)


def commit(message):
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


@pytest.fixture
def pull_request(tmp_path, monkeypatch, call):
    """The checkout of a pull request with poison, a config that lets it pass, and accepted findings."""
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    made = poison(clean_rows(300), lambda row, draw: asked(row, f"{row.question} vrbx", "No way!"), 0.1)
    rows = [json.dumps(dict(sample.row)) + "\n" for sample in made.samples]
    git("init", "--quiet", "--initial-branch=main")
    Path(".gitignore").write_text("run/\n")
    Path("data").mkdir()
    Path("data/a.jsonl").write_text("".join(row for n, row in enumerate(rows) if n not in made.poisoned))
    Path("gradsentry.yaml").write_text(yaml.safe_dump(CONFIG))
    Path("gradsentry-accepted.jsonl").touch()
    commit("Clean data")
    git("switch", "--quiet", "--create", "theirs")
    Path("data/a.jsonl").write_text("".join(rows))
    Path("gradsentry.yaml").write_text(yaml.safe_dump(CONFIG | {"max-flagged": 999}))
    assert call("evidence", "data", "--out", "run").code == 0
    for one in json.loads(Path("run/evidence.json").read_text())["findings"]:
        assert call("accept", "run", one["name"], "--why", "ours").code == 0
    commit("More data")
    git("update-ref", MERGED, "theirs")
    git("switch", "--quiet", "main")
    checkout = tmp_path / "checkout"
    git("init", "--quiet", checkout)
    monkeypatch.chdir(checkout)
    git("remote", "add", "origin", f"file://{tmp_path}/home")  # by a path, git would leave out --depth
    git("fetch", "--quiet", "--no-tags", "--depth=1", "origin", f"+{MERGED}:refs/remotes/pull/1/merge")
    git("checkout", "--quiet", "--force", "refs/remotes/pull/1/merge")
    return checkout


def test_the_options_are_those_of_the_branch_that_is_merged_into(pull_request, tmp_path, monkeypatch, call):
    (steps,) = (one["steps"] for one in SNIPPETS if any("run" in step for step in one.get("steps", ())))
    script, action = steps
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = os.environ | {"RUNNER_TEMP": str(temporary)}
    subprocess.run(["bash", "-e", "-c", script["run"]], env=environment, check=True)
    given = {
        key: value.replace("${{ runner.temp }}", str(temporary)) for key, value in action["with"].items()
    }
    ended = call(*action_arguments(given, tmp_path / "bin", monkeypatch))
    assert ended.code == 1, ended.error
    assert "gate: the verdict is poisoned (--fail-on poisoned)" in ended.out

    own = {"config": "gradsentry.yaml", "accept": "gradsentry-accepted.jsonl"}
    ended = call(*action_arguments(own, tmp_path / "other", monkeypatch))
    assert ended.code == 0, "what the pull request says itself lets it pass"
