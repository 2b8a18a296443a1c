"""What the pages tell a newcomer to type within a sentence is there, and the README shows what is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from cli.command import caller
from gradsentry.cli import app
from pages.blocks import PAGES

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"`(gradsentry [a-z][^`]*)`")


def lines():
    for page in PAGES:
        for line in LINE.findall((ROOT / page).read_text()):
            yield page, " ".join(line.replace("\\|", "|").split())


@pytest.mark.parametrize(("page", "line"), sorted(set(lines())))
def test_commands_and_options_are_there(page, line):
    commands = get_command(app).commands
    _, name, *words = shlex.split(line)
    assert name in commands, page
    known = {option for parameter in commands[name].params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"} <= known, page


@pytest.mark.costly
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
