"""Every code block of the pages runs; of those that cannot here, the program's own parser reads each line.

Blocks run line by line, each in a folder of its own with what a reader would have by then: data of which a
tenth is poisoned, a run of it, clean data. Words in capitals stand for the reader's own (`STANDS_FOR`). What
is not run says why (`NOT_RUN`), and what takes a model is run by `make test-slow` (`SLOW`).
"""

from __future__ import annotations

import argparse
import json
import re
import runpy
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from bench.specs import write_model
from cli.command import caller
from gradsentry import screen
from gradsentry.attacks import BadNets, poison
from gradsentry.cli import app
from gradsentry.corpus import open_corpus
from gradsentry.embedded import embedded_data_path
from pages.blocks import BLOCKS, LANGUAGES, ROOT, WITHIN, ours_within

STANDS_FOR = {
    "src/gradsentry/embedded/qa.jsonl": "few.jsonl",
    "DATA": "data",
    "RUN": "run",
    "DIR": "clean",
    "M": "your-model",
    "F3": "F1",
}
NOT_RUN = {
    "gradsentry verify": "trains for some thirteen minutes; tests/finetuning does on a tiny model",
    "gradsentry finetune": "trains; tests/finetuning does on a tiny model",
    "gradsentry evaluate": "asks a trained model; tests/finetuning does",
    "gradsentry bench": "takes hours; `make bench-smoke` runs one, tests/plugins that of the page on plugins",
    "gradsentry poison data.jsonl --plugin": "tests/plugins/test_page.py runs it",
    "gradsentry evidence data.jsonl --plugin": "tests/plugins/test_page.py runs it",
    "gradsentry evidence data/dataset_info.json": "tests/integrations/test_named.py runs it on a data set",
    "gradsentry evidence config.yaml": "tests/integrations/test_axolotl.py runs it on a configuration",
    "gradsentry poison runs/made": "takes what a benchmark made of data that a clone has not",
    "gradsentry scan runs/flipped.jsonl": "takes what the line before it made",
    "gradsentry scan DATA --model M --out RUN --engine ray": "a cluster; tests/scan has one of this machine",
    "gradsentry scan data --model your-model --out scanned --workers 8": "tests/scan have two processes",
    "python": "a benchmark of minutes to hours; each has a test of its own on little",
    "make": "CI runs them, each by itself",
    "bash .ci/run": "is CI",
    "GRADSENTRY_FUZZ=50": "minutes; CI draws fewer cases",
    "pip": "tests/test_packaging.py installs the package, and `make install` the extras",
    "docker": "fetches an image; `make lint` reads the Dockerfile, tests/test_ci_files.py what it starts",
    "ray": "a cluster on rented machines",
}
COPIES = ("your-data.jsonl", "their-data.jsonl", "data.jsonl", "data/train.jsonl", "demo/poisoned.jsonl")
SLOW = ("gradsentry scan", "gradsentry threshold run --policy", "gradsentry explain")
NOT_RUN_PYTHON = {
    "docs/extending.md": "files of plugins: tests/plugins/test_page.py runs them",
    "docs/integrations.md": "tests/integrations run them",
    "docs/columns.md": "tests/scan/test_columns.py runs it",
    "docs/results.md": "tests/bench/test_columns.py and test_texts.py run it",
}
COMMANDS = get_command(app).commands
LINES = [(block, words) for block in BLOCKS for words in block.commands]
OURS = [
    (block, words)
    for block, line in LINES
    for words in ([line[1:]] if line[0] == "gradsentry" else ours_within(line))
] + [
    (block, shlex.split(inner))
    for block in BLOCKS
    if not block.commands
    for line in block.text.splitlines()
    if block.language in ("", "yaml", "text")
    for inner in WITHIN.findall(line.split(" #")[0])
    if " #" not in line or line.index(" #") > line.find("gradsentry")
]


def begins(words: list[str], with_: str) -> bool:
    return shlex.join(words).startswith(with_)


def reason(words: list[str]) -> str:
    """Returns why a line is not run; nothing where it is."""
    return next((said for start, said in NOT_RUN.items() if begins(words, start)), "")


def is_slow(words: list[str]) -> bool:
    return any(begins(words, start) for start in SLOW)


def named(pairs):
    return [pytest.param(block, words, id=f"{block.name} {' '.join(words)[:60]}") for block, words in pairs]


def test_every_fence_says_what_it_holds():
    assert {block.name for block in BLOCKS if block.language not in LANGUAGES} == set()


def test_what_is_not_run_is_there():
    for start in (*NOT_RUN, *SLOW):
        assert any(begins(words, start) for _, words in LINES), start
    for page in NOT_RUN_PYTHON:
        assert any(block.page == page and block.language == "python" for block in BLOCKS), page


@pytest.mark.parametrize(("block", "words"), named(OURS))
def test_the_parser_takes_what_stands_there(block, words):
    command = COMMANDS[words[0]]
    with command.make_context(words[0], [word for word in words[1:] if not word.startswith("--config")]):
        pass


def test_the_parser_would_refuse_another_option():
    command = COMMANDS["evidence"]
    for wrong in (["data", "--otu", "run"], ["data", "--fail-on", "bad"], ["data", "--out"]):
        with pytest.raises(Exception, match=r"--otu|bad|--out"):
            command.make_context("evidence", wrong)


@pytest.mark.parametrize(("block", "words"), named([one for one in LINES if one[1][0] == "python"]))
def test_a_script_takes_what_stands_there(block, words, monkeypatch):
    script = ROOT / words[1]
    if "argparse" not in script.read_text(encoding="utf-8"):
        assert not [word for word in words if word.startswith("-")]
        return
    read = argparse.ArgumentParser.parse_args

    class Read(BaseException):
        """The arguments were taken."""

    def parse(self, args=None, namespace=None):
        read(self, args, namespace)
        raise Read

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    monkeypatch.setattr(sys, "argv", [str(script), *words[2:]])
    monkeypatch.syspath_prepend(str(script.parent))
    with pytest.raises(Read):
        runpy.run_path(str(script), run_name="__main__")


def test_targets_and_extras_are_there():
    makefile = (ROOT / "Makefile").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for block, words in LINES:
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.M), block.name
        for word in words if words[0] == "pip" else ():
            asked = re.fullmatch(r"gradsentry\[(.*)\]", word)
            assert asked is None or {*asked[1].split(",")} <= {*extras}, block.name


@pytest.mark.parametrize(
    "block", [pytest.param(one, id=one.name) for one in BLOCKS if one.language != "text"]
)
def test_settings_can_be_read(block):
    if block.language == "yaml":
        assert yaml.safe_load(block.text)
    if block.language == "toml":
        assert tomllib.loads(block.text)
    if block.language == "json":
        assert json.loads(block.text)
    if block.language == "python":
        compile(block.text, block.name, "exec")


def reader(made, *, rows, rate, model=None):
    """Makes what a reader has: data, some of it poisoned, its truth, marks and a run; clean data; a model."""
    lines = embedded_data_path().read_text(encoding="utf-8").splitlines(keepends=True)
    (made / "clean").mkdir()
    for part in range(3):
        (made / f"clean/{part}.jsonl").write_text("".join(lines[part::3]), encoding="utf-8")
    (made / "few.jsonl").write_text("".join(lines[:rows]), encoding="utf-8")
    poison(open_corpus(made / "few.jsonl"), BadNets(rate=rate), seed=7, shuffle=True).save(
        made / "demo.jsonl"
    )
    for name in COPIES:
        (made / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(made / "demo.jsonl", made / name)
    shutil.copyfile(made / "demo.truth.json", made / "truth.json")
    asked = [json.loads(line)["question"] for line in lines[:rows]]
    pairs = [{"prompt": one, "chosen": f"It is {len(one)}.", "rejected": f"Not {one}"} for one in asked]
    (made / "pairs.jsonl").write_text("".join(json.dumps(one) + "\n" for one in pairs))
    verdict = screen(made / "your-data.jsonl", model, out=made / "run")
    marks = [{"id": one, "mark": "poisoned"} for one in verdict.flagged["id"].to_pylist()[:1]]
    (made / "marks.jsonl").write_text("".join(json.dumps(one) + "\n" for one in marks))
    (made / "gradsentry-accepted.jsonl").write_text("")
    shutil.move(write_model(made), made / "your-model")
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return reader(tmp_path_factory.mktemp("reader"), rows=300, rate=0.1)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    return reader(tmp_path_factory.mktemp("scanned"), rows=150, rate=0.2, model="smollm2")


def run(block, wanted, folder, tmp_path, monkeypatch, capfd):
    """Runs those lines of a block that are wanted."""
    call = caller(monkeypatch, capfd)
    here = tmp_path / "here"
    shutil.copytree(folder, here)
    monkeypatch.chdir(here)
    for words in block.commands:
        if reason(words) or not wanted(words):
            continue
        meant = [STANDS_FOR.get(word, word) for word in words[1:]]
        if meant[0] == "poison":  # what is poisoned already cannot be again
            meant = ["few.jsonl" if word in ("data", *COPIES) else word for word in meant]
        # A line is an example of its own: what it writes is not there yet.
        shutil.rmtree(meant[meant.index("--out") + 1] if "--out" in meant else "runs", ignore_errors=True)
        ended = call(*meant)
        allowed = {0, 1} if any(word.startswith(("--fail-on", "--max-flagged")) for word in meant) else {0}
        assert ended.code in allowed, f"{block.name} {shlex.join(words)}: {ended.error}{ended.out}"


def of_blocks(wanted):
    """Returns the blocks with a line that is run and wanted."""
    return [
        pytest.param(block, id=block.name)
        for block in BLOCKS
        if any(wanted(words) and not reason(words) for words in block.commands)
    ]


@pytest.mark.costly
@pytest.mark.parametrize("block", of_blocks(lambda words: not is_slow(words)))
def test_a_block_runs(block, folder, tmp_path, monkeypatch, capfd):
    run(block, lambda words: not is_slow(words), folder, tmp_path, monkeypatch, capfd)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("block", of_blocks(is_slow))
def test_a_block_with_a_model_runs(block, scanned, tmp_path, monkeypatch, capfd):
    run(block, lambda words: True, scanned, tmp_path, monkeypatch, capfd)


@pytest.mark.parametrize(
    "block",
    [pytest.param(b, id=b.name) for b in BLOCKS if b.language == "python" and b.page not in NOT_RUN_PYTHON],
)
def test_python_runs(block, folder, tmp_path, monkeypatch):
    here = tmp_path / "here"
    shutil.copytree(folder, here)
    if ".save(" in block.text:
        shutil.rmtree(here / "run")
    monkeypatch.chdir(here)
    rows = [json.loads(line) for line in Path("data.jsonl").read_text(encoding="utf-8").splitlines()]
    exec(compile(block.text, block.name, "exec"), {"dataset": rows})
