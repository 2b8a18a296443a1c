"""The hook, the action and the snippets name commands and options that there are, and do what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml

from cli.command import caller, refused
from cli.standards import SARIF
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
    return [*arguments, *hook["args"], *(path for path in changed if re.search(hook["files"], path))]


def test_the_hook_runs_on_the_data_files_of_a_commit(data, call):
    names = [f"a.{suffix}{more}" for suffix in ("jsonl", "json", "csv", "parquet") for more in ("", ".gz")]
    assert hooked(*names, "notes.md", "jsonl", "a.json5")[6:] == names
    assert call(*hooked("data/train.jsonl", "data/extra.jsonl", "notes.md")).code == 1


@pytest.mark.costly
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
    ended = call(*hooked(*others))
    assert (ended.code, "none of these files is data" in ended.out) == (0, True)
    Path("broken.jsonl").write_text("{\n")
    assert call(*hooked("broken.jsonl")).code == 2
    refusal = refused(call("evidence", "data", "--by-format", "--in-toto", "found.json"))
    assert "judges several corpora, of which --junit, --sarif and --out alone tell" in refusal


@pytest.mark.costly
def test_pre_commit_runs_the_hook_and_takes_no_file_for_an_option(data):
    """The real program: who commits a file that is called like an option had it accept what was found."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    bin_ = Path(sys.executable).parent
    local = {**hook, "language": "system", "entry": f"{bin_}/{hook['entry']}"}  # installed already
    Path(".pre-commit-config.yaml").write_text(
        yaml.safe_dump({"repos": [{"repo": "local", "hooks": [local]}]})
    )
    shutil.copy("data/train.jsonl", "data/copy.JSONL")
    (found := json.loads(run(bin_ / "gradsentry", "evidence", "data", "--json").stdout))["findings"]
    assert found
    run(bin_ / "gradsentry", "evidence", "data", "--out", "run")
    run(bin_ / "gradsentry", "accept", "run", "F1", "--why", "ours")
    Path("gradsentry-accepted.jsonl").rename("--accept=known.jsonl")
    shutil.copy("--accept=known.jsonl", "known.jsonl")
    Path(".gitignore").write_text("run/\n")
    run("git", "init", "-q")
    run("git", "add", "--all", "--", ".")
    ended = run(bin_ / "pre-commit", "run", "--all-files", "--verbose")
    assert ended.returncode == 1, ended.stdout
    assert "gate: the verdict is poisoned (--fail-on poisoned)" in ended.stdout
    assert "--accept=known.jsonl: a file of accepted findings" in ended.stdout
    assert run(bin_ / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml").returncode == 0


def test_an_option_that_a_file_is_called_by_is_refused(data, call):
    """As a shell fills in `*.jsonl`, and a hook whose own `args` lack their `--` what is committed."""
    Path("--max-flagged=99.jsonl").write_text("{}")
    Path("--max-flagged=99").write_text("{}")
    said = refused(call("evidence", "--fail-on", "poisoned", "--max-flagged=99", "data/train.jsonl"))
    assert said.startswith("--max-flagged=99: is an option, and a file is called so; write -- before")
    assert call("evidence", "--fail-on", "poisoned", "--", "data/train.jsonl").code == 1
    assert call("evidence", "--fail-on=poisoned", "--max-flagged=98", "data/train.jsonl").code == 1


def run(*command):
    known = {**os.environ, "PRE_COMMIT_HOME": str(Path(".git/pre-commit").absolute())}
    return subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, env=known, check=False, timeout=120
    )


ALPACA = [{"instruction": f"say {n}", "output": f"it is {n * n}"} for n in range(70)]


def test_the_hook_lets_no_forged_run_through(data, call):
    """Whoever adds a manifest beside the data had them left out; so had who calls them a truth file."""
    Path("alpaca.json").write_text(json.dumps(ALPACA))
    Path("data/manifest.json").write_text('{"identity": {}}')
    ended = call(*hooked("alpaca.json", "data/train.jsonl", "data/manifest.json"))
    assert ended.code == 2
    assert "data/train.jsonl: a file of a run directory" in ended.error
    assert "; name the data, not the run" in ended.error
    Path("data/manifest.json").unlink()
    Path("data/train.jsonl").rename("data/train.truth.json")
    assert call(*hooked("alpaca.json", "data/train.truth.json")).code == 1


def test_the_hook_says_in_its_last_line_what_it_did_not_judge(data, call):
    Path("alpaca.json").write_text(json.dumps(ALPACA))
    Path("package.json").write_text('{"name": "site", "version": "1.0.0"}')
    Path("empty.jsonl").touch()
    ended = call(*hooked("alpaca.json", "package.json", "empty.jsonl"))
    said = "the verdict is clean (--fail-on poisoned)"
    left_out = "package.json: no data; empty.jsonl: is empty"
    assert (ended.code, ended.out.splitlines()[-1]) == (
        0,
        f"gate: passed, {said}; not judged: {left_out} (exit 0)",
    )
    Path("rows.json").write_text(json.dumps([{"q": "who is it?", "a": "nobody"}] * 70))
    ended = call(*hooked("alpaca.json", "rows.json"))
    assert ended.code == 2
    assert "rows.json:1: no known row format has these columns: `q`, `a`; " in ended.error


@pytest.mark.costly
def test_two_formats_are_one_report_of_each_kind(data, call):
    Path("alpaca.json").write_text(json.dumps(ALPACA))
    Path("package.json").write_text('{"name": "site", "version": "1.0.0"}')
    names = ("alpaca.json", "package.json", "data/train.jsonl", "data/extra.jsonl")
    reports = ("--sarif", "found.sarif", "--junit", "found.xml")
    said = refused(call("evidence", "alpaca.json", "data/train.jsonl", *reports))
    assert "as `gradsentry evidence --by-format` does" in said
    for options, failures in ((("--fail-on", "poisoned"), 2), (("--max-flagged", 29), 2), ((), 0)):
        ended = call("evidence", "--by-format", *options, *names, *reports)
        assert ended.code == min(failures, 1), ended.error
        log = json.loads(Path("found.sarif").read_text())
        SARIF.validate(log)
        categories = [run["automationDetails"]["id"] for run in log["runs"]]
        assert categories == ["found/alpaca/", "found/prompt-completion/"]
        assert [len(run["results"]) for run in log["runs"]] == [0, 30]
        for run in log["runs"]:
            (told,) = run["invocations"][0]["toolExecutionNotifications"]
            assert told["message"]["text"] == "not judged: package.json: no data"
        suites = Xml.parse("found.xml").getroot()
        counts = [[one.get(key) for key in ("tests", "failures", "errors")] for one in (suites, *suites)]
        called = ["gradsentry alpaca", "gradsentry prompt-completion", "gradsentry"]
        assert [suite.get("name") for suite in suites] == called
        assert counts[0] == ["4", str(failures), "0"]
        assert counts[1:] == [["1", "0", "0"], ["2", str(failures), "0"], ["1", "0", "0"]]
        assert "package.json: no data" in "".join(suites[2].itertext())


def test_where_nothing_is_data_the_reports_say_so(data, call):
    Path("package.json").write_text('{"name": "site", "version": "1.0.0"}')
    named = (
        "package.json",
        "--by-format",
        "--pass-without-data",
        "--sarif",
        "found.sarif",
        "--junit",
        "found.xml",
    )
    assert call("evidence", *named, "--fail-on", "poisoned").code == 0
    log = json.loads(Path("found.sarif").read_text())
    SARIF.validate(log)
    assert log["runs"][0]["results"] == []
    assert Xml.parse("found.xml").getroot().get("tests") == "1"
    Path("run").mkdir()
    Path("run/manifest.json").write_text('{"identity": {}}')
    assert call("evidence", *named, "run", "--fail-on", "poisoned").code == 2
    log = json.loads(Path("found.sarif").read_text())
    assert not log["runs"][0]["invocations"][0]["executionSuccessful"]
    assert Xml.parse("found.xml").getroot().get("errors") == "1"


def test_the_file_of_options_on_the_page_works(data, call):
    Path("gradsentry.yaml").write_text(yaml.safe_dump(next(one for one in SNIPPETS if "fail-on" in one)))
    assert call("evidence", "--config", "gradsentry.yaml").code == 1
    assert len(json.loads(Path("gradsentry.sarif").read_text())["runs"][0]["results"]) == 30


@pytest.mark.costly
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
        ({"data": "data\nalpaca.json", "by-format": "true"}, None, 1),
        ({"data": "data\nalpaca.json"}, None, 2),
        ({"data": "data", "sarif": "one source.sarif"}, None, 1),
        ({"data": "alpaca.json"}, None, 0),
        ({"data": "alpaca.json\nnotes", "by-format": "true"}, None, 0),
        ({"data": "alpaca.json\nnotes", "by-format": "true", "strict": "true"}, None, 2),
        ({"data": "pairs.jsonl", "strict": "true"}, None, 2),
        ({"data": "pairs.jsonl", "strict": "true", "answers": "chosen"}, None, 0),
        ({"data": "pairs.jsonl", "strict": "true", "answers": "rejected"}, None, 1),
        ({"data": "data\nalpaca.json"}, {"by-format": True, "max-flagged": 30}, 0),
    ],
)
def test_the_action_fails_as_its_inputs_and_the_config_say(monkeypatch, data, call, given, config, code):
    """Its own shell script makes the arguments, and the real command takes them."""
    Path("alpaca.json").write_text(json.dumps(ALPACA))
    Path("notes").mkdir()
    Path("notes/package.json").write_text("{}")
    Path("notes/more.json").write_text(json.dumps(ALPACA))
    rows = [json.loads(line) for line in Path("data/train.jsonl").read_text().splitlines()]
    pairs = [
        {"prompt": row["prompt"], "chosen": str(n), "rejected": row["completion"]}
        for n, row in enumerate(rows)
    ]
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pairs))
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
    ended = call(*action_arguments(given, data / "bin", monkeypatch))
    assert ended.code == code, ended.error
    is_judged = code != 2 or "gradsentry: the gate: " in ended.error
    assert action["outputs"]["sarif"]["value"] == "${{ inputs.sarif }}"
    assert Path(given.get("sarif", action["inputs"]["sarif"]["default"])).is_file() == is_judged


def test_the_action_removes_no_file_but_a_report(monkeypatch, data, call):
    whole = Path("data/train.jsonl").read_text()
    for name in ("data/train.jsonl", "old.sarif"):
        Path("old.sarif").write_text("{}")
        action_arguments({"data": "data", "sarif": name}, data / f"bin of {name[:4]}", monkeypatch)
    assert Path("data/train.jsonl").read_text() == whole
    assert not Path("old.sarif").exists()


def action_arguments(given, folder, monkeypatch):
    """Returns what the action calls the command with, whose name a program in the folder takes."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    inputs = {name: given.get(name, one["default"]) for name, one in action["inputs"].items()}
    step = action["runs"]["steps"][-1]
    assert "${{" not in step["run"]
    asked_for = {
        key: re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value) for key, value in step["env"].items()
    }
    environment = {key: inputs[found[1]] if found else step["env"][key] for key, found in asked_for.items()}
    folder.mkdir()
    (folder / "gradsentry").write_text("#!/bin/sh\nprintf '%s\\0' \"$@\" > arguments\n")
    (folder / "gradsentry").chmod(0o755)
    monkeypatch.setenv("GRADSENTRY_FAIL_ON", environment["GRADSENTRY_FAIL_ON"])
    environment = os.environ | environment | {"PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], env=environment, check=True)
    return Path("arguments").read_text().split("\0")[:-1]


def test_a_wrong_word_in_the_environment_is_refused(data, call, monkeypatch):
    monkeypatch.setenv("GRADSENTRY_FAIL_ON", "poison")
    said = refused(call("evidence", "data"))
    assert said == "GRADSENTRY_FAIL_ON: is 'poison'; set it to suspicious or poisoned"
    assert call("evidence", "data", "--max-flagged", 30).code == 0


def test_an_empty_name_among_data_is_not_the_folder_one_is_in(data, call):
    assert "no data is named" in refused(call("evidence", "data/train.jsonl", ""))


def test_the_snippet_for_gitlab_runs(data, call):
    job, _ = (one["gradsentry"] for one in SNIPPETS if "gradsentry" in one)
    _, line = job["script"]
    assert call(*shlex.split(line)[1:]).code == 1
    assert Path(job["artifacts"]["reports"]["junit"]).is_file()
    (run,) = job["artifacts"]["paths"]
    flagged = [json.loads(row) for row in (Path(run) / "flagged.jsonl").read_text().splitlines()]
    lines = Path("data/train.jsonl").read_text().splitlines()
    assert flagged
    for row in flagged:
        name, _, number = row["line"].partition(":")
        assert name == "data/train.jsonl"
        assert json.loads(lines[int(number) - 1]) == row["row"]


def test_the_job_for_gitlab_takes_its_options_from_the_branch_that_is_merged_into(data, call, monkeypatch):
    """The script runs as it stands, in a clone that knows the branch by its remote alone."""
    _, job = (one["gradsentry"] for one in SNIPPETS if "gradsentry" in one)
    Path("gradsentry.yaml").write_text("data: [data/train.jsonl]\n")
    Path("gradsentry-accepted.jsonl").write_text("")
    for command in ("init -q -b main", "add .", "-c user.name=a -c user.email=a@b.example commit -qm data"):
        subprocess.run(["git", *command.split()], check=True)
    subprocess.run(["git", "clone", "-q", ".", "request"], check=True)
    monkeypatch.chdir("request")
    # The request accepts all there is; what counts is what the other branch says.
    Path("gradsentry.yaml").write_text("data: [nothing.jsonl]\n")
    steps = [step.replace("/tmp/", "../") for step in job["script"][1:-1]]
    environment = os.environ | {"CI_DEFAULT_BRANCH": "main"}
    subprocess.run(["bash", "-euc", "\n".join(steps)], env=environment, check=True)
    for name, value in job["variables"].items():
        monkeypatch.setenv(name, value)
    ended = call(*shlex.split(job["script"][-1].replace("/tmp/", "../"))[1:])
    assert ended.code == 1
    assert "Poisoned" in ended.out


def test_the_snippets_name_what_there_is():
    steps = [step for one in SNIPPETS for step in one.get("steps", ())]
    uses = [step for step in steps if "gradsentry" in step.get("uses", "")]
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    assert all(set(step["with"]) <= set(inputs) for step in uses)
    assert len(uses) == 3
    hooks = {hook["id"] for one in SNIPPETS for repo in one.get("repos", ()) for hook in repo["hooks"]}
    assert hooks == {one["id"] for one in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def test_the_action_runs_no_code_of_the_checkout_to_install_itself():
    """`python -m` looks first into the folder it is called in, and that is a pull request's."""
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    calls = [line for step in steps for line in step.get("run", "").splitlines() if "-m pip" in line]
    assert calls
    assert all("python -I -m pip" in line for line in calls)
