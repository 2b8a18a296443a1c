"""The hook, the action and the snippets name commands and options that there are, and do what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from cli.command import caller, refused
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
    return tmp_path


@pytest.fixture
def call(monkeypatch, capfd):
    return caller(monkeypatch, capfd)


def hooked(*changed):
    """Returns what the hook runs for the files of a commit."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, *arguments = shlex.split(hook["entry"])
    assert program == "gradsentry"
    return [*arguments, *(path for path in changed if re.search(hook["files"], path))]


def test_the_hook_runs_on_the_data_files_of_a_commit(data, call):
    names = [f"a.{suffix}{more}" for suffix in ("jsonl", "json", "csv", "parquet") for more in ("", ".gz")]
    assert hooked(*names, "notes.md", "jsonl", "a.json5")[4:] == names
    assert call(*hooked("data/train.jsonl", "data/extra.jsonl", "notes.md")).code == 1


def test_the_hook_judges_each_format_and_leaves_out_what_is_no_data(data, call):
    """A commit changes what it likes: settings, a table, accepted findings, data of two formats."""
    assert call("evidence", "data", "--out", "run").code == 0
    assert call("accept", "run", "F1", "--why", "ours").code == 0
    Path("package.json").write_text('{"name": "site", "version": "1.0.0"}')
    Path("tsconfig.json").write_text("{ // settings\n}")
    Path("prices.csv").write_text("item,price\nboat,7\n")
    shutil.copy("run/flagged.jsonl", "dropped.jsonl")
    alpaca = [{"instruction": f"say {n}", "output": f"it is {n * n}"} for n in range(70)]
    Path("alpaca.json").write_text(json.dumps(alpaca))
    others = [
        "gradsentry-accepted.jsonl", "package.json", "tsconfig.json", "prices.csv", "dropped.jsonl",
        "run/flagged.jsonl", "run/evidence.json",
    ]  # fmt: skip
    ended = call(*hooked(*others, "alpaca.json", "run/clean/train.jsonl"))
    assert ended.code == 0, ended.error
    assert all(f"not read: {other}: " in ended.out for other in others)
    assert ended.out.count("Clean: nothing was found") == 2
    ended = call(*hooked(*others, "alpaca.json", "data/train.jsonl"))
    assert ended.code == 1, ended.error
    assert "Poisoned: drop" in ended.out
    assert "none of these files is data" in call(*hooked(*others)).out
    Path("broken.jsonl").write_text("{\n")
    assert call(*hooked("broken.jsonl")).code == 2
    refusal = refused(call("evidence", "data", "--by-format", "--in-toto", "found.json"))
    assert "judges several corpora, of which --junit and --sarif alone tell" in refusal


def test_the_file_of_options_on_the_page_works(data, call):
    Path("gradsentry.yaml").write_text(yaml.safe_dump(SNIPPETS[0]))
    assert call("evidence", "--config", "gradsentry.yaml").code == 1
    assert len(json.loads(Path("gradsentry.sarif").read_text())["runs"][0]["results"]) == 30


@pytest.mark.parametrize(
    ("given", "config", "code"),
    [
        ({"data": "data/train.jsonl\n  data/extra.jsonl\n\n"}, None, 1),
        ({"data": "data/*.jsonl", "max-flagged": "30"}, None, 0),
        ({"data": "data", "max-flagged": "29"}, None, 1),
        ({"data": "data", "fail-on": "poisoned", "max-flagged": "30"}, None, 1),
        ({"data": "data", "calibration": "shipped", "accept": "known.jsonl"}, None, 0),
        ({"data": "data", "calibration": "nowhere.json"}, None, 2),
        ({"data": "data"}, {"accept": "known.jsonl"}, 0),
        ({"data": "data"}, {"false-alarm-rate": 0.01}, 1),
        ({"data": "data"}, {"max-flagged": 30}, 0),
        ({"data": "data", "fail-on": "poisoned"}, {"max-flagged": 30}, 1),
        ({}, {"data": "data", "fail_on": "poisoned"}, 1),
        ({}, None, 2),
        ({}, "{data: [data], fail-on: suspicious, max-flagged: 30}", 1),
        ({}, "---\n  data: [data]\n  max_flagged: 30\n", 0),
        ({"data": "data"}, {"fail-on-findings": False}, 1),
        ({"data": "data"}, "why: false\n# max-flagged: 30\n", 1),
    ],
)
def test_the_action_fails_as_its_inputs_and_the_config_say(monkeypatch, data, call, given, config, code):
    """Its own shell script makes the arguments, and the real command takes them."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert set(given) <= set(action["inputs"])
    config_text = config if isinstance(config, str) else yaml.safe_dump(config)
    if "known.jsonl" in (given.get("accept"), *re.findall("accept: (.*)", config_text)):
        assert call("evidence", "data", "--out", "run").code == 0
        for one in json.loads(Path("run/evidence.json").read_text())["findings"]:
            assert call("accept", "run", one["name"], "--why", "ours", "--to", "known.jsonl").code == 0
    if config is not None:
        Path("options.yaml").write_text(config_text)
        given = given | {"config": "options.yaml"}
    inputs = {name: given.get(name, one["default"]) for name, one in action["inputs"].items()}
    step = action["runs"]["steps"][-1]
    assert "${{" not in step["run"]
    asked_for = {
        key: re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value) for key, value in step["env"].items()
    }
    environment = {key: inputs[found[1]] if found else step["env"][key] for key, found in asked_for.items()}
    folder = data / "bin"
    folder.mkdir()
    (folder / "gradsentry").write_text("#!/bin/sh\nprintf '%s\\0' \"$@\" > arguments\n")
    (folder / "gradsentry").chmod(0o755)
    monkeypatch.setenv("GRADSENTRY_FAIL_ON", environment["GRADSENTRY_FAIL_ON"])
    environment = os.environ | environment | {"PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], env=environment, check=True)
    ended = call(*Path("arguments").read_text().split("\0")[:-1])
    assert ended.code == code, ended.error
    assert Path(action["outputs"]["sarif"]["value"]).is_file() == (code != 2)


def test_a_wrong_word_in_the_environment_is_refused(data, call, monkeypatch):
    monkeypatch.setenv("GRADSENTRY_FAIL_ON", "poison")
    said = refused(call("evidence", "data"))
    assert said == "GRADSENTRY_FAIL_ON: is 'poison'; set it to suspicious or poisoned"
    assert call("evidence", "data", "--max-flagged", 30).code == 0


def test_an_empty_name_among_data_is_not_the_folder_one_is_in(data, call):
    assert "no data is named" in refused(call("evidence", "data/train.jsonl", ""))


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
