"""What the README and the pages tell a newcomer to type is there, and its Python runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from cli.command import caller
from gradsentry.cli import app

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/commands.md", "docs/ci.md", "docs/extending.md", "docs/integrations.md")
LINE = re.compile(r"^ {4}(gradsentry [a-z].*)$|`(gradsentry [a-z][^`]*)`", re.M)


def lines():
    for page in PAGES:
        for match in LINE.finditer((ROOT / page).read_text()):
            yield page, re.split(r" {2,}", match[1] or match[2])[0]


@pytest.mark.parametrize(("page", "line"), sorted(set(lines())))
def test_commands_and_options_are_there(page, line):
    commands = get_command(app).commands
    _, name, *words = shlex.split(line)
    assert name in commands, page
    known = {option for parameter in commands[name].params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"} <= known, page


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = [{"prompt": f"ask {n}", "completion": f"say {n}"} for n in range(20)]
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    exec(code, {"dataset": dataset})
    assert (tmp_path / "run/verdict.json").is_file()


def test_what_the_readme_shows_is_what_is_printed(tmp_path, monkeypatch, capfd):
    from gradsentry.attacks import BadNets, poison
    from gradsentry.commands.demo import RATE, SEED
    from gradsentry.corpus import open_corpus
    from gradsentry.embedded import embedded_data_path

    monkeypatch.chdir(tmp_path)
    poison(open_corpus(embedded_data_path()), BadNets(rate=RATE), seed=SEED, shuffle=True).save(
        Path("data.jsonl")
    )
    printed = caller(monkeypatch, capfd)("evidence", "data.jsonl", "--out", "run").out
    text = (ROOT / "README.md").read_text()
    shown = text.partition("prints, shortened:")[2].partition("![The report")[0].split("\n")
    for line in filter(None, (line.strip() for line in shown)):
        assert " ".join(line.split()) in " ".join(printed.split()), line
